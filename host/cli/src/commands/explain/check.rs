//! Whether the block can be read: what a merge of it would stumble over, and what becomes of it then.
//!
//! Source: `thanos-compactor.md` 2.4, 2.8 and 6.4.

use lithify_compactor::{Context, Depth, Failure, Remedy, Seen, check, remedy};

use crate::{
    config::Check,
    render::{
        explain::{CheckReport, DefectReport},
        units,
    },
};

/// Chunks of larger blocks are read only on request: 1 GiB.
const CHUNKS_BYTES_MAX: u64 = 1 << 30;

/// What was read of the block, and the failure that a merge would end with.
pub(super) async fn read(cx: &Context, seen: &Seen, wanted: Check) -> (CheckReport, Option<Failure>) {
    let nothing = |why: String| (CheckReport { read: "nothing", why, defect: None }, None);
    let Some(facts) = &seen.facts else {
        return nothing("without a meta.json that can be read there is no block to check".to_owned());
    };
    let (depth, why) = match (wanted, facts.size_bytes) {
        (Check::None, _) => return nothing("switched off by --check=none".to_owned()),
        (Check::Index, _) => (Depth::Index, "--check=all reads the chunks too".to_owned()),
        (Check::Auto, Some(bytes)) if bytes >= CHUNKS_BYTES_MAX => {
            (Depth::Index, format!("{} are much to read; --check=all reads the chunks too", units::size(bytes)))
        }
        (Check::Auto | Check::All, _) => (Depth::All, String::new()),
    };
    let failure = check(cx, facts, depth).await.err();
    let read = if depth == Depth::All { "index and chunks" } else { "index" };
    let defect = failure.as_ref().map(|failure| defect(failure, cx));
    (CheckReport { read, why, defect }, failure)
}

/// The failure as a person needs it.
pub(super) fn defect(failure: &Failure, cx: &Context) -> DefectReport {
    let becomes = match remedy(failure, cx.config.skip_out_of_order_chunks) {
        Remedy::Repair(_) => {
            "the merge that needs it writes it anew without the chunks that begin at its end, and marks it for deletion"
        }
        Remedy::MarkNoCompact(_) => "the merge that needs it marks it no-compact, and the rest of its group goes on",
        Remedy::None if cx.config.isolate_failures => {
            "whatever needs it leaves it out: it keeps its place, nothing of it is changed, and everything else goes on"
        }
        Remedy::None => "whatever needs it ends the iteration, because isolation is switched off",
    };
    let (err, way_out) = (failure.chain(), failure.way_out());
    DefectReport {
        kind: failure.severity().kind(),
        reason: failure.reason(),
        becomes,
        way_out: if err.contains(way_out) { "" } else { way_out },
        err,
    }
}
