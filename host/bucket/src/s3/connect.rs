//! Connections: TLS, proxies, names and their limits.
//!
//! Source: `object-storage.md` section 3.

use std::{fmt, sync::Arc, time::Duration};

use object_store::{
    ClientOptions,
    client::{HttpClient, HttpConnector},
};
use reqwest::{Client, Proxy};
use rustls::ClientConfig;

use crate::{
    Error, HttpConfig,
    outbound::{self, Alias, ClientTls},
};

/// TCP's share of the time for connecting; the TLS handshake's comes on top.
const TCP_CONNECT: Duration = Duration::from_secs(30);

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
    let of_store = ClientTls {
        ca_file: http.ca_file.clone(),
        client_certificate: http.client_certificate.clone(),
        insecure_skip_verify: http.insecure_skip_verify,
    };
    let mut builder = Client::builder()
        .user_agent(concat!("lithify/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(TCP_CONNECT + http.tls_handshake_timeout)
        .pool_idle_timeout(http.idle_timeout)
        .pool_max_idle_per_host(http.max_idle_per_host)
        .http1_only()
        .tls_backend_preconfigured(tls(&of_store)?)
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
        .tls_backend_preconfigured(tls(&ClientTls::default())?)
        .no_proxy();
    for proxy in proxies(env)? {
        builder = builder.proxy(proxy);
    }
    builder.build().map(Connector).map_err(|error| wrong("http_config", &error.without_url().to_string()))
}

fn wrong(key: &str, problem: &str) -> Error {
    Error::Config(format!("objstore configuration: S3: {key}: {problem}"))
}

fn proxies(env: &dyn Fn(&str) -> Option<String>) -> Result<Vec<Proxy>, Error> {
    outbound::proxies(env).map_err(|error| wrong(error.key, &error.problem))
}

fn tls(tls: &ClientTls) -> Result<ClientConfig, Error> {
    outbound::client_tls(tls).map_err(|error| wrong(&format!("http_config.tls_config.{}", error.key), &error.problem))
}
