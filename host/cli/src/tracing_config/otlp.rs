//! `type: OTLP`.
//!
//! Source: thanos pkg/tracing/otlp/config_yaml.go, otlp.go, pkg/exthttp/tlsconfig.go; defaults are those of
//! OpenTelemetry's Go exporters.

use std::path::PathBuf;

use lithify_bucket::ClientTls;
use reqwest::{
    Url,
    header::{HeaderMap, HeaderName, HeaderValue},
};

use super::{Collector, Format, INTERVAL, QUEUE_MAX, Retry, TIMEOUT, Target, TraceConfig, TracingError, keys::Keys};
use crate::traces::{OTLP_METHOD, OTLP_PATH, Parents, Sampler};

pub(super) fn read(mut keys: Keys) -> Result<TraceConfig, TracingError> {
    let mut warnings = Vec::new();
    let format = match keys.text("client_type")?.as_str() {
        "http" => Format::Otlp,
        "grpc" => Format::Grpc,
        _ => return Err(keys.wrong("client_type", "invalid client type. Only 'http' and 'grpc' are accepted.")),
    };
    let mut resource = keys.map("resource_attributes")?;
    let service = keys.text("service_name")?;
    // What is said of the same name last would count, and an attribute of this name is meant.
    if !service.is_empty() && !resource.iter().any(|(name, _)| name == "service.name") {
        resource.push(("service.name".to_owned(), service));
    }
    let gzip = match keys.text("compression")?.as_str() {
        "gzip" => true,
        "" | "none" => false,
        _ => {
            warnings.push("compression of the tracing configuration is not gzip, so nothing is compressed".to_owned());
            false
        }
    };
    let (url, (tls, server_name)) = (url(&mut keys, format)?, tls(&mut keys)?);
    let headers = headers(&mut keys)?;
    let timeout = keys.duration("timeout", TIMEOUT)?;
    let collector = Collector { url, format, headers, gzip, timeout, tls, server_name };
    let sampler = sampler(&mut keys, &mut warnings)?;
    let retry = retry(&mut keys)?;
    keys.skip(&["reconnection_period"]);
    warnings.extend(keys.unknown());
    let target = Target::Http(Box::new(collector));
    Ok(TraceConfig {
        backend: "OTLP",
        resource,
        sampler,
        queue_max: QUEUE_MAX,
        interval: INTERVAL,
        retry,
        target,
        warnings,
    })
}

/// Where requests go: `endpoint` is a host and a port.
fn url(keys: &mut Keys, format: Format) -> Result<Url, TracingError> {
    let is_insecure = keys.flag("insecure")?;
    let (endpoint, path) = (keys.text("endpoint")?, keys.text("url_path")?);
    let (usual, path) = match format {
        Format::Grpc => ("localhost:4317", OTLP_METHOD.to_owned()),
        Format::Otlp | Format::Jaeger if path.is_empty() => ("localhost:4318", OTLP_PATH.to_owned()),
        Format::Otlp | Format::Jaeger => ("localhost:4318", format!("/{}", path.trim_start_matches('/'))),
    };
    // Names of resolvers that gRPC knows.
    let host = ["dns:///", "passthrough:///"].iter().find_map(|scheme| endpoint.strip_prefix(scheme));
    let host = host.filter(|_| format == Format::Grpc).unwrap_or(&endpoint);
    let host = if host.is_empty() { usual } else { host };
    if host.contains(['/', '@', '?', '#']) {
        return Err(keys.wrong("endpoint", "want host:port, without scheme, path or user"));
    }
    let scheme = if is_insecure { "http" } else { "https" };
    Url::parse(&format!("{scheme}://{host}{path}")).map_err(|_| keys.wrong("endpoint", "want host:port"))
}

fn tls(keys: &mut Keys) -> Result<(ClientTls, Option<String>), TracingError> {
    let mut block = keys.block("tls_config")?;
    let mut file = |key| Ok(Some(block.text(key)?).filter(|text| !text.is_empty()).map(PathBuf::from));
    let (ca_file, certificate, key) = (file("ca_file")?, file("cert_file")?, file("key_file")?);
    let client_certificate = match (certificate, key) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        (Some(_), None) => return Err(block.wrong("cert_file", "given without key_file")),
        (None, Some(_)) => return Err(block.wrong("key_file", "given without cert_file")),
    };
    let server_name = Some(block.text("server_name")?).filter(|name| !name.is_empty());
    let insecure_skip_verify = block.flag("insecure_skip_verify")?;
    Ok((ClientTls { ca_file, client_certificate, insecure_skip_verify }, server_name))
}

fn headers(keys: &mut Keys) -> Result<HeaderMap, TracingError> {
    let mut headers = HeaderMap::new();
    for (name, value) in keys.map("headers")? {
        let wrong = |problem| keys.wrong(&format!("headers.{name}"), problem);
        let mut value = HeaderValue::from_str(&value).map_err(|_| wrong("the value is none of a header"))?;
        value.set_sensitive(true);
        headers.insert(HeaderName::try_from(&name).map_err(|_| wrong("is no name of a header"))?, value);
    }
    Ok(headers)
}

fn retry(keys: &mut Keys) -> Result<Retry, TracingError> {
    let mut block = keys.block("retry_config")?;
    let is_told = block.flag("retry_enabled")?;
    let told = Retry {
        initial: block.duration("retry_initial_interval", Retry::USUAL.initial)?,
        interval_max: block.duration("retry_max_interval", Retry::USUAL.interval_max)?,
        elapsed_max: block.duration("retry_max_elapsed_time", Retry::USUAL.elapsed_max)?,
    };
    Ok(if is_told { told } else { Retry::USUAL })
}

fn sampler(keys: &mut Keys, warnings: &mut Vec<String>) -> Result<Sampler, TracingError> {
    let (kind, share) = (keys.text("sampler_type")?.to_lowercase(), keys.text("sampler_param")?);
    let (parents, kind) = match kind.strip_prefix("parentbased") {
        Some(kind) => (Parents::FOLLOWED, kind),
        None => (Parents::Ignored, &*kind),
    };
    let share = match kind {
        "alwayssample" => 1.0,
        "neversample" => 0.0,
        "traceidratiobased" => share.parse().unwrap_or_else(|_| {
            warnings.push("sampler_param of the tracing configuration is no number, so all traces are kept".to_owned());
            1.0
        }),
        _ => {
            if !kind.is_empty() {
                warnings.push("sampler_type of the tracing configuration is not known, all traces are kept".to_owned());
            }
            return Ok(Sampler::ratio(1.0, Parents::FOLLOWED));
        }
    };
    Ok(Sampler::ratio(share, parents))
}
