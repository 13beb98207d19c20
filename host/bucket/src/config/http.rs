//! `http_config`: how connections are made.
//!
//! Source: `object-storage.md` section 3.

use std::{path::PathBuf, time::Duration};

use crate::{
    Error,
    config::{
        value::Values,
        yaml::{Kind, Schema},
    },
};

/// Limits and TLS of the connections to a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpConfig {
    /// How long an idle connection is kept.
    pub idle_timeout: Duration,
    /// From the end of the request's body to the headers of the response.
    pub response_header_timeout: Duration,
    /// Added to 30 s for connecting.
    pub tls_handshake_timeout: Duration,
    /// Certificates are not checked.
    pub insecure_skip_verify: bool,
    /// Idle connections kept.
    pub max_idle_per_host: usize,
    /// Requests at a time; 0 means our own ceiling.
    pub max_per_host: usize,
    /// If set, only the roots of this PEM file are trusted.
    pub ca_file: Option<PathBuf>,
    /// Client certificate and key, PEM files.
    pub client_certificate: Option<(PathBuf, PathBuf)>,
    /// The name that the server's certificate must carry.
    pub server_name: Option<String>,
}

pub(super) static SCHEMA: Schema = Schema {
    name: "exthttp.HTTPConfig",
    strict: true,
    keys: &[
        ("idle_conn_timeout", Kind::Text),
        ("response_header_timeout", Kind::Text),
        ("insecure_skip_verify", Kind::Text),
        ("tls_handshake_timeout", Kind::Text),
        ("expect_continue_timeout", Kind::Text),
        ("max_idle_conns", Kind::Text),
        ("max_idle_conns_per_host", Kind::Text),
        ("max_conns_per_host", Kind::Text),
        ("tls_config", Kind::Block(&TLS)),
        ("disable_compression", Kind::Text),
    ],
};

static TLS: Schema = Schema {
    name: "exthttp.TLSConfig",
    strict: true,
    keys: &[
        ("ca_file", Kind::Text),
        ("cert_file", Kind::Text),
        ("key_file", Kind::Text),
        ("server_name", Kind::Text),
        ("insecure_skip_verify", Kind::Text),
    ],
};

impl HttpConfig {
    /// Reads `http_config`; what is accepted and has no effect is checked all the same.
    pub(super) fn read(values: &Values<'_>, warnings: &mut Vec<String>) -> Result<Self, Error> {
        let key = |name: &str| format!("http_config.{name}");
        let seconds = |name: &str, default| values.duration(&key(name), Duration::from_secs(default));
        let count = |name: &str, default| {
            let number = values.number(&key(name), default)?;
            usize::try_from(number).map_err(|_| values.wrong(&key(name), "too large"))
        };
        let file = |name: &str| Some(values.text(&key(name))).filter(|text| !text.is_empty()).map(PathBuf::from);
        seconds("expect_continue_timeout", 1)?;
        count("max_idle_conns", 100)?;
        values.flag(&key("disable_compression"), false)?;
        let insecure_skip_verify = values.flag(&key("insecure_skip_verify"), false)?;
        if values.flag(&key("tls_config.insecure_skip_verify"), false)? && !insecure_skip_verify {
            warnings.push(
                "http_config.tls_config.insecure_skip_verify has no effect: certificates are checked unless \
                 http_config.insecure_skip_verify is true"
                    .to_owned(),
            );
        }
        if insecure_skip_verify {
            warnings.push("http_config.insecure_skip_verify: the store's certificate is not checked".to_owned());
        }
        let client_certificate = match (file("tls_config.cert_file"), file("tls_config.key_file")) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            (Some(_), None) => return Err(values.wrong(&key("tls_config.cert_file"), "given without key_file")),
            (None, Some(_)) => return Err(values.wrong(&key("tls_config.key_file"), "given without cert_file")),
        };
        Ok(Self {
            idle_timeout: seconds("idle_conn_timeout", 90)?,
            response_header_timeout: seconds("response_header_timeout", 120)?,
            tls_handshake_timeout: seconds("tls_handshake_timeout", 10)?,
            insecure_skip_verify,
            max_idle_per_host: count("max_idle_conns_per_host", 100)?,
            max_per_host: count("max_conns_per_host", 0)?,
            ca_file: file("tls_config.ca_file"),
            client_certificate,
            server_name: Some(values.text(&key("tls_config.server_name")).to_owned()).filter(|name| !name.is_empty()),
        })
    }
}
