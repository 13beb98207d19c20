//! What collectors of every kind are sent, and what is done when they do not take it.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::{
    HeaderMap, Request, Response,
    body::{Bytes, Frame, Incoming},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use lithify_cli::{
    traces::{Exporting, Kind, Tracer, export},
    tracing_config::parse,
};
use lithify_compactor::Machine;
use rcgen::{CertificateParams, KeyPair};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, pem::PemObject as _},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UdpSocket},
};
use tokio_rustls::TlsAcceptor;

/// What a collector was asked: path, headers, body.
type Asked = (String, HeaderMap, Bytes);

#[derive(Clone, Default)]
struct Collector {
    asked: Arc<Mutex<Vec<Asked>>>,
    /// Statuses of its answers, the last one first; when there are no more, it takes what it gets.
    statuses: Arc<Mutex<Vec<u16>>>,
}

impl Collector {
    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no test panics with it").clone()
    }

    async fn note(&self, request: Request<Incoming>) -> u16 {
        let (head, body) = request.into_parts();
        let body = body.collect().await.expect("the body is sent").to_bytes();
        let mut asked = self.asked.lock().expect("no test panics with it");
        asked.push((head.uri.path().to_owned(), head.headers, body));
        self.statuses.lock().expect("no test panics with it").pop().unwrap_or_default()
    }

    /// Answers over HTTP/1.1; the status 0 is good.
    async fn over_http(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let (address, collector) = (listener.local_addr().expect("it is bound"), self.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let collector = collector.clone();
                let service = service_fn(move |request| {
                    let collector = collector.clone();
                    async move {
                        let status = collector.note(request).await;
                        let answer = Response::builder().status(if status == 0 { 200 } else { status });
                        Ok::<_, Infallible>(
                            answer.header("retry-after", "0").body(Full::<Bytes>::default()).expect("an answer"),
                        )
                    }
                });
                let serving =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                tokio::spawn(serving);
            }
        });
        address
    }

    /// Answers over gRPC, with the status in the trailers.
    async fn over_grpc(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let (address, collector) = (listener.local_addr().expect("it is bound"), self.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(collector.clone().grpc(stream));
            }
        });
        address
    }

    /// The same over TLS, for clients that offer HTTP/2.
    async fn over_grpc_and_tls(&self, config: ServerConfig) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let (address, collector) = (listener.local_addr().expect("it is bound"), self.clone());
        let acceptor = TlsAcceptor::from(Arc::new(config));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if let Ok(stream) = acceptor.accept(stream).await {
                    tokio::spawn(collector.clone().grpc(stream));
                }
            }
        });
        address
    }

    async fn grpc(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let service = service_fn(move |request| {
            let collector = self.clone();
            async move {
                let mut trailers = HeaderMap::new();
                trailers.insert("grpc-status", collector.note(request).await.into());
                let frames = [Frame::data(Bytes::from_static(&[0; 5])), Frame::trailers(trailers)];
                let frames = futures_util::stream::iter(frames.map(Ok::<_, Infallible>));
                let answer = Response::builder().header("content-type", "application/grpc");
                Ok::<_, Infallible>(answer.body(StreamBody::new(frames)).expect("an answer"))
            }
        });
        let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        // A client that goes away is no failure of a test.
        let _ = builder.serve_connection(TokioIo::new(stream), service).await;
    }
}

fn start(yaml: &str) -> (Arc<Tracer>, Exporting) {
    let config = parse(yaml, &|_| None).unwrap_or_else(|error| panic!("{yaml}: {error}")).expect("a configuration");
    let (tracer, exporter) = export(config, Arc::new(Machine::new()), &|_| None).expect("it can be used");
    (tracer, exporter.start())
}

/// A trace of one span.
fn trace(tracer: &Tracer, name: &'static str) {
    tracer.end(tracer.begin(name, Kind::Internal, None, false));
}

fn has(bytes: &[u8], words: &str) -> bool {
    bytes.windows(words.len()).any(|window| window == words.as_bytes())
}

