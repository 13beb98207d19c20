use super::*;

fn environment(name: &str) -> Option<String> {
    (name == "POD").then(|| "compact-0".to_owned())
}

fn read(yaml: &str) -> TraceConfig {
    parse(yaml, &environment).unwrap_or_else(|error| panic!("{yaml}: {error}")).expect("a configuration")
}

fn refused(yaml: &str) -> String {
    parse(yaml, &environment).err().unwrap_or_else(|| panic!("{yaml} is accepted")).to_string()
}

fn otlp(keys: &str) -> TraceConfig {
    read(&format!("{{type: otlp, config: {{client_type: http, {keys}}}}}"))
}

fn collector(config: TraceConfig) -> Collector {
    match config.target {
        Target::Http(collector) => *collector,
        Target::Datagrams { address } => panic!("datagrams to {address}"),
    }
}

#[test]
fn otlp_has_the_defaults_of_the_reference() {
    let config = otlp("");
    assert_eq!((config.backend, config.queue_max, config.interval), ("OTLP", 2048, Duration::from_secs(5)));
    assert_eq!((config.resource, config.warnings, config.retry), (vec![], vec![], Retry::USUAL));
    assert_eq!(config.sampler, Sampler::ratio(1.0, crate::traces::Parents::FOLLOWED));
    let Target::Http(collector) = config.target else { panic!("no collector") };
    assert_eq!(collector.url.as_str(), "https://localhost:4318/v1/traces");
    assert_eq!((collector.timeout, collector.gzip, collector.headers.len()), (Duration::from_secs(10), false, 0));
    let grpc = collector_of("{type: OTLP, config: {client_type: grpc, insecure: true}}");
    assert_eq!(grpc.url.as_str(), "http://localhost:4317/opentelemetry.proto.collector.trace.v1.TraceService/Export");
}

fn collector_of(yaml: &str) -> Collector {
    collector(read(yaml))
}

#[test]
fn otlp_takes_every_key_of_the_reference() {
    let yaml = "
type: OTLP
config:
  client_type: http
  service_name: compact
  resource_attributes: {zone: a, replica: 2}
  reconnection_period: 1s
  compression: gzip
  insecure: false
  endpoint: collector.example:4318
  url_path: custom/path
  timeout: 3s
  retry_config: {retry_enabled: true, retry_initial_interval: 1s, retry_max_interval: 2s, retry_max_elapsed_time: 3s}
  headers: {x-token: hush, X-Tenant: 7}
  tls_config: {ca_file: ca, cert_file: cert, key_file: key, server_name: name, insecure_skip_verify: true}
  sampler_type: ParentBasedTraceIDRatioBased
  sampler_param: 0.25
";
    let config = read(yaml);
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(config.resource, [pair("zone", "a"), pair("replica", "2"), pair("service.name", "compact")]);
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    assert_eq!(config.sampler, Sampler::ratio(0.25, crate::traces::Parents::FOLLOWED));
    let seconds = Duration::from_secs;
    assert_eq!(config.retry, Retry { initial: seconds(1), interval_max: seconds(2), elapsed_max: seconds(3) });
    let collector = collector(config);
    assert_eq!(collector.url.as_str(), "https://collector.example:4318/custom/path");
    assert_eq!((collector.timeout, collector.gzip), (seconds(3), true));
    assert_eq!([&collector.headers["x-token"], &collector.headers["x-tenant"]], ["hush", "7"]);
    assert_eq!(collector.tls.client_certificate, Some(("cert".into(), "key".into())));
    assert_eq!((collector.tls.ca_file, collector.tls.insecure_skip_verify), (Some("ca".into()), true));
    assert_eq!(collector.server_name.as_deref(), Some("name"));
}

#[test]
fn samplers_are_those_of_the_reference() {
    use crate::traces::Parents;
    for (keys, share, parents) in [
        ("sampler_type: alwayssample", 1.0, Parents::Ignored),
        ("sampler_type: NeverSample", 0.0, Parents::Ignored),
        ("sampler_type: traceidratiobased, sampler_param: '0.5'", 0.5, Parents::Ignored),
        ("sampler_type: parentbasedalwayssample", 1.0, Parents::FOLLOWED),
        ("sampler_type: parentbasedneversample", 0.0, Parents::FOLLOWED),
    ] {
        assert_eq!(otlp(keys).sampler, Sampler::ratio(share, parents), "{keys}");
    }
    for keys in ["sampler_type: traceidratiobased, sampler_param: much", "sampler_type: sometimes", "nope: 1"] {
        assert_eq!(otlp(keys).warnings.len(), 1, "{keys}");
    }
    let jaeger = |keys: &str| read(&format!("{{type: JAEGER, config: {{{keys}}}}}"));
    for (keys, share) in [
        ("sampler_type: const, sampler_param: 1", 1.0),
        ("sampler_type: const, sampler_param: 0.4", 0.0),
        ("sampler_type: probabilistic, sampler_param: 0.4", 0.4),
        ("sampler_type: remote, initial_sampler_rate: 0.2", 0.2),
        ("", 0.001),
    ] {
        assert_eq!(jaeger(keys).sampler, Sampler::ratio(share, Parents::FOLLOWED), "{keys}");
    }
    assert_eq!(jaeger("sampler_type: ratelimiting, sampler_param: 2").warnings.len(), 1);
}

