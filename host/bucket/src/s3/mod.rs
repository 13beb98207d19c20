//! `S3` and what speaks like it.
//!
//! Source: `object-storage.md` sections 1, 4.1, 6.

mod address;
mod answer;
mod body;
mod client;
mod connect;
mod credentials;
mod list;
mod read_ahead;
mod refusal;
mod retry;
mod sse;
mod upload;

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use reqwest::{
    Method, StatusCode,
    header::{CONTENT_LENGTH, ETAG, HeaderMap, HeaderName, IF_MATCH, LAST_MODIFIED, RANGE},
};

use crate::{
    Answer, Attributes, Bucket, Depth, Error, Operation, Pages, Reader, S3Config, Writer,
    error::Failure,
    s3::{
        client::{Ask, Client, LONG, SHORT},
        list::Listing,
        read_ahead::ReadAhead,
        retry::{Again, Trouble},
        upload::Upload,
    },
};

/// An S3 bucket.
pub struct S3 {
    name: String,
    client: Arc<Client>,
}

impl S3 {
    /// The bucket of this configuration. Reads key and certificate files, makes no request; `env` is asked for
    /// credentials where the configuration has none.
    ///
    /// # Errors
    /// [`Error::Config`] if a file or a source of credentials cannot be used.
    pub fn new(config: &S3Config, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, Error> {
        Ok(Self { name: config.bucket.clone(), client: Arc::new(Client::new(config, env)?) })
    }
}

/// Names that no request can carry.
fn check(name: &str, operation: Operation) -> Result<(), Error> {
    if name.is_empty() {
        return Err(Error::Invalid(Failure::new(operation, name, "the name of the object is empty")));
    }
    if !address::fits_url(name) {
        let detail = "the name has a `.` or `..` part, which no URL can carry";
        return Err(Error::Invalid(Failure::new(operation, name, detail)));
    }
    Ok(())
}

impl Client {
    /// Size, time and ETag by HEAD. Absence is proven by a listing if this bucket never answered before.
    async fn head(&self, name: &str, operation: Operation) -> Result<Attributes, Error> {
        check(name, operation)?;
        let ask = Ask::new(operation, Method::HEAD, name).headers(&self.sse.content);
        match self.ask(ask, SHORT).await {
            Ok(got) => attributes(&got.headers).ok_or_else(|| {
                Error::Corrupt(Failure::new(operation, name, "the answer does not say how large the object is"))
            }),
            Err(Error::NotFound(failure)) if !self.seen() => {
                let probe = Ask::bucket(operation, Method::GET, name).query("list-type", "2").query("max-keys", "1");
                self.ask(probe, SHORT).await?;
                Err(Error::NotFound(failure))
            }
            Err(error) => Err(error),
        }
    }

    /// The bytes of `range`, resumed where a connection broke, only if the object stays what it is.
    async fn fetch(&self, range: Range<'_>) -> Result<Bytes, Error> {
        check(range.name, range.operation)?;
        let mut retry = self.retry(LONG);
        let (mut data, mut etag) = (BytesMut::new(), range.etag.map(ToOwned::to_owned));
        loop {
            let ask = range.ask(self, data.len() as u64, etag.as_deref());
            let trouble = match self.send(&ask, &retry).await {
                Ok(sent) => match range.read(sent, &mut data, &mut etag).await {
                    Ok(()) => return Ok(data.freeze()),
                    Err(trouble) => trouble,
                },
                Err(trouble) => trouble,
            };
            // Past the end there is nothing, by any store.
            let past_end = matches!(&trouble.error, Error::Other(f) if f.detail.starts_with("HTTP status 416"));
            if past_end && range.etag.is_none() {
                return Ok(data.freeze());
            }
            retry.again(trouble).await?;
        }
    }

    async fn delete(&self, name: &str) -> Result<(), Error> {
        if name.is_empty() {
            return check(name, Operation::Delete);
        }
        if address::fits_url(name) {
            return self.ask(Ask::new(Operation::Delete, Method::DELETE, name), SHORT).await.map(|_| ());
        }
        // Only a body can carry such a name.
        let escaped = quick_xml::escape::escape(name);
        let body = format!("<Delete><Quiet>true</Quiet><Object><Key>{escaped}</Key></Object></Delete>");
        let ask = Ask::bucket(Operation::Delete, Method::POST, name).query("delete", "");
        let got = self.ask(ask.body(body.into()), SHORT).await?;
        match answer::element(&got.body, "Code") {
            None => Ok(()),
            Some(code) => Err(Error::Other(Failure::new(Operation::Delete, name, code))),
        }
    }
}

fn attributes(headers: &HeaderMap) -> Option<Attributes> {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    Some(Attributes {
        size: text(&CONTENT_LENGTH)?.parse().ok()?,
        modified: text(&LAST_MODIFIED).and_then(answer::http_date),
        etag: text(&ETAG).map(ToOwned::to_owned),
    })
}

/// A part of an object to be read.
#[derive(Clone, Copy)]
struct Range<'a> {
    operation: Operation,
    name: &'a str,
    offset: u64,
    /// To the end if `None`.
    length: Option<u64>,
    /// More is refused before it is read.
    max_bytes: u64,
    /// What the object must still be.
    etag: Option<&'a str>,
}

