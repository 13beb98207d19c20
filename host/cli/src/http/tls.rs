//! How TLS is spoken: certificates, versions, ciphers, and what is asked of clients.
//!
//! Source: Prometheus exporter-toolkit web/tls_config.go; crypto/tls of Go for names.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig, SignatureScheme,
    SupportedProtocolVersion, version,
};
use thiserror::Error;

use super::san;
use super::web_file::TlsSection;

/// What clients call HTTP/2.
pub(super) const HTTP2: &[u8] = b"h2";

/// Why TLS cannot be spoken.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A key that is not there although another makes it necessary.
    #[error("{0}")]
    Missing(&'static str),
    /// A value that is not known or cannot be done.
    #[error("{key}: {value}: {reason}")]
    Value {
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
        /// What is wrong and the way out.
        reason: &'static str,
    },
    /// A file cannot be read.
    #[error("{key}: read {path}: {error}")]
    Read {
        /// The key.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// A text is no PEM of the kind that is needed.
    #[error("{key}: not PEM of the kind that is needed: {reason}")]
    Pem {
        /// The key.
        key: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// Certificate and key, or all choices together, do not work.
    #[error("{0}")]
    Rustls(String),
}

/// What the section says, ready for handshakes, with HTTP/2 on offer if it is wanted. Reads the files that it names.
///
/// # Errors
/// [`TlsError`].
pub(super) fn server_config(section: &TlsSection, http2: bool) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = Arc::new(provider(section)?);
    let versions = versions(section)?;
    let certificates = certificates("cert_file", &section.cert, &section.cert_file)?;
    let key = key(section)?;
    let failed = |error: rustls::Error| TlsError::Rustls(error.to_string());
    let builder =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(&versions).map_err(failed)?;
    let builder = match verifier(section, &provider)? {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_single_cert(certificates, key).map_err(failed)?;
    config.ignore_client_order = section.prefer_server_cipher_suites.unwrap_or(true);
    config.alpn_protocols = http2.then(|| HTTP2.to_vec()).into_iter().chain([b"http/1.1".to_vec()]).collect();
    Ok(Arc::new(config))
}

fn certificates(key: &'static str, text: &str, file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = match (text, file.as_os_str().is_empty()) {
        ("", true) => return Err(TlsError::Missing("missing one of cert or cert_file")),
        (_, false) if !text.is_empty() => return Err(TlsError::Missing("both cert and cert_file are given, give one")),
        ("", false) => read(key, file)?,
        _ => text.as_bytes().to_vec(),
    };
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let found = found.map_err(|error| TlsError::Pem { key, reason: error.to_string() })?;
    if found.is_empty() {
        return Err(TlsError::Pem { key, reason: "there is no certificate in it".to_owned() });
    }
    Ok(found)
}

fn key(section: &TlsSection) -> Result<PrivateKeyDer<'static>, TlsError> {
    let (text, file) = (section.key(), &section.key_file);
    // The reason of the parser tells of structure only, never of content.
    let pem = |error: rustls::pki_types::pem::Error| TlsError::Pem {
        key: "key_file",
        reason: if matches!(error, rustls::pki_types::pem::Error::NoItemsFound) {
            "there is no private key in it".to_owned()
        } else {
            "it is damaged".to_owned()
        },
    };
    match (text.is_empty(), file.as_os_str().is_empty()) {
        (true, true) => Err(TlsError::Missing("missing one of key or key_file")),
        (false, false) => Err(TlsError::Missing("both key and key_file are given, give one")),
        (true, false) => PrivateKeyDer::from_pem_slice(&read("key_file", file)?).map_err(pem),
        (false, true) => PrivateKeyDer::from_pem_slice(text.expose().as_bytes()).map_err(pem),
    }
}

fn read(key: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|error| TlsError::Read { key, path: path.to_owned(), error })
}

fn versions(section: &TlsSection) -> Result<Vec<&'static SupportedProtocolVersion>, TlsError> {
    let number = |key, value: &str, default| match value {
        "" => Ok(default),
        "TLS12" => Ok(12),
        "TLS13" => Ok(13),
        "TLS10" | "TLS11" => Err(TlsError::Value {
            key,
            value: value.to_owned(),
            reason: "is not secure and not supported; use TLS12 or TLS13",
        }),
        _ => Err(TlsError::Value { key, value: value.to_owned(), reason: "is no TLS version; use TLS12 or TLS13" }),
    };
    let (min, max) =
        (number("min_version", &section.min_version, 12)?, number("max_version", &section.max_version, 13)?);
    let known = [(12, &version::TLS12), (13, &version::TLS13)];
    let versions: Vec<_> =
        known.into_iter().filter(|(number, _)| min <= *number && *number <= max).map(|(_, version)| version).collect();
    if versions.is_empty() {
        return Err(TlsError::Missing("max_version is below min_version"));
    }
    Ok(versions)
}

