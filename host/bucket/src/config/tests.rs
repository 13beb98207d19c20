//! Every key, every complaint, and no secret anywhere.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

const FULL: &str = "
type: s3
prefix: /a/b/
config:
  bucket: thanos
  endpoint: 'localhost:9000'
  region: eu-1
  disable_dualstack: yes
  aws_sdk_auth: off
  access_key: 0123
  secret_key: 1e3
  session_token: planted
  insecure: True
  signature_version2: false
  put_user_metadata: {X-Amz-Storage-Class: COLD, Team: 7}
  http_config:
    idle_conn_timeout: 1m
    response_header_timeout: 2m30s
    insecure_skip_verify: true
    tls_handshake_timeout: 5s
    expect_continue_timeout: 2s
    max_idle_conns: 5
    max_idle_conns_per_host: 6
    max_conns_per_host: 7
    disable_compression: true
    tls_config: {ca_file: ca, cert_file: cert, key_file: key, server_name: name, insecure_skip_verify: true}
  trace: {enable: true}
  list_objects_version: v1
  bucket_lookup_type: path
  send_content_md5: false
  disable_multipart: true
  part_size: 0x8000000
  sse_config: {type: SSE-KMS, kms_key_id: k, kms_encryption_context: {a: b}}
  sts_endpoint: sts
  max_retries: 3
";

fn s3(text: &str) -> S3Config {
    match parse_config(text).unwrap().provider {
        Provider::S3(config) => *config,
        other @ Provider::Filesystem { .. } => panic!("{other:?}"),
    }
}

fn error(text: &str) -> String {
    parse_config(text).unwrap_err().to_string()
}

/// An error of an S3 configuration that is whole but for `more`.
fn s3_error(more: &str) -> String {
    error(&format!("type: S3\nconfig:\n  bucket: b\n  endpoint: h\n  {more}\n"))
}

#[test]
fn every_key_of_s3_is_read() {
    let config = parse_config(FULL).unwrap();
    assert_eq!(config.prefix.as_deref(), Some("a/b"));
    let s3 = s3(FULL);
    assert_eq!((s3.bucket.as_str(), s3.endpoint.as_str(), s3.region.as_str()), ("thanos", "localhost:9000", "eu-1"));
    assert_eq!((s3.disable_dualstack, s3.aws_sdk_auth, s3.insecure), (true, false, true));
    assert_eq!(s3.access_key.expose(), "0123", "the written text, not a number");
    assert_eq!(s3.secret_key.expose(), "1e3");
    assert_eq!(s3.session_token.expose(), "planted");
    assert_eq!(s3.headers["x-amz-storage-class"], "COLD");
    assert_eq!(s3.headers["x-amz-meta-team"], "7");
    assert_eq!((s3.trace, s3.send_content_md5, s3.disable_multipart), (true, false, true));
    assert_eq!((s3.list_version, s3.lookup), (ListVersion::V1, Lookup::Path));
    assert_eq!((s3.part_size, s3.max_attempts, s3.sts_endpoint.as_str()), (128 << 20, 3, "sts"));
    assert_eq!(s3.sse, Sse::Kms { key: "k".into(), context: [("a".into(), "b".into())].into() });
    let http = &s3.http;
    assert_eq!((http.idle_timeout, http.tls_handshake_timeout), (Duration::from_secs(60), Duration::from_secs(5)));
    assert_eq!((http.response_header_timeout, http.max_idle_per_host), (Duration::from_secs(150), 6));
    assert_eq!((http.max_per_host, http.insecure_skip_verify), (7, true));
    assert_eq!(http.client_certificate, Some(("cert".into(), "key".into())));
    assert_eq!((http.ca_file.as_deref(), http.server_name.as_deref()), (Some("ca".as_ref()), Some("name")));
}

#[test]
fn what_is_absent_or_null_has_the_default() {
    let s3 = s3("type: S3\nconfig: {bucket: b, endpoint: h, http_config: , trace: null, part_size: ~, region: ''}");
    assert_eq!((s3.part_size, s3.send_content_md5, s3.max_attempts), (64 << 20, true, 0));
    assert_eq!((s3.list_version, s3.lookup, s3.sse), (ListVersion::V2, Lookup::Auto, Sse::None));
    assert_eq!((s3.http.idle_timeout, s3.http.max_idle_per_host), (Duration::from_secs(90), 100));
    assert_eq!(s3.http.response_header_timeout, Duration::from_secs(120));
}

#[test]
fn a_directory_is_read_and_other_keys_are_ignored_with_a_warning() {
    let config = parse_config("type: FileSystem\nconfig: {directory: 0x10, colour: secret}\n").unwrap();
    assert_eq!(config.provider, Provider::Filesystem { directory: "0x10".into() });
    assert_eq!(config.prefix, None);
    assert!(config.warnings[0].contains("config.colour") && !config.warnings[0].contains("secret"));
}

#[test]
fn merge_keys_and_aliases_fill_what_is_missing() {
    let text = "type: S3\nconfig:\n  put_user_metadata: &m {a: b}\n  sse_config: {kms_encryption_context: *m}\n  \
                <<: [{bucket: x, endpoint: h}, {endpoint: i, region: r}]\n  bucket: b\n";
    let s3 = s3(text);
    assert_eq!((s3.bucket.as_str(), s3.endpoint.as_str(), s3.region.as_str()), ("b", "h", "r"));
}

#[test]
fn only_the_first_document_counts() {
    let config = parse_config("type: filesystem\nconfig: {directory: a}\n---\ntype: nonsense\n").unwrap();
    assert!(config.warnings[0].contains("first YAML document"));
}

