//! The built program, as a shell sees it: what it prints where, and its exit status.
//!
//! The cases and texts are those of the reference with the name of the program changed; recorded from Thanos
//! 0.43.0-dev, commit e103a81b.

use std::process::{Command, Output};

fn lithify(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lithify")).args(arguments).output().expect("the program can be started")
}

/// Exit status and standard error; nothing may be on standard output.
fn told(arguments: &[&str]) -> (Option<i32>, String) {
    let output = lithify(arguments);
    assert!(output.stdout.is_empty(), "{arguments:?} wrote to standard output");
    (output.status.code(), String::from_utf8(output.stderr).expect("messages are UTF-8"))
}

#[test]
fn without_a_command_the_help_is_shown_and_the_status_is_0() {
    let (status, text) = told(&[]);
    assert_eq!(status, Some(0));
    assert!(text.starts_with("usage: lithify [<flags>] <command> [<args> ...]\n\n"), "{text}");
    assert_eq!(told(&["--help"]), (Some(0), text));
}

#[test]
fn the_version_has_the_lines_of_the_reference() {
    let (status, text) = told(&["--version"]);
    assert_eq!(status, Some(0));
    let starts = ["lithify, version ", "  build user:", "  build date:", "  rust version:", "  platform:", "  tags:"];
    assert_eq!(text.lines().count(), starts.len(), "{text}");
    for (line, start) in text.lines().zip(starts) {
        assert!(line.starts_with(start), "{text}");
    }
}

#[test]
fn tokens_that_do_not_fit_are_one_line_and_status_1() {
    for (arguments, text) in [
        (&["nonsense"] as &[&str], "lithify: error: expected command but got \"nonsense\"\n"),
        (&["--nope"], "lithify: error: unknown long flag '--nope'\n"),
        (&["-q"], "lithify: error: unknown short flag '-q'\n"),
        (&["--log.level"], "lithify: error: expected argument for flag '--log.level'\n"),
    ] {
        assert_eq!(told(arguments), (Some(1), text.to_owned()), "{arguments:?}");
    }
}

#[test]
fn wrong_values_are_told_below_the_usage_with_status_2() {
    let (status, text) = told(&["--log.level=loud"]);
    let program = env!("CARGO_BIN_EXE_lithify");
    let last = format!(
        "\n\nerror parsing commandline arguments: [{program} --log.level=loud]: enum value must be one of \
         error,warn,info,debug, got 'loud'\n"
    );
    assert_eq!(status, Some(2));
    assert!(text.starts_with("usage: lithify [<flags>]") && text.ends_with(&last), "{text}");
}

/// A directory of this test process, removed at the end.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("lithify-usage-{name}-{}", std::process::id()));
        std::fs::create_dir_all(path.join("bucket")).expect("a temporary directory can be made");
        Self(path)
    }

    /// Runs `compact` over an empty bucket in this directory.
    fn compact(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let objstore =
            format!("--objstore.config={{type: FILESYSTEM, config: {{directory: {}/bucket}}}}", self.0.display());
        self.compact_in(&[&[objstore.as_str()], arguments].concat())
    }

    /// Runs `compact` without saying where the bucket is.
    fn compact_in(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let data = format!("--data-dir={}/data", self.0.display());
        told(&[&["compact", "--http-address=127.0.0.1:0", &data], arguments].concat())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed lies in the system's temporary directory.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn compact_takes_no_tokens_that_do_not_fit() {
    for (arguments, text) in [
        (&["compact", "--nope"] as &[&str], "lithify: error: unknown long flag '--nope'\n"),
        (&["compact", "-q"], "lithify: error: unknown short flag '-q'\n"),
        (&["compact", "extra"], "lithify: error: unexpected extra\n"),
        (&["compact", "--data-dir"], "lithify: error: expected argument for flag '--data-dir'\n"),
        (&["compact", "--no-such-flag"], "lithify: error: unknown long flag '--no-such-flag'\n"),
    ] {
        assert_eq!(told(arguments), (Some(1), text.to_owned()), "{arguments:?}");
    }
}

#[test]
fn compact_tells_wrong_values_below_its_usage() {
    for (arguments, end) in [
        (&["compact", "--delete-delay=1.5h"] as &[&str], "unknown unit \".\" in duration \"1.5h\"\n"),
        (&["compact", "--compact.block-max-index-size=1000"], "units: unknown unit  in 1000\n"),
        (&["compact", "--log.level=loud"], "enum value must be one of error,warn,info,debug, got 'loud'\n"),
        (&["compact", "--delete-delay=1h", "--delete-delay=2h"], "flag 'delete-delay' cannot be repeated\n"),
    ] {
        let (status, text) = told(arguments);
        let argv = arguments.join(" ");
        let start = format!("\n\nerror parsing commandline arguments: [{} {argv}]: ", env!("CARGO_BIN_EXE_lithify"));
        assert_eq!(status, Some(2), "{text}");
        assert!(text.starts_with("usage: lithify compact [<flags>]\n\n"), "{text}");
        assert!(text.ends_with(&format!("{start}{end}")), "{text}");
    }
}

