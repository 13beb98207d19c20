//! Connections: TLS, proxies, names and their limits.
//!
//! Source: `object-storage.md` section 3.

use std::{fmt, fs, path::Path, sync::Arc, time::Duration};

use object_store::{
    ClientOptions,
    client::{HttpClient, HttpConnector},
};
use reqwest::{
    Client, NoProxy, Proxy,
    dns::{Addrs, Name, Resolve, Resolving},
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

use crate::{Error, HttpConfig, s3::trust::TrustAnyone};

/// TCP's share of the time for connecting; the TLS handshake's comes on top.
const TCP_CONNECT: Duration = Duration::from_secs(30);

/// Addresses that are never reached through a proxy: this machine, and the services of the machine's cloud.
const DIRECT: &str = "localhost,127.0.0.0/8,::1,169.254.0.0/16,fe80::/10";

/// Gives `object_store`'s credential services our kind of connection.
#[derive(Clone)]
pub(super) struct Connector(Client);

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.clone()))
    }
}

/// The client for the bucket. `host` is the host of the endpoint, for `server_name`.
pub(super) fn client(http: &HttpConfig, host: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Client, Error> {
    let mut builder = Client::builder()
        .user_agent(concat!("lithify/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(TCP_CONNECT + http.tls_handshake_timeout)
        .pool_idle_timeout(http.idle_timeout)
        .pool_max_idle_per_host(http.max_idle_per_host)
        .http1_only()
        .tls_backend_preconfigured(tls(http)?)
        .no_proxy();
    if let Some(name) = &http.server_name {
        builder = builder.dns_resolver(Arc::new(Alias { name: name.clone(), host: host.to_owned() }));
    }
    for proxy in proxies(env)? {
        builder = builder.proxy(proxy);
    }
    builder.build().map_err(|error| wrong("http_config", &error.without_url().to_string()))
}

/// The connections of credential services: not the bucket's TLS, and no patience.
pub(super) fn connector(env: &dyn Fn(&str) -> Option<String>) -> Result<Connector, Error> {
    let mut builder = Client::builder()
        .connect_timeout(Duration::from_secs(2))
        .timeout(Duration::from_secs(20))
        .tls_backend_preconfigured(with_roots(system_roots())?.with_no_client_auth())
        .no_proxy();
    for proxy in proxies(env)? {
        builder = builder.proxy(proxy);
    }
    builder.build().map(Connector).map_err(|error| wrong("http_config", &error.without_url().to_string()))
}

fn wrong(key: &str, problem: &str) -> Error {
    Error::Config(format!("objstore configuration: S3: {key}: {problem}"))
}

/// The proxies that the environment names, in either case.
fn proxies(env: &dyn Fn(&str) -> Option<String>) -> Result<Vec<Proxy>, Error> {
    let get = |name: &str| env(name).or_else(|| env(&name.to_lowercase())).filter(|value| !value.is_empty());
    let mut direct = DIRECT.to_owned();
    if let Some(more) = get("NO_PROXY") {
        direct.push(',');
        direct.push_str(&more);
    }
    let mut proxies = Vec::new();
    for name in ["HTTP_PROXY", "HTTPS_PROXY"] {
        let Some(url) = get(name) else { continue };
        let proxy = if name == "HTTP_PROXY" { Proxy::http(&url) } else { Proxy::https(&url) };
        // A proxy's URL may hold a password: it is not shown.
        let proxy = proxy.map_err(|_| wrong(name, "the proxy's URL cannot be used"))?;
        proxies.push(proxy.no_proxy(NoProxy::from_string(&direct)));
    }
    Ok(proxies)
}

type Builder = rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>;

fn tls(http: &HttpConfig) -> Result<ClientConfig, Error> {
    let builder = if http.insecure_skip_verify {
        let provider = provider();
        let verifier = Arc::new(TrustAnyone(Arc::clone(&provider)));
        versions(provider)?.dangerous().with_custom_certificate_verifier(verifier)
    } else {
        match &http.ca_file {
            Some(file) => with_roots(roots_of(file)?)?,
            None => with_roots(system_roots())?,
        }
    };
    let Some((certificate, key)) = &http.client_certificate else { return Ok(builder.with_no_client_auth()) };
    let chain = certificates(certificate, "http_config.tls_config.cert_file")?;
    let key_of = "http_config.tls_config.key_file";
    let key = zeroize::Zeroizing::new(read(key, key_of)?);
    let key = PrivateKeyDer::from_pem_slice(&key).map_err(|_| wrong(key_of, "holds no private key in PEM form"))?;
    builder
        .with_client_auth_cert(chain, key)
        .map_err(|error| wrong("http_config.tls_config.cert_file", &error.to_string()))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn versions(
    provider: Arc<CryptoProvider>,
) -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, Error> {
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong("http_config.tls_config", &error.to_string()))
}

fn with_roots(roots: RootCertStore) -> Result<Builder, Error> {
    Ok(versions(provider())?.with_root_certificates(roots))
}

/// The machine's trust store; a compiled-in one where a container has none.
fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        tracing::info!("the system has no trusted certificates, Mozilla's compiled-in ones are used");
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}

fn roots_of(file: &Path) -> Result<RootCertStore, Error> {
    const KEY: &str = "http_config.tls_config.ca_file";
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file, KEY)? {
        roots.add(certificate).map_err(|error| wrong(KEY, &format!("{}: {error}", file.display())))?;
    }
    Ok(roots)
}

fn certificates(file: &Path, key: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let pem = read(file, key)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        _ => Err(wrong(key, &format!("{} holds no certificate in PEM form", file.display()))),
    }
}

fn read(file: &Path, key: &str) -> Result<Vec<u8>, Error> {
    fs::read(file).map_err(|error| wrong(key, &format!("{}: {error}", file.display())))
}

/// Resolves the name of the certificate to the addresses of the endpoint.
struct Alias {
    name: String,
    host: String,
}

impl Resolve for Alias {
    fn resolve(&self, name: Name) -> Resolving {
        let host = if name.as_str() == self.name { self.host.clone() } else { name.as_str().to_owned() };
        Box::pin(async move {
            let found: Vec<_> = tokio::net::lookup_host((host, 0)).await?.collect();
            let addresses: Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}