/// The algorithms, reduced to those that are named. As in Go, ciphers of TLS 1.3 cannot be chosen.
fn provider(section: &TlsSection) -> Result<CryptoProvider, TlsError> {
    let mut provider = ring::default_provider();
    if let Some(names) = section.cipher_suites.as_ref().filter(|names| !names.is_empty()) {
        let name = |suite: &rustls::SupportedCipherSuite| format!("{:?}", suite.suite()).replace("TLS13_", "TLS_");
        let known: Vec<_> = provider.cipher_suites.iter().map(name).collect();
        // Go writes two of them without their hash.
        let named = |given: &str, name: &str| name == given || name.strip_suffix("_SHA256") == Some(given);
        if let Some(unknown) = names.iter().find(|given| !known.iter().any(|name| named(given, name))) {
            return Err(TlsError::Value {
                key: "cipher_suites",
                value: unknown.clone(),
                reason: "is not supported; use ECDHE suites with AES-GCM or CHACHA20_POLY1305",
            });
        }
        provider
            .cipher_suites
            .retain(|suite| suite.tls13().is_some() || names.iter().any(|given| named(given, &name(suite))));
    }
    if let Some(names) = section.curve_preferences.as_ref().filter(|names| !names.is_empty()) {
        let mut groups = Vec::new();
        for name in names {
            groups.push(match name.as_str() {
                "CurveP256" => ring::kx_group::SECP256R1,
                "CurveP384" => ring::kx_group::SECP384R1,
                "X25519" => ring::kx_group::X25519,
                _ => {
                    return Err(TlsError::Value {
                        key: "curve_preferences",
                        value: name.clone(),
                        reason: "is not supported; use X25519, CurveP256 or CurveP384",
                    });
                }
            });
        }
        provider.kx_groups = groups;
    }
    Ok(provider)
}

fn verifier(
    section: &TlsSection,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, TlsError> {
    let verifier = any_verifier(section, provider)?;
    let Some(allowed) = section.client_allowed_sans.clone() else { return Ok(verifier) };
    let inner = verifier.ok_or(TlsError::Missing(
        "client_allowed_sans needs certificates: set client_auth_type to RequireAndVerifyClientCert",
    ))?;
    Ok(Some(Arc::new(Named { allowed, inner })))
}

/// Who may come in, whatever their names.
fn any_verifier(
    section: &TlsSection,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, TlsError> {
    let has_authority = !section.client_ca.is_empty() || !section.client_ca_file.as_os_str().is_empty();
    let mandatory = match section.client_auth_type.as_str() {
        "" | "NoClientCert" if has_authority => {
            return Err(TlsError::Missing("client CA's have been configured without a Client Auth Policy"));
        }
        "" | "NoClientCert" => return Ok(None),
        "RequestClientCert" => return Ok(Some(Arc::new(Unverified::new(false, provider)))),
        "RequireAnyClientCert" | "RequireClientCert" => return Ok(Some(Arc::new(Unverified::new(true, provider)))),
        "VerifyClientCertIfGiven" => false,
        "RequireAndVerifyClientCert" => true,
        other => {
            return Err(TlsError::Value {
                key: "client_auth_type",
                value: other.to_owned(),
                reason: "is none of NoClientCert, RequestClientCert, RequireAnyClientCert, VerifyClientCertIfGiven, \
                         RequireAndVerifyClientCert",
            });
        }
    };
    if !has_authority {
        return Err(TlsError::Missing("client certificates are to be verified, but there is no client_ca_file"));
    }
    let mut roots = RootCertStore::empty();
    for authority in certificates("client_ca_file", &section.client_ca, &section.client_ca_file)? {
        roots.add(authority).map_err(|error| TlsError::Pem { key: "client_ca_file", reason: error.to_string() })?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    let builder = if mandatory { builder } else { builder.allow_unauthenticated() };
    builder.build().map(Some).map_err(|error| TlsError::Rustls(error.to_string()))
}

/// Takes any certificate of a client; that the client holds its key is checked all the same.
#[derive(Debug)]
struct Unverified {
    mandatory: bool,
    provider: Arc<CryptoProvider>,
}

impl Unverified {
    fn new(mandatory: bool, provider: &Arc<CryptoProvider>) -> Self {
        Self { mandatory, provider: Arc::clone(provider) }
    }
}

impl ClientCertVerifier for Unverified {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Takes certificates that the other takes, if they carry one of these names. Who shows none has no name.
#[derive(Debug)]
struct Named {
    allowed: Vec<String>,
    inner: Arc<dyn ClientCertVerifier>,
}

impl ClientCertVerifier for Named {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let verified = self.inner.verify_client_cert(certificate, others, now)?;
        let names = san::names(certificate).ok_or(CertificateError::BadEncoding)?;
        if names.iter().any(|name| self.allowed.contains(name)) {
            return Ok(verified);
        }
        tracing::warn!(found = names.join(","), "the certificate of a client carries none of client_allowed_sans");
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
