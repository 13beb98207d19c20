//! Jobs: plans that the host has checked.

use alloc::{string::String, vec::Vec};

use crate::{
    BlockFacts, BlockId, Group, Labels, TimeRange,
    group::{shared_source, span},
    policy::{Plan, PlannedJob},
};

/// Blocks to merge into one. Comes out of [`Job::check`] only, so what it says holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    group: String,
    labels: Labels,
    resolution: i64,
    range: TimeRange,
    blocks: Vec<BlockFacts>,
    reason: String,
}

/// What is to become of blocks of one group that share time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlaps {
    /// They are a mistake that a person must look at: no plan of their group is carried out.
    Refuse,
    /// They are merged, which is vertical compaction.
    Merge,
}

/// Why a plan is not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A job without blocks.
    #[error("group {group}: a planned job names no block")]
    Empty {
        /// The group's key.
        group: String,
    },
    /// A position outside the question.
    #[error("group {group}: a plan names block {position}, but the group has {count}")]
    Foreign {
        /// The group's key.
        group: String,
        /// The position named.
        position: usize,
        /// Number of blocks shown.
        count: usize,
    },
    /// A block planned more than once.
    #[error("group {group}: block {id} is planned twice")]
    Twice {
        /// The group's key.
        group: String,
        /// The block.
        id: BlockId,
    },
    /// A block that carries a no-compact mark.
    #[error("group {group}: block {id} carries a no-compact mark and cannot be compacted")]
    Marked {
        /// The group's key.
        group: String,
        /// The block.
        id: BlockId,
    },
    /// A block of other labels or resolution than its group.
    #[error("group {group}: block {id} has other labels or another resolution than its group")]
    Mixed {
        /// The group's key.
        group: String,
        /// The block.
        id: BlockId,
    },
    /// A block whose meta.json names another one.
    #[error("group {group}: meta.json of block {id} names block {found}; correct it, or mark block {id} for deletion")]
    Misnamed {
        /// The group's key.
        group: String,
        /// The directory.
        id: BlockId,
        /// The block that its meta.json names.
        found: BlockId,
    },
    /// Two planned blocks hold the samples of the same level-1 block.
    #[error(
        "group {group}: blocks {first} and {second} both hold the samples of block {source_block}; mark one of the two for deletion"
    )]
    SharedSource {
        /// The group's key.
        group: String,
        /// The level-1 block.
        source_block: BlockId,
        /// One holder.
        first: BlockId,
        /// The other.
        second: BlockId,
    },
    /// Blocks without external labels, whose result nobody could tell from others'.
    #[error(
        "group {group}: its blocks have no external labels, so a compacted block cannot be uploaded; give the writers of these blocks external labels"
    )]
    NoLabels {
        /// The group's key.
        group: String,
    },
    /// Two blocks of the group share time.
    #[error(
        "group {group}: blocks {first} and {second} overlap; mark one of the two for deletion, or merge them with \
         --compact.enable-vertical-compaction"
    )]
    Overlap {
        /// The group's key.
        group: String,
        /// The earlier block.
        first: BlockId,
        /// The later one.
        second: BlockId,
    },
    /// The result of a job would share time with a block that is not part of it.
    #[error(
        "group {group}: the planned blocks would be merged across block {id}, which is not one of them; plan it too, \
         or plan the blocks on either side of it apart"
    )]
    Across {
        /// The group's key.
        group: String,
        /// The block in between.
        id: BlockId,
    },
}

impl Job {
    /// Checks `plan` against the `group` it was made for and gives the jobs, in the plan's order.
    ///
    /// # Errors
    /// [`Refusal`] for the whole plan if any job names what is not there, is marked, mixed, or planned twice, or if
    /// blocks overlap that must not.
    pub fn check(plan: &Plan, group: &Group, overlaps: Overlaps) -> Result<Vec<Self>, Refusal> {
        if overlaps == Overlaps::Refuse
            && let Some((first, second)) = group.overlap()
        {
            return Err(Refusal::Overlap { group: group.key.clone(), first: first.id, second: second.id });
        }
        if !plan.jobs.is_empty() && group.labels.is_empty() {
            return Err(Refusal::NoLabels { group: group.key.clone() });
        }
        let mut taken = Vec::new();
        let jobs =
            plan.jobs.iter().map(|job| Self::check_one(job, group, &mut taken)).collect::<Result<Vec<_>, _>>()?;
        if overlaps == Overlaps::Refuse {
            jobs.iter().try_for_each(|job| job.check_against(group))?;
        }
        Ok(jobs)
    }

