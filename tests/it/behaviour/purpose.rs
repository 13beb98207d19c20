//! Cases that end otherwise than in the reference, on purpose: no endless loop, nothing lost.
//!
//! Source: `thanos-compactor.md` 17.3.

use super::*;

/// What is wrong with the end of a case in which we differ on purpose; `None` for a case in which we do not.
pub(super) fn judge(case: &Case, output: &Output, found: &Bucket) -> Option<Vec<String>> {
    let mut wrong = Vec::new();
    let mut expect = |holds: bool, what: &str| {
        if !holds {
            let old: Vec<_> = found.old.keys().collect();
            wrong.push(format!("{what}; {old:?} {:?}", found.new));
        }
    };
    let kept = || case.before().iter().all(|(path, content)| found.old.get(path) == Some(content));
    match case.name.as_str() {
        // The reference repairs, or rewrites, the block again and again. We do it once: what is not marked afterwards is
        // what the reference comes to where blocks are deleted at once.
        "broken-issue-347" | "tombstones-single-block" => {
            let ended = Case::read(&format!("{}+delay-0", case.name)).after("out");
            expect(kept(), "everything that was there is kept");
            expect(standing(found) == standing(&ended), "the blocks without mark are those of a run without delay");
        }
        // The reference makes the same plan for ever.
        "empty-blocks" => wrong = found.differences(&case.after("out")),
        "tombstones-all-of-all" => {
            expect(kept() && found.new.is_empty(), "everything is kept and nothing is made");
            let marked = found.old.keys().filter(|path| path.ends_with("/deletion-mark.json")).count();
            expect(marked > 0, "planned blocks are marked");
        }
        // An object that is named like a block is none.
        "bucket-object-named-like-a-block" => {
            let other = Case::read("bucket-object-named-like-a-block-recursive");
            wrong = found.differences(&other.after("out"));
        }
        // A mark speaks of the block that it lies beside.
        "deletion-mark-of-another" => expect(kept(), "nothing is deleted"),
        // The reference makes two further copies of a block that is there.
        "downsample-mark-on-5m" => {
            expect(kept(), "everything is kept");
            expect(found.new.is_empty(), "nothing is made again");
        }
        // Flags of old releases, and values for switches, are understood.
        "flags-old-flag" | "flags-bool-with-value" => {}
        _ => return None,
    }
    if !output.status.success() {
        wrong.push(format!("{:?}: {}", output.status, last(output)));
    }
    Some(wrong)
}

/// Bytes of new blocks that carry no deletion mark.
fn standing(bucket: &Bucket) -> Vec<BTreeMap<String, String>> {
    let unmarked = bucket.new.iter().filter(|block| !block.contains_key("deletion-mark.json"));
    let bytes = |block: &BTreeMap<String, String>| {
        block.iter().filter(|(path, _)| *path != "meta.json").map(|(path, text)| (path.clone(), text.clone())).collect()
    };
    unmarked.map(bytes).collect()
}
