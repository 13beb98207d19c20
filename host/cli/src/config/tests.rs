use lithify_compactor::COMPACTION_RANGES;

use super::*;
use crate::flags::table::{COMPACT, CommandSpec, DEMO, PLAN};
use crate::flags::{Command, Outcome, parse};

const ALL: &[CommandSpec] = &[COMPACT, PLAN, DEMO];

fn command(words: &[&str]) -> Command {
    let arguments: Vec<String> = ["lithify"].iter().chain(words).map(|word| (*word).to_owned()).collect();
    let Outcome::Run(flags) = parse(ALL, &arguments) else { panic!("{words:?} cannot be run") };
    flags.command
}

fn compact(word: &str) -> Result<CompactConfig, String> {
    let Command::Compact(flags) = command(&["compact", word]) else { panic!("not compact") };
    let environment = |name: &str| (name == "DIR").then(|| "/buckets".to_owned());
    let surroundings = Surroundings { environment: &environment, memory_bytes: Some(1000) };
    CompactConfig::new(&flags, surroundings).map_err(|error| error.to_string())
}

#[test]
fn what_the_program_does_not_allow_is_refused_with_the_name_of_the_flag() {
    for (word, message) in [
        (
            "--compact.concurrency=0",
            "invalid concurrency level (0), concurrency level must be > 0: --compact.concurrency",
        ),
        (
            "--block-meta-fetch-concurrency=-3",
            "invalid concurrency level (-3), concurrency level must be > 0: --block-meta-fetch-concurrency",
        ),
        ("--debug.max-compaction-level=5", "level is bigger then default set of 5: --debug.max-compaction-level=5"),
        ("--debug.max-compaction-level=-1", "at least one range must be provided: --debug.max-compaction-level=-1"),
        (
            "--downsample.concurrency=0",
            "invalid concurrency level (0), concurrency level must be > 0: --downsample.concurrency",
        ),
        (
            "--block-sync-concurrency=0",
            "invalid concurrency level (0), concurrency level must be > 0: --block-sync-concurrency",
        ),
        (
            "--block-discovery-strategy=both",
            "unknown sync strategy both: --block-discovery-strategy is concurrent or recursive",
        ),
        (
            "--deduplication.func=penalty",
            "penalty based deduplication needs at least one replica label specified: --deduplication.replica-label",
        ),
        (
            "--retention.resolution-raw=39h59m",
            "raw resolution must be higher than the minimum block size after which 5m resolution downsampling will \
             occur (40 hours): --retention.resolution-raw",
        ),
        (
            "--retention.resolution-5m=9d23h",
            "5m resolution retention must be higher than the minimum block size after which 1h resolution \
             downsampling will occur (10 days): --retention.resolution-5m",
        ),
        ("--compact.memory-budget=-1KB", "memory budget must not be negative: --compact.memory-budget=-1024B"),
        ("--objstore.config=$(NOPE)", "found reference to unset environment variable \"NOPE\""),
    ] {
        assert_eq!(compact(word).unwrap_err(), message, "{word}");
    }
}

#[test]
fn the_memory_budget_is_half_of_what_there_is_unless_it_is_given() {
    assert_eq!(compact("--compact.memory-budget=0").unwrap().memory_budget_bytes, 500);
    assert_eq!(compact("--compact.memory-budget=3KiB").unwrap().memory_budget_bytes, 3072);
}

#[test]
fn a_lower_level_leaves_out_ranges() {
    let ranges = |word| compact(word).unwrap().selection.ranges_ms;
    assert_eq!(ranges("--debug.max-compaction-level=2"), COMPACTION_RANGES[..3]);
    assert_eq!(ranges("--debug.max-compaction-level=4"), COMPACTION_RANGES);
}

#[test]
fn variables_are_put_into_configuration() {
    let config = compact("--objstore.config={type: FILESYSTEM, config: {directory: $(DIR)}}").unwrap();
    assert_eq!(config.selection.objstore, "{type: FILESYSTEM, config: {directory: /buckets}}");
}

#[test]
fn a_least_time_after_the_greatest_is_accepted_as_in_the_reference() {
    let words = ["compact", "--min-time=2025-03-02T00:00:00Z", "--max-time=2025-03-01T00:00:00Z"];
    let Command::Compact(flags) = command(&words) else { panic!("not compact") };
    let surroundings = Surroundings { environment: &|_| None, memory_bytes: None };
    let config = CompactConfig::new(&flags, surroundings).unwrap();
    assert_eq!(config.memory_budget_bytes, MEMORY_BUDGET_FALLBACK_BYTES);
}

#[test]
fn plan_and_demo_have_their_own() {
    let Command::Plan(flags) = command(&["plan", "--output=json", "--downsampling.disable"]) else { panic!() };
    let config = PlanConfig::new(&flags, Surroundings { environment: &|_| None, memory_bytes: None }).unwrap();
    assert!(config.json && !config.selection.downsampling);

    let demo = |words: &[&str]| {
        let Command::Demo(flags) = command(words) else { panic!() };
        DemoConfig::new(&flags)
    };
    assert_eq!(demo(&["demo"]).unwrap().dir, None);
    assert_eq!(demo(&["demo", "--dir=x"]).unwrap().dir, Some(PathBuf::from("x")));
    assert!(demo(&["demo", "--series=0"]).is_err() && demo(&["demo", "--series=1e9"]).is_err());
}