    /// Without vertical compaction a result must not overlap what is left, nor may two blocks hold the same samples.
    fn check_against(&self, group: &Group) -> Result<(), Refusal> {
        if let Some((source_block, first, second)) = self.shared_source() {
            return Err(Refusal::SharedSource { group: self.group.clone(), source_block, first, second });
        }
        let others = group.blocks.iter().filter(|block| !block.is_misnamed());
        let mut others = others.filter(|block| !self.blocks.iter().any(|planned| planned.id == block.id));
        match others.find(|block| block.meta.range.overlaps(self.range)) {
            Some(block) => Err(Refusal::Across { group: self.group.clone(), id: block.id }),
            None => Ok(()),
        }
    }

    fn check_one(planned: &PlannedJob, group: &Group, taken: &mut Vec<BlockId>) -> Result<Self, Refusal> {
        let key = || group.key.clone();
        let mut blocks = Vec::with_capacity(planned.blocks.len().min(group.blocks.len()));
        for &position in &planned.blocks {
            let count = group.blocks.len();
            let block = group.blocks.get(position).ok_or_else(|| Refusal::Foreign { group: key(), position, count })?;
            let id = block.id;
            if taken.contains(&id) {
                return Err(Refusal::Twice { group: key(), id });
            }
            if block.is_misnamed() {
                return Err(Refusal::Misnamed { group: key(), id, found: block.meta.id });
            }
            if block.no_compact.is_some() {
                return Err(Refusal::Marked { group: key(), id });
            }
            if block.meta.thanos.labels != group.labels || block.meta.thanos.resolution != group.resolution {
                return Err(Refusal::Mixed { group: key(), id });
            }
            taken.push(id);
            blocks.push(block.clone());
        }
        blocks.sort_by_key(BlockFacts::order);
        let range = span(&blocks).ok_or_else(|| Refusal::Empty { group: key() })?;
        Ok(Self {
            group: key(),
            labels: group.labels.clone(),
            resolution: group.resolution,
            range,
            blocks,
            reason: planned.reason.clone(),
        })
    }

    /// The group's key.
    #[must_use]
    pub fn group(&self) -> &str {
        &self.group
    }

    /// External labels of the result.
    #[must_use]
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Resolution of the result, milliseconds.
    #[must_use]
    pub fn resolution(&self) -> i64 {
        self.resolution
    }

    /// The range that the result covers: the union of its sources'.
    #[must_use]
    pub fn range(&self) -> TimeRange {
        self.range
    }

    /// The sources, by start, end and id; at least one.
    #[must_use]
    pub fn blocks(&self) -> &[BlockFacts] {
        &self.blocks
    }

    /// The first level-1 block whose samples two of the sources hold, with both; only with [`Overlaps::Merge`].
    #[must_use]
    pub fn shared_source(&self) -> Option<(BlockId, BlockId, BlockId)> {
        shared_source(&self.blocks)
    }

    /// The planner's reason.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

#[cfg(test)]
mod tests {
    use alloc::{string::ToString, vec};

    use super::*;
    use crate::group::tests::{block, group};

    fn plan(jobs: &[&[usize]]) -> Plan {
        let jobs = jobs.iter().map(|blocks| PlannedJob { blocks: blocks.to_vec(), reason: "range".into() }).collect();
        Plan { jobs, ..Plan::default() }
    }

    #[test]
    fn a_job_has_its_blocks_in_order_and_their_common_range() {
        let group = group(vec![block(1, 0, 2), block(2, 2, 4), block(3, 4, 6)]);
        let jobs = Job::check(&plan(&[&[1, 0]]), &group, Overlaps::Refuse).unwrap();
        assert_eq!(jobs[0].blocks(), &group.blocks[..2]);
        assert_eq!(jobs[0].range(), TimeRange::new(0, 4 * 3_600_000));
    }

    #[test]
    fn positions_that_do_not_exist_are_refused() {
        let group = group(vec![block(1, 0, 2)]);
        let refusal = Job::check(&plan(&[&[0, 7]]), &group, Overlaps::Refuse).unwrap_err();
        assert_eq!(refusal.to_string(), "group 0@1: a plan names block 7, but the group has 1");
        assert!(matches!(Job::check(&plan(&[&[]]), &group, Overlaps::Refuse), Err(Refusal::Empty { .. })));
    }

