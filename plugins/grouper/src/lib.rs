//! Which blocks belong together? Those with the same external labels and the same resolution.
//!
//! Invariants: a pure function of each block for itself; nothing is left out.
//!
//! Start with [`key`].
//!
//! Source: `thanos-compactor.md` 4.1; Thanos pkg/block/metadata/meta.go (`GroupKey`), Prometheus model/labels (`slicelabels`).
#![no_std]
extern crate alloc;
#[cfg(not(target_family = "wasm"))]
extern crate std as _; // Native builds link its allocator and panic handler; nothing can name it.

use alloc::{string::String, vec::Vec};

use lithify_sdk::{
    Assignment, Block, Context, Error, Grouper, Label, Policy, Why,
    json::Object,
    text::{decimal, signed_decimal},
};
use xxhash_rust::xxh64::xxh64;

lithify_sdk::export!(include_bytes!("../manifest.json"), grouper: ExternalLabels);

/// The grouper. There is nothing to configure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExternalLabels;

impl Policy for ExternalLabels {
    fn configure(config: &str) -> Result<Self, Error> {
        Object::parse(config)?.finish()?;
        Ok(Self)
    }
}

impl Grouper for ExternalLabels {
    fn group(&self, _cx: &Context, blocks: &[Block], why: &mut dyn Why) -> Result<Vec<Assignment>, Error> {
        let assign = |(position, block): (u32, &Block)| {
            let key = key(block.resolution, &block.external_labels);
            if why.enabled() {
                why.explain(&block.id, "group", &["in group ", &key, " by its labels and resolution"].concat());
            }
            Assignment { block: position, key, labels: block.external_labels.clone() }
        };
        Ok((0..).zip(blocks).map(assign).collect())
    }
}

/// The group key, `<resolution>@<hash>`: XXH64 over name, 0xFF, value, 0xFF of each label.
///
/// `labels` are sorted by the bytes of their names, as the host hands them over.
#[must_use]
pub fn key(resolution: i64, labels: &[Label]) -> String {
    let mut bytes = Vec::with_capacity(1024);
    for Label { name, value } in labels {
        for part in [name, value] {
            bytes.extend_from_slice(part.as_bytes());
            bytes.push(0xff);
        }
    }
    [&signed_decimal(resolution), "@", &decimal(xxh64(&bytes, 0))].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(resolution: i64, labels: &[(&str, &str)], expected: &str) {
        let labels: Vec<Label> =
            labels.iter().map(|(name, value)| Label { name: (*name).into(), value: (*value).into() }).collect();
        assert_eq!(key(resolution, &labels), expected);
    }

    #[test]
    fn keys_are_those_of_official_builds_of_the_reference() {
        check(0, &[], "0@17241709254077376921");
        check(0, &[("foo", "bar"), ("foo1", "bar2")], "0@2124638872457683483");
        let odd = ("foo/some..thing/some.thing/../", r"a_b_c/bar-something-a\metric/a\x");
        check(0, &[odd], "0@16590761456214576373");
        check(1000, &[], "1000@17241709254077376921");
        check(300_000, &[("cluster", "eu1")], "300000@1319708470537487294");
        check(0, &[("cluster", "eu1"), ("replica", "1")], "0@16524738989847697247");
    }

    #[test]
    fn there_is_nothing_to_configure() {
        assert_eq!(ExternalLabels::configure("{}"), Ok(ExternalLabels));
        assert_eq!(ExternalLabels::configure(r#"{"by": 1}"#).unwrap_err().message, "unknown key `by`");
    }
}
