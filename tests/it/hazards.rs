//! Where the reference dies, never ends, or loses samples in silence: the test that shows our answer, hazard by hazard.
//!
//! What none of the crates shows stands below the table.

use std::{
    fs,
    io::{self, Error as IoError},
    path::Path,
    sync::{Arc, atomic::AtomicBool},
};

use lithify_kit::{
    aggregator::FiveAggregates,
    slow::{Block, Chunk, Series},
};
use lithify_tsdb::{
    Blob, Deduplication, Downsampling, Error, Hurdle, Memory, Merged, Options, Progress, Source,
    chunk::{
        Encoding, Float, FloatHistogram, HistogramAppender, Layout, Span, XorAppender,
        aggregate::{self, SubChunk},
    },
    compact, downsample,
};

/// Where the specification tells of the hazard (D: downsampling, T: format, C: compactor), what it is, the file with the
/// test and its name.
const HAZARDS: &[(&str, &str, &str, &str)] = &[
    (
        "D 1.2",
        "an absent counter cannot be told from a cut",
        COARSER,
        "a_chunk_without_counter_cannot_be_told_from_one_that_is_cut_off",
    ),
    ("D 2.1", "a series without chunks", HERE, "a_series_without_chunks_is_an_error_that_names_it"),
    ("D 2.8", "a fresh chunk replaces windows: D097, D101", VECTORS, "every_vector_holds_or_stands_aside_for_a_reason"),
    (
        "D 2.8",
        "exponential and custom buckets in a batch",
        HERE,
        "exponential_and_custom_buckets_in_one_batch_are_an_error_that_names_the_series",
    ),
    ("D 3.3", "empty chunks for ever: D046", HERE, "chunks_too_large_to_downsample_are_an_error_that_names_the_series"),
    (
        "D 3.6",
        "a missing slot makes times begin with 0",
        COARSER,
        "a_missing_aggregate_makes_a_chunk_that_begins_with_the_epoch_and_is_refused",
    ),
    ("D 3.8", "a reset booked twice: D109", VECTORS, "every_vector_holds_or_stands_aside_for_a_reason"),
    (
        "D 3.8",
        "no counter, or no sum, of histograms",
        HERE,
        "histogram_aggregates_without_samples_are_an_error_that_names_the_series",
    ),
    ("D 6.2", "a merge without any piece", OVERLAPS, "where_the_reference_dies_or_loses_samples_the_chunk_is_named"),
    (
        "D 6.4",
        "an unreadable chunk cuts a series off",
        HERE,
        "a_chunk_that_cannot_be_read_is_an_error_under_penalty_too",
    ),
    ("D 6.6", "a float histogram as aggregate: D078", MERGING, "the_vectors_of_penalty_hold"),
    ("D 6.7", "overlapping aggregates: D084", MERGING, "the_vectors_of_one_to_one_hold"),
    (
        "D 7.6",
        "bits of a NaN that arithmetic makes",
        WASM,
        "random_columns_come_back_from_the_component_as_from_native_code",
    ),
    (
        "T 43",
        "a chunk record of 0 or 1 bytes",
        CORRUPTION,
        "records_that_no_one_can_read_are_damage_whatever_their_checksum",
    ),
    ("T 26", "a sample at the beginning of time", OVERLAPS, "a_sample_at_the_beginning_of_time_is_not_lost_in_silence"),
    ("C 1.3", "zero concurrency", "host/cli/tests/usage.rs", "compact_refuses_at_start_up_with_a_log_line"),
    ("C 2.2", "success after SIGTERM", "tests/it/faults.rs", "a_signal_stops_it_at_once_and_says_what_was_left_undone"),
    (
        "C 2.5",
        "a halt that outlives SIGTERM",
        WAITING,
        "the_first_iteration_counts_what_the_reference_counts_and_sigterm_ends_it",
    ),
    ("C 2.8", "one broken block stops all", ISOLATION, "a_broken_block_is_left_out_and_the_rest_of_its_group_goes_on"),
    ("C 3.1", "an object named like a block", WAITING, "what_is_no_block_is_neither_counted_nor_cleaned"),
    (
        "C 3.1",
        "a directory whose name is no canonical ULID",
        WAITING,
        "what_is_no_block_is_neither_counted_nor_cleaned",
    ),
    (
        "C 3.2",
        "a meta.json that names another block",
        CLEANING,
        "misnamed_blocks_and_foreign_objects_are_never_cleaned",
    ),
    (
        "C 3.2",
        "a version that is not known",
        ISOLATION,
        "a_block_of_an_unknown_version_keeps_its_place_and_is_never_deleted",
    ),
    (
        "C 6.4",
        "a repaired block is repaired again",
        COMPACTION,
        "a_block_of_issue_347_is_repaired_once_and_merged_in_the_next_pass",
    ),
    ("C 6.7", "blocks without samples are planned for ever", WHOLE, "whole_buckets_end_as_the_reference_leaves_them"),
    (
        "C 6.7",
        "a merge that yields nothing",
        COMPACTION,
        "samples_that_are_claimed_and_not_there_halt_and_nothing_is_marked",
    ),
    (
        "C 7.1",
        "a mark on a 5m block downsamples its parent twice",
        WHOLE,
        "whole_buckets_end_as_the_reference_leaves_them",
    ),
    (
        "C 7.2",
        "a downsampling error stops others at random",
        ISOLATION,
        "a_block_that_cannot_be_downsampled_does_not_keep_others_from_it",
    ),
    ("C 9.4", "a mark deletes another block", CLEANING, "a_mark_that_names_another_block_deletes_neither"),
    ("C 9.5", "a partial block is counted again", CLEANING, "a_partial_block_is_cleaned_and_counted_once"),
];

