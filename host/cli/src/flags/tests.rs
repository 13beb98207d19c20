use expect_test::expect_file;

use super::table::{COMPACT, CommandSpec, DEMO, HELP, PLAN, PLUGIN};
use super::*;
use lithify_compactor::Moment;

/// Every command, also those that the build does not offer yet.
const ALL: &[CommandSpec] = &[HELP, COMPACT, PLAN, DEMO, PLUGIN];

fn parse_words(words: &[&str]) -> Outcome {
    let arguments: Vec<String> = ["lithify"].iter().chain(words).map(|word| (*word).to_owned()).collect();
    parse(ALL, &arguments)
}

fn flags(words: &[&str]) -> Flags {
    match parse_words(words) {
        Outcome::Run(flags) => *flags,
        Outcome::Print { text, status } => panic!("status {status}: {text}"),
        Outcome::Answer(text) => panic!("{text}"),
    }
}

fn compact(words: &[&str]) -> Box<CompactFlags> {
    let words: Vec<&str> = ["compact"].iter().chain(words).copied().collect();
    let Command::Compact(flags) = flags(&words).command else { panic!("not compact") };
    flags
}

fn printed(words: &[&str]) -> (u8, String) {
    match parse_words(words) {
        Outcome::Run(flags) => panic!("{flags:?}"),
        Outcome::Print { text, status } => (status, text),
        Outcome::Answer(text) => panic!("{text}"),
    }
}

#[test]
fn tokens_that_do_not_fit_the_grammar_are_one_line_and_status_1() {
    for (words, text) in [
        (&["compact", "--nope"] as &[&str], "unknown long flag '--nope'"),
        (&["compact", "--nope=1"], "unknown long flag '--nope'"),
        (&["compact", "--no-such-flag"], "unknown long flag '--no-such-flag'"),
        (&["compact", "--no-data-dir"], "unknown long flag '--no-data-dir'"),
        (&["compact", "-q"], "unknown short flag '-q'"),
        (&["compact", "-hq"], "unknown short flag '-q'"),
        (&["compact", "extra"], "unexpected extra"),
        (&["compact", "--", "--log.level=info"], "unexpected --log.level=info"),
        (&["compact", "--downsampling.disable=maybe"], "unexpected maybe"),
        (&["compact", "--no-downsampling.disable=true"], "unexpected true"),
        (&["nonsense"], "expected command but got \"nonsense\""),
        (&["plugin", "nonsense"], "expected command but got \"nonsense\""),
        (&["compact", "--data-dir"], "expected argument for flag '--data-dir'"),
        (&["compact", "--data-dir", "--log.level=info"], "expected argument for flag '--data-dir'"),
        (
            &["compact", "--debug.max-compaction-level", "-1"],
            "expected argument for flag '--debug.max-compaction-level'",
        ),
        (&["--data-dir=x", "compact"], "unknown long flag '--data-dir'"),
        (&["compact", "@"], "expected @ file to expand arguments from"),
        (&["plugin", "inspect", "a", "b"], "unexpected b"),
        (&["help", "nonsense"], "expected command but got \"nonsense\""),
        (&["plan", "--wait"], "unknown long flag '--wait'"),
    ] {
        assert_eq!(printed(words), (1, format!("lithify: error: {text}\n")), "{words:?}");
    }
}

#[test]
fn wrong_values_come_below_the_help_with_status_2() {
    for (words, text) in [
        (&["compact", "--log.level=loud"] as &[&str], "enum value must be one of error,warn,info,debug, got 'loud'"),
        (&["--log.level=loud"], "enum value must be one of error,warn,info,debug, got 'loud'"),
        (&["compact", "--delete-delay=1.5h"], "unknown unit \".\" in duration \"1.5h\""),
        (&["compact", "--consistency-delay=1y"], "time: unknown unit \"y\" in duration \"1y\""),
        (&["compact", "--compact.block-max-index-size=1000"], "units: unknown unit  in 1000"),
        (&["compact", "--compact.concurrency=two"], "strconv.ParseFloat: parsing \"two\": invalid syntax"),
        (&["compact", "--compact.concurrency="], "strconv.ParseFloat: parsing \"\": invalid syntax"),
        (&["compact", "--min-time=yesterday"], "not a valid duration string: \"yesterday\""),
        (&["compact", "--delete-delay=1h", "--delete-delay=1h"], "flag 'delete-delay' cannot be repeated"),
        (&["--log.level=info", "compact", "--log.level=info"], "flag 'log.level' cannot be repeated"),
        (
            &["compact", "--downsampling.disable", "--no-downsampling.disable"],
            "flag 'downsampling.disable' cannot be repeated",
        ),
        (&["compact", "--delete-delay=x", "--delete-delay=1h"], "not a valid duration string: \"x\""),
        (&["compact", "--hash-func=MD5"], "enum value must be one of SHA256,, got 'MD5'"),
        (&["compact", "--deduplication.func=other"], "enum value must be one of penalty,, got 'other'"),
        (&["compact", "--auto-gomemlimit.ratio=x"], "strconv.ParseFloat: parsing \"x\": invalid syntax"),
        (&["compact", "-w", "--wait"], "flag 'wait' cannot be repeated"),
        (&["plugin"], "must select a subcommand of 'plugin'"),
        (&["plugin", "inspect"], "required argument 'file' not provided"),
        (&["plan", "--output=csv"], "enum value must be one of table,json, got 'csv'"),
    ] {
        let (status, printed) = printed(words);
        let argv = ["lithify"].iter().chain(words).copied().collect::<Vec<_>>().join(" ");
        let expected = format!("\n\nerror parsing commandline arguments: [{argv}]: {text}\n");
        assert_eq!(status, 2, "{words:?}");
        assert!(printed.starts_with("usage: lithify"), "{printed}");
        assert!(printed.ends_with(&expected), "{words:?}: {printed}");
    }
}

