//! Writing objects: one request for small ones, parts for others, a few at a time.
//!
//! The size is not known while streaming, so parts begin small and double every nine hundred: ten thousand of them hold
//! more than any object may have. Memory: the parts in flight and the one being filled.
//!
//! Source: `object-storage.md` 4.1, parts.

use std::{collections::VecDeque, fmt::Write as _, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use reqwest::{Method, header::ETAG};
use tokio::{runtime::Handle, task::JoinHandle};

use crate::{
    Error, Operation, Writer,
    error::Failure,
    s3::{
        answer,
        client::{Ask, Client, LONG, SHORT},
        refusal::{self, Answered},
    },
};

/// Bytes of the first parts, unless the configuration says otherwise.
const PART: u64 = 16 << 20;

/// The part size that the configuration has when nobody set one: a size for objects whose size is known.
const UNSET: u64 = 64 << 20;

/// So many parts have the same size, then it doubles.
const PARTS_OF_A_SIZE: u64 = 900;

/// No store takes more.
const PARTS_MAX: u64 = 10_000;

/// The largest object that one request may hold.
const SINGLE_MAX: u64 = 5 << 30;

/// Parts on their way at a time.
const IN_FLIGHT: usize = 4;

/// How long giving up an upload may take.
const ABORT: Duration = Duration::from_secs(10);

/// Bytes of the part of this number, counted from 0.
fn part_size(configured: u64, number: u64) -> u64 {
    let first = if configured == 0 || configured == UNSET { PART } else { configured };
    (first << (number / PARTS_OF_A_SIZE).min(16)).min(SINGLE_MAX)
}

/// Writes an object whose bytes are all there.
pub(super) async fn whole(client: Arc<Client>, name: &str, mut data: Bytes) -> Result<(), Error> {
    super::check(name, Operation::Upload)?;
    let one = data.len() as u64 <= part_size(client.config.part_size, 0) || client.config.disable_multipart;
    if one {
        return put(&client, name, data).await;
    }
    let mut parts = Parts::begin(client, name).await?;
    while !data.is_empty() {
        let size = usize::try_from(parts.next_size()).unwrap_or(usize::MAX).min(data.len());
        parts.send(data.split_to(size)).await?;
    }
    parts.complete().await
}

async fn put(client: &Client, name: &str, data: Bytes) -> Result<(), Error> {
    if data.len() as u64 > SINGLE_MAX {
        let detail = "more than 5 GiB need several parts, and disable_multipart is true";
        return Err(Error::Invalid(Failure::new(Operation::Upload, name, detail)));
    }
    let ask = Ask::new(Operation::Upload, Method::PUT, name).headers(&client.sse.create).headers(&client.sse.content);
    client.ask(ask.body(data), LONG).await.map(|_| ())
}

/// An upload in parts that has begun. Dropping it gives it up, best effort.
struct Parts {
    handle: Handle,
    client: Arc<Client>,
    name: String,
    upload: String,
    sent: u64,
    bytes: u64,
    running: VecDeque<JoinHandle<Result<String, Error>>>,
    etags: Vec<String>,
    done: bool,
}

impl Parts {
    async fn begin(client: Arc<Client>, name: &str) -> Result<Self, Error> {
        let ask = Ask::new(Operation::Upload, Method::POST, name)
            .query("uploads", "")
            .headers(&client.sse.create)
            .headers(&client.sse.content);
        let got = client.ask(ask, SHORT).await?;
        let upload = answer::element(&got.body, "UploadId")
            .filter(|id| !id.is_empty())
            .ok_or_else(|| Error::Corrupt(Failure::new(Operation::Upload, name, "the store gave the upload no id")))?;
        let (handle, name) = (Handle::current(), name.to_owned());
        Ok(Self {
            handle,
            client,
            name,
            upload,
            sent: 0,
            bytes: 0,
            running: VecDeque::new(),
            etags: Vec::new(),
            done: false,
        })
    }

    fn next_size(&self) -> u64 {
        part_size(self.client.config.part_size, self.sent)
    }

    /// Sends the next part as soon as there is room among those in flight.
    async fn send(&mut self, data: Bytes) -> Result<(), Error> {
        if self.running.len() == IN_FLIGHT {
            self.settle().await?;
        }
        self.sent += 1;
        self.bytes += data.len() as u64;
        if self.sent > PARTS_MAX {
            let detail = "the object would need more than 10,000 parts: set a larger part_size";
            return Err(Error::Invalid(Failure::new(Operation::Upload, &self.name, detail)));
        }
        let (client, name) = (Arc::clone(&self.client), self.name.clone());
        let (upload, number) = (self.upload.clone(), self.sent.to_string());
        self.running.push_back(tokio::spawn(async move {
            let ask = Ask::new(Operation::Upload, Method::PUT, &name)
                .query("partNumber", number)
                .query("uploadId", upload)
                .headers(&client.sse.content);
            let got = client.ask(ask.body(data), LONG).await?;
            let etag = got.headers.get(ETAG).and_then(|value| value.to_str().ok());
            etag.map(ToOwned::to_owned)
                .ok_or_else(|| Error::Corrupt(Failure::new(Operation::Upload, &name, "the store gave a part no ETag")))
        }));
        Ok(())
    }

    /// Waits for the oldest part in flight.
    async fn settle(&mut self) -> Result<(), Error> {
        let Some(part) = self.running.pop_front() else { return Ok(()) };
        let etag = part.await.unwrap_or_else(|error| {
            Err(Error::Other(Failure::new(Operation::Upload, &self.name, "").because(error)))
        })?;
        self.etags.push(etag);
        Ok(())
    }

    /// Makes the object of its parts; gives it up if that fails.
    async fn complete(mut self) -> Result<(), Error> {
        let result = self.try_complete().await;
        self.done = true;
        if result.is_err() {
            self.give_up().await;
        }
        result
    }

    async fn try_complete(&mut self) -> Result<(), Error> {
        while !self.running.is_empty() {
            self.settle().await?;
        }
        let mut body = String::from("<CompleteMultipartUpload>");
        for (number, etag) in (1..).zip(&self.etags) {
            let etag = quick_xml::escape::escape(etag.as_str());
            write!(body, "<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>")
                .expect("writing to a string never fails");
        }
        body.push_str("</CompleteMultipartUpload>");
        let mut retry = self.client.retry(LONG);
        loop {
            let ask = Ask::new(Operation::Upload, Method::POST, &self.name).query("uploadId", self.upload.as_str());
            let got = match self.client.ask(ask.body(body.clone().into()), LONG).await {
                Ok(got) => got,
                Err(error) => return self.settled_before(error).await,
            };
            // A failure may hide behind a success, as long answers are begun before the work is done.
            if answer::Refusal::decode(&got.body).is_none() {
                return Ok(());
            }
            let (failure, status) = (Failure::new(Operation::Upload, &self.name, ""), reqwest::StatusCode::OK);
            let answered = Answered { status, headers: &got.headers, body: &got.body };
            retry.again(refusal::classify(failure, &answered, false)).await?;
        }
    }

    /// An upload that is unknown may be one that an earlier attempt completed, whose answer was lost.
    async fn settled_before(&self, error: Error) -> Result<(), Error> {
        let unknown = error.failure().is_some_and(|failure| failure.detail.contains("NoSuchUpload"));
        if !unknown {
            return Err(error);
        }
        let found = self.client.head(&self.name, Operation::Upload).await?;
        if found.size == self.bytes { Ok(()) } else { Err(error) }
    }

    /// Removes what was sent. The error that led here is the one that is reported, those met on the way are logged.
    fn give_up(&mut self) -> impl Future<Output = ()> + Send + use<> {
        let running = std::mem::take(&mut self.running);
        let (client, name, upload) = (Arc::clone(&self.client), self.name.clone(), self.upload.clone());
        async move {
            for part in running {
                part.abort();
                // A part that still arrives after the end would be kept by the store.
                let _ = part.await;
            }
            let ask = Ask::new(Operation::Upload, Method::DELETE, &name).query("uploadId", upload);
            match tokio::time::timeout(ABORT, client.ask(ask, ABORT)).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => tracing::warn!(object = name, %error, "parts of an upload could not be removed"),
                Err(_) => tracing::warn!(object = name, "parts of an upload could not be removed in time"),
            }
        }
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        if !self.done {
            // Not waited for: this may be a thread that must not block.
            let handle = self.handle.clone();
            handle.spawn(self.give_up());
        }
    }
}

