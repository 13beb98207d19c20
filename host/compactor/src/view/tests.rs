use std::sync::Arc;

use lithify_block::{DeletionMark, Meta, Rfc3339, Timestamp};
use lithify_bucket::{BlockDirectory, MarkState, MetaState};

use super::*;

const HOUR: i64 = 3_600_000;

/// A block made at `hour`, of the two hours from then on.
fn found(hour: i64) -> (BlockId, BlockDirectory) {
    let id = BlockId::from_parts(Timestamp(hour * HOUR), 7);
    let mut meta = Meta::from_json(b"{\"version\":1}").unwrap();
    meta.id = id;
    meta.range = TimeRange::new(hour * HOUR, (hour + 2) * HOUR);
    meta.compaction.sources = vec![id];
    meta.thanos.labels = [("cluster", "eu1")].into_iter().collect();
    (id, BlockDirectory { meta: MetaState::Found(Arc::new(meta)), ..BlockDirectory::default() })
}

fn meta((_, directory): &mut (BlockId, BlockDirectory)) -> &mut Meta {
    match &mut directory.meta {
        MetaState::Found(meta) => Arc::make_mut(meta),
        MetaState::Missing | MetaState::Corrupted(_) | MetaState::Unsupported(..) => panic!("not found"),
    }
}

fn rules() -> Rules {
    Rules {
        now: Timestamp(1000 * HOUR),
        consistency_delay_ms: HOUR / 2,
        delete_delay_ms: 48 * HOUR,
        isolate: false,
        time_partition: TimeRange::new(i64::MIN, i64::MAX),
        replica_labels: ReplicaLabels::default(),
    }
}

#[derive(Debug, PartialEq)]
enum Error {
    Unsupported(Unsupported),
}

impl From<Unsupported> for Error {
    fn from(error: Unsupported) -> Self {
        Self::Unsupported(error)
    }
}

fn snapshot(blocks: Vec<(BlockId, BlockDirectory)>) -> Snapshot {
    Snapshot { blocks: blocks.into_iter().collect(), fetched: 0 }
}

fn build(blocks: Vec<(BlockId, BlockDirectory)>, rules: &Rules) -> Result<Vec<Standing>, Error> {
    let view = View::build(&snapshot(blocks), rules, |sets| Ok::<_, Error>(vec![true; sets.len()]))?;
    Ok(view.blocks.into_values().map(|seen| seen.standing).collect())
}

#[test]
fn an_old_block_takes_part() {
    assert_eq!(build(vec![found(0)], &rules()), Ok(vec![Standing::Active]));
}

#[test]
fn the_time_partition_includes_both_its_ends() {
    let standing = |min, max| {
        let mut block = found(0);
        meta(&mut block).range = TimeRange::new(min, max);
        build(vec![block], &Rules { time_partition: TimeRange::new(1, 10), ..rules() }).unwrap().remove(0)
    };
    for (min, max) in [(0, 1), (1, 10), (2, 30), (0, 30), (10, 20)] {
        assert_eq!(standing(min, max), Standing::Active, "[{min}, {max})");
    }
    for (min, max) in [(-1, 0), (20, 30)] {
        assert_eq!(standing(min, max), Standing::OutsideTime, "[{min}, {max})");
    }
}

#[test]
fn the_selector_sees_the_labels_and_the_id_and_is_asked_once() {
    let mut asked = Vec::new();
    let view = View::build(&snapshot(vec![found(0), found(2)]), &rules(), |sets| {
        asked.push(sets.to_vec());
        Ok::<_, Error>(vec![true, false])
    });
    let standings: Vec<_> = view.unwrap().blocks.into_values().map(|seen| seen.standing).collect();
    assert_eq!(standings, [Standing::Active, Standing::OutsideShard]);
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0][1].get("__block_id"), Some(&*found(2).0.to_string()));
    assert_eq!(asked[0][1].get("cluster"), Some("eu1"));
}

