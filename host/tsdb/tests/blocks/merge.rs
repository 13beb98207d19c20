//! What a merge of blocks gives, and what it refuses.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use crate::sample::{self, Block, Chunk, Format, chunk, id, labels, merge, merge_with, present, source};
use bytes::Bytes;
use lithify_block::TimeRange;
use lithify_tsdb::{
    Blob, BlockFile, Deduplication, Defect, Error, Memory, Obstacle, Options, Output, Progress, Sink, compact,
    index::Rule,
    tombstones::{Interval, Tombstones},
};
use proptest::prelude::*;

const FORMATS: [Format; 3] = [Format::Present, Format::WithLabelIndices, Format::First];

fn defect(result: Result<impl Sized, Error>) -> (lithify_block::BlockId, Defect) {
    match result {
        Err(Error::Defect { block, defect }) => (block, *defect),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("merged"),
    }
}

#[test]
fn the_example_of_the_specification_is_written_byte_for_byte() {
    let float = |min, max, data: &[u8]| Chunk { min, max, encoding: 1, data: data.to_vec() };
    let first = [0, 2, 0xd0, 0x0f, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0x98, 0x75, 0];
    let second = [0, 1, 0xb0, 0xe4, 3, 0, 0, 0, 0, 0, 0, 0, 0];
    let third = [0, 1, 0xa0, 0x1f, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0];
    let block = Block::new(&[
        ("__name__=up job=a", &[float(1000, 16000, &first), float(31000, 31000, &second)]),
        ("__name__=up job=b", &[float(2000, 2000, &third)]),
    ]);
    let (_, files) = block.written(0).unwrap();
    assert_eq!(files, block.files(Format::Present, 0));
    let hex = |file| {
        let bytes: &Bytes = files.get(&file).unwrap();
        bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let index = "baaad70002 00000019 00000006 00 085f5f6e616d655f5f 0161 0162 036a6f62 027570 9d4add99 \
        00000000000000000000 0f 02 0105 0402 02 d00f 9875 08 9875 00 2a 6340ea4d 000000000000000000000000 \
        0a 02 0105 0403 01 a01f 00 30 ccaa8a56 00 \
        0000000c 00000002 00000003 00000005 bb33cbd4 0000000c 00000002 00000003 00000005 bb33cbd4 \
        00000008 00000001 00000003 a7692ed2 00000008 00000001 00000005 81c8c93a \
        00000028 00000004 02000060 02085f5f6e616d655f5f02757074 02036a6f6201618801 02036a6f6201629801 6758 99e0 \
        0000000000000005 0000000000000026 000000000000005f 00000000000000a8 000000000000005f 00000000000000a8 9b5b7208";
    assert_eq!(hex(BlockFile::Index), index.replace(' ', ""));
    let segment = "85bd40dd 01000000 0f01 0002d00f3ff00000000000009875 00 42df714e \
        0d01 0001b0e4030000000000000000 71a40a47 0c01 0001a01f3fe0000000000000 f6ee933f";
    assert_eq!(hex(BlockFile::Segment(1)), segment.replace(' ', ""));
}

#[test]
fn every_index_that_the_reference_reads_gives_the_same_result() {
    let early = Block::new(&[("a=1", &[chunk(0, 9, 1)]), ("a=2 b=1", &[chunk(0, 5, 1), chunk(6, 9, 2)])]);
    let late = Block::new(&[("a=2 b=1", &[chunk(10, 15, 3)]), ("c=1", &[chunk(10, 19, 4)])]);
    let want = merge(&[present(1, (0, 10), &early), present(2, (10, 20), &late)]).unwrap();
    for (one, other) in FORMATS.into_iter().flat_map(|one| FORMATS.map(|other| (one, other))) {
        let sources = [source(1, (0, 10), &early.files(one, 0)), source(2, (10, 20), &late.files(other, 0))];
        assert!(merge(&sources).unwrap() == want, "{one:?} {other:?}");
    }
    let mut third = early.files(Format::Present, 0);
    let index = third.get_mut(&BlockFile::Index).unwrap();
    let mut bytes = index.to_vec();
    *bytes.get_mut(4).unwrap() = 3;
    *index = bytes.into();
    assert!(merge(&[source(1, (0, 10), &third), present(2, (10, 20), &late)]).unwrap() == want);
}

#[test]
fn symbols_of_all_sources_stay_even_if_no_series_uses_them() {
    let mut block = Block::new(&[("a=1", &[chunk(0, 9, 1)])]);
    block.extra = vec!["zz".to_owned(), String::new()];
    assert_eq!(merge(&[present(1, (0, 10), &block)]).unwrap().1, block.files(Format::Present, 0));
    let empty = Block { extra: vec!["q".to_owned()], series: Vec::new() };
    let mut want = block.clone();
    want.extra.push("q".to_owned());
    let sources = [present(1, (0, 10), &block), present(2, (10, 20), &empty)];
    assert_eq!(merge(&sources).unwrap().1, want.files(Format::Present, 0));
}

#[test]
fn equal_chunks_of_several_blocks_are_written_once() {
    let block = Block::new(&[("a=1", &[chunk(0, 9, 1), chunk(10, 19, 2)])]);
    let (merged, files) = merge(&[1, 2, 3].map(|n| present(n, (0, 20), &block))).unwrap();
    assert_eq!(files, block.files(Format::Present, 0));
    assert_eq!((merged.stats.num_chunks, merged.stats.num_samples), (2, 4));
}

#[test]
fn a_repeated_chunk_is_dropped_only_where_another_block_has_the_series() {
    let twice = Block::new(&[("a=1", &[chunk(0, 9, 1), chunk(0, 9, 1)])]);
    let alone = merge(&[present(1, (0, 10), &twice)]);
    assert!(
        matches!(alone, Err(Error::Rule { rule: Rule::ChunkOrder { min: 0, before_max: 9, .. }, blocks }) if blocks == [id(1)])
    );
    let other = Block::new(&[("a=1", &[chunk(10, 19, 2)])]);
    let want = Block::new(&[("a=1", &[chunk(0, 9, 1), chunk(10, 19, 2)])]);
    let sources = [present(1, (0, 10), &twice), present(2, (10, 20), &other)];
    assert_eq!(merge(&sources).unwrap().1, want.files(Format::Present, 0));
}

#[test]
fn damage_inside_a_chunk_is_told_where_the_chunk_has_to_be_decoded() {
    let one = Block::new(&[("a=1", &[chunk(0, 9, 1)])]);
    for late in [chunk(9, 20, 1), chunk(0, 9, 2), chunk(5, 9, 1)] {
        let other = Block::new(&[("a=1", std::slice::from_ref(&late))]);
        let result = merge(&[present(1, (0, 30), &one), present(2, (0, 30), &other)]);
        let Err(Error::Samples { series, block, min, max, obstacle: Obstacle::Chunk(_) }) = result else {
            panic!("{late:?}")
        };
        assert_eq!((series.as_str(), min, max), (r#"{a="1"}"#, late.min, late.max));
        assert_eq!(block, id(2));
    }
    // Copied as it is where nothing overlaps.
    let other = Block::new(&[("a=1", &[chunk(10, 20, 1)])]);
    assert!(merge(&[present(1, (0, 30), &one), present(2, (0, 30), &other)]).is_ok());
}

#[test]
fn tombstones_are_read_and_mean_nothing_where_they_meet_no_chunk() {
    let block = Block::new(&[("a=1", &[chunk(0, 9, 1)]), ("a=2", &[chunk(0, 9, 1)])]);
    let with = |series, min, max| {
        let mut tombstones = Tombstones::default();
        tombstones.add(series, Interval { min, max });
        let mut source = present(1, (0, 10), &block);
        source.tombstones = Some(tombstones.write());
        merge(&[source]).unwrap().1
    };
    assert_eq!(with(2, 10, 50), block.files(Format::Present, 0));
    assert_eq!(with(99, 0, 50), block.files(Format::Present, 0));
    let mut source = present(1, (0, 10), &block);
    source.tombstones = Some(Tombstones::default().write());
    assert_eq!(merge(&[source]).unwrap().1, block.files(Format::Present, 0));
    let mut source = present(1, (0, 10), &block);
    source.tombstones = Some(vec![1, 2, 3]);
    let error = merge(&[source]).unwrap_err();
    assert!(matches!(&error, Error::Corrupt { block, file, .. } if *block == id(1) && file == "tombstones"), "{error}");
}

#[test]
fn each_defect_is_told_with_block_and_evidence() {
    let good = Block::new(&[("a=1", &[chunk(0, 9, 1)])]);
    let check = |series: &[(&str, &[Chunk])], accept| {
        let bad = Block::new(series);
        let sources = [present(1, (0, 100), &good), present(2, (100, 200), &bad)];
        let (block, defect) = defect(merge_with(&sources, 0, accept));
        assert_eq!(block, id(2));
        defect
    };
    assert!(matches!(check(&[("", &[chunk(100, 109, 1)])], true), Defect::EmptyLabels { .. }));
    let unordered: [(&str, &[Chunk]); 2] = [("a=2", &[chunk(100, 109, 1)]), ("a=1", &[chunk(100, 109, 1)])];
    assert!(matches!(check(&unordered, true), Defect::SeriesOrder { example } if example.series == r#"{a="1"}"#));
    assert!(matches!(check(&[("a=1", &[])], true), Defect::NoChunks { .. }));
    assert!(matches!(
        check(&[("a=1", &[chunk(90, 109, 1), chunk(110, 120, 1), chunk(201, 209, 1)])], true),
        Defect::OutsideRange { partly: 1, completely: 1, example } if example.chunk == Some((90, 109))
    ));
    let disorder = [chunk(100, 120, 1), chunk(110, 130, 1), chunk(105, 106, 1)];
    assert!(matches!(check(&[("a=1", &disorder)], true), Defect::OutOfOrderChunks { count: 2, .. }));
    assert!(matches!(check(&[("a=1", &[chunk(200, 209, 1)])], true), Defect::Issue347 { count: 1, .. }));
    let names: [(&str, &[Chunk]); 1] = [("b=1 a=1", &[chunk(100, 109, 1)])];
    assert!(matches!(check(&names, false), Defect::OutOfOrderLabels { count: 1, .. }));
}

#[test]
fn malformed_label_order_is_kept_where_it_is_accepted() {
    let block = Block::new(&[("b=1 a=1", &[chunk(0, 9, 1)]), ("c=1", &[chunk(0, 9, 1)])]);
    let (_, files) = merge_with(&[present(1, (0, 10), &block)], 0, true).unwrap();
    assert_eq!(files, block.files(Format::Present, 0));
}

#[test]
fn the_worst_defect_of_the_first_bad_block_wins() {
    let unordered =
        Block::new(&[("b=1 a=1", &[chunk(0, 9, 1)]), ("c=1", &[chunk(10, 12, 1)]), ("d=1", &[chunk(50, 60, 1)])]);
    let early: [(&str, &[Chunk]); 1] = [("a=1", &[])];
    let sources = [present(1, (0, 20), &unordered), present(2, (20, 40), &Block::new(&early))];
    let (block, defect) = defect(merge(&sources));
    assert_eq!(block, id(1));
    assert!(matches!(defect, Defect::OutsideRange { partly: 0, completely: 1, .. }));
}

#[test]
fn a_block_without_a_list_of_series_has_none() {
    let empty = Block { extra: vec!["x".to_owned()], series: Vec::new() };
    let (merged, files) = merge(&[present(1, (0, 10), &empty)]).unwrap();
    assert_eq!((merged.stats.num_samples, merged.stats.num_series), (0, 0));
    assert_eq!(files.keys().collect::<Vec<_>>(), [&BlockFile::Index]);
}

#[test]
fn a_name_that_occurs_more_often_than_there_are_series_is_refused() {
    let block = Block::new(&[("a=1 a=2", &[chunk(0, 9, 1)])]);
    let result = merge(&[present(1, (0, 10), &block)]);
    assert!(matches!(result, Err(Error::Rule { rule: Rule::RepeatedName { count: 2, series: 1, .. }, .. })));
    // Twice in one series passes where another series makes up for it.
    let block = Block::new(&[("a=1 a=2", &[chunk(0, 9, 1)]), ("b=1", &[chunk(0, 9, 1)])]);
    assert_eq!(merge(&[present(1, (0, 10), &block)]).unwrap().1, block.files(Format::Present, 0));
}

#[test]
fn the_writer_refuses_what_readers_would() {
    let rule = |series: &[(&str, &[Chunk])]| match Block::new(series).written(0) {
        Err(Error::Rule { rule, .. }) => rule,
        other => panic!("{:?}", other.map(|(merged, _)| merged)),
    };
    assert!(matches!(rule(&[("", &[chunk(0, 1, 1)])]), Rule::SeriesOrder { .. }));
    let one: (&str, &[Chunk]) = ("a=1", &[chunk(0, 1, 1)]);
    assert!(matches!(rule(&[one, one]), Rule::SeriesOrder { .. }));
    assert!(matches!(rule(&[("a=1", &[chunk(0, 5, 1), chunk(5, 6, 1)])]), Rule::ChunkOrder { min: 5, .. }));
    assert!(matches!(rule(&[("a=1", &[chunk(5, 4, 1)])]), Rule::ChunkRange { min: 5, max: 4, .. }));
    let unknown = Chunk { encoding: 4, ..chunk(0, 1, 1) };
    assert!(matches!(rule(&[("a=1", &[unknown])]), Rule::Chunk { .. }));
    let mut memory = Memory::default();
    let unsorted = lithify_tsdb::BlockWriter::new(&mut memory, ["b", "a"], 0);
    assert!(matches!(unsorted.err(), Some(Error::Rule { rule: Rule::SymbolOrder { symbol }, .. }) if symbol == "a"));
    let mut memory = Memory::default();
    let mut writer = lithify_tsdb::BlockWriter::new(&mut memory, ["a"], 0).unwrap();
    let missing = writer.series(&labels("a=b"), &[]);
    assert!(matches!(missing, Err(Error::Rule { rule: Rule::UnknownSymbol { symbol }, .. }) if symbol == "b"));
}

#[test]
fn samples_are_counted_by_the_kind_of_their_chunk() {
    let of = |min, encoding, data: &[u8]| Chunk { min, max: min, encoding, data: data.to_vec() };
    let aggregate = [3, 1, 0, 7, 9, 0, 0, 0, 0];
    let chunks =
        [of(0, 1, &[0, 1]), of(1, 2, &[0, 2, 0]), of(2, 3, &[0, 4, 0]), of(3, 0xff, &aggregate), of(4, 0xff, &[0, 0])];
    let block = Block::new(&[("a=1", &chunks)]);
    let (merged, files) = merge(&[present(1, (0, 10), &block)]).unwrap();
    assert_eq!(files, block.files(Format::Present, 0));
    let stats = merged.stats;
    assert_eq!((stats.num_float_samples, stats.num_histogram_samples, stats.num_samples), (1, 6, 14));
}

/// Reads that fail from the nth on.
struct Failing(Bytes, Arc<AtomicI64>);

impl Blob for Failing {
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        match self.1.fetch_sub(1, Ordering::Relaxed) {
            1.. => self.0.read_at(offset, buffer),
            _ => Err(io::ErrorKind::ConnectionReset.into()),
        }
    }
}

#[test]
fn a_read_that_fails_is_an_error_of_the_transport_whichever_it_is() {
    let block = Block::new(&[("a=1", &[chunk(0, 9, 1)]), ("b=1", &[chunk(0, 9, 1)])]);
    let files = block.files(Format::Present, 30);
    let failed = (0..1000)
        .take_while(|reads| {
            let left = Arc::new(AtomicI64::new(*reads));
            let blob = |file| Box::new(Failing(files.get(&file).unwrap().clone(), Arc::clone(&left))) as Box<dyn Blob>;
            let mut source = present(1, (0, 10), &block);
            source.index = blob(BlockFile::Index);
            source.segments = [1, 2].map(|n| (format!("{n:06}"), blob(BlockFile::Segment(n)))).into();
            match merge(&[source]) {
                Ok(_) => false,
                Err(Error::Read { block, file, .. }) => {
                    assert_eq!(block, id(1));
                    assert!(["index", "chunks/000001", "chunks/000002"].contains(&file.as_str()), "{file}");
                    true
                }
                Err(other) => panic!("{reads}: {other}"),
            }
        })
        .count();
    assert!((8..100).contains(&failed), "{failed}");
}

struct Broken;

impl Output for Broken {
    fn create(&mut self, file: BlockFile) -> io::Result<Box<dyn Sink>> {
        match file {
            BlockFile::Segment(_) => Err(io::ErrorKind::StorageFull.into()),
            BlockFile::Index => Memory::default().create(file),
        }
    }
}

#[test]
fn a_full_output_and_a_wish_to_stop_end_the_merge() {
    let block = Block::new(&[("a=1", &[chunk(0, 9, 1)])]);
    let sources = [present(1, (0, 10), &block)];
    let (cancel, progress) = (AtomicBool::new(false), Progress::default());
    let options = Options {
        segment_bytes: 0,
        accept_malformed: false,
        deduplication: Deduplication::OneToOne,
        cancel: &cancel,
        progress: &progress,
    };
    let result = compact(&sources, TimeRange::new(0, 10), &mut Broken, &options);
    assert!(matches!(result, Err(Error::Write { file: BlockFile::Segment(1), .. })));
    let stop = AtomicBool::new(true);
    let options = Options { cancel: &stop, ..options };
    let result = compact(&sources, TimeRange::new(0, 10), &mut Memory::default(), &options);
    assert!(matches!(result, Err(Error::Cancelled)));
}

/// Series with chunks of any size, by time, and where to cut the time.
fn any_series() -> impl Strategy<Value = Block> {
    let data = prop::collection::vec(any::<u8>(), 0..300);
    let chunk = (1_i64..50, 0_i64..40, data);
    let pairs = prop::collection::btree_map("[a-c]{1,2}", "[a-cä]{0,2}", 1..4);
    let series = prop::collection::btree_map(pairs, prop::collection::vec(chunk, 1..6), 0..12);
    series.prop_map(|series| {
        let mut list: Vec<_> = series
            .into_iter()
            .map(|(labels, chunks)| {
                let mut at = 0;
                let chunks = chunks.into_iter().map(|(gap, length, mut data)| {
                    let (min, max) = (at + gap, at + gap + length);
                    at = max;
                    data.splice(0..0, [0, 3]);
                    Chunk { min, max, encoding: 1, data }
                });
                (labels.into_iter().collect::<sample::Labels>(), chunks.collect::<Vec<_>>())
            })
            .collect();
        list.sort();
        Block { extra: Vec::new(), series: list }
    })
}

proptest! {
    #[test]
    fn the_writer_writes_what_the_specification_says(block in any_series(), segment_bytes in 0_u64..2000) {
        let (merged, files) = block.written(segment_bytes).unwrap();
        prop_assert_eq!(&files, &block.files(Format::Present, segment_bytes));
        for (file, size) in merged.files {
            prop_assert_eq!(files.get(&file).unwrap().len() as u64, size);
        }
    }

    #[test]
    fn blocks_cut_anywhere_merge_to_what_was_cut(
        block in any_series(),
        cuts in prop::collection::btree_set(1_i64..400, 0..6),
        formats in prop::collection::vec(prop::sample::select(FORMATS.as_slice()), 7),
        segment_bytes in prop_oneof![Just(0), 20_u64..2000],
    ) {
        let mut bounds = vec![0];
        bounds.extend(cuts);
        bounds.push(1000);
        let mut sources = Vec::new();
        let mut whole = block.clone();
        for ((n, window), format) in (1..).zip(bounds.windows(2)).zip(formats) {
            let &[from, to] = window else { continue };
            let of_block = |chunk: &&Chunk| from <= chunk.max && chunk.max < to;
            let mut part = Block { extra: vec![format!("only in {n}")], series: Vec::new() };
            let mut min = from;
            for (labels, chunks) in &block.series {
                let chunks: Vec<Chunk> = chunks.iter().filter(of_block).cloned().collect();
                min = chunks.iter().map(|chunk| chunk.min).fold(min, i64::min);
                if !chunks.is_empty() {
                    part.series.push((labels.clone(), chunks));
                }
            }
            whole.extra.extend(part.extra.clone());
            sources.push(source(n, (min, to), &part.files(format, segment_bytes / 2)));
        }
        let (merged, files) = merge_with(&sources, segment_bytes, false).unwrap();
        prop_assert_eq!(files, whole.files(Format::Present, segment_bytes));
        let chunks: usize = block.series.iter().map(|(_, chunks)| chunks.len()).sum();
        prop_assert_eq!(merged.stats.num_chunks, chunks as u64);
        prop_assert_eq!(merged.stats.num_series, block.series.len() as u64);
    }
}