#[test]
fn jaeger_goes_to_a_collector_or_to_an_agent() {
    let config = read(
        "{type: jaeger, config: {service_name: x, endpoint: 'http://j.example:14268/api/traces', user: u, password: hush, \
         tags: 'a=b, pod=${POD:none},host=${HOST:here},nothing', sampler_type: const, sampler_param: 1, \
         reporter_max_queue_size: 5, reporter_flush_interval: 1s, rpc_metrics: true}}",
    );
    let pairs = [("service.name", "x"), ("a", "b"), ("pod", "compact-0"), ("host", "here")];
    assert_eq!(config.resource, pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!((config.queue_max, config.interval, config.warnings.len()), (5, Duration::from_secs(1), 0));
    let collector = collector(config);
    assert_eq!(collector.url.as_str(), "http://j.example:14268/api/traces");
    assert_eq!(collector.headers["authorization"], "Basic dTpodXNo");
    for (keys, expected) in [
        ("", "localhost:6831"),
        ("agent_host: a.example", "localhost:6831"),
        ("agent_host: a.example, agent_port: 7", "a.example:7"),
        ("agent_host: '::1', agent_port: 7", "[::1]:7"),
    ] {
        let target = read(&format!("{{type: JAEGER, config: {{{keys}}}}}")).target;
        assert!(matches!(&target, Target::Datagrams { address } if address == expected), "{keys}: {target:?}");
    }
}

#[test]
fn no_text_asks_for_nothing() {
    assert!(parse("", &environment).unwrap().is_none());
}

#[test]
fn what_cannot_be_done_is_refused_by_name_and_without_secrets() {
    for (keys, words) in [
        ("client_type: HTTP", "OTLP: client_type: invalid client type. Only 'http' and 'grpc' are accepted."),
        ("client_type: http, timeout: soon", "OTLP: timeout: want a duration"),
        ("client_type: http, timeout: -1s", "OTLP: timeout: want a duration"),
        ("client_type: http, insecure: perhaps", "OTLP: insecure: want true or false"),
        ("client_type: http, endpoint: 'http://hush:4318'", "OTLP: endpoint: want host:port, without scheme"),
        ("client_type: http, endpoint: 'hush:port'", "OTLP: endpoint: want host:port"),
        ("client_type: http, headers: {'a b': hush}", "OTLP: headers.a b: is no name of a header"),
        ("client_type: http, headers: {a: \"hush\\n\"}", "OTLP: headers.a: the value is none of a header"),
        ("client_type: http, headers: [hush]", "OTLP: headers: want keys and values"),
        ("client_type: http, headers: {a: [hush]}", "OTLP: headers: want names with single values"),
        ("client_type: http, tls_config: {cert_file: x}", "OTLP: tls_config.cert_file: given without key_file"),
        ("client_type: http, tls_config: {key_file: x}", "OTLP: tls_config.key_file: given without cert_file"),
        ("client_type: [http]", "OTLP: client_type: want a single value"),
    ] {
        let error = refused(&format!("{{type: OTLP, config: {{{keys}}}}}"));
        assert!(error.starts_with(words) && !error.contains("hush"), "{keys}: {error}");
    }
    for (keys, words) in [
        ("endpoint: 'hush:14268'", "JAEGER: endpoint: want a URL such as"),
        ("agent_host: x, agent_port: 70000", "JAEGER: agent_port: want a port"),
        ("agent_port: hush", "JAEGER: agent_port: want a whole number"),
        ("sampler_param: hush", "JAEGER: sampler_param: want a number"),
    ] {
        let error = refused(&format!("{{type: JAEGER, config: {{{keys}}}}}"));
        assert!(error.starts_with(words) && !error.contains("hush"), "{keys}: {error}");
    }
    assert!(refused("{type: OTLP, config: hush}").starts_with("OTLP: config: want keys and values"));
}

#[test]
fn backends_that_are_not_built_are_refused_with_a_way_out() {
    for name in ["STACKDRIVER", "GOOGLE_CLOUD", "ELASTIC_APM", "LIGHTSTEP", "Lightstep"] {
        let error = refused(&format!("{{type: {name}, config: {{access_token: hush}}}}"));
        let start = format!("tracing with type {} is not supported by lithify: ", name.to_uppercase());
        assert!(error.starts_with(&start) && error.contains("OTLP") && !error.contains("hush"), "{error}");
    }
}

#[test]
fn other_backends_and_other_keys_are_refused_in_the_words_of_the_reference() {
    for yaml in ["type: NOPE", "{type: NOPE}"] {
        assert_eq!(refused(yaml), "tracing with type NOPE is not supported");
    }
    assert_eq!(refused("config: {}"), "tracing with type  is not supported");
    for yaml in ["nope: 1", "nonsense", "[", "{type: OTLP, config: {}, more: 1}"] {
        assert!(refused(yaml).starts_with("parsing config tracing YAML: "), "{yaml}");
    }
}

#[test]
fn nothing_that_is_printed_of_a_configuration_has_a_secret_in_it() {
    let shown = format!("{:?}", otlp("headers: {x-token: hush}"));
    assert!(shown.contains("x-token") && !shown.contains("hush"), "{shown}");
    for (endpoint, keys) in [("http://u:h%75sh@j/api", ""), ("http://x:y@j/api", ", user: u, password: hush")] {
        let jaeger = read(&format!("{{type: JAEGER, config: {{endpoint: '{endpoint}'{keys}}}}}"));
        let shown = format!("{jaeger:?}");
        assert!(["hush", "h%75sh", "dTpodXNo"].iter().all(|secret| !shown.contains(secret)), "{shown}");
        assert_eq!(collector(jaeger).headers["authorization"], "Basic dTpodXNo");
    }
}