#[test]
fn a_grammar_error_wins_over_help_and_help_over_a_wrong_value() {
    assert_eq!(printed(&["compact", "--help", "--nope"]).0, 1);
    assert_eq!(printed(&["compact", "--help", "--log.level=loud"]).0, 0);
    assert_eq!(printed(&["compact", "--version", "--nope"]).0, 0);
}

#[test]
fn help_is_the_same_by_every_way_of_asking() {
    let expected = printed(&["compact", "--help"]);
    assert_eq!(expected.0, 0);
    for words in [&["help", "compact"] as &[&str], &["--help", "compact"], &["compact", "-h"], &["-h", "compact", "-h"]]
    {
        assert_eq!(printed(words), expected, "{words:?}");
    }
    assert_eq!(printed(&[]), printed(&["--help"]));
    assert_eq!(printed(&["help"]), printed(&["--help"]));
    assert_eq!(printed(&["help", "plugin", "build"]), printed(&["plugin", "build", "--help"]));
}

#[test]
fn the_long_help_holds_every_page() {
    let (status, text) = printed(&["--help-long"]);
    assert_eq!(status, 0);
    for words in [&["--help"] as &[&str], &["compact", "--help"], &["plugin", "inspect", "--help"]] {
        assert!(text.contains(&printed(words).1), "{words:?}");
    }
}

#[test]
fn application_wide_flags_stand_before_or_after_the_command() {
    for words in [&["--log.level=debug", "compact"] as &[&str], &["compact", "--log.level", "debug"]] {
        assert_eq!(flags(words).log_level, "debug");
    }
}

#[test]
fn every_flag_has_the_default_of_the_reference() {
    let defaults = expect_file!["tests/defaults.txt"];
    defaults.assert_debug_eq(&compact(&[]));
}

#[test]
fn a_switch_takes_a_negation_and_a_value() {
    for (word, expected) in [
        ("--downsampling.disable", true),
        ("--no-downsampling.disable", false),
        ("--downsampling.disable=true", true),
        ("--downsampling.disable=false", false),
    ] {
        assert_eq!(compact(&[word]).selection.downsampling_disable, expected, "{word}");
    }
    let Command::Demo(demo) = flags(&["demo", "--no-color", "--keep"]).command else { panic!("not the demo") };
    assert!(!demo.color && demo.keep);
}

#[test]
fn a_value_may_begin_with_a_dash_behind_an_equals_sign() {
    let flags = compact(&["--debug.max-compaction-level=-1", "--min-time=-30d", "--data-dir=--x"]);
    assert_eq!(flags.selection.max_compaction_level, -1);
    assert_eq!(flags.selection.min_time, Moment::FromNow(-30 * 86_400_000));
    assert_eq!(flags.selection.data_dir, "--x");
}

#[test]
fn an_arguments_file_stands_for_its_lines() {
    let file = std::env::temp_dir().join(format!("lithify-arguments-{}", std::process::id()));
    std::fs::write(&file, "# comment\ncompact\n\n--data-dir\nwith blanks\n   \n--compact.concurrency=3\n").unwrap();
    let at = format!("@{}", file.display());
    let Command::Compact(flags) = flags(&[&at, "--http-address=:1"]).command else { panic!("not compact") };
    assert_eq!((flags.selection.data_dir.as_str(), flags.concurrency), ("with blanks", 3));
    // A value behind an equals sign is taken as it is.
    assert_eq!(compact(&[&format!("--data-dir={at}")]).selection.data_dir, at);

    std::fs::write(&file, format!("{at}\n{at}\n")).unwrap();
    assert!(printed(&[&at]).1.starts_with("lithify: error: more than 64 arguments files"));
    std::fs::remove_file(&file).unwrap();
    assert!(printed(&[&at]).1.starts_with("lithify: error: failed to open arguments file"));
}

