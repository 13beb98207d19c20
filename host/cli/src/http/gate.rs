//! Who is let in, and how connections are made safe: what `--http.config` turns on.
//!
//! The file is read again for each handshake and each request, so that certificates and passwords can be exchanged
//! without a restart. Whether TLS is spoken at all, and how many requests may come, is settled at the start.
//!
//! Source: compactor specification 1.2; Prometheus exporter-toolkit web/handler.go, web/tls_config.go.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use hyper::{HeaderMap, StatusCode};
use lithify_bucket::Secret;
use lithify_compactor::Ambient;
use rustls::ServerConfig;
use sha2::{Digest as _, Sha256};

use super::answer::{self, Answer};
use super::limiter::Limiter;
use super::tls;
use super::web_file::{WebFile, WebFileError};

/// Passwords that were right and need no hashing again; above this many all are forgotten.
const KNOWN_MAX: usize = 100;

/// Stands before the data of every connection and request.
#[derive(Debug, Default)]
pub struct Gate {
    path: Option<PathBuf>,
    speaks_tls: bool,
    limiter: Option<Limiter>,
    known: Mutex<HashSet<[u8; 32]>>,
    /// One password is hashed at a time, so that guessing cannot take all processors.
    hashing: tokio::sync::Mutex<()>,
}

impl Gate {
    /// The gate that the file at `path` describes, its limit measured by the clock of `ambient`; without a file everybody may come in, unencrypted.
    ///
    /// # Errors
    /// [`WebFileError`] if the file, or one that it names, cannot be used.
    pub fn open(path: Option<PathBuf>, ambient: Arc<dyn Ambient>) -> Result<Self, WebFileError> {
        let Some(path) = path else { return Ok(Self::default()) };
        let file = WebFile::read(&path)?;
        if let Some(section) = &file.tls {
            tls::server_config(section, file.http2)?;
        }
        let speaks_tls = file.tls.is_some();
        tracing::info!(tls = speaks_tls, users = file.users.len(), path = %path.display(), "read --http.config");
        let limiter = Limiter::new(file.rate_limit, ambient);
        Ok(Self { path: Some(path), speaks_tls, limiter, ..Self::default() })
    }

    /// How the next handshake is to be done; `None` if connections are plain.
    ///
    /// # Errors
    /// [`WebFileError`] if the file became unusable; the connection cannot be made then.
    pub(super) async fn handshake(&self) -> Result<Option<Arc<ServerConfig>>, WebFileError> {
        let Some(path) = self.path.clone().filter(|_| self.speaks_tls) else { return Ok(None) };
        let read = tokio::task::spawn_blocking(move || {
            let file = WebFile::read(&path)?;
            let section = file.tls.ok_or_else(|| WebFileError::Value {
                key: "tls_server_config".to_owned(),
                reason: "is gone; restart to serve without TLS".to_owned(),
            })?;
            Ok(tls::server_config(&section, file.http2)?)
        });
        read.await.unwrap_or_else(|panic| Err(WebFileError::Panic(panic.to_string()))).map(Some)
    }

    /// Whether a request may come in. Gives back the headers that its answer is to carry.
    ///
    /// # Errors
    /// The answer, if it may not.
    pub(super) async fn admit(&self, headers: &HeaderMap) -> Result<Vec<(HeaderName, HeaderValue)>, Box<Answer>> {
        let Some(path) = self.path.clone() else { return Ok(Vec::new()) };
        if self.limiter.as_ref().is_some_and(|limiter| !limiter.allows()) {
            return Err(Box::new(answer::error(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests\n")));
        }
        let read = tokio::task::spawn_blocking(move || WebFile::read(&path));
        let file = read.await.unwrap_or_else(|panic| Err(WebFileError::Panic(panic.to_string())));
        let file = file.map_err(|error| {
            tracing::error!(err = %crate::logging::chain(&error), "a request cannot be answered");
            Box::new(answer::error(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error\n"))
        })?;
        if file.users.is_empty() || self.knows(&file, credentials(headers)).await {
            return Ok(file.headers);
        }
        let mut refused = answer::error(StatusCode::UNAUTHORIZED, "Unauthorized\n");
        refused.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic"));
        refused.headers_mut().extend(file.headers);
        Err(Box::new(refused))
    }

    async fn knows(&self, file: &WebFile, given: Option<(String, Secret)>) -> bool {
        let Some((user, password)) = given else { return false };
        // For an unknown user a hash is worked out as well: time must not tell who is known.
        let hash = file.users.get(&user);
        let Some(compared) = hash.or_else(|| file.users.values().next()).cloned() else { return false };
        let digest = digest(&[user.as_bytes(), compared.expose().as_bytes(), password.expose().as_bytes()]);
        let is_user = hash.is_some();
        if is_user && self.known.lock().unwrap_or_else(PoisonError::into_inner).contains(&digest) {
            return true;
        }
        let _turn = self.hashing.lock().await;
        let hashing =
            tokio::task::spawn_blocking(move || bcrypt::verify(password.expose().as_bytes(), compared.expose()));
        let is_right = matches!(hashing.await, Ok(Ok(true))) && is_user;
        if is_right {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= KNOWN_MAX {
                known.clear();
            }
            known.insert(digest);
        }
        is_right
    }
}

/// User and password of `Authorization: Basic …`.
fn credentials(headers: &HeaderMap) -> Option<(String, Secret)> {
    let (scheme, encoded) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = Secret::new(String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?);
    let (user, password) = text.expose().split_once(':')?;
    Some((user.to_owned(), Secret::new(password.to_owned())))
}

/// The parts with their lengths, so that none can be moved from one to the next.
fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.len().to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}