impl Range<'_> {
    /// The request for what is missing after `have` bytes.
    fn ask(&self, client: &Client, have: u64, etag: Option<&str>) -> Ask<'_> {
        let mut ask = Ask::new(self.operation, Method::GET, self.name).headers(&client.sse.content);
        let start = self.offset.saturating_add(have);
        let range = match self.length {
            Some(length) => {
                let last = self.offset.saturating_add(length).saturating_sub(1);
                Some(format!("bytes={start}-{}", last.max(start)))
            }
            None if start > 0 => Some(format!("bytes={start}-")),
            None => None,
        };
        let mut insert = |name: HeaderName, text: &str| {
            if let Ok(value) = text.parse() {
                ask.headers.insert(name, value);
            }
        };
        if let Some(range) = range {
            insert(RANGE, &range);
        }
        if let Some(etag) = etag {
            insert(IF_MATCH, etag);
        }
        ask
    }

    /// Appends the answer's body to `data`.
    async fn read(
        &self,
        mut sent: client::Sent<'_>,
        data: &mut BytesMut,
        etag: &mut Option<String>,
    ) -> Result<(), Trouble> {
        let never = |error| Trouble { error, again: Again::Never };
        let corrupt = |detail: &str| never(Error::Corrupt(Failure::new(self.operation, self.name, detail)));
        let start = self.offset + data.len() as u64;
        let headers = sent.response.headers();
        if sent.status() == StatusCode::OK && start > 0 {
            return Err(corrupt("the store ignores ranges"));
        }
        if let Some(range) = headers.get("content-range").and_then(|value| value.to_str().ok())
            && !range.starts_with(&format!("bytes {start}-"))
        {
            return Err(corrupt("the answer holds another range"));
        }
        let have = data.len() as u64;
        let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        let wanted = self.length.map_or(u64::MAX, |length| length - have);
        if have.saturating_add(length.unwrap_or(0)) > self.max_bytes {
            return Err(never(self.too_large()));
        }
        if length.is_some_and(|length| length > wanted) && sent.status() == StatusCode::PARTIAL_CONTENT {
            return Err(corrupt("the answer holds more than the range"));
        }
        if etag.is_none() {
            *etag = headers.get(ETAG).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
        }
        let mut left = wanted;
        while let Some(mut chunk) = sent.chunk().await? {
            // A store that ignores a range from the start on gives the whole object.
            chunk.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            left -= chunk.len() as u64;
            if (data.len() + chunk.len()) as u64 > self.max_bytes {
                return Err(never(self.too_large()));
            }
            data.extend_from_slice(&chunk);
            if left == 0 {
                break;
            }
        }
        Ok(())
    }

    fn too_large(&self) -> Error {
        let detail = format!("the object has more than the expected {} bytes", self.max_bytes);
        Error::Invalid(Failure::new(self.operation, self.name, detail))
    }
}

impl Bucket for S3 {
    fn name(&self) -> &str {
        &self.name
    }

    fn list(&self, dir: &str, depth: Depth) -> Box<dyn Pages + '_> {
        Box::new(Listing::new(&self.client, dir, depth))
    }

    fn get<'a>(&'a self, name: &'a str, max_bytes: u64) -> Answer<'a, Bytes> {
        let range = Range { operation: Operation::Get, name, offset: 0, length: None, max_bytes, etag: None };
        Box::pin(self.client.fetch(range))
    }

    fn get_range<'a>(&'a self, name: &'a str, offset: u64, length: Option<u64>) -> Answer<'a, Bytes> {
        let operation = Operation::GetRange;
        Box::pin(async move {
            if length == Some(0) {
                return Ok(Bytes::new());
            }
            self.client.fetch(Range { operation, name, offset, length, max_bytes: u64::MAX, etag: None }).await
        })
    }

    fn exists<'a>(&'a self, name: &'a str) -> Answer<'a, bool> {
        Box::pin(async move {
            match self.client.head(name, Operation::Exists).await {
                Ok(_) => Ok(true),
                Err(Error::NotFound(_)) => Ok(false),
                Err(error) => Err(error),
            }
        })
    }

    fn attributes<'a>(&'a self, name: &'a str) -> Answer<'a, Attributes> {
        Box::pin(self.client.head(name, Operation::Attributes))
    }

    fn upload<'a>(&'a self, name: &'a str, data: Bytes) -> Answer<'a, ()> {
        Box::pin(upload::whole(Arc::clone(&self.client), name, data))
    }

    fn create<'a>(&'a self, name: &'a str) -> Answer<'a, Box<dyn Writer>> {
        Box::pin(async move {
            check(name, Operation::Upload)?;
            let writer: Box<dyn Writer> = Box::new(Upload::new(Arc::clone(&self.client), name));
            Ok(writer)
        })
    }

    fn open<'a>(&'a self, name: &'a str) -> Answer<'a, Arc<dyn Reader>> {
        Box::pin(async move {
            let found = self.client.head(name, Operation::Get).await?;
            let reader: Arc<dyn Reader> = Arc::new(ReadAhead::new(Arc::clone(&self.client), name, found));
            Ok(reader)
        })
    }

    fn delete<'a>(&'a self, name: &'a str) -> Answer<'a, ()> {
        Box::pin(self.client.delete(name))
    }
}