#[test]
fn types_are_known_later_or_not_at_all() {
    assert_eq!(error(""), "bucket with type  is not supported");
    assert_eq!(error("type: nope"), "bucket with type nope is not supported");
    for kind in LATER {
        let text = error(&format!("type: {}\nconfig: {{a: b}}", kind.to_lowercase()));
        assert!(text.contains(&format!("type {kind} is not supported by this release; supported: FILESYSTEM, S3")));
    }
}

#[test]
fn unknown_and_repeated_keys_are_named() {
    assert!(error("type: S3\nfoo: 1").contains("field foo not found in type client.BucketConfig"));
    assert!(s3_error("accesskey: hush").contains("field accesskey not found in type s3.Config"));
    assert!(s3_error("http_config: {x: 1}").contains("field x not found in type exthttp.HTTPConfig"));
    assert!(s3_error("bucket: c").contains("config.bucket is given twice"));
    assert!(s3_error("put_user_metadata: {a: b, a: c}").contains("put_user_metadata.a is given twice"));
    assert!(error("type: S3\ntype: S3").contains("type is given twice"));
}

#[test]
fn wrong_values_are_named_by_their_key() {
    for (more, expected) in [
        ("insecure: maybe", "S3: insecure: want true or false"),
        ("part_size: -1", "S3: part_size: want a whole number"),
        ("part_size: 1000", "S3: part_size: want 0 or between 5 MiB and 5 GiB"),
        ("http_config: {idle_conn_timeout: 90}", "http_config.idle_conn_timeout: want a duration"),
        ("http_config: {tls_config: {cert_file: a}}", "cert_file: given without key_file"),
        ("http_config: {tls_config: {key_file: a}}", "key_file: given without cert_file"),
        ("list_objects_version: v3", "list_objects_version: want v1, v2"),
        ("bucket_lookup_type: dns", "bucket_lookup_type: want auto"),
        ("sse_config: {type: SSE-X}", "sse_config.type: want SSE-S3"),
        ("sse_config: {type: SSE-KMS}", "sse_config.kms_key_id: needed for SSE-KMS"),
        ("sse_config: {type: SSE-C}", "sse_config.encryption_key: needed for SSE-C"),
        ("signature_version2: true", "signature_version2: not supported"),
        ("access_key: hush", "secret_key: access_key and secret_key must be given both"),
        ("{}", ""),
        ("put_user_metadata: {Content-Type: a}", "put_user_metadata.Content-Type: is a header of the request"),
        ("put_user_metadata: {a: é}", "want printable ASCII"),
        ("put_user_metadata: {a: b, A: c}", "is given twice, in upper and lower case"),
    ] {
        let text = if more == "{}" { String::new() } else { s3_error(more) };
        assert!(text.contains(expected), "{more}: {text}");
        assert!(!text.contains("hush"));
    }
    assert!(error("type: S3\nconfig: {bucket: b}").contains("no s3 endpoint in config file"));
    assert!(error("type: S3\nconfig: {endpoint: h}").contains("no s3 bucket in config file"));
    assert!(error("type: S3\nconfig: {bucket: b, endpoint: 'http://h'}").contains("without scheme"));
    assert!(error("type: FILESYSTEM").contains("missing directory for filesystem bucket"));
    let both = "type: S3\nconfig: {bucket: b, endpoint: h, aws_sdk_auth: true, access_key: a, secret_key: b}";
    assert!(error(both).contains("aws_sdk_auth: cannot go together with access_key"));
}

#[test]
fn prefixes_that_hide_something_are_refused() {
    for prefix in ["a/../b", "a//b", "./a", "a\\b", "\"a\\u0001\""] {
        let text = error(&format!("type: filesystem\nconfig: {{directory: d}}\nprefix: {prefix}"));
        assert!(text.contains("prefix"), "{prefix}: {text}");
    }
}

#[test]
fn no_error_and_no_debug_output_shows_a_secret() {
    let shown = format!("{:?}", parse_config(&FULL.replace("0123", "hush1").replace("1e3", "hush2")).unwrap());
    assert!(!shown.contains("hush") && !shown.contains("planted") && shown.contains("<REDACTED>"), "{shown}");
    for bad in [
        "type: S3\nconfig: hush",
        "type: S3\nconfig: [hush]",
        "type: S3\nconfig: {http_config: hush}",
        "type: S3\nconfig: {put_user_metadata: hush}",
        "type: S3\nconfig: {secret_key: {hush: hush}}",
        "type: S3\nconfig: {secret_key: [hush]}",
        "type: [hush]",
        "hush",
        "type: S3\nconfig: {secret_key: \"hush",
        "type: S3\nconfig:\n  secret_key: hush: hush\n",
        "type: S3\nconfig: {secret_key: !hush hush, insecure: hush}",
        "type: S3\nconfig: {<<: hush}",
    ] {
        let text = error(bad);
        assert!(!text.contains("hush"), "{bad}: {text}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,200}", lines in prop::collection::vec("[ -~]{0,30}", 0..8)) {
        let _ = parse_config(&text);
        let _ = parse_config(&format!("type: S3\nconfig:\n  {}", lines.join("\n  ")));
    }

    #[test]
    fn quoted_secrets_are_taken_as_they_are(secret in "[ -~]{1,40}") {
        let quoted = serde_json::to_string(&secret).unwrap();
        let text = format!("type: S3\nconfig: {{bucket: b, endpoint: h, access_key: {quoted}, secret_key: {quoted}}}");
        let config = s3(&text);
        prop_assert_eq!(config.secret_key.expose(), secret);
    }
}
