//! The YAML of `type: S3`.
//!
//! Source: `object-storage.md` 4.1.

use std::{collections::BTreeMap, path::PathBuf};

use crate::{
    Error, Secret,
    config::{
        http::{self, HttpConfig},
        value::Values,
        yaml::{Kind, Schema, Settings},
    },
};

/// Where an S3 bucket is and how to talk to it. Valid: [`crate::parse_config`] has checked what can be checked without
/// a request or a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Config {
    /// Name of the bucket, never empty.
    pub bucket: String,
    /// Host, perhaps with port, without scheme.
    pub endpoint: String,
    /// Empty: found by host name, by asking, or `us-east-1`.
    pub region: String,
    /// Talks to AWS over its IPv4-only hosts.
    pub disable_dualstack: bool,
    /// The chain of the AWS SDK for credentials.
    pub aws_sdk_auth: bool,
    /// Static key, secret and session token; the key empty for the chain of credentials.
    pub access_key: Secret,
    /// See `access_key`.
    pub secret_key: Secret,
    /// See `access_key`; may be empty.
    pub session_token: Secret,
    /// Plain HTTP.
    pub insecure: bool,
    /// Headers that go with every new object, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Connections.
    pub http: HttpConfig,
    /// One debug record a request.
    pub trace: bool,
    /// Which version of the listing request.
    pub list_version: ListVersion,
    /// How the bucket goes into the URL.
    pub lookup: Lookup,
    /// `Content-MD5` with every body.
    pub send_content_md5: bool,
    /// Objects are sent in one request, whatever their size.
    pub disable_multipart: bool,
    /// Bytes of a part; 0 for the 16 MiB rule.
    pub part_size: u64,
    /// Encryption on the server.
    pub sse: Sse,
    /// Web identity and instance metadata are asked here; empty for AWS's own.
    pub sts_endpoint: String,
    /// Attempts a request, the first included; 0 for 10.
    pub max_attempts: u64,
}

/// Version of the listing request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListVersion {
    /// `marker`, for old stores.
    V1,
    /// `continuation-token`.
    V2,
}

/// How the bucket goes into the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// In the host for AWS, Google and Aliyun, in the path else.
    Auto,
    /// In the host.
    VirtualHosted,
    /// In the path.
    Path,
}

/// Encryption on the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sse {
    /// As the bucket says.
    None,
    /// By keys of the store.
    S3,
    /// By a key of the key service, with a context that goes into the request as JSON.
    Kms {
        /// Id of the key.
        key: String,
        /// Pairs that the key service logs and checks.
        context: BTreeMap<String, String>,
    },
    /// By a key of ours: a file of 32 bytes.
    Customer {
        /// The file.
        key_file: PathBuf,
    },
}

pub(super) static SCHEMA: Schema = Schema {
    name: "s3.Config",
    strict: true,
    keys: &[
        ("bucket", Kind::Text),
        ("endpoint", Kind::Text),
        ("region", Kind::Text),
        ("disable_dualstack", Kind::Text),
        ("aws_sdk_auth", Kind::Text),
        ("access_key", Kind::Text),
        ("insecure", Kind::Text),
        ("signature_version2", Kind::Text),
        ("secret_key", Kind::Text),
        ("session_token", Kind::Text),
        ("put_user_metadata", Kind::Map),
        ("http_config", Kind::Block(&http::SCHEMA)),
        ("trace", Kind::Block(&TRACE)),
        ("list_objects_version", Kind::Text),
        ("bucket_lookup_type", Kind::Text),
        ("send_content_md5", Kind::Text),
        ("disable_multipart", Kind::Text),
        ("part_size", Kind::Text),
        ("sse_config", Kind::Block(&SSE)),
        ("sts_endpoint", Kind::Text),
        ("max_retries", Kind::Text),
    ],
};

static TRACE: Schema = Schema { name: "s3.TraceConfig", strict: true, keys: &[("enable", Kind::Text)] };

static SSE: Schema = Schema {
    name: "s3.SSEConfig",
    strict: true,
    keys: &[
        ("type", Kind::Text),
        ("kms_key_id", Kind::Text),
        ("kms_encryption_context", Kind::Map),
        ("encryption_key", Kind::Text),
    ],
};

/// Headers that the client itself sets: nobody's metadata.
const OWN_HEADERS: [&str; 9] = [
    "authorization",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "host",
    "transfer-encoding",
    "connection",
    "expect",
];

