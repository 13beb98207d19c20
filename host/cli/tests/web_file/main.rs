//! `--http.config` over sockets: TLS, certificates of clients, passwords, headers, and what is refused.

mod newer;

use std::{fs, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use lithify_cli::{
    http::{Gate, Server, Site},
    probe::Probe,
};
use lithify_compactor::Machine;
use prometheus::Registry;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
    version,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    sync::oneshot,
};
use tokio_rustls::TlsConnector;

/// An authority and what it signs, as PEM.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names are fine");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("an authority").pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// Certificate and key for `localhost`.
    fn sign(&self) -> (String, String) {
        self.sign_for(vec![SanType::DnsName("localhost".try_into().expect("a name"))])
    }

    /// Certificate and key with these names.
    fn sign_for(&self, names: Vec<SanType>) -> (String, String) {
        let mut params = CertificateParams::new(Vec::new()).expect("no names are fine");
        params.subject_alt_names = names;
        let key = KeyPair::generate().expect("a key");
        (params.signed_by(&key, &self.issuer).expect("a certificate").pem(), key.serialize_pem())
    }

    /// Writes a fresh certificate for the server.
    fn write(&self, directory: &Path) {
        let (certificate, key) = self.sign();
        fs::write(directory.join("cert.pem"), certificate).expect("written");
        fs::write(directory.join("key.pem"), key).expect("written");
    }
}

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: tokio::task::JoinHandle<()>,
}

impl Running {
    async fn start(file: &Path) -> Self {
        let registry = Registry::new();
        let probe = Arc::new(Probe::new("compact", &registry).expect("a fresh registry"));
        probe.healthy();
        let gate = Arc::new(Gate::open(Some(file.to_owned()), Arc::new(Machine::new())).expect("a good file"));
        let site = Site { probe, registry, viewer: None, gate, tracer: None };
        let server = Server::bind("127.0.0.1:0").await.expect("a free port");
        let (stop, stopped) = oneshot::channel();
        let address = server.address();
        let serving =
            tokio::spawn(server.serve(site, async { stopped.await.unwrap_or_default() }, Duration::from_secs(9)));
        Self { address, stop, serving }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("the server listens")
    }

    /// Asks over plain HTTP, with these header lines.
    async fn ask(&self, headers: &str) -> String {
        ask(self.connect().await, headers).await.expect("an answer")
    }

    /// Asks over TLS.
    async fn ask_encrypted(&self, config: ClientConfig) -> std::io::Result<String> {
        let name = ServerName::try_from("localhost").expect("a name");
        let stream = TlsConnector::from(Arc::new(config)).connect(name, self.connect().await).await?;
        ask(stream, "").await
    }

    async fn stop(self) {
        self.stop.send(()).expect("the server runs");
        self.serving.await.expect("the server ends");
    }
}

async fn ask<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, headers: &str) -> std::io::Result<String> {
    let request = format!("GET /-/healthy HTTP/1.1\r\nHost: x\r\n{headers}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer.split("\r\n").filter(|line| !line.starts_with("date:")).collect::<Vec<_>>().join("\n"))
}

/// A client that trusts `authority` and shows `identity`.
fn client(authority: &Authority, identity: Option<(String, String)>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).expect("PEM")).expect("a certificate");
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots);
    match identity {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).expect("PEM")];
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("PEM");
            builder.with_client_auth_cert(chain, key).expect("a pair")
        }
    }
}

fn only_tls12(config: ClientConfig, authority: &Authority) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).expect("PEM")).expect("a certificate");
    ClientConfig::builder_with_provider(Arc::clone(config.crypto_provider()))
        .with_protocol_versions(&[&version::TLS12])
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

fn hash(password: &str) -> String {
    bcrypt::hash_with_salt(password, 4, [7; 16]).expect("a hash").to_string()
}

fn basic(user_and_password: &str) -> String {
    use base64::Engine as _;
    format!("Authorization: Basic {}\r\n", base64::engine::general_purpose::STANDARD.encode(user_and_password))
}

const OK: &str = "HTTP/1.1 200 OK\ncontent-type: text/plain; charset=utf-8\nconnection: close\ncontent-length: 2\n\nOK";