#[test]
fn a_young_block_waits_unless_a_compactor_made_it() {
    let young = || found(1000);
    assert_eq!(
        build(vec![young()], &rules()),
        Ok(vec![Standing::TooFresh { until: Timestamp(1000 * HOUR + HOUR / 2) }])
    );
    for source in ["compactor", "compactor.repair", "bucket.repair"] {
        let mut block = young();
        meta(&mut block).thanos.source = source.into();
        assert_eq!(build(vec![block], &rules()), Ok(vec![Standing::Active]));
    }
    let exactly = Rules { now: Timestamp(1000 * HOUR + HOUR / 2), ..rules() };
    assert_eq!(build(vec![young()], &exactly), Ok(vec![Standing::Active]));
}

#[test]
fn the_time_of_upload_counts_rather_than_the_id_and_one_from_the_future_is_too_fresh() {
    let mut block = found(0);
    meta(&mut block).thanos.upload_time = Rfc3339::from(Timestamp(1000 * HOUR + 1));
    let none = Rules { consistency_delay_ms: 0, ..rules() };
    assert_eq!(build(vec![block], &none), Ok(vec![Standing::TooFresh { until: Timestamp(1000 * HOUR + 1) }]));
    assert_eq!(build(vec![found(2000)], &rules()), Ok(vec![Standing::Active])); // An id from the future is very old.
}

#[test]
fn a_deletion_mark_hides_its_block_after_half_the_delay() {
    let standing = |age_s: i64| {
        let mut block = found(0);
        block.1.deletion = MarkState::Found(DeletionMark::new(block.0, "", Timestamp(1000 * HOUR - age_s * 1000)));
        build(vec![block], &rules()).unwrap().remove(0)
    };
    assert_eq!(standing(24 * 3600), Standing::Active);
    assert_eq!(standing(24 * 3600 + 1), Standing::MarkedForDeletion);
}

#[test]
fn a_block_whose_samples_are_in_another_is_superseded() {
    let (a, b, mut merged) = (found(0), found(2), found(4));
    meta(&mut merged).compaction.sources = vec![a.0, b.0];
    let by = Standing::SupersededBy(merged.0);
    assert_eq!(build(vec![a, b, merged], &rules()), Ok(vec![by.clone(), by, Standing::Active]));
}

#[test]
fn a_block_without_sources_is_its_own_source() {
    let (a, mut b) = (found(0), found(2));
    meta(&mut b).compaction.sources.clear();
    assert_eq!(build(vec![a, b], &rules()), Ok(vec![Standing::Active, Standing::Active]));
}

#[test]
fn what_is_no_complete_block_has_a_standing_that_says_so() {
    let (mut partial, mut corrupt, mut misnamed) = (found(0), found(2), found(4));
    partial.1.meta = MetaState::Missing;
    corrupt.1.meta = MetaState::Corrupted("no JSON".into());
    meta(&mut misnamed).id = found(9).0;
    let standings = build(vec![partial, corrupt, misnamed], &rules()).unwrap();
    assert_eq!(standings, [Standing::Partial, Standing::Corrupt("no JSON".into()), Standing::Misnamed(found(9).0)]);
}

#[test]
fn unknown_versions_make_no_view() {
    let mut block = found(0);
    let unsupported = MetaError::Version { found: 2 };
    block.1.meta = MetaState::Unsupported(Arc::new(meta(&mut block).clone()), unsupported);
    let error = build(vec![block], &rules()).unwrap_err();
    assert_eq!(error, Error::Unsupported(Unsupported::Meta { id: found(0).0, error: MetaError::Version { found: 2 } }));
    let mut block = found(0);
    block.1.no_compact = MarkState::Unsupported(MarkError::Version { found: 2 });
    assert!(build(vec![block], &rules()).is_err());
}

#[test]
fn a_mark_of_a_block_that_is_left_out_anyway_is_not_looked_at() {
    let mut block = found(0);
    block.1.deletion = MarkState::Unsupported(MarkError::Version { found: 2 });
    let outside = Rules { time_partition: TimeRange::new(900 * HOUR, 1000 * HOUR), ..rules() };
    assert_eq!(build(vec![block], &outside), Ok(vec![Standing::OutsideTime]));
}
