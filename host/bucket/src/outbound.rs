//! Connections to the outside: TLS, proxies, names. Stores use them, and whoever else has to call somebody.
//!
//! Source: `object-storage.md` section 3.

mod trust;

use std::{fs, path::Path, path::PathBuf, sync::Arc};

use reqwest::{
    NoProxy, Proxy,
    dns::{Addrs, Name, Resolve, Resolving},
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

use self::trust::TrustAnyone;

/// Addresses that are never reached through a proxy: this machine, and the services of the machine's cloud.
const DIRECT: &str = "localhost,127.0.0.0/8,::1,169.254.0.0/16,fe80::/10";

/// Whom to trust, and who we are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientTls {
    /// If set, only the roots of this PEM file are trusted.
    pub ca_file: Option<PathBuf>,
    /// Client certificate and key, PEM files.
    pub client_certificate: Option<(PathBuf, PathBuf)>,
    /// Certificates are not checked.
    pub insecure_skip_verify: bool,
}

/// A setting that cannot be used. It has no secret in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct OutboundError {
    /// The key, as the YAML of Thanos has it in a `tls_config`, or the environment's variable.
    pub key: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

/// How TLS is spoken, as `tls` says. The files are read.
///
/// # Errors
/// [`OutboundError`]: a file that cannot be read, or does not hold what it should.
pub fn client_tls(tls: &ClientTls) -> Result<ClientConfig, OutboundError> {
    let builder = if tls.insecure_skip_verify {
        let provider = provider();
        let verifier = Arc::new(TrustAnyone(Arc::clone(&provider)));
        versions(provider)?.dangerous().with_custom_certificate_verifier(verifier)
    } else {
        let roots = tls.ca_file.as_deref().map_or_else(|| Ok(system_roots()), roots_of)?;
        versions(provider())?.with_root_certificates(roots)
    };
    let Some((certificate, key)) = &tls.client_certificate else { return Ok(builder.with_no_client_auth()) };
    let chain = certificates(certificate, "cert_file")?;
    let key = zeroize::Zeroizing::new(read(key, "key_file")?);
    let key = PrivateKeyDer::from_pem_slice(&key).map_err(|_| wrong("key_file", "holds no private key in PEM form"))?;
    builder.with_client_auth_cert(chain, key).map_err(|error| wrong("cert_file", error))
}

/// The proxies that the environment names, in either case.
///
/// # Errors
/// [`OutboundError`] for a variable that holds no URL.
pub fn proxies(env: &dyn Fn(&str) -> Option<String>) -> Result<Vec<Proxy>, OutboundError> {
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

/// Resolves the name of the certificate to the addresses of the endpoint: requests to `name` go to `host`.
#[derive(Clone, Debug)]
pub struct Alias {
    /// What the certificate says.
    pub name: String,
    /// Where to connect.
    pub host: String,
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

fn wrong(key: &'static str, problem: impl ToString) -> OutboundError {
    OutboundError { key, problem: problem.to_string() }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn versions(
    provider: Arc<CryptoProvider>,
) -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, OutboundError> {
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    builder.map_err(|error| wrong("tls_config", error))
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

fn roots_of(file: &Path) -> Result<RootCertStore, OutboundError> {
    const KEY: &str = "ca_file";
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file, KEY)? {
        roots.add(certificate).map_err(|error| wrong(KEY, format!("{}: {error}", file.display())))?;
    }
    Ok(roots)
}

fn certificates(file: &Path, key: &'static str) -> Result<Vec<CertificateDer<'static>>, OutboundError> {
    let pem = read(file, key)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        _ => Err(wrong(key, format!("{} holds no certificate in PEM form", file.display()))),
    }
}

fn read(file: &Path, key: &'static str) -> Result<Vec<u8>, OutboundError> {
    fs::read(file).map_err(|error| wrong(key, format!("{}: {error}", file.display())))
}
