//! Blocks in memory, the same for the same arguments.

use lithify_block::{BlockId, TimeRange, Timestamp};
use lithify_tsdb::{Blob, BlockFile, BlockWriter, Memory, NewChunk, Source};

/// Bytes of a chunk's data: 120 float samples of a usual gauge.
const CHUNK_BYTES: usize = 350;
/// Milliseconds of a chunk.
const CHUNK_MS: i64 = 1_800_000;
/// Chunks of a series: a block of two hours.
const CHUNKS: i64 = 4;

/// A block of `series` with four chunks each. The nth of a row follows the one before; with `churn` half of its series
/// are its own.
pub(crate) fn block(n: u8, series: u32, churn: bool) -> Source {
    let pod =
        |i: u32| if churn && i.is_multiple_of(2) { format!("pod-{n}-{}", i % 97) } else { format!("pod-{}", i % 97) };
    let labels = |i: u32| {
        let values = [format!("metric_{:04}", i / 170), format!("10.0.{}.1:9100", i % 170), "node".to_owned(), pod(i)];
        ["__name__", "instance", "job", "pod"].into_iter().zip(values).collect::<Vec<_>>()
    };
    let mut all: Vec<_> = (0..series).map(labels).collect();
    all.sort();
    let mut symbols: Vec<String> = all.iter().flatten().map(|(_, value)| value.clone()).collect();
    symbols.extend(["", "__name__", "instance", "job", "pod"].map(str::to_owned));
    symbols.sort();
    symbols.dedup();
    let mut memory = Memory::default();
    let mut writer = BlockWriter::new(&mut memory, &symbols, 0).unwrap();
    let (start, mut noise) = (i64::from(n) * CHUNKS * CHUNK_MS, Noise(u64::from(n) + 1));
    for labels in &all {
        let data: Vec<Vec<u8>> = (0..CHUNKS).map(|_| noise.chunk()).collect();
        let chunk = |(i, data)| {
            let min = start + i * CHUNK_MS;
            NewChunk { min, max: min + CHUNK_MS - 1, encoding: 1, data }
        };
        let chunks: Vec<_> = (0..).zip(data.iter().map(Vec::as_slice)).map(chunk).collect();
        writer.series(labels, &chunks).unwrap();
    }
    writer.finish().unwrap();
    let files = memory.files();
    let file = |file| Box::new(files.get(&file).unwrap().clone()) as Box<dyn Blob>;
    Source {
        id: BlockId::from_parts(Timestamp(1), u128::from(n)),
        range: TimeRange::new(start, start + CHUNKS * CHUNK_MS),
        index: file(BlockFile::Index),
        segments: vec![("000001".to_owned(), file(BlockFile::Segment(1)))],
        tombstones: None,
    }
}

struct Noise(u64);

impl Noise {
    fn chunk(&mut self) -> Vec<u8> {
        let mut data = vec![0, 120];
        while data.len() < CHUNK_BYTES {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            data.extend(self.0.to_le_bytes());
        }
        data.truncate(CHUNK_BYTES);
        data
    }
}