const UNAUTHORIZED: &str = "HTTP/1.1 401 Unauthorized\ncontent-type: text/plain; charset=utf-8\n\
                            x-content-type-options: nosniff\nwww-authenticate: Basic\nconnection: close\n\
                            content-length: 13\n\nUnauthorized\n";

#[tokio::test]
async fn only_users_with_their_password_come_in_and_changes_count_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("web.yml");
    fs::write(&file, format!("basic_auth_users:\n  ann: {}\n  bob: {}\n", hash("secret"), hash("other"))).unwrap();
    let running = Running::start(&file).await;
    assert_eq!(running.ask("").await, UNAUTHORIZED);
    assert_eq!(running.ask(&basic("ann:wrong")).await, UNAUTHORIZED);
    assert_eq!(running.ask(&basic("eve:secret")).await, UNAUTHORIZED);
    assert_eq!(running.ask("Authorization: Bearer secret\r\n").await, UNAUTHORIZED);
    // The second time nothing is hashed.
    assert_eq!(running.ask(&basic("ann:secret")).await, OK);
    assert_eq!(running.ask(&basic("ann:secret")).await, OK);
    assert_eq!(running.ask(&basic("bob:secret")).await, UNAUTHORIZED);
    fs::write(&file, format!("basic_auth_users:\n  ann: {}\n", hash("new"))).unwrap();
    assert_eq!(running.ask(&basic("ann:secret")).await, UNAUTHORIZED);
    assert_eq!(running.ask(&basic("ann:new")).await, OK);
    fs::write(&file, "basic_auth_users: [").unwrap();
    assert!(running.ask(&basic("ann:new")).await.starts_with("HTTP/1.1 500 Internal Server Error\n"));
    running.stop().await;
}

#[tokio::test]
async fn answers_carry_the_headers_that_are_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("web.yml");
    let text = "http_server_config:\n  http2: false\n  headers:\n    X-Frame-Options: deny\n    Strict-Transport-Security: max-age=1\n";
    fs::write(&file, text).unwrap();
    let running = Running::start(&file).await;
    let answer = running.ask("").await;
    assert!(answer.contains("\nx-frame-options: deny\n"), "{answer}");
    assert!(answer.contains("\nstrict-transport-security: max-age=1\n"), "{answer}");
    running.stop().await;
}

#[tokio::test]
async fn tls_is_spoken_with_the_certificate_that_lies_there_now() {
    let directory = tempfile::tempdir().unwrap();
    let (file, authority) = (directory.path().join("web.yml"), Authority::new());
    authority.write(directory.path());
    fs::write(&file, "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n").unwrap();
    let running = Running::start(&file).await;
    assert_eq!(running.ask_encrypted(client(&authority, None)).await.unwrap(), OK);
    assert_eq!(running.ask_encrypted(only_tls12(client(&authority, None), &authority)).await.unwrap(), OK);
    let plain = "HTTP/1.0 400 Bad Request\n\nClient sent an HTTP request to an HTTPS server.\n";
    assert_eq!(running.ask("").await, plain);
    // A new authority: the old client trusts the server no longer, a new one does.
    let next = Authority::new();
    next.write(directory.path());
    assert!(running.ask_encrypted(client(&authority, None)).await.is_err());
    assert_eq!(running.ask_encrypted(client(&next, None)).await.unwrap(), OK);
    // The choice of versions is read anew as well.
    fs::write(&file, "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n  min_version: TLS13\n").unwrap();
    assert!(running.ask_encrypted(only_tls12(client(&next, None), &next)).await.is_err());
    assert_eq!(running.ask_encrypted(client(&next, None)).await.unwrap(), OK);
    running.stop().await;
}

