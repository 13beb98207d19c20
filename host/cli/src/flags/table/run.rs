//! Flags that say how a run goes: the loop, what it may use, where it keeps things, and what it serves.

use super::{FlagGroup, FlagSpec, Syntax};

pub(super) const LOOP: FlagGroup = FlagGroup {
    heading: "Loop",
    flags: &[
        FlagSpec::bool("wait", "Stay and start over every --wait-interval, instead of ending after one iteration.")
            .short('w'),
        FlagSpec::new(
            "wait-interval",
            Syntax::GoDuration,
            "5m",
            "With --wait: time from the start of an iteration to the start of the next, and the longest that reading \
             the state of the bucket may take.",
        ),
        FlagSpec::new(
            "compact.cleanup-interval",
            Syntax::GoDuration,
            "5m",
            "With --wait: how often partial uploads are cleaned in the background; 0s leaves it to the end of each \
             iteration. Blocks marked for deletion go at the start of each compaction pass only.",
        ),
        FlagSpec::new(
            "compact.progress-interval",
            Syntax::GoDuration,
            "5m",
            "With --wait: how often the work ahead is counted for the thanos_compact_todo_ metrics; 0s turns it off.",
        ),
        FlagSpec::new(
            "debug.halt-on-error",
            Syntax::Bool,
            "true",
            "With --wait: on an error that a person must look at, stay, do nothing more and say so in the metric \
             thanos_compact_halted. Off: end.",
        )
        .hidden(),
    ],
};

pub(super) const RESOURCES: FlagGroup = FlagGroup {
    heading: "Resources",
    flags: &[
        FlagSpec::new(
            "compact.concurrency",
            Syntax::Integer,
            "1",
            "How many groups of blocks are compacted at the same time.",
        ),
        FlagSpec::new(
            "downsample.concurrency",
            Syntax::Integer,
            "1",
            "How many blocks are downsampled at the same time.",
        ),
        FlagSpec::new(
            "compact.memory-budget",
            Syntax::Bytes,
            "0",
            "Memory that running merges may take together, for example 4GiB; a merge waits until its share is free. 0 \
             is half of what the machine or the control group has.",
        ),
        FlagSpec::new("compact.blocks-fetch-concurrency", Syntax::Integer, "1", "Checked, but has no effect.")
            .without_effect("all blocks of a merge are streamed at the same time and none is fetched beforehand"),
        FlagSpec::new("block-files-concurrency", Syntax::Integer, "1", "Checked, but has no effect.")
            .without_effect("the files of a block are streamed at the same time and none is fetched beforehand"),
    ],
};

pub(super) const POLICIES: FlagGroup = FlagGroup {
    heading: "Policies",
    flags: &[
        FlagSpec::file(
            "plugins.config-file",
            "YAML file that names the policies: `selector:`, `grouper:`, `planner:` and `downsampler:`, each with \
             `plugin:` and what it needs, and `retention:`, a list of rules with `rails:` around it. What is not \
             named is the built-in policy. Every $(VAR) in it is replaced by that environment variable.",
        ),
        FlagSpec::content("plugins.config", "The same as text instead of a file; not both."),
    ],
};

pub(super) const WORKING: FlagGroup = FlagGroup {
    heading: "Working directory",
    flags: &[FlagSpec::new(
        "data-dir",
        Syntax::Text,
        "./data",
        "Directory for what is kept from run to run: compiled policies and what is known of the bucket. Blocks are \
         streamed and never stored here.",
    )],
};

pub(super) const HTTP: FlagGroup = FlagGroup {
    heading: "HTTP",
    flags: &[
        FlagSpec::new(
            "http-address",
            Syntax::Text,
            "0.0.0.0:10902",
            "host:port to serve /metrics, /-/healthy and /-/ready on. Port 0 takes any free one and logs it.",
        ),
        FlagSpec::new(
            "http-grace-period",
            Syntax::PromDuration,
            "2m",
            "How long open connections may go on after the end of the run.",
        ),
        FlagSpec::new(
            "http.config",
            Syntax::Text,
            "",
            "YAML file that turns on TLS and basic authentication for everything served.",
        ),
    ],
};