/// What was packed by gzip with a head of ten bytes.
fn unzipped(bytes: &[u8]) -> Vec<u8> {
    miniz_oxide::inflate::decompress_to_vec(&bytes[10..bytes.len() - 8]).expect("deflated")
}

#[tokio::test]
async fn otlp_over_grpc_is_framed_and_its_status_stands_in_the_trailers() {
    for (more, flag) in [("", 0), (", compression: gzip", 1)] {
        let collector = Collector::default();
        let address = collector.over_grpc().await;
        let keys = format!("client_type: grpc, endpoint: '{address}', insecure: true, headers: {{x-token: t}}{more}");
        let (tracer, exporting) = start(&format!("{{type: OTLP, config: {{service_name: us, {keys}}}}}"));
        trace(&tracer, "compaction_group");
        exporting.close().await;
        let asked = collector.asked();
        assert_eq!(asked.len(), 1);
        let (path, headers, body) = &asked[0];
        assert_eq!(path, "/opentelemetry.proto.collector.trace.v1.TraceService/Export");
        assert_eq!(["content-type", "te", "x-token"].map(|name| &headers[name]), ["application/grpc", "trailers", "t"]);
        assert_eq!(headers.contains_key("grpc-encoding"), flag == 1);
        let length = u32::from_be_bytes(body[1..5].try_into().expect("four bytes"));
        assert_eq!((body[0], length as usize), (flag, body.len() - 5));
        let message = if flag == 1 { unzipped(&body[5..]) } else { body[5..].to_vec() };
        assert!(has(&message, "compaction_group") && has(&message, "us"));
    }
}

#[tokio::test]
async fn what_may_be_taken_later_is_sent_again_and_nothing_else() {
    for (statuses, times) in [(vec![400, 503, 429], 3), (vec![500], 1), (vec![503], 2)] {
        let collector = Collector { statuses: Arc::new(Mutex::new(statuses.clone())), ..Collector::default() };
        let address = collector.over_http().await;
        let keys = format!("client_type: http, endpoint: '{address}', insecure: true, compression: gzip");
        let (tracer, exporting) = start(&format!("{{type: OTLP, config: {{{keys}}}}}"));
        // A full batch goes at once.
        (0..512).for_each(|_| trace(&tracer, "compaction"));
        while collector.asked().len() < times {
            tokio::task::yield_now().await;
        }
        exporting.close().await;
        let asked = collector.asked();
        assert_eq!(asked.len(), times, "{statuses:?}");
        assert!(asked.iter().all(|(path, headers, body)| {
            path == "/v1/traces" && headers["content-encoding"] == "gzip" && has(&unzipped(body), "compaction")
        }));
    }
}

#[tokio::test]
async fn grpc_that_is_unavailable_is_not_waited_for_at_the_end() {
    let collector = Collector { statuses: Arc::new(Mutex::new(vec![14])), ..Collector::default() };
    let address = collector.over_grpc().await;
    let keys = format!("client_type: grpc, endpoint: '{address}', insecure: true");
    let (tracer, exporting) = start(&format!("{{type: OTLP, config: {{{keys}}}}}"));
    trace(&tracer, "compaction");
    exporting.close().await;
    assert_eq!(collector.asked().len(), 1);
}

#[tokio::test]
async fn a_full_queue_loses_spans_and_nobody_waits() {
    let (agent, keys) = agent().await;
    let (tracer, exporting) = start(&format!("{{type: JAEGER, config: {{reporter_max_queue_size: 3, {keys}}}}}"));
    // Nothing is taken from the queue before this task waits for something.
    (0..1000).for_each(|_| trace(&tracer, "compaction"));
    exporting.close().await;
    let mut datagram = vec![0; 65_536];
    let length = agent.recv(&mut datagram).await.expect("a datagram");
    let name = b"compaction";
    assert_eq!(datagram[..length].windows(name.len()).filter(|window| window == name).count(), 3);
}

async fn agent() -> (UdpSocket, String) {
    let agent = UdpSocket::bind("127.0.0.1:0").await.expect("a port is free");
    let port = agent.local_addr().expect("it is bound").port();
    let keys = format!("agent_host: 127.0.0.1, agent_port: {port}, sampler_type: const, sampler_param: 1");
    (agent, keys)
}

