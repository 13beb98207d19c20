//! One batch, one request: OTLP over HTTP or gRPC, Jaeger's thrift over HTTP or in datagrams.
//!
//! What an error says has no header and no address in it.
//!
//! Source: OpenTelemetry Protocol 1.9 (OTLP/HTTP, OTLP/gRPC, retryable answers); gRPC over HTTP/2.

use std::{sync::Arc, time::Duration};

use http_body_util::BodyExt as _;
use hyper::body::Bytes;
use lithify_bucket::{Alias, client_tls, proxies};
use reqwest::{
    Client, Response, Url,
    header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER},
};
use tokio::net::UdpSocket;

use super::{jaeger, otlp, tracer::Span};
use crate::{
    http::gzip::gzip,
    tracing_config::{Collector, Format, Target, TracingError},
};

/// Answers that are read, bytes; they say nothing that is needed.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Where batches go.
pub(super) struct Wire {
    resource: Vec<(String, String)>,
    way: Way,
}

enum Way {
    Http {
        client: Client,
        url: Url,
        headers: HeaderMap,
        format: Format,
        gzip: bool,
    },
    /// The agent's host and port.
    Datagrams(String),
}

/// A batch was not taken.
#[derive(Debug)]
pub(super) struct SendError {
    /// Why not.
    pub(super) text: String,
    /// Whether the same may be taken later.
    pub(super) is_passing: bool,
    /// How long the collector wants to be left alone.
    pub(super) after: Option<Duration>,
}

impl SendError {
    fn new(text: impl Into<String>, is_passing: bool) -> Self {
        Self { text: text.into(), is_passing, after: None }
    }
}

