//! One request to the store, tried again as often as it makes sense.
//!
//! The requests are our own and not those of `object_store`, whose signatures and credentials are used: it cannot name
//! every key, takes any 404 for a missing object, tries 501 again, and signs once for all attempts.
//!
//! Source: `object-storage.md` sections 1, 6, 8 and 15.

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use md5::{Digest as _, Md5};
use object_store::{aws::AwsAuthorizer, client::HttpRequestBody};
use reqwest::{
    Method, Request, Response, StatusCode, Url,
    header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue},
};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{
    Error, Operation, S3Config,
    error::Failure,
    s3::{
        address::{self, Address},
        body::Tracked,
        connect,
        credentials::Credentials,
        refusal::{self, Answered},
        retry::{Again, Retry, Trouble},
        sse::{self, SseHeaders},
    },
};

/// Requests at a time, if the YAML does not say.
const REQUESTS: usize = 128;

/// Attempts a request, if the YAML does not say.
const ATTEMPTS: u64 = 10;

/// A body that does not move for so long is given up and resumed.
const INACTIVITY: Duration = Duration::from_mins(1);

/// The time for a request without a large body, all attempts together.
pub(super) const SHORT: Duration = Duration::from_mins(3);

/// The time for a part or a range, all attempts together.
pub(super) const LONG: Duration = Duration::from_mins(15);

/// The largest answer that is no object: list pages, results of uploads.
const ANSWER_MAX: u64 = 16 << 20;

/// Where and how, for all requests to one bucket.
pub(super) struct Client {
    http: reqwest::Client,
    address: Address,
    region: RwLock<String>,
    /// Whether the region may be learned from the store: it was not configured and not learned yet.
    region_open: AtomicBool,
    credentials: Credentials,
    pub(super) config: S3Config,
    pub(super) sse: SseHeaders,
    limit: Semaphore,
    attempts: u32,
    /// Whether the bucket answered once: then a 404 without a body means the object.
    seen: AtomicBool,
}

/// One request.
#[derive(Clone)]
pub(super) struct Ask<'a> {
    pub(super) operation: Operation,
    /// For messages.
    pub(super) object: &'a str,
    pub(super) method: Method,
    /// `None` for the bucket itself.
    pub(super) key: Option<&'a str>,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// A whole answer.
#[derive(Debug)]
pub(super) struct Got {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl<'a> Ask<'a> {
    /// A request about one object.
    pub(super) fn new(operation: Operation, method: Method, name: &'a str) -> Self {
        let (query, headers) = (Vec::new(), HeaderMap::new());
        Self { operation, object: name, method, key: Some(name), query, headers, body: Bytes::new() }
    }

    /// A request about the bucket; `object` is for messages.
    pub(super) fn bucket(operation: Operation, method: Method, object: &'a str) -> Self {
        Self { key: None, ..Self::new(operation, method, object) }
    }

    pub(super) fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    pub(super) fn headers<'b>(mut self, more: impl IntoIterator<Item = &'b (HeaderName, HeaderValue)>) -> Self {
        self.headers.extend(more.into_iter().cloned());
        self
    }

    pub(super) fn body(mut self, body: Bytes) -> Self {
        self.body = body;
        self
    }

    fn failure(&self, detail: impl Into<String>) -> Box<Failure> {
        Failure::new(self.operation, self.object, detail)
    }
}

impl Client {
    pub(super) fn new(config: &S3Config, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let address = Address::new(config);
        let region = address::first_region(config);
        let url = address.url(&region, None, &[]);
        let host = Url::parse(&url).ok().and_then(|url| url.host_str().map(ToOwned::to_owned));
        let host = host.ok_or_else(|| {
            Error::Config("objstore configuration: S3: endpoint: want a host, perhaps with a port".to_owned())
        })?;
        let requests = if config.http.max_per_host == 0 { REQUESTS } else { config.http.max_per_host };
        let attempts = if config.max_attempts == 0 { ATTEMPTS } else { config.max_attempts };
        Ok(Self {
            http: connect::client(&config.http, &host, env)?,
            address,
            region: RwLock::new(region),
            region_open: AtomicBool::new(config.region.is_empty()),
            credentials: Credentials::find(config, env, connect::connector(env)?)?,
            sse: SseHeaders::new(config)?,
            limit: Semaphore::new(requests.min(Semaphore::MAX_PERMITS)),
            attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
            seen: AtomicBool::new(false),
            config: config.clone(),
        })
    }

