//! What a run would downsample, and what it would leave and why.

use lithify_block::Timestamp;
use serde::Serialize;

use super::staying;
use crate::{
    calendar::for_people,
    render::{
        look::{Look, Paint},
        table::{Align, Table},
        units,
    },
};

/// One pass of downsampling, over what compaction and earlier passes leave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DownsamplingReport {
    /// Copies that would be made, by the ids of their sources.
    pub copies: Vec<CopyReport>,
    /// Blocks of which none would be made.
    pub left: Vec<LeftReport>,
}

/// One copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CopyReport {
    /// Its source; made up where that does not exist yet.
    pub block: String,
    /// External labels, `{a="1", b="2"}`.
    pub labels: String,
    /// Resolution of the source in milliseconds, 0 for raw.
    pub from_resolution_ms: i64,
    /// Resolution of the copy in milliseconds.
    pub to_resolution_ms: i64,
    /// Start of both, milliseconds.
    pub min_time_ms: i64,
    /// End of both, milliseconds, not inside.
    pub max_time_ms: i64,
    /// Samples of the source.
    pub samples: u64,
    /// Bytes of the source, where known.
    pub size_bytes: Option<u64>,
    /// Why.
    pub reason: String,
}

/// One block that stays without a copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftReport {
    /// The block; made up where it does not exist yet.
    pub block: String,
    /// Its resolution in milliseconds, 0 for raw.
    pub resolution_ms: i64,
    /// Why.
    pub reason: String,
}

/// What all passes make, in one table, and what the last one leaves.
pub(super) fn text(passes: &[DownsamplingReport], look: &Look) -> String {
    let mut table = Table::new(&[
        ("PASS", Align::Right),
        ("DOWNSAMPLE", Align::Left),
        ("LABELS", Align::Left),
        ("FROM", Align::Left),
        ("RANGE", Align::Right),
        ("SAMPLES", Align::Right),
        ("SIZE", Align::Right),
        ("WHY", Align::Left),
    ]);
    for (number, copy) in (1..).zip(passes).flat_map(|(number, pass)| pass.copies.iter().map(move |c| (number, c))) {
        table.row(row(number, copy));
    }
    let mut text = String::new();
    if !table.is_empty() {
        text.push_str(&format!("\n{}\n", look.paint(Paint::Cyan, "downsampling")));
        text.push_str(&table.draw(look));
        text.push_str(&passes.last().map_or_else(String::new, |pass| left(pass, look)));
    }
    text
}

fn row(pass: i32, copy: &CopyReport) -> [String; 8] {
    [
        pass.to_string(),
        format!("{} to {}", units::resolution(copy.from_resolution_ms), units::resolution(copy.to_resolution_ms)),
        copy.labels.clone(),
        for_people(Timestamp(copy.min_time_ms)),
        units::length(copy.max_time_ms.saturating_sub(copy.min_time_ms)),
        units::count(copy.samples),
        units::size_if_known(copy.size_bytes),
        copy.reason.clone(),
    ]
}

fn left(pass: &DownsamplingReport, look: &Look) -> String {
    let kinds: Vec<String> =
        pass.left.iter().map(|left| format!("{} ", units::resolution(left.resolution_ms))).collect();
    staying(kinds.iter().zip(&pass.left).map(|(kind, left)| (kind.as_str(), left.reason.as_str())), look)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn people_see_what_would_be_downsampled_and_what_not() {
        let look = Look { columns: 100, folds: false, unicode: true, color: false };
        let copy = CopyReport {
            block: "01JN7PX380VCMWNYV1GC9165AQ".to_owned(),
            labels: "{cluster=\"eu1\"}".to_owned(),
            from_resolution_ms: 0,
            to_resolution_ms: 300_000,
            min_time_ms: 1_740_787_200_000,
            max_time_ms: 1_740_787_200_000 + 172_800_000,
            samples: 94_000_000,
            size_bytes: Some(292 << 20),
            reason: "none of its 24 sources is in a 5m block".to_owned(),
        };
        let left = |reason: &str| LeftReport {
            block: "01JN84MHR04YBZBA82BD4X333E".to_owned(),
            resolution_ms: 0,
            reason: reason.to_owned(),
        };
        let short = "shorter than 1d16h";
        let passes = [
            DownsamplingReport { copies: vec![copy], left: vec![left(short)] },
            DownsamplingReport {
                copies: vec![],
                left: vec![left(short), left(short), left("marked no-downsample: manual")],
            },
        ];
        expect![[r#"

            downsampling
            PASS  DOWNSAMPLE  LABELS           FROM              RANGE  SAMPLES     SIZE  WHY
               1  raw to 5m   {cluster="eu1"}  2025-03-01 00:00     2d     94 M  292 MiB  none of its 24 sources is in a 5m block
            then 1 raw block stays as it is: marked no-downsample: manual
            then 2 raw blocks stay as they are: shorter than 1d16h
        "#]]
        .assert_eq(&text(&passes, &look));
    }

    #[test]
    fn nothing_to_downsample_is_not_worth_a_word() {
        let look = Look { columns: 100, folds: false, unicode: true, color: false };
        assert_eq!(text(&[DownsamplingReport::default()], &look), "");
    }
}
