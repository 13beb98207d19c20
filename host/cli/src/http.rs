//! The HTTP server: probes, metrics, the API and a page that tells of them.
//!
//! Here connections come and go; `site` answers requests, `route` says which path is whose.
//!
//! Source: compactor specification 12; thanos pkg/server/http/http.go, pkg/prober/http.go.

mod answer;
mod api;
mod exposition;
mod form;
mod gate;
pub(crate) mod gzip;
mod limiter;
mod metrics;
mod page;
mod path;
mod route;
mod san;
mod site;
mod span;
mod tls;
mod viewer;
mod web_file;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ServerConfig;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use self::answer::Answer;
pub use self::gate::Gate;
pub use self::metrics::HttpMetrics;
pub use self::site::Site;
pub use self::tls::TlsError;
pub use self::viewer::{Viewer, ViewerConfig};
pub use self::web_file::WebFileError;

/// Connections that are served at the same time; further ones wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 256;

/// Most header lines of a request; proxies add some.
const HEADERS_MAX: usize = 1000;

/// Most bytes of the head of a request over HTTP/2.
const HEAD_BYTES_MAX: u32 = 64 << 10;

/// Requests that a connection of HTTP/2 may have open.
const STREAMS_MAX: u32 = 100;

/// How often a quiet connection of HTTP/2 is asked whether it is still there.
const PING_INTERVAL: Duration = Duration::from_secs(60);

/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Most bytes that are taken from a client that speaks plain HTTP where TLS is spoken.
const PLAIN_BYTES_MAX: u64 = 64 << 10;

/// Pause after the system refused a connection, for example because all file descriptors are in use.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The server cannot listen. The words are the reference's.
#[derive(Debug, Error)]
#[error("serve HTTP and metrics: listen tcp {address}: {reason}")]
pub struct ListenError {
    /// The address that was asked for.
    address: String,
    /// Why not.
    reason: String,
}

/// A server that listens and does not answer yet.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Listens on `address`, written as `host:port`; an empty host is every interface, port 0 any free port.
    ///
    /// # Errors
    /// [`ListenError`] when the address is no address or is in use.
    pub async fn bind(address: &str) -> Result<Self, ListenError> {
        let refused = |error: &io::Error| ListenError { address: address.to_owned(), reason: reason(error) };
        let listener = match address.strip_prefix(':') {
            // As in Go: both families where there are two.
            Some(port) => match TcpListener::bind(format!("[::]:{port}")).await {
                Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                    TcpListener::bind(format!("0.0.0.0:{port}")).await
                }
                result => result,
            },
            None => TcpListener::bind(address).await,
        };
        let listener = listener.map_err(|error| refused(&error))?;
        let address = listener.local_addr().map_err(|error| refused(&error))?;
        tracing::info!(service = "http/server", component = "compact", %address, "listening for requests and metrics");
        Ok(Self { listener, address })
    }

    /// The address that was bound, with the real port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `shutdown` ends. Then no connection is accepted any more, and those that are open may go on for
    /// `grace`; zero closes them at once.
    pub async fn serve(self, site: Site, shutdown: impl Future<Output = ()>, grace: Duration) {
        let (closing, closed) = watch::channel(false);
        let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let mut connections = JoinSet::new();
        let mut shutdown = pin!(shutdown);
        loop {
            // Tasks that have ended are forgotten, so that the set stays as small as the number of connections.
            while connections.try_join_next().is_some() {}
            let permit = tokio::select! {
                permit = Arc::clone(&permits).acquire_owned() => permit,
                () = &mut shutdown => break,
            };
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = &mut shutdown => break,
            };
            match accepted {
                Ok((stream, _)) => {
                    let serving = serve_connection(stream, site.clone(), closed.clone());
                    connections.spawn(async move {
                        serving.await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!(err = %error, "a connection could not be accepted");
                    if tokio::time::timeout(ACCEPT_PAUSE, &mut shutdown).await.is_ok() {
                        break;
                    }
                }
            }
        }
        drop(self.listener);
        closing.send_replace(true);
        if tokio::time::timeout(grace, async { while connections.join_next().await.is_some() {} }).await.is_err() {
            tracing::warn!(open = connections.len(), "connections were still open after the grace period");
            connections.shutdown().await;
        }
        tracing::info!(service = "http/server", component = "compact", "internal server is shutdown gracefully");
    }
}

