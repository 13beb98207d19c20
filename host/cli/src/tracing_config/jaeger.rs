//! `type: JAEGER`.
//!
//! Source: thanos pkg/tracing/jaeger/config_yaml.go, jaeger.go; defaults are those of OpenTelemetry's exporter for Jaeger
//! and of its sampler.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use lithify_bucket::{ClientTls, Secret};
use reqwest::{
    Url,
    header::{AUTHORIZATION, HeaderMap, HeaderValue},
};

use super::{
    Collector, Format, INTERVAL, QUEUE_LIMIT, QUEUE_MAX, Retry, TIMEOUT, Target, TraceConfig, TracingError, keys::Keys,
};
use crate::traces::{Parents, Sampler};

/// Share of the traces that is kept while no sampling server was asked.
const UNASKED: f64 = 0.001;

/// Keys that have no effect here, as most of them have none in the reference.
const WITHOUT_EFFECT: [&str; 13] = [
    "disabled",
    "rpc_metrics",
    "traceid_128bit",
    "operation_name_late_binding",
    "reporter_log_spans",
    "reporter_disable_attempt_reconnecting",
    "reporter_attempt_reconnect_interval",
    "sampler_manager_host_port",
    "sampler_max_operations",
    "sampler_refresh_interval",
    "sampling_server_url",
    "sampler_parent_config",
    "initial_sampler_rate",
];

pub(super) fn read(mut keys: Keys, environment: &dyn Fn(&str) -> Option<String>) -> Result<TraceConfig, TracingError> {
    let mut warnings = Vec::new();
    let mut resource = tags(&keys.text("tags")?, environment);
    resource.insert(0, ("service.name".to_owned(), keys.text("service_name")?));
    let sampler = sampler(&mut keys, &mut warnings)?;
    let queue_max = match keys.number("reporter_max_queue_size")? {
        0 => QUEUE_MAX,
        number => number.min(QUEUE_LIMIT),
    };
    let interval = keys.duration("reporter_flush_interval", INTERVAL)?;
    let target = target(&mut keys)?;
    keys.skip(&WITHOUT_EFFECT);
    warnings.extend(keys.unknown());
    let (backend, retry) = ("JAEGER", Retry::USUAL);
    Ok(TraceConfig { backend, resource, sampler, queue_max, interval, retry, target, warnings })
}

fn target(keys: &mut Keys) -> Result<Target, TracingError> {
    let (endpoint, mut user) = (keys.text("endpoint")?, keys.text("user")?);
    let mut password = Secret::new(keys.text("password")?);
    let (host, port) = (keys.text("agent_host")?, keys.number("agent_port")?);
    if endpoint.is_empty() {
        let is_told = !host.is_empty() && port != 0;
        let (host, port) = if is_told { (host, port) } else { ("localhost".to_owned(), 6831) };
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        return match u16::try_from(port) {
            Ok(port) => Ok(Target::Datagrams { address: format!("{host}:{port}") }),
            Err(_) => Err(keys.wrong("agent_port", "want a port, 1 to 65535")),
        };
    }
    let url = Url::parse(&endpoint).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let no_url = || keys.wrong("endpoint", "want a URL such as http://collector:14268/api/traces");
    let mut url = url.ok_or_else(no_url)?;
    // A URL is printed, so it must not keep what it may hold.
    if user.is_empty() {
        (user, password) = (decoded(url.username()), Secret::new(decoded(url.password().unwrap_or_default())));
    }
    url.set_username("").and_then(|()| url.set_password(None)).map_err(|()| no_url())?;
    let mut headers = HeaderMap::new();
    if !user.is_empty() && !password.is_empty() {
        let pair = Secret::new(STANDARD.encode(format!("{user}:{}", password.expose())));
        let value = HeaderValue::from_str(&format!("Basic {}", pair.expose()));
        let mut value = value.map_err(|_| keys.wrong("user", "cannot be sent"))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    let (format, tls) = (Format::Jaeger, ClientTls::default());
    let collector = Collector { url, format, headers, gzip: false, timeout: TIMEOUT, tls, server_name: None };
    Ok(Target::Http(Box::new(collector)))
}

/// A part of a URL as it was meant.
fn decoded(part: &str) -> String {
    let field = format!("={}", part.replace('+', "%2B").replace('&', "%26"));
    form_urlencoded::parse(field.as_bytes()).map(|(_, value)| value.into_owned()).collect()
}

fn sampler(keys: &mut Keys, warnings: &mut Vec<String>) -> Result<Sampler, TracingError> {
    let (kind, param) = (keys.text("sampler_type")?, keys.float("sampler_param")?);
    let mut parents = keys.block("sampler_parent_config")?;
    let parents = Parents::Followed {
        ask_local: parents.flag("local_parent_sampled")?,
        ask_remote: parents.flag("remote_parent_sampled")?,
    };
    let initial = keys.float("initial_sampler_rate")?;
    let share = match kind.as_str() {
        "const" if param.round() >= 1.0 => 1.0,
        "const" => 0.0,
        "probabilistic" => param,
        // What the reference makes of all others: a server is asked what to keep.
        _ => {
            let share = if initial == 0.0 { UNASKED } else { initial };
            warnings.push(format!(
                "no sampling server of Jaeger is asked: a share of {share} of all traces is kept; say sampler_type: const \
                 or probabilistic in the tracing configuration"
            ));
            share
        }
    };
    Ok(Sampler::ratio(share, parents))
}

/// `name=value,name=${VARIABLE:otherwise}`; what has no equals sign is passed over.
fn tags(text: &str, environment: &dyn Fn(&str) -> Option<String>) -> Vec<(String, String)> {
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    let value = |value: &str| match value.strip_prefix("${").and_then(|value| value.strip_suffix('}')) {
        Some(variable) => {
            let (name, otherwise) = variable.split_once(':').unwrap_or((variable, ""));
            environment(name).filter(|value| !value.is_empty()).unwrap_or_else(|| otherwise.to_owned())
        }
        None => value.to_owned(),
    };
    pairs.map(|(name, written)| (name.trim().to_owned(), value(written.trim()))).collect()
}
