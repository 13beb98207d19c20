//! What tombstones and the range of the result leave of chunks: edge cases of `tsdb-format.md` 10, by their numbers.

use lithify_tsdb::{
    Deduplication::OneToOne,
    Error, Merged, Obstacle, Source,
    chunk::Hint,
    tombstones::{Interval, Tombstones},
};

use crate::{
    overlaps::{floats, histogram, histograms, samples},
    sample::{Block, Chunk, Files, Format, deduplicate, id, present, read},
    vectors::unhex,
};

/// A block with one series, of which these intervals are deleted.
fn deleted(n: u8, range: (i64, i64), chunks: &[Chunk], intervals: &[(i64, i64)]) -> Source {
    let block = Block::new(&[("a=1", chunks)]);
    let mut source = present(n, range, &block);
    let mut tombstones = Tombstones::default();
    // The id of the first series: its offset in sixteenths. It stands behind header and three symbols.
    intervals.iter().for_each(|(min, max)| tombstones.add(2, Interval { min: *min, max: *max }));
    source.tombstones = Some(tombstones.write());
    source
}

fn merge(sources: &[Source]) -> Result<(Merged, Files), Error> {
    deduplicate(sources, OneToOne)
}

fn chunks_of(files: &Files) -> Vec<Chunk> {
    read(files).pop().map(|(_, chunks)| chunks).unwrap_or_default()
}

#[test]
fn a_deletion_that_hits_no_sample_changes_nothing() {
    let chunk = floats(&[0, 100], 1.0);
    let (_, files) = merge(&[deleted(1, (0, 1000), std::slice::from_ref(&chunk), &[(20, 40)])]).unwrap(); // 11
    assert_eq!(files, Block::new(&[("a=1", &[chunk])]).files(Format::Present, 0));
}

#[test]
fn a_chunk_of_which_nothing_is_left_goes_and_its_series_with_it() {
    let gone = [floats(&[0, 100], 1.0)];
    for intervals in [&[(0, 40), (60, 100)], &[(0, 40), (41, 100)]] {
        let (merged, files) = merge(&[deleted(1, (0, 1000), &gone, intervals)]).unwrap(); // 12
        assert_eq!((merged.stats.num_series, merged.stats.num_samples), (0, 0));
        let found = merged.found.first().unwrap();
        assert_eq!((found.series, found.chunks, found.deleted_chunks, found.outside_chunks), (1, 1, 1, 0));
        assert!(read(&files).is_empty());
    }
}

#[test]
fn samples_outside_the_range_of_the_result_are_cut_off() {
    // 13: a sample at the end of the range is outside.
    let (merged, files) =
        merge(&[present(1, (0, 100), &Block::new(&[("a=1", &[floats(&[0, 50, 100], 1.0)])]))]).unwrap();
    assert_eq!(chunks_of(&files), [floats(&[0, 50], 1.0)]);
    assert_eq!(merged.stats.num_float_samples, 2);
    // 14: beside a block that covers the time it stays, as it is.
    let late = floats(&[50, 100], 1.0);
    let sources = [
        present(1, (0, 100), &Block::new(&[("a=1", std::slice::from_ref(&late))])),
        present(2, (0, 1000), &Block::new(&[("b=1", &[floats(&[500], 1.0)])])),
    ];
    let (_, files) = merge(&sources).unwrap();
    assert_eq!(read(&files).first().unwrap().1, [late]);
    // A chunk that consists of nothing but a sample at the end is gone.
    let both = [floats(&[0, 50], 1.0), floats(&[60, 100], 1.0)];
    let (_, files) = merge(&[deleted(1, (0, 100), &both, &[(60, 99)])]).unwrap();
    assert_eq!(chunks_of(&files), [floats(&[0, 50], 1.0)]);
}

