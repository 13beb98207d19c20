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