impl Wire {
    /// Prepares what `target` says. Nothing is sent yet.
    pub(super) fn new(
        backend: &'static str,
        target: Target,
        resource: Vec<(String, String)>,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, TracingError> {
        let way = match target {
            Target::Datagrams { address } => Way::Datagrams(address),
            Target::Http(collector) => {
                let (client, url) = connect(backend, &collector, environment)?;
                let Collector { headers, format, gzip, .. } = *collector;
                Way::Http { client, url, headers, format, gzip }
            }
        };
        Ok(Self { resource, way })
    }

    pub(super) async fn send(&self, batch: &[Span]) -> Result<(), SendError> {
        if batch.is_empty() {
            return Ok(());
        }
        match &self.way {
            Way::Datagrams(address) => datagrams(address, &jaeger::datagrams(&self.resource, batch)).await,
            Way::Http { client, url, headers, format, gzip } => {
                let (body, content_type) = match format {
                    Format::Otlp => (otlp::request(&self.resource, batch), "application/x-protobuf"),
                    Format::Grpc => (otlp::request(&self.resource, batch), "application/grpc"),
                    Format::Jaeger => (jaeger::batch(&self.resource, batch), "application/x-thrift"),
                };
                let mut headers = headers.clone();
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
                let body = packed(body, *format, *gzip, &mut headers);
                let answer = client.post(url.clone()).headers(headers).body(body).send().await;
                let answer = answer.map_err(|error| SendError::new(reason(error), true))?;
                match format {
                    Format::Grpc => grpc_taken(answer).await,
                    Format::Otlp | Format::Jaeger => http_taken(answer).await,
                }
            }
        }
    }
}

fn connect(
    backend: &'static str,
    collector: &Collector,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<(Client, Url), TracingError> {
    let wrong = |key: &str, problem: &str| TracingError::setting(backend, key, problem);
    let mut url = collector.url.clone();
    let mut builder = Client::builder()
        .user_agent(concat!("lithify/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .timeout(collector.timeout)
        .no_proxy();
    let is_grpc = collector.format == Format::Grpc;
    builder = if is_grpc { builder.http2_prior_knowledge() } else { builder.http1_only() };
    let mut tls =
        client_tls(&collector.tls).map_err(|error| wrong(&format!("tls_config.{}", error.key), &error.problem))?;
    if is_grpc {
        tls.alpn_protocols = vec![b"h2".to_vec()];
    }
    builder = builder.tls_backend_preconfigured(tls);
    if let Some(name) = collector.server_name.as_ref().filter(|_| url.scheme() == "https") {
        // An address of version 6 stands in brackets there.
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        url.set_host(Some(name)).map_err(|_| wrong("tls_config.server_name", "is no host name"))?;
        builder = builder.dns_resolver(Arc::new(Alias { name: name.clone(), host }));
    }
    for proxy in proxies(environment).map_err(|error| wrong(error.key, &error.problem))? {
        builder = builder.proxy(proxy);
    }
    let client = builder.build().map_err(|error| wrong("endpoint", &error.without_url().to_string()))?;
    Ok((client, url))
}

/// The body as it is sent, with headers that say how.
fn packed(body: Vec<u8>, format: Format, zip: bool, headers: &mut HeaderMap) -> Vec<u8> {
    let body = if zip { gzip(&body) } else { body };
    if format != Format::Grpc {
        if zip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        return body;
    }
    headers.insert(HeaderName::from_static("te"), HeaderValue::from_static("trailers"));
    if zip {
        headers.insert(HeaderName::from_static("grpc-encoding"), HeaderValue::from_static("gzip"));
    }
    let length = u32::try_from(body.len()).expect("a batch is far below 4 GiB");
    let mut framed = vec![u8::from(zip)];
    framed.extend(length.to_be_bytes());
    framed.extend(body);
    framed
}

async fn http_taken(answer: Response) -> Result<(), SendError> {
    let status = answer.status();
    let after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    // Read, so that the connection can be used again.
    let (_, ended) = drained(answer).await;
    ended?;
    if status.is_success() {
        return Ok(());
    }
    let is_passing = matches!(status.as_u16(), 429 | 502 | 503 | 504);
    let after = after.map(Duration::from_secs).filter(|_| is_passing);
    Err(SendError { after, ..SendError::new(format!("the collector answered {status}"), is_passing) })
}

async fn grpc_taken(answer: Response) -> Result<(), SendError> {
    let status = answer.status();
    let headers = answer.headers().clone();
    let (trailers, ended) = drained(answer).await;
    // An answer of nothing but headers has the status there.
    let code = trailers.get("grpc-status").or_else(|| headers.get("grpc-status"));
    match code.and_then(|code| code.to_str().ok()) {
        Some("0") => Ok(()),
        Some(code) => {
            // Cancelled, deadline exceeded, aborted, out of range, unavailable, data loss.
            let is_passing = matches!(code, "1" | "4" | "10" | "11" | "14" | "15");
            Err(SendError::new(format!("the collector answered with gRPC status {}", short(code)), is_passing))
        }
        None => {
            ended?;
            let is_passing = matches!(status.as_u16(), 429 | 502 | 503 | 504);
            Err(SendError::new(format!("the collector answered {status} and does not speak gRPC there"), is_passing))
        }
    }
}

fn short(text: &str) -> String {
    text.chars().take(16).collect()
}

/// Reads the answer to its end; its trailers.
async fn drained(answer: Response) -> (HeaderMap, Result<(), SendError>) {
    let answer: hyper::http::Response<reqwest::Body> = answer.into();
    let mut body = answer.into_body();
    let (mut trailers, mut read) = (HeaderMap::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        match frame.map(|frame| frame.into_data()) {
            Ok(Ok(data)) => read = read.saturating_add(Bytes::len(&data)),
            Ok(Err(frame)) => trailers.extend(frame.into_trailers().unwrap_or_default()),
            Err(error) => return (trailers, Err(SendError::new(reason(error), true))),
        }
        if read > ANSWER_BYTES_MAX {
            break;
        }
    }
    (trailers, Ok(()))
}

fn reason(error: reqwest::Error) -> String {
    crate::logging::chain(&error.without_url())
}

async fn datagrams(address: &str, datagrams: &[Vec<u8>]) -> Result<(), SendError> {
    let failed = |error: std::io::Error| SendError::new(format!("the agent cannot be reached: {error}"), true);
    let mut found = tokio::net::lookup_host(address).await.map_err(failed)?;
    let address = found.next().ok_or_else(|| SendError::new("the agent's name has no address", true))?;
    let ours = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(ours).await.map_err(failed)?;
    for datagram in datagrams {
        socket.send_to(datagram, address).await.map_err(failed)?;
    }
    Ok(())
}
