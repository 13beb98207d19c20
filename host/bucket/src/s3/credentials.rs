//! Who we are to the store: static keys, environment, file, web identity, container, instance, nobody.
//!
//! Source: `object-storage.md` 4.1, credentials.

use std::{fmt, path::PathBuf, sync::Arc};

use object_store::{
    RetryConfig,
    aws::{AmazonS3Builder, AmazonS3ConfigKey as Key, AwsCredential, AwsCredentialProvider},
};
use tokio::sync::OnceCell;

use crate::{Error, Failure, Operation, S3Config, Secret, s3::connect::Connector};

/// A source of credentials.
pub(super) enum Credentials {
    /// They never change.
    Static(Arc<AwsCredential>),
    /// A service gives and renews them.
    Service(AwsCredentialProvider),
    /// The last link: the metadata of an instance if there is such a service, else no signature at all.
    InstanceOrNobody(AwsCredentialProvider, OnceCell<bool>),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Static(_) => "static keys",
            Self::Service(_) => "a credential service",
            Self::InstanceOrNobody(..) => "instance metadata or anonymous",
        })
    }
}

impl Credentials {
    /// The first source of the chain that there is. Nothing is asked yet.
    pub(super) fn find(
        config: &S3Config,
        env: &dyn Fn(&str) -> Option<String>,
        connector: Connector,
    ) -> Result<Self, Error> {
        if !config.access_key.is_empty() {
            return Ok(fixed(&config.access_key, &config.secret_key, &config.session_token));
        }
        let get = |name: &str| env(name).filter(|value| !value.is_empty());
        let key = get("AWS_ACCESS_KEY_ID").or_else(|| get("AWS_ACCESS_KEY"));
        let secret = get("AWS_SECRET_ACCESS_KEY").or_else(|| get("AWS_SECRET_KEY"));
        if let (Some(key), Some(secret)) = (key, secret) {
            let token = get("AWS_SESSION_TOKEN").unwrap_or_default();
            return Ok(fixed(&Secret::new(key), &Secret::new(secret), &Secret::new(token)));
        }
        if let Some(found) = from_file(&get)? {
            return Ok(found);
        }
        service(config, &get, connector)
    }

    /// The credentials of the moment; `None` for requests without signature.
    pub(super) async fn get(&self) -> Result<Option<Arc<AwsCredential>>, Error> {
        let failed = |error: object_store::Error| {
            let failure = Failure::new(Operation::Exists, "", "no credentials were given").because(error);
            Error::Unavailable(failure)
        };
        match self {
            Self::Static(credential) => Ok(Some(Arc::clone(credential))),
            Self::Service(provider) => provider.get_credential().await.map(Some).map_err(failed),
            Self::InstanceOrNobody(provider, known) => {
                let there = known.get_or_init(|| async {
                    let there = provider.get_credential().await.is_ok();
                    if !there {
                        tracing::warn!("no credentials were found anywhere, requests to the store are not signed");
                    }
                    there
                });
                if !*there.await {
                    return Ok(None);
                }
                provider.get_credential().await.map(Some).map_err(failed)
            }
        }
    }
}

fn fixed(key: &Secret, secret: &Secret, token: &Secret) -> Credentials {
    Credentials::Static(Arc::new(AwsCredential {
        key_id: key.expose().to_owned(),
        secret_key: secret.expose().to_owned(),
        token: Some(token.expose().to_owned()).filter(|token| !token.is_empty()),
    }))
}

/// The profile of a credentials file, if there is one with keys.
fn from_file(get: &dyn Fn(&str) -> Option<String>) -> Result<Option<Credentials>, Error> {
    let home = || get("HOME").map(|home| PathBuf::from(home).join(".aws/credentials"));
    let Some(path) = get("AWS_SHARED_CREDENTIALS_FILE").map(PathBuf::from).or_else(home) else { return Ok(None) };
    let Ok(text) = std::fs::read_to_string(&path) else { return Ok(None) };
    let text = zeroize::Zeroizing::new(text);
    let wanted = get("AWS_PROFILE").unwrap_or_else(|| "default".to_owned());
    let (mut inside, mut key, mut secret, mut token) = (false, "", "", "");
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
        if let Some(profile) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            inside = profile.trim() == wanted;
        } else if let Some((name, value)) = line.split_once('=').filter(|_| inside) {
            match name.trim() {
                "aws_access_key_id" => key = value.trim(),
                "aws_secret_access_key" => secret = value.trim(),
                "aws_session_token" => token = value.trim(),
                "credential_process" => {
                    let path = path.display();
                    let problem = format!("credential_process in {path} is not supported: give keys or a role");
                    return Err(Error::Config(format!("objstore configuration: S3: {problem}")));
                }
                _ => {}
            }
        }
    }
    let secret_of = |text: &str| Secret::new(text.to_owned());
    let whole = !key.is_empty() && !secret.is_empty();
    Ok(whole.then(|| fixed(&secret_of(key), &secret_of(secret), &secret_of(token))))
}

/// Web identity, container or instance, by what the environment names.
fn service(
    config: &S3Config,
    get: &dyn Fn(&str) -> Option<String>,
    connector: Connector,
) -> Result<Credentials, Error> {
    const NAMES: [(&str, Key); 6] = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", Key::WebIdentityTokenFile),
        ("AWS_ROLE_ARN", Key::RoleArn),
        ("AWS_ROLE_SESSION_NAME", Key::RoleSessionName),
        ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", Key::ContainerCredentialsRelativeUri),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", Key::ContainerCredentialsFullUri),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", Key::ContainerAuthorizationTokenFile),
    ];
    let web_identity = get("AWS_WEB_IDENTITY_TOKEN_FILE").is_some() && get("AWS_ROLE_ARN").is_some();
    let container = get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").is_some()
        || (get("AWS_CONTAINER_CREDENTIALS_FULL_URI").is_some()
            && get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE").is_some());
    let region = get("AWS_REGION").or_else(|| get("AWS_DEFAULT_REGION"));
    let region = Some(config.region.clone()).filter(|region| !region.is_empty()).or(region);
    let retry = RetryConfig { max_retries: 3, ..RetryConfig::default() };
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name("credentials-only")
        .with_region(region.unwrap_or_else(|| "us-east-1".to_owned()))
        .with_retry(retry)
        .with_http_connector(connector);
    for (name, key) in NAMES {
        if let Some(value) = get(name) {
            builder = builder.with_config(key, value);
        }
    }
    if !config.sts_endpoint.is_empty() {
        let endpoint = match config.sts_endpoint.split_once("://") {
            Some(("http", _)) if web_identity => {
                let problem = "sts_endpoint: tokens of a web identity are not sent over plain HTTP";
                return Err(Error::Config(format!("objstore configuration: S3: {problem}")));
            }
            Some(_) => config.sts_endpoint.clone(),
            None => format!("https://{}", config.sts_endpoint),
        };
        builder = if web_identity {
            builder.with_config(Key::StsEndpoint, endpoint)
        } else {
            builder.with_metadata_endpoint(endpoint)
        };
    }
    // The builder's own error may print what it was given.
    let store = builder
        .build()
        .map_err(|_| Error::Config("objstore configuration: S3: the credential service cannot be used".to_owned()))?;
    let provider = Arc::clone(store.credentials());
    let certain = web_identity || container;
    Ok(if certain { Credentials::Service(provider) } else { Credentials::InstanceOrNobody(provider, OnceCell::new()) })
}
