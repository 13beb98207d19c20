//! The file of `--http.config`: TLS, headers of answers, users with passwords.
//!
//! Keys are those of the reference's library; what cannot be done here is refused with a reason, never ignored.
//!
//! Source: compactor specification 1.2 (`--http.config`); Prometheus exporter-toolkit docs/web-configuration.md.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use hyper::header::{HeaderName, HeaderValue};
use lithify_bucket::Secret;
use serde::Deserialize;
use thiserror::Error;

use super::tls::TlsError;
use crate::flags::go_duration;

/// What the file says, checked.
#[derive(Debug, Default)]
pub(super) struct WebFile {
    /// How to speak TLS; without it connections are plain.
    pub(super) tls: Option<TlsSection>,
    /// Headers that each answer carries.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// Whether HTTP/2 is offered where TLS is spoken.
    pub(super) http2: bool,
    /// How many requests may come.
    pub(super) rate_limit: RateLimit,
    /// bcrypt hashes of passwords by user; empty lets everybody in.
    pub(super) users: BTreeMap<String, Secret>,
}

/// A bucket of tokens for requests; an interval of zero limits nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RateLimit {
    /// Nanoseconds until there is another token.
    pub(super) interval_nanoseconds: u64,
    /// Most tokens.
    pub(super) burst: u32,
}

