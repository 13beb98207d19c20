//! One request, one answer.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::{Body, Bytes};
use hyper::header::HOST;
use hyper::{HeaderMap, Request, StatusCode, Version, http::request::Parts};
use prometheus::Registry;

use super::answer::{self, Answer};
use super::api::{self, Question};
use super::exposition::Format;
use super::form::Parameters;
use super::gate::Gate;
use super::gzip::gzip;
use super::metrics::Measured;
use super::page;
use super::route::{Handler, route};
use super::span::RequestSpan;
use super::viewer::Viewer;
use crate::probe::Probe;
use crate::profile::{self, ProfileError};
use crate::traces::Tracer;

/// Size from which answers of the API are compressed, bytes; that of the reference.
const ZIPPED_FROM: u64 = 1024;

/// Length of a profile when the request does not say, seconds; that of the reference.
const PROFILE_SECONDS: u64 = 30;

/// Longest profile, seconds.
const PROFILE_SECONDS_MAX: u64 = 300;

/// What there is to be served.
#[derive(Clone)]
pub struct Site {
    /// Answers `/-/healthy` and `/-/ready`.
    pub probe: Arc<Probe>,
    /// Answers `/metrics`.
    pub registry: Registry,
    /// Answers the pages and the API, if these are wanted.
    pub viewer: Option<Arc<Viewer>>,
    /// Stands before all of it.
    pub gate: Arc<Gate>,
    /// Traces the requests to the API, if anybody wants it.
    pub tracer: Option<Arc<Tracer>>,
}

impl Site {
    /// Answers a request.
    pub(super) async fn answer<B>(&self, request: Request<B>) -> Answer
    where
        B: Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        if let Err(reason) = host(&request) {
            return answer::bad_request(reason);
        }
        let extra = match self.gate.admit(request.headers()).await {
            Ok(extra) => extra,
            Err(answer) => return *answer,
        };
        let mut answer = self.admitted(request).await;
        answer.headers_mut().extend(extra);
        answer
    }

    async fn admitted<B>(&self, request: Request<B>) -> Answer
    where
        B: Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (head, body) = request.into_parts();
        let handler = match route(&head.method, head.uri.path(), self.viewer.is_some()).handler(head.uri.query()) {
            Ok(handler) => handler,
            Err(answer) => return *answer,
        };
        match (&self.viewer, handler.name()) {
            (Some(viewer), Some(name)) => {
                let tracer = self.tracer.as_deref().filter(|_| handler.is_api());
                let span = tracer.map(|tracer| RequestSpan::begin(tracer, name, &head));
                let answer = viewed(viewer, (handler, name), head, body).await;
                match span {
                    Some(span) => span.end(answer),
                    None => answer,
                }
            }
            _ => self.machine(handler, &head).await,
        }
    }

    /// What machines ask for.
    async fn machine(&self, handler: Handler, head: &Parts) -> Answer {
        let headers = &head.headers;
        match handler {
            Handler::Healthy => probe(self.probe.is_healthy()),
            Handler::Ready => probe(self.probe.is_ready()),
            Handler::Metrics => zipped_if_asked(self.metrics(headers), headers).await,
            Handler::Profile => profile(head.uri.query().unwrap_or_default()).await,
            Handler::Profiles => answer::unsniffed(answer::html(page::profiles())),
            Handler::UnknownProfile => answer::no_profile(StatusCode::NOT_FOUND, "Unknown profile\n"),
            Handler::Page
            | Handler::Blocks
            | Handler::Mark
            | Handler::Flags
            | Handler::Runtime
            | Handler::Build
            | Handler::Options => answer::not_found(),
        }
    }

    fn metrics(&self, headers: &HeaderMap) -> Answer {
        let format = Format::negotiated(headers);
        answer::typed(StatusCode::OK, format.content_type(), format.encode(&self.registry.gather()))
    }
}

/// HTTP/1.1 wants one name of a host, and proxies rely on it.
fn host<B>(request: &Request<B>) -> Result<(), &'static str> {
    let mut given = request.headers().get_all(HOST).iter();
    let Some(first) = given.next() else {
        let is_wanted = request.version() == Version::HTTP_11;
        return if is_wanted { Err("400 Bad Request: missing required Host header") } else { Ok(()) };
    };
    let is_valid = |byte: &u8| byte.is_ascii_alphanumeric() || b"!$%&'()*+,-.:;=[]_~".contains(byte);
    match given.next() {
        Some(_) => Err("400 Bad Request"),
        None if !first.as_bytes().iter().all(is_valid) => Err("400 Bad Request: malformed Host header"),
        None => Ok(()),
    }
}