pub(super) const WEB: FlagGroup = FlagGroup {
    heading: "Block viewer, served with --wait",
    flags: &[
        FlagSpec::bool("web.disable", "Serve neither the viewer nor /api/v1."),
        FlagSpec::new(
            "web.external-prefix",
            Syntax::Text,
            "",
            "Prefix of links and redirects, for a reverse proxy that takes a part of the path away.",
        ),
        FlagSpec::new(
            "web.prefix-header",
            Syntax::Text,
            "",
            "Request header that gives this prefix when --web.external-prefix is empty. Only safe behind a proxy that \
             always sets it.",
        ),
        FlagSpec::new("web.route-prefix", Syntax::Text, "", "Has no effect in this command.")
            .without_effect("as in the reference, compact serves below / whatever this flag says"),
        FlagSpec::bool("web.disable-cors", "Do not send headers that let pages of other sites ask the API."),
        FlagSpec {
            placeholder: "<label>",
            ..FlagSpec::new("bucket-web-label", Syntax::Text, "", "External label that the viewer titles rows with.")
        },
        FlagSpec::bool("disable-admin-operations", "Refuse to mark blocks through the API."),
        FlagSpec::new(
            "block-viewer.global.sync-block-interval",
            Syntax::GoDuration,
            "1m",
            "How often the view of all blocks is renewed.",
        ),
        FlagSpec::new(
            "block-viewer.global.sync-block-timeout",
            Syntax::GoDuration,
            "5m",
            "How long renewing it may take.",
        ),
    ],
};

pub(super) const OUTPUT: FlagGroup = FlagGroup {
    heading: "Output",
    flags: &[FlagSpec::new(
        "output",
        Syntax::OneOf(&["table", "json"]),
        "table",
        "Format on standard output: table or json.",
    )],
};

pub(super) const CHECK: FlagGroup = FlagGroup {
    heading: "Check",
    flags: &[FlagSpec::new(
        "check",
        Syntax::OneOf(&["auto", "all", "index", "none"]),
        "auto",
        "What is read to find out whether the block is broken: auto is the index, and the chunks too if the block is \
         smaller than 1 GiB; all, index or none.",
    )],
};

pub(super) const DEMONSTRATION: FlagGroup = FlagGroup {
    heading: "Demonstration",
    flags: &[
        FlagSpec {
            placeholder: "<directory>",
            ..FlagSpec::new(
                "dir",
                Syntax::Text,
                "",
                "Directory to make the bucket in; it must be empty or absent. Otherwise a fresh temporary one, which \
                 is removed at the end.",
            )
        },
        FlagSpec::bool("keep", "Do not remove the temporary directory. One named by --dir always stays."),
        FlagSpec::new("series", Syntax::Integer, "2000", "How many series each block has."),
        FlagSpec::new("seed", Syntax::Integer, "1", "Number that the samples are made from: same seed, same blocks."),
        FlagSpec::new(
            "color",
            Syntax::Bool,
            "true",
            "Use colours when the output is a terminal and NO_COLOR is not set.",
        ),
    ],
};

pub(super) const LIFTING: FlagGroup = FlagGroup {
    heading: "Marks",
    flags: &[
        FlagSpec {
            placeholder: "<time>",
            ..FlagSpec::new(
                "since",
                Syntax::TimeOrDuration,
                "0s",
                "Required. Marks made at this time or later: an RFC 3339 timestamp, or a distance from now such as -2h.",
            )
        },
        FlagSpec::new("dry-run", Syntax::Bool, "true", "Only show what would be lifted. --no-dry-run lifts it."),
    ],
};

pub(super) const COMPONENT: FlagGroup = FlagGroup {
    heading: "Output",
    flags: &[FlagSpec::new(
        "output",
        Syntax::Text,
        "",
        "File to write the component to; without it NAME.wasm in the directory of the crate.",
    )],
};
