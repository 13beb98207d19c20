//! Which blocks are superseded: all their samples are in another block.
//!
//! Source: `thanos-compactor.md` 3.6 F6.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use lithify_block::{BlockId, Labels};

/// What the rule looks at.
#[derive(Clone, Debug)]
pub struct Candidate<'a> {
    /// The block.
    pub id: BlockId,
    /// Its external labels; blocks of other labels never cover it.
    pub labels: &'a Labels,
    /// Its resolution, milliseconds; neither do blocks of another one.
    pub resolution: i64,
    /// The level-1 blocks whose samples it holds. A block with an empty list counts as its own source.
    pub sources: BTreeSet<BlockId>,
    /// The blocks that it was merged from.
    pub parents: BTreeSet<BlockId>,
    /// Whether it carries a deletion mark.
    pub marked: bool,
}

/// For each superseded block, the one that holds its samples.
#[must_use]
pub fn superseded(candidates: &[Candidate<'_>]) -> BTreeMap<BlockId, BlockId> {
    let mut groups: BTreeMap<(i64, &Labels), Vec<&Candidate<'_>>> = BTreeMap::new();
    for candidate in candidates {
        groups.entry((candidate.resolution, candidate.labels)).or_default().push(candidate);
    }
    let mut covered = BTreeMap::new();
    for group in groups.into_values() {
        let representatives = keep_one_of_equals(group, &mut covered);
        keep_covering(representatives, &mut covered);
    }
    covered
}

/// Of blocks with equal sources one stays: unmarked before marked, not a parent of another of them before a parent, the
/// lowest id.
fn keep_one_of_equals<'a, 'b>(
    group: Vec<&'a Candidate<'b>>,
    covered: &mut BTreeMap<BlockId, BlockId>,
) -> Vec<&'a Candidate<'b>> {
    let mut sets: BTreeMap<&BTreeSet<BlockId>, Vec<&Candidate<'_>>> = BTreeMap::new();
    for candidate in group {
        sets.entry(&candidate.sources).or_default().push(candidate);
    }
    let mut representatives = Vec::with_capacity(sets.len());
    for equals in sets.into_values() {
        let listed = |c: &Candidate<'_>| equals.iter().any(|other| other.id != c.id && other.parents.contains(&c.id));
        let all_listed = equals.iter().all(|c| listed(c));
        let kept = equals.iter().min_by_key(|c| (c.marked, !all_listed && listed(c), c.id));
        let Some(kept) = kept else { continue };
        covered.extend(equals.iter().filter(|c| c.id != kept.id).map(|c| (c.id, kept.id)));
        representatives.push(*kept);
    }
    representatives
}

/// From the most sources to the fewest: a block whose sources are all in one block kept so far is superseded by it.
fn keep_covering(mut group: Vec<&Candidate<'_>>, covered: &mut BTreeMap<BlockId, BlockId>) {
    group.sort_by_key(|c| (std::cmp::Reverse(c.sources.len()), c.id));
    let mut holders: HashMap<BlockId, Vec<&Candidate<'_>>> = HashMap::new();
    for candidate in group {
        let cover = candidate
            .sources
            .first()
            .and_then(|first| holders.get(first)?.iter().find(|holder| candidate.sources.is_subset(&holder.sources)));
        if let Some(cover) = cover {
            covered.insert(candidate.id, cover.id);
            continue;
        }
        for source in &candidate.sources {
            holders.entry(*source).or_default().push(candidate);
        }
    }
}

#[cfg(test)]
mod tests {
    use lithify_block::Timestamp;

    use super::*;

    fn id(n: i64) -> BlockId {
        BlockId::from_parts(Timestamp(n), 0)
    }

    fn number(word: &str) -> BlockId {
        id(word.trim().parse().unwrap())
    }

    /// Reads `1:{1} 4:{1,2}@1000 5:{1}!marked 6:{1}<5` and gives the ids that stay. `!` marks, `<` names a parent.
    fn kept(text: &str) -> Vec<i64> {
        let labels = Labels::default();
        let candidates: Vec<_> = text
            .split_whitespace()
            .map(|word| {
                let (number_text, rest) = word.split_once(":{").unwrap();
                let (sources, rest) = rest.split_once('}').unwrap();
                let (rest, parents) = rest.split_once('<').map_or((rest, ""), |(a, b)| (a, b));
                let marked = rest.ends_with('!');
                let resolution = rest.trim_end_matches('!').strip_prefix('@').map_or(0, |r| r.parse().unwrap());
                let set = |text: &str| text.split(',').filter(|t| !t.is_empty()).map(number).collect();
                Candidate {
                    id: number(number_text),
                    labels: &labels,
                    resolution,
                    sources: set(sources),
                    parents: set(parents),
                    marked,
                }
            })
            .collect();
        let gone = superseded(&candidates);
        let mut kept: Vec<_> =
            candidates.iter().filter(|c| !gone.contains_key(&c.id)).map(|c| c.id.created().0).collect();
        kept.sort_unstable();
        kept
    }

    #[test]
    fn the_vectors_of_the_specification_hold() {
        for (input, expected) in [
            ("1:{1} 2:{2} 3:{3}", vec![1, 2, 3]),
            ("6:{6} 4:{1,3,2} 5:{5}", vec![4, 5, 6]),
            ("5:{5} 6:{6} 3:{1,2} 4:{1,2}", vec![3, 5, 6]),
            ("4:{1,2} 6:{6} 5:{1,3,2}", vec![5, 6]),
            ("6:{6} 1:{1} 2:{2} 3:{3} 4:{2,1,3}", vec![4, 6]),
            ("10:{1,2,3} 11:{6,4,5} 14:{14} 1:{1} 13:{1,6,2,3,5,7,4,8,9} 12:{7,9,8}", vec![13, 14]),
            ("8:{1,3,2,4} 1:{1} 5:{1,2} 6:{1,3,2,4} 7:{3,1,2}", vec![6]),
            ("10:{1,2,6,7} 1:{1} 11:{6,8,1,2}", vec![10, 11]),
            ("10:{6,7,1,2} 1:{1} 5:{1,2} 11:{2,3,1}", vec![10, 11]),
            ("1:{1}@0 2:{1}@1000 3:{1}@10000", vec![1, 2, 3]),
            ("1:{1}@0 6:{6}@10000 4:{1,3,2}@0 5:{2,3,1}@1000", vec![4, 5, 6]),
            ("10:{7,5,1,2}@0 12:{6,7,1}@10000 1:{1}@0 13:{1}@10000 5:{1,2}@0 11:{2,3,1}@0", vec![10, 11, 12]),
        ] {
            assert_eq!(kept(input), expected, "{input}");
        }
    }

    #[test]
    fn of_equal_blocks_the_unmarked_then_the_later_made_then_the_oldest_stays() {
        for (input, expected) in [
            ("1:{7} 2:{7}", 1),   // Nobody is marked, nobody is listed.
            ("1:{7}! 2:{7}", 2),  // A source of a repair.
            ("1:{7} 2:{7}<1", 2), // The process died before marking 1.
            ("1:{7}! 2:{7}! 3:{7}! 4:{7}", 4),
            ("1:{7}! 2:{7}!", 1),
            ("1:{7}<2 2:{7}<1", 1),
        ] {
            assert_eq!(kept(input), [expected], "{input}");
        }
    }
}
