//! Flags that say what is done with the blocks.

use super::{FlagGroup, FlagSpec, Syntax};

pub(super) const COMPACTION: FlagGroup = FlagGroup {
    heading: "Compaction",
    flags: &[
        FlagSpec::new(
            "deduplication.replica-label",
            Syntax::List,
            "",
            "Label that tells replicas of the same data apart. It is removed from blocks, so that replicas are merged \
             into one block, which cannot be undone. May be given several times or as a list with commas.",
        ),
        FlagSpec::new(
            "deduplication.func",
            Syntax::OneOf(&["penalty", ""]),
            "",
            "How samples of overlapping blocks become one series: empty takes each timestamp once, which suits copies \
             of the same samples; penalty follows one replica and changes over at gaps, which suits replicas that \
             scrape on their own.",
        ),
        FlagSpec::bool(
            "compact.enable-vertical-compaction",
            "Merge blocks that overlap in time. Always on when there is a replica label.",
        )
        .hidden(),
        FlagSpec::new(
            "compact.block-max-index-size",
            Syntax::Bytes,
            "64GB",
            "Blocks are not merged when their index files together exceed this; the largest is marked no-compact.",
        )
        .hidden(),
        FlagSpec::bool(
            "compact.skip-block-with-out-of-order-chunks",
            "Mark a block with out-of-order chunks no-compact and go on, instead of failing.",
        )
        .hidden(),
        FlagSpec::new(
            "hash-func",
            Syntax::OneOf(&["SHA256", ""]),
            "",
            "Hash of each file that is recorded in meta.json: SHA256, or empty for none.",
        ),
        FlagSpec::new(
            "compact.isolate-failures",
            Syntax::Bool,
            "true",
            "Leave out a broken block or a failing group, name it, and go on with everything else. Off: the first \
             failure ends the iteration.",
        ),
        FlagSpec::new(
            "debug.max-compaction-level",
            Syntax::Integer,
            "4",
            "Highest range that blocks are merged into: 0 is 1h, 1 is 2h, 2 is 8h, 3 is 2d, 4 is 14d.",
        )
        .hidden(),
        FlagSpec::bool("debug.accept-malformed-index", "Accept series in a block's index whose labels are not sorted.")
            .hidden(),
    ],
};

pub(super) const DOWNSAMPLING: FlagGroup = FlagGroup {
    heading: "Downsampling, retention and deletion",
    flags: &[
        FlagSpec::bool(
            "downsampling.disable",
            "Do not downsample. Queries over long ranges then have to read every raw sample.",
        ),
        FlagSpec::bool("debug.disable-downsampling", "Older name of --downsampling.disable.").hidden(),
        FlagSpec::new(
            "retention.resolution-raw",
            Syntax::PromDuration,
            "0d",
            "How long raw blocks are kept; 0d keeps them for ever. At least 40h unless downsampling is off.",
        ),
        FlagSpec::new(
            "retention.resolution-5m",
            Syntax::PromDuration,
            "0d",
            "How long blocks of 5m resolution are kept; 0d keeps them for ever. At least 10d unless downsampling is \
             off.",
        ),
        FlagSpec::new(
            "retention.resolution-1h",
            Syntax::PromDuration,
            "0d",
            "How long blocks of 1h resolution are kept; 0d keeps them for ever.",
        ),
        FlagSpec::new(
            "delete-delay",
            Syntax::PromDuration,
            "48h",
            "Age that a deletion mark must exceed before its block is deleted, at the start of the next compaction \
             pass. A marked block is left out of compaction once half of this time has passed. With 0s queries may \
             fail, because readers still use the block.",
        ),
    ],
};
