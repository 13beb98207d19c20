//! Flags that say where the bucket is and which of its blocks are looked at.

use super::{FlagGroup, FlagSpec, Syntax};

pub(super) const BUCKET: FlagGroup = FlagGroup {
    heading: "Bucket",
    flags: &[
        FlagSpec::file(
            "objstore.config-file",
            "YAML file that says where the bucket is: `type: FILESYSTEM` or `type: S3`, `config:`, and an optional \
             `prefix:`. Every $(VAR) in it is replaced by that environment variable.",
        ),
        FlagSpec::content(
            "objstore.config",
            "The same as text instead of a file; not both. Text given here can be seen in the list of processes, so \
             secrets belong in the file or in a $(VAR).",
        ),
        FlagSpec::new(
            "block-discovery-strategy",
            Syntax::Text,
            "concurrent",
            "concurrent or recursive. One listing of the whole bucket finds the blocks either way, and blocks that \
             changed are read again.",
        ),
        FlagSpec::new(
            "block-meta-fetch-concurrency",
            Syntax::Integer,
            "32",
            "How many meta.json files and marks are read from the bucket at the same time.",
        ),
        FlagSpec::new("block-sync-concurrency", Syntax::Integer, "20", "Older name of --block-meta-fetch-concurrency.")
            .hidden(),
    ],
};

pub(super) const SELECTION: FlagGroup = FlagGroup {
    heading: "Which blocks",
    flags: &[
        FlagSpec::new(
            "consistency-delay",
            Syntax::GoDuration,
            "30m",
            "Least age of a block before it is looked at, unless a compactor made it. Partial uploads go when \
             nothing was written to them for this long, but not before 48h.",
        ),
        FlagSpec::new(
            "min-time",
            Syntax::TimeOrDuration,
            "0000-01-01T00:00:00Z",
            "Leave alone blocks that end before this: an RFC 3339 timestamp or a distance from now, such as -30d or \
             2h45m. Units are ms, s, m, h, d, w, y.",
        ),
        FlagSpec::new(
            "max-time",
            Syntax::TimeOrDuration,
            "9999-12-31T23:59:59Z",
            "Leave alone blocks that start after this; written as --min-time.",
        ),
        FlagSpec::file(
            "selector.relabel-config-file",
            "YAML file with relabelling rules over the external labels of blocks, with the actions keep, drop and \
             hashmod. Blocks that the rules drop are left alone. Every $(VAR) in it is replaced by that environment \
             variable.",
        ),
        FlagSpec::content("selector.relabel-config", "The same as text instead of a file; not both."),
    ],
};