    /// Sends the request until it is answered with success, and reads the answer.
    pub(super) async fn ask(&self, ask: Ask<'_>, budget: Duration) -> Result<Got, Error> {
        let mut retry = self.retry(budget);
        loop {
            let trouble = match self.send(&ask, &retry).await {
                Ok(sent) => match sent.read(ANSWER_MAX).await {
                    Ok(got) => return Ok(got),
                    Err(trouble) => trouble,
                },
                Err(trouble) => trouble,
            };
            retry.again(trouble).await?;
        }
    }

    pub(super) fn retry(&self, budget: Duration) -> Retry {
        Retry::new(self.attempts, budget)
    }

    /// Whether the bucket is known to be there.
    pub(super) fn seen(&self) -> bool {
        self.seen.load(Ordering::Relaxed)
    }

    /// One attempt, up to the headers of a successful answer.
    pub(super) async fn send<'a>(&'a self, ask: &'a Ask<'a>, retry: &Retry) -> Result<Sent<'a>, Trouble> {
        let permit = self.limit.acquire().await.expect("the semaphore is never closed");
        let (request, sent) = self.prepare(ask).await.map_err(|error| {
            let again =
                if matches!(error, Error::Unavailable(_)) { Again::After(Duration::ZERO) } else { Again::Never };
            Trouble { error, again }
        })?;
        let answer = self.http.execute(request);
        let silent = async {
            sent.notified().await;
            #[expect(clippy::disallowed_methods, reason = "a limit on the store's silence, not a point in time")]
            tokio::time::sleep(self.config.http.response_header_timeout).await;
        };
        let late = |detail: &str| Trouble {
            error: Error::Unavailable(ask.failure(detail)),
            again: Again::After(Duration::ZERO),
        };
        let answer = tokio::select! {
            answer = tokio::time::timeout(retry.rest().max(INACTIVITY), answer) => answer.map_err(|_| late("the request took too long"))?,
            () = silent => return Err(late("no answer within response_header_timeout")),
        };
        let response = answer.map_err(|error| Trouble {
            error: Error::Unavailable(ask.failure("").because(error.without_url())),
            again: Again::After(Duration::ZERO),
        })?;
        if self.config.trace {
            let (operation, object, status) = (ask.operation, ask.object, response.status().as_u16());
            tracing::debug!(%operation, object, method = %ask.method, status, "request to the store");
        }
        let sent = Sent { ask, permit, response };
        if sent.response.status().is_success() {
            self.seen.store(true, Ordering::Relaxed);
            return Ok(sent);
        }
        Err(self.refused(sent).await)
    }

    /// Signs the request, anew for each attempt.
    async fn prepare(&self, ask: &Ask<'_>) -> Result<(Request, Arc<tokio::sync::Notify>), Error> {
        let region = self.region.read().unwrap_or_else(PoisonError::into_inner).clone();
        let text = self.address.url(&region, ask.key, &ask.query);
        let invalid = |_| Error::Invalid(ask.failure("the name cannot be put into a URL"));
        let mut url = Url::parse(&text).map_err(|_| invalid(()))?;
        let mut headers = ask.headers.clone();
        let length = HeaderValue::from(ask.body.len());
        if !ask.body.is_empty() || ask.method == Method::PUT || ask.method == Method::POST {
            headers.insert(CONTENT_LENGTH, length);
        }
        let digests = digests(ask.body.clone(), self.config.send_content_md5, self.config.insecure).await;
        if let Some(md5) = digests.md5 {
            headers.insert(HeaderName::from_static("content-md5"), md5);
        }
        if let Some(credential) = self.credentials.get().await? {
            let uri = text.parse::<http::Uri>().map_err(|_| invalid(()))?;
            let mut request = http::Request::new(HttpRequestBody::empty());
            *request.method_mut() = ask.method.clone();
            *request.uri_mut() = uri;
            *request.headers_mut() = headers;
            AwsAuthorizer::new(&credential, "s3", &region)
                .with_sign_payload(digests.sha256.is_some())
                .try_authorize(&mut request, digests.sha256.as_ref().map(AsRef::as_ref))
                .map_err(|error| Error::Other(ask.failure("the request cannot be signed").because(error)))?;
            headers = std::mem::take(request.headers_mut());
        }
        if let (Some(name), Some(host)) = (&self.config.http.server_name, url.host_str()) {
            // The certificate carries another name; the signature and the store go by the original one.
            let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
            let original = HeaderValue::from_str(&format!("{host}{port}"));
            headers.insert(HOST, original.map_err(|_| invalid(()))?);
            url.set_host(Some(name)).map_err(|_| invalid(()))?;
        }
        let (body, sent) = Tracked::new(ask.body.clone());
        let mut request = Request::new(ask.method.clone(), url);
        *request.headers_mut() = headers;
        if !ask.body.is_empty() {
            *request.body_mut() = Some(reqwest::Body::wrap(body));
        }
        Ok((request, sent))
    }

    /// What an answer without success means.
    async fn refused(&self, sent: Sent<'_>) -> Trouble {
        let ask = sent.ask;
        let status = sent.response.status();
        let headers = sent.response.headers().clone();
        // A body that cannot be read says as little as none.
        let body = sent.read(ANSWER_MAX).await.map(|got| got.body).unwrap_or_default();
        let answered = Answered { status, headers: &headers, body: &body };
        if self.learn_region(&answered) {
            let error = Error::Other(ask.failure("the bucket is in another region"));
            return Trouble { error, again: Again::AtOnce };
        }
        let trouble = refusal::classify(ask.failure(""), &answered, ask.method == Method::HEAD);
        if matches!(trouble.error, Error::NotFound(_)) && !body.is_empty() {
            self.seen.store(true, Ordering::Relaxed);
        }
        trouble
    }

    /// Follows the region that an error names, once.
    fn learn_region(&self, answered: &Answered<'_>) -> bool {
        let Some(named) = refusal::region(answered) else { return false };
        let mut region = self.region.write().unwrap_or_else(PoisonError::into_inner);
        if named == *region || !self.region_open.swap(false, Ordering::Relaxed) {
            return false;
        }
        tracing::info!(region = named, "the store named the bucket's region");
        *region = named;
        true
    }
}