#[test]
fn compact_refuses_at_start_up_with_a_log_line() {
    let scratch = Scratch::new("refuses");
    for (argument, words) in [
        ("--compact.concurrency=0", "invalid concurrency level (0), concurrency level must be > 0"),
        ("--block-meta-fetch-concurrency=0", "--block-meta-fetch-concurrency"),
        ("--block-files-concurrency=0", "invalid concurrency level (0)"),
        ("--block-discovery-strategy=both", "unknown sync strategy both"),
        ("--tracing.config=type: NOPE", "tracing with type NOPE is not supported"),
        ("--tracing.config=type: LIGHTSTEP", "tracing with type LIGHTSTEP is not supported by lithify: it takes OTLP"),
        ("--tracing.config=type: OTLP", "tracing failed: OTLP: client_type: invalid client type."),
        (
            "--tracing.config={type: OTLP, config: {client_type: grpc, tls_config: {ca_file: /nonexistent}}}",
            "tracing failed: OTLP: tls_config.ca_file: /nonexistent: ",
        ),
        ("--auto-gomemlimit.ratio=2", "--auto-gomemlimit.ratio must be greater than 0"),
        ("--debug.max-compaction-level=5", "level is bigger then default set of 5"),
        ("--debug.max-compaction-level=-1", "at least one range must be provided"),
        ("--objstore.config-file=/nonexistent", "both objstore.config-file and objstore.config flags set."),
        ("--selector.relabel-config=nonsense", "relabel"),
        ("--selector.relabel-config=[{action: replace, target_label: x}]", "unsupported relabel action: replace"),
        (
            "--selector.relabel-config=[{action: keep, regex: $(LITHIFY_NO_SUCH_VARIABLE)}]",
            "unset environment variable",
        ),
    ] {
        let (status, text) = scratch.compact(&[argument]);
        assert_eq!(status, Some(1), "{argument}: {text}");
        let line = text.lines().last().unwrap_or_default();
        assert!(line.contains(" level=error ") && line.contains(words), "{argument}: {text}");
    }
}

#[test]
fn compact_refuses_a_bucket_that_is_none() {
    let scratch = Scratch::new("no-bucket");
    for (argument, words) in [
        ("--objstore.config=", "bucket with type  is not supported"),
        ("--objstore.config=type: NOPE", "bucket with type NOPE is not supported"),
        ("--objstore.config={type: FILESYSTEM, config: {directory: x}, nope: 1}", "nope"),
        (
            "--objstore.config={type: FILESYSTEM, config: {directory: $(LITHIFY_NO_SUCH_VARIABLE)}}",
            "found reference to unset environment variable \\\"LITHIFY_NO_SUCH_VARIABLE\\\"",
        ),
    ] {
        let (status, text) = scratch.compact_in(&[argument]);
        assert_eq!(status, Some(1), "{argument}: {text}");
        assert!(text.contains("level=error") && text.contains(words), "{argument}: {text}");
    }
}

#[test]
fn compact_of_an_empty_bucket_succeeds() {
    let scratch = Scratch::new("empty");
    for arguments in [
        &["--downsampling.disable=true"] as &[&str],
        &["--log.format=json", "--log.level=debug", "--debug.name=x"],
        &["--block-sync-concurrency=3", "--compact.isolate-failures=false", "--hash-func=SHA256"],
        &["--min-time=2025-03-02T00:00:00Z", "--max-time=2025-03-01T00:00:00Z"],
    ] {
        let (status, text) = scratch.compact(arguments);
        assert_eq!(status, Some(0), "{arguments:?}: {text}");
    }
}

#[test]
fn an_http_address_in_use_ends_compact() {
    let scratch = Scratch::new("address");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("it is bound");
    let (status, text) = scratch.compact(&[]);
    assert_eq!(status, Some(0), "{text}");
    let objstore =
        format!("--objstore.config={{type: FILESYSTEM, config: {{directory: {}/bucket}}}}", scratch.0.display());
    let data = format!("--data-dir={}/data", scratch.0.display());
    let (status, text) = told(&["compact", &objstore, &data, &format!("--http-address={address}")]);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains(&format!("listen tcp {address}: bind: address already in use")), "{text}");
}
