//! Headers for encryption on the server.
//!
//! Source: `object-storage.md` 4.1, `sse_config`.

use std::fs;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use md5::{Digest as _, Md5};
use reqwest::header::{HeaderName, HeaderValue};
use zeroize::Zeroizing;

use crate::{Error, S3Config, Sse, s3::address};

/// Bytes of a customer's key.
const KEY: usize = 32;

type Headers = Vec<(HeaderName, HeaderValue)>;

/// Which headers go where. The values of a customer's key are marked sensitive: they are never printed.
pub(super) struct SseHeaders {
    /// On requests that begin an object: put, create-multipart.
    pub(super) create: Headers,
    /// On everything that touches content: put, create-multipart, part, get, head.
    pub(super) content: Headers,
}

impl SseHeaders {
    pub(super) fn new(config: &S3Config) -> Result<Self, Error> {
        let mut headers = Self { create: Vec::new(), content: Vec::new() };
        for (name, value) in &config.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong("put_user_metadata", "bad name"))?;
            headers.create.push((name, value_of(value, "put_user_metadata")?));
        }
        headers.create.push((reqwest::header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")));
        let mut create = |name: &'static str, value| {
            headers.create.push((HeaderName::from_static(name), value));
        };
        match &config.sse {
            Sse::None => {}
            Sse::S3 => create("x-amz-server-side-encryption", HeaderValue::from_static("AES256")),
            Sse::Kms { key, context } => {
                create("x-amz-server-side-encryption", HeaderValue::from_static("aws:kms"));
                create("x-amz-server-side-encryption-aws-kms-key-id", value_of(key, "sse_config.kms_key_id")?);
                if !context.is_empty() {
                    let json = serde_json::to_string(context).expect("a map of texts is JSON");
                    create("x-amz-server-side-encryption-context", base64(json.as_bytes()));
                }
            }
            Sse::Customer { key_file } => {
                if config.insecure && address::is_aws(&config.endpoint) {
                    return Err(wrong("sse_config.type", "SSE-C needs TLS, and insecure is true"));
                }
                let key = fs::read(key_file)
                    .map(Zeroizing::new)
                    .map_err(|error| wrong("sse_config.encryption_key", &format!("{}: {error}", key_file.display())))?;
                if key.len() != KEY {
                    let problem = format!("the file has {} bytes, a key has {KEY}", key.len());
                    return Err(wrong("sse_config.encryption_key", &problem));
                }
                headers.content = customer(&key);
            }
        }
        Ok(headers)
    }
}

fn customer(key: &[u8]) -> Headers {
    let mut headers = vec![
        ("x-amz-server-side-encryption-customer-algorithm", HeaderValue::from_static("AES256")),
        ("x-amz-server-side-encryption-customer-key", base64(key)),
        ("x-amz-server-side-encryption-customer-key-md5", base64(&Md5::digest(key))),
    ];
    headers.iter_mut().for_each(|(_, value)| value.set_sensitive(true));
    headers.into_iter().map(|(name, value)| (HeaderName::from_static(name), value)).collect()
}

/// `bytes` in base 64 as a header's value.
pub(super) fn base64(bytes: &[u8]) -> HeaderValue {
    let text = Zeroizing::new(BASE64_STANDARD.encode(bytes));
    HeaderValue::from_str(&text).expect("base 64 is ASCII")
}

fn value_of(text: &str, key: &str) -> Result<HeaderValue, Error> {
    HeaderValue::from_str(text).map_err(|_| wrong(key, "cannot be the value of a header"))
}

fn wrong(key: &str, problem: &str) -> Error {
    Error::Config(format!("objstore configuration: S3: {key}: {problem}"))
}