/// An answer with success, its body still to come. Holds its place among the requests until it is read or dropped.
pub(super) struct Sent<'a> {
    ask: &'a Ask<'a>,
    #[expect(dead_code, reason = "held until the body was read")]
    permit: SemaphorePermit<'a>,
    pub(super) response: Response,
}

impl Sent<'_> {
    /// The next piece of the body, `None` at its end.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, Trouble> {
        let broken = |failure| Trouble { error: Error::Unavailable(failure), again: Again::After(Duration::ZERO) };
        match tokio::time::timeout(INACTIVITY, self.response.chunk()).await {
            Ok(Ok(chunk)) => Ok(chunk),
            Ok(Err(error)) => Err(broken(self.ask.failure("").because(error.without_url()))),
            Err(_) => Err(broken(self.ask.failure("the answer's body did not move for a minute"))),
        }
    }

    /// The whole answer, if it has at most `max_bytes`.
    async fn read(mut self, max_bytes: u64) -> Result<Got, Trouble> {
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            if (body.len() + chunk.len()) as u64 > max_bytes {
                let error = Error::Corrupt(self.ask.failure("the answer is larger than any answer should be"));
                return Err(Trouble { error, again: Again::Never });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Got { headers: std::mem::take(self.response.headers_mut()), body: body.into() })
    }

    pub(super) fn status(&self) -> StatusCode {
        self.response.status()
    }
}

/// Checksums of a body.
struct Digests {
    md5: Option<HeaderValue>,
    sha256: Option<ring::digest::Digest>,
}

/// MD5 for the store if wanted; SHA-256 for the signature where TLS does not protect the body. Large bodies are summed
/// on a thread of their own.
async fn digests(body: Bytes, md5: bool, sha256: bool) -> Digests {
    const LARGE: usize = 64 * 1024;
    let large = body.len() > LARGE;
    let sum = move || Digests {
        md5: (md5 && !body.is_empty()).then(|| sse::base64(&Md5::digest(&body))),
        sha256: sha256.then(|| ring::digest::digest(&ring::digest::SHA256, &body)),
    };
    if large { tokio::task::spawn_blocking(sum).await.expect("summing never panics") } else { sum() }
}