/// A [`Writer`] for blocking threads.
pub(super) struct Upload {
    handle: Handle,
    client: Arc<Client>,
    name: String,
    buffer: BytesMut,
    parts: Option<Parts>,
}

impl Upload {
    /// Must be called inside a runtime, which does the sending.
    pub(super) fn new(client: Arc<Client>, name: &str) -> Self {
        let (handle, buffer) = (Handle::current(), BytesMut::new());
        Self { handle, client, name: name.to_owned(), buffer, parts: None }
    }

    fn size(&self) -> usize {
        let sent = self.parts.as_ref().map_or(0, |parts| parts.sent);
        let size = if self.client.config.disable_multipart {
            SINGLE_MAX
        } else {
            part_size(self.client.config.part_size, sent)
        };
        usize::try_from(size).unwrap_or(usize::MAX)
    }

    /// Sends the full buffer as a part.
    fn flush(&mut self) -> Result<(), Error> {
        let data = self.buffer.split().freeze();
        if self.client.config.disable_multipart {
            let detail = "more than 5 GiB need several parts, and disable_multipart is true";
            return Err(Error::Invalid(Failure::new(Operation::Upload, &self.name, detail)));
        }
        let parts = match &mut self.parts {
            Some(parts) => parts,
            none => none.insert(self.handle.block_on(Parts::begin(Arc::clone(&self.client), &self.name))?),
        };
        self.handle.block_on(parts.send(data))
    }
}

impl Writer for Upload {
    fn append(&mut self, mut data: Bytes) -> Result<(), Error> {
        while !data.is_empty() {
            // Full only if more follows: an object of exactly one part is one request.
            if self.buffer.len() >= self.size() {
                self.flush()?;
            }
            let room = self.size() - self.buffer.len();
            self.buffer.extend_from_slice(&data.split_to(room.min(data.len())));
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), Error> {
        if self.parts.is_none() {
            let data = std::mem::take(&mut self.buffer).freeze();
            return self.handle.block_on(put(&self.client, &self.name, data));
        }
        if !self.buffer.is_empty() {
            self.flush()?;
        }
        let Some(parts) = self.parts.take() else { return Ok(()) };
        self.handle.block_on(parts.complete())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_parts_hold_the_largest_object_and_none_is_too_large() {
        for configured in [0, UNSET, 5 << 20, 128 << 20, 5 << 30] {
            let sizes = (0..PARTS_MAX).map(|number| part_size(configured, number));
            assert!(sizes.clone().sum::<u64>() >= 5 << 40, "{configured}");
            assert!(sizes.clone().all(|size| (5 << 20..=SINGLE_MAX).contains(&size)));
        }
        assert_eq!(part_size(UNSET, PARTS_OF_A_SIZE - 1), PART);
        assert_eq!(part_size(UNSET, PARTS_OF_A_SIZE), 2 * PART);
    }
}
