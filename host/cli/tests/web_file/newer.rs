//! HTTP/2, names of clients, and how many requests may come.

use http_body_util::{BodyExt as _, Empty};
use hyper::{Request, Version, body::Bytes};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::SanType;

use super::*;

const TLS: &str = "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n";

/// A client that would like to speak HTTP/2.
fn newer(authority: &Authority) -> ClientConfig {
    let mut config = client(authority, None);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}

#[tokio::test]
async fn http2_is_spoken_with_who_can_unless_it_is_switched_off() {
    let directory = tempfile::tempdir().unwrap();
    let (file, authority) = (directory.path().join("web.yml"), Authority::new());
    authority.write(directory.path());
    fs::write(&file, format!("{TLS}http_server_config:\n  headers:\n    X-Frame-Options: deny\n")).unwrap();
    let running = Running::start(&file).await;
    let name = ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(Arc::new(newer(&authority)));
    let stream = connector.connect(name, running.connect().await).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (sender, connection) = handshake.await.unwrap();
    let connection = tokio::spawn(connection);
    let ask = |path: &'static str| {
        let mut sender = sender.clone();
        let request = Request::get(format!("https://localhost{path}")).body(Empty::<Bytes>::new()).unwrap();
        async move {
            let answer = sender.send_request(request).await.unwrap();
            let (status, version) = (answer.status().as_u16(), answer.version());
            assert_eq!((version, answer.headers()["x-frame-options"].as_bytes()), (Version::HTTP_2, &b"deny"[..]));
            (status, answer.into_body().collect().await.unwrap().to_bytes())
        }
    };
    let (healthy, nowhere, metrics) = tokio::join!(ask("/-/healthy"), ask("/nonsense"), ask("/metrics"));
    assert_eq!((healthy.0, &healthy.1[..]), (200, &b"OK"[..]));
    assert_eq!((nowhere.0, &nowhere.1[..]), (404, &b"404 page not found\n"[..]));
    assert!(metrics.0 == 200 && metrics.1.starts_with(b"# HELP"));
    fs::write(&file, format!("{TLS}http_server_config:\n  http2: false\n")).unwrap();
    assert_eq!(running.ask_encrypted(newer(&authority)).await.unwrap(), OK);
    // The connection that is still open does not hold up the end.
    running.stop().await;
    connection.await.unwrap().unwrap();
}

#[tokio::test]
async fn only_clients_with_an_allowed_name_come_in() {
    let directory = tempfile::tempdir().unwrap();
    let (file, authority) = (directory.path().join("web.yml"), Authority::new());
    authority.write(directory.path());
    fs::write(directory.path().join("ca.pem"), &authority.pem).unwrap();
    let text = |kind: &str, names: &str| {
        let ca = if kind == "RequireAndVerifyClientCert" { "  client_ca_file: ca.pem\n" } else { "" };
        format!("{TLS}{ca}  client_auth_type: {kind}\n  client_allowed_sans: [{names}]\n")
    };
    let all = "scraper.example, 10.1.2.3, 'fd00::1', ann@example.org, 'spiffe://example.org/a'";
    fs::write(&file, text("RequireAndVerifyClientCert", all)).unwrap();
    let running = Running::start(&file).await;
    let dns = |name: &str| SanType::DnsName(name.try_into().unwrap());
    for (names, comes_in) in [
        (vec![dns("other.example"), dns("scraper.example")], true),
        (vec![SanType::IpAddress("10.1.2.3".parse().unwrap())], true),
        (vec![SanType::IpAddress("fd00::1".parse().unwrap())], true),
        (vec![SanType::Rfc822Name("ann@example.org".try_into().unwrap())], true),
        (vec![SanType::URI("spiffe://example.org/a".try_into().unwrap())], true),
        (vec![dns("sub.scraper.example")], false),
        (vec![dns("10.1.2.3")], true),
        (vec![SanType::IpAddress("10.1.2.4".parse().unwrap())], false),
        (Vec::new(), false),
    ] {
        let config = client(&authority, Some(authority.sign_for(names.clone())));
        assert_eq!(running.ask_encrypted(config).await.is_ok_and(|answer| answer == OK), comes_in, "{names:?}");
    }
    let scraper = || vec![dns("scraper.example")];
    assert!(running.ask_encrypted(client(&authority, Some(Authority::new().sign_for(scraper())))).await.is_err());
    // Who shows no certificate has no name, even where none is asked for.
    fs::write(&file, text("RequestClientCert", all)).unwrap();
    assert!(running.ask_encrypted(client(&authority, None)).await.is_err());
    let stranger = client(&authority, Some(Authority::new().sign_for(scraper())));
    assert_eq!(running.ask_encrypted(stranger).await.unwrap(), OK);
    fs::write(&file, text("RequestClientCert", "")).unwrap();
    let known = client(&authority, Some(authority.sign_for(scraper())));
    assert!(running.ask_encrypted(known).await.is_err());
    running.stop().await;
}

#[tokio::test]
async fn who_asks_too_often_is_told_so_before_anything_else() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("web.yml");
    let user = format!("basic_auth_users:\n  ann: {}\n", hash("secret"));
    fs::write(&file, format!("rate_limit:\n  interval: 1h\n  burst: 2\n{user}")).unwrap();
    let running = Running::start(&file).await;
    assert_eq!(running.ask(&basic("ann:secret")).await, OK);
    assert_eq!(running.ask("").await, UNAUTHORIZED);
    let refused = "HTTP/1.1 429 Too Many Requests\ncontent-type: text/plain; charset=utf-8\n\
                   x-content-type-options: nosniff\nconnection: close\ncontent-length: 18\n\nToo Many Requests\n";
    assert_eq!(running.ask(&basic("ann:secret")).await, refused);
    running.stop().await;
    // Without an interval, or with one below zero, nothing is limited.
    for interval in ["0", "-1s", "'0'"] {
        fs::write(&file, format!("rate_limit: {{interval: {interval}, burst: 0}}\n")).unwrap();
        let running = Running::start(&file).await;
        assert_eq!([running.ask("").await, running.ask("").await], [OK, OK]);
        running.stop().await;
    }
}