fn probe(good: bool) -> Answer {
    if good { answer::text("OK") } else { answer::error(StatusCode::SERVICE_UNAVAILABLE, "NOT OK\n") }
}

/// Takes a profile. What is no number of seconds, or none that makes sense, is the usual number.
async fn profile(query: &str) -> Answer {
    let seconds = Parameters::of_query(query).value("seconds").parse().ok().filter(|seconds| *seconds > 0);
    let seconds = seconds.unwrap_or(PROFILE_SECONDS);
    if seconds > PROFILE_SECONDS_MAX {
        let text = format!("a profile takes {PROFILE_SECONDS_MAX} seconds at most\n");
        return answer::no_profile(StatusCode::BAD_REQUEST, text);
    }
    match profile::take(Duration::from_secs(seconds)).await {
        Ok(profile) => answer::download("profile", gzip(&profile)),
        Err(error) => {
            let status = match error {
                ProfileError::Unsupported => StatusCode::NOT_IMPLEMENTED,
                ProfileError::Busy | ProfileError::System(_) | ProfileError::Panic(_) => {
                    StatusCode::INTERNAL_SERVER_ERROR
                }
            };
            answer::no_profile(status, format!("{error}\n"))
        }
    }
}

/// Pages and API: measured.
async fn viewed<B>(viewer: &Viewer, (handler, name): (Handler, &str), head: Parts, body: B) -> Answer
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let started = viewer.ambient.elapsed();
    let in_flight = viewer.metrics.begin(name, head.method.as_str());
    let request_bytes = head_bytes(&head).saturating_add(body.size_hint().exact().unwrap_or_default());
    let query = head.uri.query().unwrap_or_default();
    let answer = if handler.is_api() {
        api::answer(viewer, handler, Question { query, headers: &head.headers, body }).await
    } else {
        answer::html(page::page(&viewer.config, &head.headers))
    };
    // What is small costs more to compress than to send.
    let is_large = answer.size_hint().exact().unwrap_or_default() >= ZIPPED_FROM;
    let answer = if handler.is_api() && is_large { zipped_if_asked(answer, &head.headers).await } else { answer };
    drop(in_flight);
    viewer.metrics.end(Measured {
        handler: name,
        method: head.method.as_str(),
        status: answer.status(),
        took: viewer.ambient.elapsed().saturating_sub(started),
        request_bytes,
        response_bytes: answer.size_hint().exact().unwrap_or_default(),
    });
    answer
}

/// About what the head of the request takes, reckoned as the reference reckons it.
fn head_bytes(head: &Parts) -> u64 {
    let line = head.uri.path().len() + head.method.as_str().len() + "HTTP/1.1".len();
    let fields: usize = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    u64::try_from(line + fields).unwrap_or(u64::MAX)
}

async fn zipped_if_asked(answer: Answer, headers: &HeaderMap) -> Answer {
    if !answer::takes_gzip(headers) || answer.status() != StatusCode::OK {
        return answer;
    }
    let (head, body) = answer.into_parts();
    let Ok(body) = body.collect().await.map(http_body_util::Collected::to_bytes);
    let head = Answer::from_parts(head, http_body_util::Full::default());
    // What is small is sent sooner than it is compressed elsewhere.
    if body.len() < 4096 {
        return answer::zipped(head, &body);
    }
    compressed(head, body).await
}

async fn compressed(head: Answer, body: Bytes) -> Answer {
    let zipping = tokio::task::spawn_blocking(move || answer::zipped(head, &body)).await;
    zipping.unwrap_or_else(|panic| {
        answer::error(StatusCode::INTERNAL_SERVER_ERROR, format!("the answer cannot be compressed: {panic}\n"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_one_host() {
        let ask = |version, hosts: &[&str]| {
            let request = hosts.iter().fold(Request::builder().version(version), |r, name| r.header(HOST, *name));
            host(&request.body(()).unwrap())
        };
        for name in ["x", "example.org:10902", "[fd00::1]:80", ""] {
            assert_eq!(ask(Version::HTTP_11, &[name]), Ok(()), "{name}");
        }
        assert_eq!((ask(Version::HTTP_10, &[]), ask(Version::HTTP_2, &[])), (Ok(()), Ok(())));
        assert_eq!(ask(Version::HTTP_11, &[]), Err("400 Bad Request: missing required Host header"));
        assert_eq!(ask(Version::HTTP_11, &["a b"]), Err("400 Bad Request: malformed Host header"));
        assert_eq!(ask(Version::HTTP_10, &["a", "a"]), Err("400 Bad Request"));
    }
}