async fn serve_connection(stream: TcpStream, site: Site, closed: watch::Receiver<bool>) {
    match site.gate.handshake().await {
        Ok(None) => talk(stream, site, closed).await,
        Ok(Some(config)) => match encrypted(stream, config).await {
            Ok(stream) if stream.get_ref().1.alpn_protocol() == Some(tls::HTTP2) => {
                talk_http2(stream, site, closed).await
            }
            Ok(stream) => talk(stream, site, closed).await,
            Err(error) => tracing::debug!(err = %error, "TLS handshake failed"),
        },
        Err(error) => tracing::error!(err = %crate::logging::chain(&error), "a connection cannot be made"),
    }
}

/// Does the handshake. Whoever speaks plain HTTP is told so, in Go's words.
async fn encrypted(stream: TcpStream, config: Arc<ServerConfig>) -> io::Result<TlsStream<TcpStream>> {
    let handshake = async {
        let mut stream = stream;
        let mut first = [0];
        // A record of TLS begins with a small number, a method with a letter.
        if stream.peek(&mut first).await? == 1 && first[0].is_ascii_alphabetic() {
            let text = "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
            stream.write_all(text.as_bytes()).await?;
            stream.shutdown().await?;
            // What was sent is taken, else the answer would be lost in a reset.
            tokio::io::copy(&mut stream.take(PLAIN_BYTES_MAX), &mut tokio::io::sink()).await?;
            return Err(io::Error::other("the client spoke plain HTTP"));
        }
        TlsAcceptor::from(config).accept(stream).await
    };
    let late = || io::Error::new(io::ErrorKind::TimedOut, "the client took too long");
    tokio::time::timeout(HEAD_TIMEOUT, handshake).await.unwrap_or_else(|_| Err(late()))
}

/// Answers the requests of one connection, one after the other.
async fn talk<S>(stream: S, site: Site, closed: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| answer(site.clone(), request));
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), service);
    finish(pin!(connection), |connection| connection.graceful_shutdown(), closed).await;
}

/// Answers the requests of one connection, several at a time.
async fn talk_http2(stream: TlsStream<TcpStream>, site: Site, closed: watch::Receiver<bool>) {
    let service = service_fn(move |request: Request<Incoming>| answer(site.clone(), request));
    let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEAD_BYTES_MAX)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    finish(pin!(connection), |connection| connection.graceful_shutdown(), closed).await;
}

async fn answer(site: Site, request: Request<Incoming>) -> Result<Answer, Infallible> {
    Ok(site.answer(request).await)
}