fn compact_all(words: &[&str]) -> Result<CompactConfig, String> {
    let words: Vec<&str> = ["compact"].iter().chain(words).copied().collect();
    let Command::Compact(flags) = command(&words) else { panic!("not compact") };
    CompactConfig::new(&flags, Surroundings { environment: &|_| None, memory_bytes: None })
        .map_err(|error| error.to_string())
}

#[test]
fn retentions_of_exactly_the_least_age_are_accepted_and_smaller_ones_without_downsampling() {
    for words in [
        &["--retention.resolution-raw=40h", "--retention.resolution-5m=10d"] as &[&str],
        &["--retention.resolution-1h=1s"],
        &["--retention.resolution-raw=1h", "--retention.resolution-5m=1h", "--downsampling.disable"],
        &["--retention.resolution-raw=1h", "--debug.disable-downsampling"],
        &["--retention.resolution-raw=0d"],
    ] {
        assert!(compact_all(words).is_ok(), "{words:?}");
    }
}

#[test]
fn periods_that_never_let_go_are_refused_only_where_they_are_used() {
    for (words, message) in [
        (&["--wait", "--wait-interval=0"] as &[&str], "interval must be > 0: --wait-interval=0ns"),
        (&["--wait", "--wait-interval=-1ns"], "interval must be > 0: --wait-interval=-1ns"),
        (
            &["--wait", "--block-viewer.global.sync-block-interval=0s"],
            "interval must be > 0: --block-viewer.global.sync-block-interval=0ns",
        ),
    ] {
        assert_eq!(compact_all(words).unwrap_err(), message);
    }
    assert_eq!(compact_all(&["--wait-interval=0"]).unwrap().repetition, None);
    let quiet = ["--wait", "--web.disable", "--block-viewer.global.sync-block-interval=0s"];
    assert_eq!(compact_all(&quiet).unwrap().http.web, None);
}

#[test]
fn the_loop_and_its_background_work_have_their_periods() {
    let repetition = compact_all(&["-w", "--compact.cleanup-interval=0s", "--wait-interval=1.5s"]).unwrap().repetition;
    let repetition = repetition.unwrap();
    assert_eq!(repetition.interval, Duration::from_millis(1500));
    assert_eq!(repetition.cleanup_interval, None);
    assert_eq!(repetition.progress_interval, Some(Duration::from_secs(300)));
    assert!(repetition.halt_on_error);
    assert!(compact_all(&["-w"]).unwrap().http.web.is_some());
}

#[test]
fn a_replica_label_switches_vertical_compaction_on_and_an_empty_one_does_not() {
    let of = |words: &[&str]| compact_all(words).unwrap().selection.deduplication;
    assert!(!of(&[]).vertical);
    assert!(!of(&["--deduplication.replica-label="]).vertical);
    assert!(of(&["--compact.enable-vertical-compaction"]).vertical);
    let both = of(&["--deduplication.replica-label=a,b", "--deduplication.replica-label=c"]);
    assert!(both.vertical && !both.penalty);
    assert_eq!(both.replica_labels, ["a,b", "c"]);
    assert!(of(&["--deduplication.func=penalty", "--deduplication.replica-label=r"]).penalty);
}

#[test]
fn the_older_name_of_a_flag_counts_unless_the_newer_is_given() {
    let of = |words: &[&str]| compact_all(words).unwrap().selection.meta_fetch_concurrency;
    assert_eq!(of(&[]), 32);
    assert_eq!(of(&["--block-sync-concurrency=7"]), 7);
    assert_eq!(of(&["--block-sync-concurrency=7", "--block-meta-fetch-concurrency=32"]), 32);
}

#[test]
fn application_wide_flags_are_checked_too() {
    let check = |word: &str| {
        let arguments = ["lithify", "compact", word].map(str::to_owned);
        let Outcome::Run(flags) = parse(ALL, &arguments) else { panic!("{word} cannot be run") };
        let surroundings = Surroundings { environment: &|_| None, memory_bytes: None };
        let checked = check_application(&flags).and_then(|()| traces(&flags, surroundings));
        checked.map_err(|error| error.to_string()).err()
    };
    for word in [
        "--auto-gomemlimit.ratio=1",
        "--enable-auto-gomemlimit",
        "--tracing.config={type: OTLP, config: {client_type: grpc}}",
    ] {
        assert_eq!(check(word), None, "{word}");
    }
    for word in ["--auto-gomemlimit.ratio=0", "--auto-gomemlimit.ratio=1.5", "--auto-gomemlimit.ratio=-1"] {
        assert!(check(word).unwrap().contains("must be greater than 0 and less than or equal to 1"), "{word}");
    }
    assert_eq!(
        check("--tracing.config=type: NOPE").unwrap(),
        "tracing failed: tracing with type NOPE is not supported"
    );
}