#[test]
fn tombstones_act_on_their_block_before_blocks_are_merged() {
    let chunk = floats(&[0, 100], 1.0);
    let block = Block::new(&[("a=1", std::slice::from_ref(&chunk))]);
    let sources = [deleted(1, (0, 1000), std::slice::from_ref(&chunk), &[(0, 1000)]), present(2, (0, 1000), &block)];
    assert_eq!(merge(&sources).unwrap().1, block.files(Format::Present, 0)); // 15
    // What is left overlaps by its new times.
    let rest = [
        deleted(1, (0, 1000), std::slice::from_ref(&chunk), &[(100, 200)]),
        present(2, (0, 1000), &Block::new(&[("a=1", &[floats(&[50, 60], 2.0)])])),
    ];
    assert_eq!(chunks_of(&merge(&rest).unwrap().1), [floats(&[0], 1.0), floats(&[50, 60], 2.0)]);
}

#[test]
fn a_chunk_stays_one_chunk_however_long_it_is() {
    let times: Vec<i64> = (0..500).collect();
    let (_, files) = merge(&[deleted(1, (0, 1000), &[floats(&times, 1.0)], &[(7, 7)])]).unwrap();
    let chunks = chunks_of(&files);
    assert_eq!((chunks.len(), samples(&chunks).len()), (1, 499));
}

#[test]
fn deletions_that_reach_behind_the_range_are_joined() {
    // 45: the reference indexes out of range here.
    let source = deleted(1, (0, 945), &[floats(&[0, 55, 920, 945], 1.0)], &[(50, 60), (900, 950)]);
    assert_eq!(chunks_of(&merge(&[source]).unwrap().1), [floats(&[0], 1.0)]);
}

#[test]
fn histograms_lose_their_flag_and_keep_their_markers() {
    let of = |c| histogram(c, Hint::Unknown);
    let cut = |samples: &[(i64, lithify_tsdb::chunk::IntegerHistogram)]| {
        merge(&[deleted(1, (0, 1000), &[histograms(samples, false)], &[(0, 50)])])
    };
    let check = |samples: &[(i64, lithify_tsdb::chunk::IntegerHistogram)], hex: &str| {
        let chunks = chunks_of(&cut(samples).unwrap().1);
        assert_eq!(chunks.into_iter().map(|chunk| chunk.data).collect::<Vec<_>>(), [unhex(hex)]);
    };
    let reset = (0, histogram(5, Hint::CounterReset));
    check(
        &[reset.clone(), (100, of(6)), (200, of(7))],
        "000200ff3f50624dd2f1a9fc4647193184018000000000000c338c926d0710",
    ); // 28
    let marker = |hint| histogram(0, hint);
    check(
        &[reset, (100, of(6)), (200, marker(Hint::Unknown))],
        "000200ff3f50624dd2f1a9fc4647193184018000000000000c338c862f7fe8000000000002",
    );
    let gauge = |c| histogram(c, Hint::Gauge);
    check(&[(0, gauge(5)), (200, marker(Hint::Gauge))], "000100001cc81ffc00000000000080");
    // 33: the reference fails as well.
    let result = cut(&[(0, gauge(5)), (100, gauge(6)), (200, marker(Hint::Gauge))]);
    let is_told = matches!(&result, Err(Error::Samples { obstacle: Obstacle::MarkerAmongGauges, block, min: 0, max: 200, .. }) if *block == id(1));
    assert!(is_told, "{:?}", result.map(|(merged, _)| merged));
}

#[test]
fn a_chunk_of_aggregates_is_deleted_whole_or_not_at_all() {
    let aggregates = [Chunk { min: 0, max: 100, encoding: 0xff, data: vec![2, 1, 0, 2, 0, 0, 0, 0] }];
    let with = |interval| merge(&[deleted(1, (0, 1000), &aggregates, &[interval])]);
    // The reference drops the chunk without a word.
    assert!(matches!(with((50, 60)), Err(Error::Samples { obstacle: Obstacle::PartOfAggregates, .. })));
    assert!(chunks_of(&with((0, 100)).unwrap().1).is_empty());
    assert_eq!(chunks_of(&with((200, 300)).unwrap().1), aggregates);
}