    #[test]
    fn a_block_in_two_jobs_is_refused() {
        let group = group(vec![block(1, 0, 2), block(2, 2, 4), block(3, 4, 6)]);
        assert!(matches!(Job::check(&plan(&[&[0, 1], &[1, 2]]), &group, Overlaps::Refuse), Err(Refusal::Twice { .. })));
        assert!(matches!(Job::check(&plan(&[&[0, 0]]), &group, Overlaps::Refuse), Err(Refusal::Twice { .. })));
    }

    #[test]
    fn marked_and_mixed_blocks_are_refused() {
        let mut marked = block(1, 0, 2);
        marked.no_compact = Some("manual".into());
        let blocks = group(vec![marked, block(2, 2, 4)]);
        assert!(matches!(Job::check(&plan(&[&[0, 1]]), &blocks, Overlaps::Refuse), Err(Refusal::Marked { .. })));
        let mut other = block(1, 0, 2);
        other.meta.thanos.resolution = 300_000;
        let blocks = group(vec![other, block(2, 2, 4)]);
        assert!(matches!(Job::check(&plan(&[&[0, 1]]), &blocks, Overlaps::Refuse), Err(Refusal::Mixed { .. })));
    }

    #[test]
    fn a_block_whose_meta_json_names_another_is_refused_and_overlaps_nothing() {
        let mut misnamed = block(1, 0, 2);
        misnamed.meta.id = block(9, 0, 2).id;
        let blocks = group(vec![misnamed.clone(), block(2, 2, 4)]);
        assert!(matches!(Job::check(&plan(&[&[0, 1]]), &blocks, Overlaps::Refuse), Err(Refusal::Misnamed { .. })));
        let blocks = group(vec![misnamed, block(2, 1, 4), block(3, 4, 6)]);
        assert_eq!(Job::check(&plan(&[&[1, 2]]), &blocks, Overlaps::Refuse).unwrap().len(), 1);
    }

    #[test]
    fn overlaps_anywhere_in_the_group_are_refused_even_if_nothing_is_planned() {
        let group = group(vec![block(1, 0, 2), block(2, 2, 4), block(3, 3, 5)]);
        for plan in [plan(&[&[0, 1]]), plan(&[])] {
            assert!(matches!(Job::check(&plan, &group, Overlaps::Refuse), Err(Refusal::Overlap { .. })));
        }
    }

    #[test]
    fn with_vertical_compaction_overlaps_and_shared_sources_are_merged() {
        let mut twin = block(2, 1, 3);
        twin.meta.compaction.sources = block(1, 0, 2).meta.compaction.sources;
        let group = group(vec![block(1, 0, 2), twin, block(3, 2, 5)]);
        let jobs = Job::check(&plan(&[&[0, 1]]), &group, Overlaps::Merge).unwrap();
        assert_eq!(jobs[0].range(), TimeRange::new(0, 3 * 3_600_000));
    }

    #[test]
    fn blocks_are_not_merged_across_one_that_is_left_out() {
        let mut marked = block(2, 2, 4);
        marked.no_compact = Some("manual".into());
        let group = group(vec![block(1, 0, 2), marked, block(3, 4, 6)]);
        assert!(matches!(
            Job::check(&plan(&[&[0, 2]]), &group, Overlaps::Refuse),
            Err(Refusal::Across { id, .. }) if id == group.blocks[1].id
        ));
    }

    #[test]
    fn blocks_without_external_labels_are_refused() {
        let mut group = group(vec![block(1, 0, 2), block(2, 2, 4)]);
        group.labels = Labels::default();
        assert!(matches!(Job::check(&plan(&[&[0, 1]]), &group, Overlaps::Refuse), Err(Refusal::NoLabels { .. })));
    }

    #[test]
    fn blocks_that_share_a_source_are_refused() {
        let mut twin = block(2, 2, 4);
        twin.meta.compaction.sources = block(1, 0, 2).meta.compaction.sources;
        let group = group(vec![block(1, 0, 2), twin]);
        assert!(matches!(Job::check(&plan(&[&[0, 1]]), &group, Overlaps::Refuse), Err(Refusal::SharedSource { .. })));
    }
}