#[test]
fn hidden_flags_work_and_are_not_in_the_help() {
    assert_eq!(compact(&["--compact.block-max-index-size=1GB"]).selection.block_max_index_size.bytes, 1 << 30);
    let (_, text) = printed(&["compact", "--help"]);
    for name in ["block-max-index-size", "max-compaction-level", "help-long"] {
        assert!(!text.contains(name), "{name}");
    }
    for shown in [
        "--http-address=\"0.0.0.0:10902\"",
        "--delete-delay=48h",
        "--objstore.config=<content>",
        "--[no-]downsampling.disable",
        "-h, --[no-]help",
        "--compact.memory-budget=0",
    ] {
        assert!(text.contains(shown), "{shown}: {text}");
    }
}

#[test]
fn the_name_of_every_flag_is_there_once_in_a_command() {
    for command in ALL.iter().chain(PLUGIN.subcommands) {
        let mut names: Vec<&str> = command.flags().map(|flag| flag.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count, "{}", command.name);
    }
}

#[test]
fn the_version_has_six_lines() {
    let (status, text) = printed(&["--version"]);
    assert_eq!((status, text.lines().count()), (0, 6));
    assert!(text.starts_with("lithify, version "));
}

#[test]
fn commands_that_are_not_offered_are_unknown() {
    const NONE: &[CommandSpec] = &[HELP];
    let outcome = parse(NONE, &["lithify".to_owned(), "compact".to_owned()]);
    let text = "lithify: error: expected command but got \"compact\"\n".to_owned();
    assert_eq!(outcome, Outcome::Print { text, status: 1 });
}

/// Every flag of the reference's `compact`, hidden ones too, and those of its older documentation.
const OF_THE_REFERENCE: &str = "\
    help help-long version log.level log.format tracing.config-file tracing.config enable-auto-gomemlimit \
    auto-gomemlimit.ratio debug.name http-address http-grace-period http.config data-dir objstore.config-file \
    objstore.config consistency-delay retention.resolution-raw retention.resolution-5m retention.resolution-1h \
    wait wait-interval downsampling.disable block-discovery-strategy block-meta-fetch-concurrency \
    block-files-concurrency block-viewer.global.sync-block-interval block-viewer.global.sync-block-timeout \
    compact.cleanup-interval compact.progress-interval compact.concurrency compact.blocks-fetch-concurrency \
    downsample.concurrency delete-delay deduplication.func deduplication.replica-label \
    compact.enable-vertical-compaction compact.block-max-index-size compact.skip-block-with-out-of-order-chunks \
    hash-func min-time max-time web.disable selector.relabel-config-file selector.relabel-config \
    web.route-prefix web.external-prefix web.prefix-header web.disable-cors bucket-web-label \
    disable-admin-operations debug.halt-on-error debug.accept-malformed-index debug.max-compaction-level \
    block-sync-concurrency debug.disable-downsampling";

#[test]
fn every_flag_of_the_reference_is_there_and_hidden_where_it_hides_it() {
    let flag = |name: &str| COMPACT.flags().find(|flag| flag.name == name);
    for name in OF_THE_REFERENCE.split_whitespace() {
        assert!(flag(name).is_some(), "{name}");
    }
    let hidden: Vec<&str> = COMPACT.flags().filter(|flag| flag.hidden).map(|flag| flag.name).collect();
    for name in [
        "debug.name",
        "compact.enable-vertical-compaction",
        "compact.block-max-index-size",
        "compact.skip-block-with-out-of-order-chunks",
        "debug.halt-on-error",
        "debug.accept-malformed-index",
        "debug.max-compaction-level",
    ] {
        assert!(hidden.contains(&name), "{name}");
    }
}

#[test]
fn what_has_no_effect_is_named_when_it_is_typed() {
    let named = |words: &[&str]| {
        let words: Vec<&str> = ["compact"].iter().chain(words).copied().collect();
        flags(&words).without_effect.iter().map(|(flag, _)| *flag).collect::<Vec<_>>()
    };
    assert!(named(&[]).is_empty());
    assert_eq!(
        named(&["--block-files-concurrency=1", "--enable-auto-gomemlimit"]),
        ["block-files-concurrency", "enable-auto-gomemlimit"]
    );
    assert!(named(&["--compact.concurrency=1"]).is_empty());
}