/// Why the file cannot be used. Secrets are in none of these.
#[derive(Debug, Error)]
pub enum WebFileError {
    /// It cannot be read.
    #[error("read --http.config {path}: {error}")]
    Read {
        /// Its path.
        path: String,
        /// Why not.
        error: std::io::Error,
    },
    /// It is not YAML of this shape.
    #[error("parse --http.config {path}: {reason}")]
    Yaml {
        /// Its path.
        path: String,
        /// Line and reason.
        reason: String,
    },
    /// A key has a value that this program cannot do.
    #[error("--http.config: {key}: {reason}")]
    Value {
        /// The key.
        key: String,
        /// What is wrong and the way out.
        reason: String,
    },
    /// A bug of ours.
    #[error("internal error: {0}")]
    Panic(String),
    /// Certificates or keys.
    #[error("--http.config: tls_server_config: {0}")]
    Tls(#[from] TlsError),
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct File {
    tls_server_config: Option<TlsSection>,
    http_server_config: HttpSection,
    basic_auth_users: Option<BTreeMap<String, String>>,
    rate_limit: Option<RateSection>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RateSection {
    interval: Option<Interval>,
    burst: i64,
}

/// A duration of Go, or nanoseconds.
#[derive(Deserialize)]
#[serde(untagged)]
enum Interval {
    Nanoseconds(i64),
    Text(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct HttpSection {
    http2: bool,
    headers: Option<BTreeMap<String, String>>,
}

impl Default for HttpSection {
    fn default() -> Self {
        Self { http2: true, headers: None }
    }
}

/// `tls_server_config` as it is written. Keys given as text are secrets.
#[derive(Clone, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TlsSection {
    pub(super) cert: String,
    pub(super) cert_file: PathBuf,
    key: String,
    pub(super) key_file: PathBuf,
    pub(super) client_ca: String,
    pub(super) client_ca_file: PathBuf,
    pub(super) client_auth_type: String,
    pub(super) client_allowed_sans: Option<Vec<String>>,
    pub(super) cipher_suites: Option<Vec<String>>,
    pub(super) curve_preferences: Option<Vec<String>>,
    pub(super) min_version: String,
    pub(super) max_version: String,
    pub(super) prefer_server_cipher_suites: Option<bool>,
}

impl std::fmt::Debug for TlsSection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsSection").field("cert_file", &self.cert_file).field("key_file", &self.key_file).finish()
    }
}

impl TlsSection {
    /// The private key, if it stands in the file itself.
    pub(super) fn key(&self) -> Secret {
        Secret::new(self.key.clone())
    }

    /// Whether nothing turns TLS on.
    fn is_off(&self) -> bool {
        let files = [&self.cert_file, &self.key_file, &self.client_ca_file];
        let texts = [&self.cert, &self.key, &self.client_ca, &self.client_auth_type];
        files.iter().all(|file| file.as_os_str().is_empty()) && texts.iter().all(|text| text.is_empty())
    }
}

impl WebFile {
    /// Reads and checks the file, and the files that it names. Relative paths in it start where it lies.
    ///
    /// # Errors
    /// [`WebFileError`].
    pub(super) fn read(path: &Path) -> Result<Self, WebFileError> {
        let shown = || path.display().to_string();
        let text = fs::read_to_string(path).map_err(|error| WebFileError::Read { path: shown(), error })?;
        let file: Option<File> = serde_yaml::from_str(&text)
            .map_err(|error| WebFileError::Yaml { path: shown(), reason: without_values(&error) })?;
        let file = file.unwrap_or_default();
        let rate_limit = file.rate_limit.unwrap_or_default().checked()?;
        let directory = path.parent().unwrap_or(Path::new("")).to_owned();
        let tls = file.tls_server_config.filter(|tls| !tls.is_off()).map(|tls| tls.joined(&directory));
        let headers = file.http_server_config.headers.unwrap_or_default();
        let headers = headers.iter().map(|(name, value)| header(name, value)).collect::<Result<_, _>>()?;
        let users = file.basic_auth_users.unwrap_or_default();
        if let Some((user, _)) = users.iter().find(|(_, hash)| !is_hash(hash)) {
            let key = format!("basic_auth_users: {user}");
            return Err(refused(&key, "is no bcrypt hash; make one with `htpasswd -nBC 10 \"\"`"));
        }
        let users = users.into_iter().map(|(user, hash)| (user, Secret::new(hash))).collect();
        Ok(Self { tls, headers, http2: file.http_server_config.http2, rate_limit, users })
    }
}

impl RateSection {
    /// What is below zero limits nothing if it is the interval, and everything if it is the burst, as in the reference.
    fn checked(self) -> Result<RateLimit, WebFileError> {
        let interval = match self.interval {
            None => 0,
            Some(Interval::Nanoseconds(nanoseconds)) => nanoseconds,
            Some(Interval::Text(text)) => {
                let parsed = go_duration::parse(&text);
                parsed.map_err(|error| refused("rate_limit: interval", &error.to_string()))?.nanoseconds
            }
        };
        let burst = u32::try_from(self.burst.max(0)).unwrap_or(u32::MAX);
        Ok(RateLimit { interval_nanoseconds: u64::try_from(interval).unwrap_or_default(), burst })
    }
}

impl TlsSection {
    fn joined(self, directory: &Path) -> Self {
        // An empty path stays empty: it means that there is none.
        let join = |path: PathBuf| if path.as_os_str().is_empty() { path } else { directory.join(path) };
        Self {
            cert_file: join(self.cert_file),
            key_file: join(self.key_file),
            client_ca_file: join(self.client_ca_file),
            ..self
        }
    }
}

/// Line and kind of what is wrong; the message itself may quote a value, and a value may be a secret.
fn without_values(error: &serde_yaml::Error) -> String {
    let text = error.to_string();
    let place = error.location().map(|at| format!("line {}, column {}: ", at.line(), at.column())).unwrap_or_default();
    let known = ["unknown field", "missing field", "duplicate field", "duplicate entry"];
    match known.iter().any(|known| text.contains(known)) {
        true => text,
        false => format!("{place}not of the expected shape"),
    }
}

fn is_hash(hash: &str) -> bool {
    hash.parse::<bcrypt::HashParts>().is_ok()
}

/// Only these may be set, some of them to a few values only.
fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), WebFileError> {
    let key = format!("http_server_config: headers: {name}");
    let values: Option<&[&str]> = match name {
        "Content-Security-Policy" | "Strict-Transport-Security" => None,
        "X-Frame-Options" => Some(&["", "deny", "sameorigin"]),
        "X-Content-Type-Options" => Some(&["", "nosniff"]),
        "X-XSS-Protection" => Some(&["", "0", "1", "1; mode=block"]),
        _ => return Err(refused(&key, "HTTP header cannot be configured")),
    };
    if values.is_some_and(|values| !values.iter().any(|known| known.eq_ignore_ascii_case(value))) {
        return Err(refused(&key, "this value is not known for this header"));
    }
    let invalid = |_| refused(&key, "is not valid in a header");
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused(&key, "is not valid in a header"))?;
    Ok((name, HeaderValue::from_str(value).map_err(invalid)?))
}

fn refused(key: &str, reason: &str) -> WebFileError {
    WebFileError::Value { key: key.to_owned(), reason: reason.to_owned() }
}