#[tokio::test]
async fn clients_show_certificates_where_they_must() {
    let directory = tempfile::tempdir().unwrap();
    let (file, authority, stranger) = (directory.path().join("web.yml"), Authority::new(), Authority::new());
    authority.write(directory.path());
    fs::write(directory.path().join("ca.pem"), &authority.pem).unwrap();
    let text = |kind: &str, ca: &str| {
        format!("tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n  client_auth_type: {kind}\n{ca}")
    };
    let ca = "  client_ca_file: ca.pem\n";
    fs::write(&file, text("NoClientCert", "")).unwrap();
    let running = Running::start(&file).await;
    for (kind, ca, nobody, known, unknown) in [
        ("NoClientCert", "", true, true, true),
        ("RequestClientCert", "", true, true, true),
        ("RequireAnyClientCert", "", false, true, true),
        ("VerifyClientCertIfGiven", ca, true, true, false),
        ("RequireAndVerifyClientCert", ca, false, true, false),
    ] {
        fs::write(&file, text(kind, ca)).unwrap();
        for (identity, comes_in) in [(None, nobody), (Some(&authority), known), (Some(&stranger), unknown)] {
            let config = client(&authority, identity.map(Authority::sign));
            let answer = running.ask_encrypted(config).await;
            assert_eq!(answer.is_ok_and(|answer| answer == OK), comes_in, "{kind}");
        }
    }
    running.stop().await;
}

#[test]
fn what_cannot_be_done_is_refused_with_a_reason_and_without_secrets() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    authority.write(directory.path());
    fs::write(directory.path().join("empty.pem"), "hunter2").unwrap();
    let file = directory.path().join("web.yml");
    let tls = |more: &str| format!("tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n{more}");
    for (text, reason) in [
        ("tls_server_config: {cert_file: cert.pem}".to_owned(), "missing one of key or key_file"),
        ("tls_server_config: {key_file: key.pem}".to_owned(), "missing one of cert or cert_file"),
        ("tls_server_config: {cert_file: cert.pem, key_file: none.pem}".to_owned(), "none.pem: No such file"),
        ("tls_server_config: {cert_file: empty.pem, key_file: key.pem}".to_owned(), "there is no certificate in it"),
        ("tls_server_config: {cert_file: cert.pem, key_file: empty.pem}".to_owned(), "there is no private key in it"),
        (tls("  key: hunter2\n"), "both key and key_file are given"),
        (tls("  min_version: TLS10\n"), "min_version: TLS10: is not secure"),
        (tls("  min_version: TLS13\n  max_version: TLS12\n"), "max_version is below min_version"),
        (tls("  max_version: SSL3\n"), "is no TLS version"),
        (tls("  cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]\n"), "TLS_RSA_WITH_RC4_128_SHA: is not supported"),
        (tls("  curve_preferences: [CurveP521]\n"), "CurveP521: is not supported"),
        (tls("  client_auth_type: Always\n"), "client_auth_type: Always: is none of"),
        (tls("  client_ca_file: cert.pem\n"), "without a Client Auth Policy"),
        (tls("  client_auth_type: RequireAndVerifyClientCert\n"), "there is no client_ca_file"),
        (tls("  client_allowed_sans: [x]\n"), "client_allowed_sans needs certificates"),
        ("basic_auth_users: {ann: hunter2}".to_owned(), "basic_auth_users: ann: is no bcrypt hash"),
        ("basic_auth_users: hunter2".to_owned(), "not of the expected shape"),
        ("nonsense: hunter2".to_owned(), "unknown field `nonsense`"),
        ("rate_limit: {interval: soon}".to_owned(), "rate_limit: interval: time: invalid duration \"soon\""),
        ("http_server_config: {headers: {Server: x}}".to_owned(), "HTTP header cannot be configured"),
        ("http_server_config: {headers: {X-Frame-Options: maybe}}".to_owned(), "not known for this header"),
    ] {
        fs::write(&file, &text).unwrap();
        let error = Gate::open(Some(file.clone()), Arc::new(Machine::new())).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(error.to_string().contains(reason), "{text}: {error}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    for text in [
        String::new(),
        "tls_server_config: {}".to_owned(),
        tls("  cipher_suites: [TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]\n"),
        tls("  curve_preferences: [X25519, CurveP256]\n  prefer_server_cipher_suites: false\n"),
    ] {
        fs::write(&file, &text).unwrap();
        assert!(Gate::open(Some(file.clone()), Arc::new(Machine::new())).is_ok(), "{text}");
    }
    let error = Gate::open(Some(directory.path().join("none.yml")), Arc::new(Machine::new())).unwrap_err();
    assert!(error.to_string().contains("none.yml: No such file"), "{error}");
}