#[tokio::test]
async fn an_agent_of_jaeger_is_sent_datagrams() {
    let (agent, keys) = agent().await;
    let (tracer, exporting) = start(&format!("{{type: JAEGER, config: {{service_name: us, tags: a=b, {keys}}}}}"));
    trace(&tracer, "compaction_planning");
    exporting.close().await;
    let mut datagram = vec![0; 65_536];
    let length = agent.recv(&mut datagram).await.expect("a datagram");
    assert_eq!(datagram[..5], [0x82, 0x81, 0, 9, b'e']);
    assert!(["emitBatch", "us", "compaction_planning"].iter().all(|words| has(&datagram[..length], words)));
}

#[tokio::test]
async fn a_collector_of_jaeger_is_sent_thrift_with_user_and_password() {
    let collector = Collector::default();
    let endpoint = format!("http://{}/api/traces", collector.over_http().await);
    let keys = format!("endpoint: '{endpoint}', user: u, password: p, sampler_type: const, sampler_param: 1");
    let (tracer, exporting) = start(&format!("{{type: JAEGER, config: {{service_name: us, {keys}}}}}"));
    trace(&tracer, "compaction");
    exporting.close().await;
    let asked = collector.asked();
    let (path, headers, body) = &asked[0];
    assert_eq!((asked.len(), &**path), (1, "/api/traces"));
    assert_eq!(["content-type", "authorization"].map(|name| &headers[name]), ["application/x-thrift", "Basic dTpw"]);
    // A struct, field 1, a struct, field 1, a text.
    assert_eq!(body[..12], [12, 0, 1, 11, 0, 1, 0, 0, 0, 2, b'u', b's']);
    assert!(has(body, "compaction"));
}

#[tokio::test]
async fn files_of_tls_that_cannot_be_used_are_refused_by_name() {
    let yaml = "{type: OTLP, config: {client_type: grpc, tls_config: {ca_file: /nonexistent}}}";
    let config = parse(yaml, &|_| None).expect("it can be read").expect("a configuration");
    let refused = export(config, Arc::new(Machine::new()), &|_| None).err().expect("it is refused");
    assert!(refused.to_string().starts_with("OTLP: tls_config.ca_file: /nonexistent: "), "{refused}");
    assert_eq!(lithify_cli::traces::CLOSING_MAX, Duration::from_secs(5));
}

/// The configuration of a server that calls itself `name`, and its certificate.
fn server(name: &str) -> (ServerConfig, String) {
    let key = KeyPair::generate().expect("a key");
    let certificate =
        CertificateParams::new([name.to_owned()]).and_then(|params| params.self_signed(&key)).expect("one");
    let private = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).expect("it was just written");
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has them")
        .with_no_client_auth();
    let mut config = builder.with_single_cert(vec![certificate.der().clone()], private).expect("a pair");
    config.alpn_protocols = vec![b"h2".to_vec()];
    (config, certificate.pem())
}

#[tokio::test]
async fn over_tls_the_certificate_must_carry_the_name_that_is_wanted() {
    let (config, pem) = server("collector.example");
    let work = tempfile::tempdir().expect("a directory");
    let file = work.path().join("ca.pem");
    std::fs::write(&file, pem).expect("it can be written");
    let collector = Collector::default();
    let address = collector.over_grpc_and_tls(config).await;
    for (tls, times) in [
        (format!("ca_file: '{}'", file.display()), 0),
        (format!("ca_file: '{}', server_name: other.example", file.display()), 0),
        ("server_name: collector.example".to_owned(), 0),
        (format!("ca_file: '{}', server_name: collector.example", file.display()), 1),
        ("insecure_skip_verify: true".to_owned(), 2),
    ] {
        let keys = format!("client_type: grpc, endpoint: '{address}', tls_config: {{{tls}}}");
        let (tracer, exporting) = start(&format!("{{type: OTLP, config: {{{keys}}}}}"));
        trace(&tracer, "compaction");
        exporting.close().await;
        assert_eq!(collector.asked().len(), times, "{tls}");
    }
}