const HERE: &str = "tests/it/hazards.rs";
const WHOLE: &str = "tests/it/behaviour.rs";
const WAITING: &str = "tests/it/behaviour/waiting.rs";
const WASM: &str = "host/plugin/tests/it/columns.rs";
const VECTORS: &str = "tests/kit/tests/vectors.rs";
const COARSER: &str = "host/tsdb/tests/coarser/errors.rs";
const MERGING: &str = "host/tsdb/tests/blocks/vectors.rs";
const OVERLAPS: &str = "host/tsdb/tests/blocks/overlaps.rs";
const CORRUPTION: &str = "host/tsdb/tests/blocks/corruption.rs";
const ISOLATION: &str = "host/compactor/tests/it/isolation.rs";
const COMPACTION: &str = "host/compactor/tests/it/compaction.rs";
const CLEANING: &str = "host/compactor/tests/order/cleaning.rs";

#[test]
fn every_hazard_has_the_test_that_the_table_names() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (section, hazard, file, test) in HAZARDS {
        let text = fs::read_to_string(root.join(file)).unwrap_or_default();
        assert!(text.contains(&format!("fn {test}(")), "{section}, {hazard}: {file} has no test {test}");
    }
}

/// A block of these series, named `{n="0"}` and so on.
fn block(series: &[&[Chunk]]) -> Block {
    let chunks = || series.iter().copied().flatten();
    let end = chunks().map(|chunk| chunk.max).max().unwrap_or(0) + 1;
    let series = series.iter().zip(b'0'..).map(|(chunks, number)| Series {
        labels: vec![(b"n".to_vec(), vec![number])],
        chunks: chunks.to_vec(),
        deleted: Vec::new(),
    });
    Block { range: lithify_block::TimeRange::new(0, end), series: series.collect() }
}

/// What keeps a block from becoming coarser, with the series that it names.
fn hurdle(block: &Block, (from_ms, to_ms): (i64, i64)) -> (String, Hurdle) {
    let source = block.source(1).unwrap();
    let how = Downsampling { from_ms, to_ms, aggregators: FiveAggregates::several(2) };
    let failed = run(Deduplication::OneToOne, |memory, options| downsample(&source, block.range, how, memory, options));
    let failed = failed.unwrap_err();
    let Error::Downsample { series, reason, .. } = failed else { panic!("{failed}") };
    (series, *reason)
}