impl S3Config {
    pub(super) fn read(settings: &Settings, warnings: &mut Vec<String>) -> Result<Self, Error> {
        let values = Values { provider: "S3", settings };
        if values.flag("signature_version2", false)? {
            return Err(values.wrong("signature_version2", "not supported: only signature version 4 is"));
        }
        let config = Self {
            bucket: values.text("bucket").to_owned(),
            endpoint: values.text("endpoint").to_owned(),
            region: values.text("region").to_owned(),
            disable_dualstack: values.flag("disable_dualstack", false)?,
            aws_sdk_auth: values.flag("aws_sdk_auth", false)?,
            access_key: values.secret("access_key"),
            secret_key: values.secret("secret_key"),
            session_token: values.secret("session_token"),
            insecure: values.flag("insecure", false)?,
            headers: headers(&values)?,
            http: HttpConfig::read(&values, warnings)?,
            trace: values.flag("trace.enable", false)?,
            list_version: match values.text("list_objects_version") {
                "" | "v2" => ListVersion::V2,
                "v1" => ListVersion::V1,
                _ => return Err(values.wrong("list_objects_version", "want v1, v2 or nothing")),
            },
            lookup: match values.text("bucket_lookup_type") {
                "" | "auto" => Lookup::Auto,
                "virtual-hosted" => Lookup::VirtualHosted,
                "path" => Lookup::Path,
                _ => return Err(values.wrong("bucket_lookup_type", "want auto, virtual-hosted or path")),
            },
            send_content_md5: values.flag("send_content_md5", true)?,
            disable_multipart: values.flag("disable_multipart", false)?,
            part_size: values.number("part_size", 64 << 20)?,
            sse: sse(&values)?,
            sts_endpoint: values.text("sts_endpoint").to_owned(),
            max_attempts: values.number("max_retries", 0)?,
        };
        config.check(&values)?;
        if config.aws_sdk_auth {
            warnings.push(
                "aws_sdk_auth: environment, credentials file, web identity, container and instance are asked; profiles \
                 in ~/.aws/config, SSO and assumed roles are not"
                    .to_owned(),
            );
        }
        if config.insecure && !config.access_key.is_empty() {
            warnings.push("insecure: requests signed with static keys travel over plain HTTP".to_owned());
        }
        Ok(config)
    }

    fn check(&self, values: &Values<'_>) -> Result<(), Error> {
        if self.endpoint.is_empty() {
            return Err(values.wrong("endpoint", "no s3 endpoint in config file"));
        }
        if self.endpoint.contains("://") || self.endpoint.contains(['/', '@', '?', '#']) {
            return Err(values.wrong("endpoint", "want a host, perhaps with a port, without scheme and path"));
        }
        if self.bucket.is_empty() {
            return Err(values.wrong("bucket", "no s3 bucket in config file"));
        }
        let ok = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
        if !self.bucket.chars().all(ok) {
            return Err(values.wrong("bucket", "want letters, digits, dots, hyphens and underscores only"));
        }
        if self.aws_sdk_auth && !self.access_key.is_empty() {
            return Err(values.wrong("aws_sdk_auth", "cannot go together with access_key"));
        }
        if self.access_key.is_empty() != self.secret_key.is_empty() {
            let missing = if self.access_key.is_empty() { "access_key" } else { "secret_key" };
            return Err(values.wrong(missing, "access_key and secret_key must be given both or not at all"));
        }
        const PARTS: std::ops::RangeInclusive<u64> = (5 << 20)..=(5 << 30);
        if self.part_size != 0 && !PARTS.contains(&self.part_size) {
            return Err(values.wrong("part_size", "want 0 or between 5 MiB and 5 GiB"));
        }
        Ok(())
    }
}

fn sse(values: &Values<'_>) -> Result<Sse, Error> {
    let need = |key: &str, kind: &str| match values.text(key) {
        "" => Err(values.wrong(key, &format!("needed for {kind}"))),
        text => Ok(text.to_owned()),
    };
    match values.text("sse_config.type") {
        "" => Ok(Sse::None),
        "SSE-S3" => Ok(Sse::S3),
        "SSE-KMS" => Ok(Sse::Kms {
            key: need("sse_config.kms_key_id", "SSE-KMS")?,
            context: values
                .map("sse_config.kms_encryption_context")
                .map(|(key, text)| (key.to_owned(), text.to_owned()))
                .collect(),
        }),
        "SSE-C" => Ok(Sse::Customer { key_file: need("sse_config.encryption_key", "SSE-C")?.into() }),
        _ => Err(values.wrong("sse_config.type", "want SSE-S3, SSE-KMS, SSE-C or nothing")),
    }
}

/// `put_user_metadata` as headers: `x-amz-*` as they are, the rest as `x-amz-meta-<key>`.
fn headers(values: &Values<'_>) -> Result<BTreeMap<String, String>, Error> {
    let mut headers = BTreeMap::new();
    for (key, text) in values.map("put_user_metadata") {
        let path = format!("put_user_metadata.{key}");
        let lower = key.to_ascii_lowercase();
        if OWN_HEADERS.contains(&lower.as_str()) || lower.starts_with("x-amz-server-side-encryption") {
            return Err(values.wrong(&path, "is a header of the request itself, or of sse_config, and no metadata"));
        }
        let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if lower.is_empty() || !lower.chars().all(token) {
            return Err(values.wrong(&path, "cannot be the name of a header"));
        }
        if !text.chars().all(|c| matches!(c, ' '..='~')) {
            return Err(values.wrong(&path, "want printable ASCII only"));
        }
        let name = if lower.starts_with("x-amz-") { lower } else { format!("x-amz-meta-{lower}") };
        if headers.insert(name, text.to_owned()).is_some() {
            return Err(values.wrong(&path, "is given twice, in upper and lower case"));
        }
    }
    Ok(headers)
}