/// Goes on with a connection until it ends, and tells it to end when the server does.
async fn finish<C>(mut connection: Pin<&mut C>, end: impl FnOnce(Pin<&mut C>), mut closed: watch::Receiver<bool>)
where
    C: Future<Output = hyper::Result<()>>,
{
    // An error means that the server is gone, which is a reason to end as well.
    let mut closed = pin!(async move { closed.wait_for(|closed| *closed).await.is_ok() });
    let ended = tokio::select! {
        result = &mut connection => result,
        _ = &mut closed => {
            end(connection.as_mut());
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(err = %error, "connection ended early");
    }
}

/// Why the address cannot be listened on, in Go's words where operators look for them.
fn reason(error: &io::Error) -> String {
    let known = [
        (io::ErrorKind::AddrInUse, "bind: address already in use"),
        (io::ErrorKind::AddrNotAvailable, "bind: cannot assign requested address"),
        (io::ErrorKind::PermissionDenied, "bind: permission denied"),
    ];
    let words = known.into_iter().find_map(|(kind, words)| (kind == error.kind()).then_some(words));
    words.map_or_else(|| error.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use prometheus::Registry;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::oneshot;

    use super::*;
    use crate::probe::Probe;

    fn site() -> Site {
        let registry = Registry::new();
        let probe = Arc::new(Probe::new("compact", &registry).unwrap());
        Site { probe, registry, viewer: None, gate: Arc::default(), tracer: None }
    }

    /// Asks over one connection that is closed afterwards; returns the whole answer without its date.
    async fn ask(address: SocketAddr, request_line: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("{request_line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer.split("\r\n").filter(|line| !line.starts_with("date:")).collect::<Vec<_>>().join("\n")
    }

    #[tokio::test]
    async fn probes_metrics_and_everything_else_answer_as_the_reference_does() {
        let server = Server::bind("127.0.0.1:0").await.unwrap();
        let (address, site) = (server.address(), site());
        let (stop, stopped) = oneshot::channel::<()>();
        let serving =
            tokio::spawn(server.serve(site.clone(), async { stopped.await.unwrap() }, Duration::from_secs(9)));

        let not_ok = "HTTP/1.1 503 Service Unavailable\ncontent-type: text/plain; charset=utf-8\n\
                      x-content-type-options: nosniff\nconnection: close\ncontent-length: 7\n\nNOT OK\n";
        let ok = "HTTP/1.1 200 OK\ncontent-type: text/plain; charset=utf-8\nconnection: close\ncontent-length: 2\n\nOK";
        assert_eq!(ask(address, "GET /-/ready").await, not_ok);
        site.probe.ready();
        assert_eq!(ask(address, "GET /-/ready").await, ok);
        assert_eq!(ask(address, "POST /-/ready").await, ok);
        assert_eq!(ask(address, "GET /-/healthy").await, not_ok);
        site.probe.healthy();
        assert_eq!(ask(address, "GET /-/healthy?x=1").await, ok);
        assert_eq!(
            ask(address, "GET /-/healthy/").await,
            "HTTP/1.1 404 Not Found\ncontent-type: text/plain; charset=utf-8\nx-content-type-options: nosniff\n\
             connection: close\ncontent-length: 19\n\n404 page not found\n"
        );
        let metrics = ask(address, "GET /metrics").await;
        assert!(metrics.contains("content-type: text/plain; version=0.0.4; charset=utf-8; escaping=underscores\n"));
        assert!(metrics.contains("\nthanos_status{check=\"healthy\",component=\"compact\"} 1\n"), "{metrics}");

        stop.send(()).unwrap();
        serving.await.unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }

    #[tokio::test]
    async fn an_idle_connection_does_not_hold_up_the_end() {
        let server = Server::bind("127.0.0.1:0").await.unwrap();
        let address = server.address();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(server.serve(site(), async { stopped.await.unwrap() }, Duration::from_secs(3600)));
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /-/ready HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 503");
        stop.send(()).unwrap();
        serving.await.unwrap();
    }

    #[tokio::test]
    async fn without_a_grace_period_a_half_sent_request_is_cut_off() {
        let server = Server::bind("127.0.0.1:0").await.unwrap();
        let address = server.address();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(server.serve(site(), async { stopped.await.unwrap() }, Duration::ZERO));
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /-/ready HTTP/1.1\r\nHost:").await.unwrap();
        stop.send(()).unwrap();
        serving.await.unwrap();
        let mut rest = Vec::new();
        // Cut off may be an orderly end or a reset; either way nothing was answered.
        let _ = stream.read_to_end(&mut rest).await;
        assert!(rest.is_empty());
    }

    #[tokio::test]
    async fn an_address_in_use_is_told_in_the_words_of_the_reference() {
        let first = Server::bind("127.0.0.1:0").await.unwrap();
        let address = first.address().to_string();
        let Err(error) = Server::bind(&address).await else { panic!("bound twice") };
        let expected = format!("serve HTTP and metrics: listen tcp {address}: bind: address already in use");
        assert_eq!(error.to_string(), expected);
    }

    #[tokio::test]
    async fn an_address_without_host_is_every_interface() {
        let server = Server::bind(":0").await.unwrap();
        assert!(server.address().ip().is_unspecified());
        assert!(Server::bind("nonsense").await.is_err());
    }
}