fn run(
    deduplication: Deduplication,
    engine: impl FnOnce(&mut Memory, &Options<'_>) -> Result<Merged, Error>,
) -> Result<Merged, Error> {
    let (cancel, progress, mut memory) = (AtomicBool::new(false), Progress::default(), Memory::default());
    let options =
        Options { segment_bytes: 0, accept_malformed: true, deduplication, cancel: &cancel, progress: &progress };
    engine(&mut memory, &options)
}

fn floats(times: impl Iterator<Item = i64>) -> Vec<u8> {
    let mut appender = XorAppender::new();
    times.for_each(|time| appender.append(time, 1.0_f64.to_bits()).unwrap());
    appender.finish()
}

fn good() -> Chunk {
    Chunk { min: 0, max: 90, encoding: 1, data: floats((0..10).map(|at| 10 * at)) }
}

/// One float histogram at `time`, with two exponential buckets or two custom ones.
fn histogram(time: i64, custom: bool) -> Vec<u8> {
    let positive = vec![Span { offset: 0, length: 2 }];
    let layout = if custom {
        Layout { schema: -53, positive, custom_values: vec![1.0, 2.0], ..Layout::default() }
    } else {
        Layout { schema: 1, zero_threshold: 0.001, positive, ..Layout::default() }
    };
    let mut histogram = FloatHistogram {
        hint: lithify_tsdb::chunk::Hint::Unknown,
        layout: Arc::new(layout),
        count: 3.0,
        zero_count: 0.0,
        sum: 4.0,
        positive: vec![1.0, 2.0],
        negative: Vec::new(),
    };
    let mut appender = HistogramAppender::new();
    appender.append(time, &mut histogram).unwrap();
    appender.finish()
}

#[test]
fn exponential_and_custom_buckets_in_one_batch_are_an_error_that_names_the_series() {
    let chunk = |time, custom| Chunk { min: time, max: time, encoding: 3, data: histogram(time, custom) };
    let found = hurdle(&block(&[&[good()], &[chunk(10, false), chunk(20, true)]]), (0, 300_000));
    assert_eq!(found, (r#"{n="1"}"#.to_owned(), Hurdle::MixedBuckets));
}

#[test]
fn chunks_too_large_to_downsample_are_an_error_that_names_the_series() {
    let data = floats((0..3500).map(|at| 299_999 + 300_000 * at));
    let slot = Some(SubChunk { encoding: Encoding::Xor, data: &data });
    let chunk = Chunk { min: 299_999, max: 299_999 + 300_000 * 3499, encoding: 0xff, data: aggregate::join([slot; 5]) };
    let (series, reason) = hurdle(&block(&[&[chunk]]), (300_000, 3_600_000));
    assert_eq!(series, r#"{n="0"}"#);
    assert!(matches!(reason, Hurdle::TooLarge { wanted, chunks: 1 } if wanted > 1), "{reason}");
    assert!(reason.to_string().contains("too large to downsample"), "{reason}");
}

#[test]
fn histogram_aggregates_without_samples_are_an_error_that_names_the_series() {
    let (count, one, none) =
        (floats([20].into_iter()), histogram(20, false), HistogramAppender::<Float>::new().finish());
    for (sum, counter) in [(&none, &one), (&one, &none)] {
        let of = |encoding, data| Some(SubChunk { encoding, data });
        let slots = [
            of(Encoding::Xor, &count),
            of(Encoding::FloatHistogram, sum),
            None,
            None,
            of(Encoding::FloatHistogram, counter),
        ];
        let chunk = Chunk { min: 20, max: 20, encoding: 0xff, data: aggregate::join(slots) };
        let (series, reason) = hurdle(&block(&[&[chunk]]), (300_000, 3_600_000));
        assert_eq!(series, r#"{n="0"}"#);
        assert!(matches!(reason, Hurdle::NoHistograms { .. }), "{reason}");
    }
}

#[test]
fn a_series_without_chunks_is_an_error_that_names_it() {
    let block = block(&[&[good()], &[]]);
    let source = block.source(1).unwrap();
    let how = Downsampling { from_ms: 0, to_ms: 300_000, aggregators: FiveAggregates::several(1) };
    let failed = run(Deduplication::OneToOne, |memory, options| downsample(&source, block.range, how, memory, options));
    let message = failed.unwrap_err().to_string();
    assert!(message.contains(r#"{n="1"}"#) && message.contains("no chunks"), "{message}");
}

/// An object of which only the first bytes can be read.
struct Failing {
    object: Box<dyn Blob>,
    readable: u64,
}

impl Blob for Failing {
    fn size(&self) -> u64 {
        self.object.size()
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        if offset + into.len() as u64 > self.readable {
            return Err(IoError::other("the disk is gone"));
        }
        self.object.read_at(offset, into)
    }
}

#[test]
fn a_chunk_that_cannot_be_read_is_an_error_under_penalty_too() {
    let chunk = |shift: i64, at: i64| {
        let from = 1000 * at + shift;
        Chunk { min: from, max: from + 900, encoding: 1, data: floats((0..10).map(|n| from + 100 * n)) }
    };
    let chunks = |shift| (0..20).map(|at| chunk(shift, at)).collect::<Vec<_>>();
    let (sound, mut damaged) = (chunks(0), chunks(50));
    let merge = |sources: &[Source]| {
        let range = lithify_block::TimeRange::new(0, 30_000);
        run(Deduplication::Penalty, |memory, options| compact(sources, range, memory, options))
    };
    let first = || block(&[&sound]).source(1).unwrap();
    assert!(merge(&[first(), block(&[&damaged]).source(2).unwrap()]).is_ok());

    // The samples of one chunk end too early.
    let mut other = block(&[&damaged]).source(2).unwrap();
    let bytes = damaged[10].data.len();
    damaged[10].data.truncate(bytes - 9);
    let failed = merge(&[first(), block(&[&damaged]).source(2).unwrap()]).unwrap_err();
    let message = failed.to_string();
    assert!(matches!(failed, Error::Samples { min: 10_050, max: 10_950, .. }), "{message}");
    assert!(message.contains(r#"{n="0"}"#), "{message}");

    // The store gives the beginning of a segment and no more.
    let (name, object) = other.segments.remove(0);
    let readable = object.size() / 2;
    other.segments.insert(0, (name, Box::new(Failing { object, readable })));
    let failed = merge(&[first(), other]).unwrap_err();
    assert!(matches!(failed, Error::Read { .. }), "{failed}");
}
