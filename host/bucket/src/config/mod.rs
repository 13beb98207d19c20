//! From Thanos' storage YAML to a checked configuration.
//!
//! Source: `object-storage.md` section 2.

mod http;
mod s3;
#[cfg(test)]
mod tests;
mod value;
mod yaml;

use std::{path::PathBuf, sync::Arc};

pub use self::{
    http::HttpConfig,
    s3::{ListVersion, Lookup, S3Config, Sse},
};
use crate::{
    Bucket, Error, Filesystem, Prefixed, S3 as S3Bucket,
    config::{
        value::Values,
        yaml::{Kind, Schema, Settings},
    },
    prefix,
};

/// Which bucket, checked as far as it can be without a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The store.
    pub provider: Provider,
    /// What every name starts with, without outer slashes.
    pub prefix: Option<String>,
    /// Sentences to be logged at start: ignored keys, unsafe choices. No values.
    pub warnings: Vec<String>,
}

/// A store and what it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provider {
    /// `type: FILESYSTEM`: a directory.
    Filesystem {
        /// As written; made absolute when the bucket is opened.
        directory: PathBuf,
    },
    /// `type: S3`.
    S3(Box<S3Config>),
}

/// Types of the reference that are not built yet.
const LATER: [&str; 8] = ["GCS", "AZURE", "SWIFT", "COS", "ALIYUNOSS", "BOS", "OCI", "OBS"];

static ANY: Schema = Schema {
    name: "client.BucketConfig",
    strict: true,
    keys: &[("type", Kind::Text), ("config", Kind::Skip), ("prefix", Kind::Text)],
};

static FILESYSTEM: Schema = Schema {
    name: "client.BucketConfig",
    strict: true,
    keys: &[
        ("type", Kind::Skip),
        (
            "config",
            Kind::Block(&Schema { name: "filesystem.Config", strict: false, keys: &[("directory", Kind::Text)] }),
        ),
        ("prefix", Kind::Skip),
    ],
};

static S3: Schema = Schema {
    name: "client.BucketConfig",
    strict: true,
    keys: &[("type", Kind::Skip), ("config", Kind::Block(&s3::SCHEMA)), ("prefix", Kind::Skip)],
};

/// Reads the YAML of `--objstore.config`; variables are substituted already.
///
/// # Errors
/// [`Error::Config`], naming provider and key, or line and column; never a value.
pub fn parse_config(text: &str) -> Result<Config, Error> {
    let read = |schema| {
        Settings::read(text, schema)
            .map_err(|problem| Error::Config(format!("parsing objstore configuration: {problem}")))
    };
    let top = read(&ANY)?;
    let kind = top.texts.get("type").map_or("", |text| text.as_str());
    let mut warnings = Vec::new();
    if top.more {
        warnings.push("only the first YAML document of the objstore configuration is used".to_owned());
    }
    let provider = match kind.to_uppercase().as_str() {
        "FILESYSTEM" => {
            let settings = read(&FILESYSTEM)?;
            for key in &settings.ignored {
                warnings.push(format!("key {key} of the objstore configuration is not known and ignored"));
            }
            let values = Values { provider: "FILESYSTEM", settings: &settings };
            let directory = PathBuf::from(values.text("directory"));
            if directory.as_os_str().is_empty() {
                return Err(values.wrong("directory", "missing directory for filesystem bucket"));
            }
            Provider::Filesystem { directory }
        }
        "S3" => Provider::S3(Box::new(S3Config::read(&read(&S3)?, &mut warnings)?)),
        later if LATER.contains(&later) => {
            let problem = format!("type {later} is not supported by this release; supported: FILESYSTEM, S3");
            return Err(Error::Config(format!("objstore configuration: {problem}")));
        }
        _ => {
            let shown: String = kind.chars().take(64).collect();
            return Err(Error::Config(format!("bucket with type {shown} is not supported")));
        }
    };
    let prefix = prefix::normalize(top.texts.get("prefix").map_or("", |text| text.as_str()))?;
    Ok(Config { provider, prefix, warnings })
}

impl Config {
    /// Opens the bucket. No request is made. `env` is asked for credentials where the YAML has none.
    ///
    /// # Errors
    /// [`Error::Config`]: a key or certificate file that cannot be used.
    pub fn open(&self, env: &dyn Fn(&str) -> Option<String>) -> Result<Arc<dyn Bucket>, Error> {
        let bucket: Arc<dyn Bucket> = match &self.provider {
            Provider::Filesystem { directory } => Arc::new(Filesystem::new(directory)?),
            Provider::S3(config) => Arc::new(S3Bucket::new(config, env)?),
        };
        Prefixed::wrap(bucket, self.prefix.as_deref().unwrap_or(""))
    }
}

/// The bucket that the YAML describes; its warnings are logged.
///
/// # Errors
/// Those of [`parse_config`] and [`Config::open`].
pub fn from_yaml(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Arc<dyn Bucket>, Error> {
    let config = parse_config(text)?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    config.open(env)
}
