//! Blocks for tests, written by the specification in the slow and obvious way, so that what the crate writes can be
//! compared with something. It writes what no writer would: version 1, old sections, series that break rules.
#![expect(clippy::cast_possible_truncation, reason = "test blocks are small")]

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::atomic::AtomicBool,
};

use bytes::Bytes;
use lithify_block::{BlockId, TimeRange, Timestamp};
use lithify_tsdb::{
    Blob, BlockFile, BlockReader, BlockWriter, Deduplication, Error, Memory, Merged, NewChunk, Options, Progress,
    Source, compact,
    index::ChunkMeta,
    varint::{put_uvarint, put_varint},
};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Chunk {
    pub(crate) min: i64,
    pub(crate) max: i64,
    pub(crate) encoding: u8,
    pub(crate) data: Vec<u8>,
}

/// A float chunk by its times that says to have two samples; its content is made of the times and `salt`.
pub(crate) fn chunk(min: i64, max: i64, salt: u8) -> Chunk {
    let mut data = vec![0, 2, salt];
    data.extend(min.to_le_bytes());
    Chunk { min, max, encoding: 1, data }
}

pub(crate) type Labels = Vec<(String, String)>;

/// Labels from `name=value` words.
pub(crate) fn labels(text: &str) -> Labels {
    let pair = |word: &str| word.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    text.split_whitespace().map(|word| pair(word).unwrap()).collect()
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Block {
    /// Symbols that no series uses.
    pub(crate) extra: Vec<String>,
    pub(crate) series: Vec<(Labels, Vec<Chunk>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// As Prometheus 3.9 writes it.
    Present,
    /// With the sections that ended with Prometheus 3.6.
    WithLabelIndices,
    /// Version 1.
    First,
}

pub(crate) type Files = BTreeMap<BlockFile, Bytes>;

impl Block {
    pub(crate) fn new(series: &[(&str, &[Chunk])]) -> Self {
        let series = series.iter().map(|(text, chunks)| (labels(text), chunks.to_vec())).collect();
        Self { extra: vec![String::new()], series }
    }

    pub(crate) fn symbols(&self) -> Vec<String> {
        let of_series = self.series.iter().flat_map(|(labels, _)| labels);
        let used = of_series.flat_map(|(name, value)| [name.clone(), value.clone()]);
        used.chain(self.extra.iter().cloned()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// All files, by the specification.
    pub(crate) fn files(&self, format: Format, segment_bytes: u64) -> Files {
        let (segments, references) = segments(&self.series, segment_bytes);
        let mut files: Files = (1..).map(BlockFile::Segment).zip(segments.into_iter().map(Bytes::from)).collect();
        files.insert(BlockFile::Index, self.index(format, &references).0.into());
        files
    }

    /// The places in the index that a checksum covers; it follows right behind each.
    pub(crate) fn covered(&self, format: Format) -> Vec<Range<usize>> {
        self.index(format, &segments(&self.series, 0).1).1
    }

    fn index(&self, format: Format, references: &[Vec<u64>]) -> (Vec<u8>, Vec<Range<usize>>) {
        let mut covered = Vec::new();
        let mut out = vec![0xba, 0xaa, 0xd7, 0x00, if format == Format::First { 1 } else { 2 }];
        let mut toc = vec![out.len() as u64];
        let symbols = self.symbols();
        let mut content = (symbols.len() as u32).to_be_bytes().to_vec();
        let mut symbol_references = BTreeMap::new();
        for (number, symbol) in symbols.iter().enumerate() {
            let offset = (out.len() + 4 + content.len()) as u64;
            let reference = if format == Format::First { offset } else { number as u64 };
            symbol_references.insert(symbol.as_str(), reference);
            put_uvarint(&mut content, symbol.len() as u64);
            content.extend(symbol.as_bytes());
        }
        covered.push(section(&mut out, &content));
        toc.push(out.len() as u64);

        let mut lists = BTreeMap::<(&str, &str), Vec<u32>>::new();
        lists.insert(("", ""), Vec::new());
        for ((labels, chunks), references) in self.series.iter().zip(references) {
            if format != Format::First {
                out.resize(out.len().next_multiple_of(16), 0);
            }
            let id = if format == Format::First { out.len() } else { out.len() / 16 } as u32;
            lists.get_mut(&("", "")).unwrap().push(id);
            for (name, value) in labels {
                lists.entry((name, value)).or_default().push(id);
            }
            let content = series(labels, chunks, references, &symbol_references);
            put_uvarint(&mut out, content.len() as u64);
            covered.push(out.len()..out.len() + content.len());
            out.extend(&content);
            out.extend(crc32c::crc32c(&content).to_be_bytes());
        }
        toc.push(out.len() as u64);
        let label_table = if format == Format::Present { None } else { Some(label_indices(&mut out, &lists)) };
        let postings = out.len() as u64;
        out.resize(out.len().next_multiple_of(4), 0);
        let table = postings_lists(&mut out, &lists, &mut covered);
        let label_table = label_table.map(|table| {
            let at = out.len() as u64;
            section(&mut out, &table);
            at
        });
        let postings_table = out.len() as u64;
        toc.extend([label_table.unwrap_or(postings_table), postings, postings_table]);
        covered.push(section(&mut out, &table));
        let toc: Vec<u8> = toc.into_iter().flat_map(u64::to_be_bytes).collect();
        covered.push(out.len()..out.len() + toc.len());
        out.extend(&toc);
        out.extend(crc32c::crc32c(&toc).to_be_bytes());
        (out, covered)
    }

    /// All files, by the crate's own writer.
    pub(crate) fn written(&self, segment_bytes: u64) -> Result<(Merged, Files), Error> {
        let mut memory = Memory::default();
        let mut writer = BlockWriter::new(&mut memory, self.symbols(), segment_bytes)?;
        for (labels, chunks) in &self.series {
            fn new(chunk: &Chunk) -> NewChunk<'_> {
                let Chunk { min, max, encoding, data } = chunk;
                NewChunk { min: *min, max: *max, encoding: *encoding, data }
            }
            writer.series(labels, &chunks.iter().map(new).collect::<Vec<_>>())?;
        }
        let merged = writer.finish()?;
        Ok((merged, memory.files()))
    }
}

/// Appends a section; returns where its content is.
fn section(out: &mut Vec<u8>, content: &[u8]) -> Range<usize> {
    out.extend((content.len() as u32).to_be_bytes());
    let start = out.len();
    out.extend(content);
    out.extend(crc32c::crc32c(content).to_be_bytes());
    start..start + content.len()
}

fn series(labels: &Labels, chunks: &[Chunk], references: &[u64], symbols: &BTreeMap<&str, u64>) -> Vec<u8> {
    let mut content = Vec::new();
    put_uvarint(&mut content, labels.len() as u64);
    for (name, value) in labels {
        put_uvarint(&mut content, *symbols.get(name.as_str()).unwrap());
        put_uvarint(&mut content, *symbols.get(value.as_str()).unwrap());
    }
    put_uvarint(&mut content, chunks.len() as u64);
    let mut before = None;
    for (chunk, reference) in chunks.iter().zip(references) {
        let length = chunk.max.wrapping_sub(chunk.min).cast_unsigned();
        match before {
            None => {
                put_varint(&mut content, chunk.min);
                put_uvarint(&mut content, length);
                put_uvarint(&mut content, *reference);
            }
            Some((max, reference_before)) => {
                put_uvarint(&mut content, chunk.min.wrapping_sub(max).cast_unsigned());
                put_uvarint(&mut content, length);
                put_varint(&mut content, reference.wrapping_sub(reference_before).cast_signed());
            }
        }
        before = Some((chunk.max, *reference));
    }
    content
}

/// Appends the label indices; returns the content of their table.
fn label_indices(out: &mut Vec<u8>, lists: &BTreeMap<(&str, &str), Vec<u32>>) -> Vec<u8> {
    let names: BTreeSet<&str> = lists.keys().map(|(name, _)| *name).filter(|name| !name.is_empty()).collect();
    let mut table = (names.len() as u32).to_be_bytes().to_vec();
    for name in names {
        out.resize(out.len().next_multiple_of(4), 0);
        put_uvarint(&mut table, 1);
        put_uvarint(&mut table, name.len() as u64);
        table.extend(name.as_bytes());
        put_uvarint(&mut table, out.len() as u64);
        section(out, &[0, 0, 0, 1, 0, 0, 0, 0]);
    }
    table
}

/// Appends the lists; returns the content of their table.
fn postings_lists(
    out: &mut Vec<u8>,
    lists: &BTreeMap<(&str, &str), Vec<u32>>,
    covered: &mut Vec<Range<usize>>,
) -> Vec<u8> {
    let mut table = (lists.len() as u32).to_be_bytes().to_vec();
    for ((name, value), ids) in lists {
        put_uvarint(&mut table, 2);
        for key in [name, value] {
            put_uvarint(&mut table, key.len() as u64);
            table.extend(key.as_bytes());
        }
        put_uvarint(&mut table, out.len() as u64);
        let mut content = (ids.len() as u32).to_be_bytes().to_vec();
        content.extend(ids.iter().flat_map(|id| id.to_be_bytes()));
        covered.push(section(out, &content));
    }
    table
}

/// The segments, by the pseudo-code of the specification (2.5), and the references of each series' chunks.
fn segments(series: &[(Labels, Vec<Chunk>)], max: u64) -> (Vec<Vec<u8>>, Vec<Vec<u64>>) {
    let max = if max == 0 { 512 << 20 } else { max };
    let header = || vec![0x85, 0xbd, 0x40, 0xdd, 1, 0, 0, 0];
    let mut files: Vec<Vec<u8>> = Vec::new();
    let mut references = Vec::new();
    for (_, chunks) in series {
        let n = files.last().map_or(0, Vec::len) as u64;
        let mut batches: Vec<Vec<&Chunk>> = vec![Vec::new()];
        let (mut size, mut first) = (0, true);
        for (i, chunk) in chunks.iter().enumerate() {
            let counted = 5 + 1 + chunk.data.len() as u64 + 4;
            size += counted;
            let mut cut = i != 0 && size + 8 > max;
            if first && n > 8 {
                cut = size + n > max;
                first = !cut;
            }
            if cut {
                batches.push(Vec::new());
                size = counted;
            }
            batches.last_mut().unwrap().push(chunk);
        }
        if n == 0 {
            files.push(header());
        }
        let mut of_series = Vec::new();
        let count = batches.len();
        for (k, batch) in batches.into_iter().enumerate() {
            for chunk in batch {
                let segment = files.len() as u64 - 1;
                let file = files.last_mut().unwrap();
                of_series.push(segment << 32 | file.len() as u64);
                let body = [&[chunk.encoding], chunk.data.as_slice()].concat();
                put_uvarint(file, chunk.data.len() as u64);
                file.extend(&body);
                file.extend(crc32c::crc32c(&body).to_be_bytes());
            }
            if k + 1 < count {
                files.push(header());
            }
        }
        references.push(of_series);
    }
    (files, references)
}

/// The nth block's id.
pub(crate) fn id(n: u8) -> BlockId {
    BlockId::from_parts(Timestamp(1_700_000_000_000), u128::from(n))
}

/// A source with these files.
pub(crate) fn source(n: u8, range: (i64, i64), files: &Files) -> Source {
    let blob = |bytes: &Bytes| Box::new(bytes.clone()) as Box<dyn Blob>;
    let mut segments = Vec::new();
    for (file, bytes) in files {
        if let BlockFile::Segment(number) = file {
            segments.push((format!("{number:06}"), blob(bytes)));
        }
    }
    let index = blob(files.get(&BlockFile::Index).unwrap());
    Source { id: id(n), range: TimeRange::new(range.0, range.1), index, segments, tombstones: None }
}

/// A source with the block's files as Prometheus 3.9 writes them.
pub(crate) fn present(n: u8, range: (i64, i64), block: &Block) -> Source {
    source(n, range, &block.files(Format::Present, 0))
}

/// Merges over the union of the ranges.
pub(crate) fn merge_with(
    sources: &[Source],
    segment_bytes: u64,
    accept_malformed: bool,
) -> Result<(Merged, Files), Error> {
    let range = sources.iter().map(|source| source.range).reduce(TimeRange::union).unwrap();
    let (cancel, progress) = (AtomicBool::new(false), Progress::default());
    let options = Options {
        segment_bytes,
        accept_malformed,
        deduplication: Deduplication::OneToOne,
        cancel: &cancel,
        progress: &progress,
    };
    let mut memory = Memory::default();
    let merged = compact(sources, range, &mut memory, &options)?;
    Ok((merged, memory.files()))
}

/// Merges over the union of the ranges with a function of deduplication.
pub(crate) fn deduplicate(sources: &[Source], deduplication: Deduplication) -> Result<(Merged, Files), Error> {
    let range = sources.iter().map(|source| source.range).reduce(TimeRange::union).unwrap();
    let (cancel, progress) = (AtomicBool::new(false), Progress::default());
    let options =
        Options { segment_bytes: 0, accept_malformed: false, deduplication, cancel: &cancel, progress: &progress };
    let mut memory = Memory::default();
    let merged = compact(sources, range, &mut memory, &options)?;
    Ok((merged, memory.files()))
}

/// The chunks of each series of a merge's result.
pub(crate) fn read(files: &Files) -> Vec<(Labels, Vec<Chunk>)> {
    let source = source(99, (0, 1), files);
    let reader = BlockReader::open(&source).unwrap();
    let mut cursor = reader.series().unwrap();
    let mut all = Vec::new();
    while cursor.advance().unwrap() {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let labels = cursor.labels().map(|(name, value)| (text(name), text(value))).collect();
        let metas = cursor.series().chunks.clone();
        let chunk = |meta: ChunkMeta| {
            let record = cursor.chunk(meta).unwrap();
            Chunk { min: meta.min, max: meta.max, encoding: record.encoding(), data: record.data().to_vec() }
        };
        all.push((labels, metas.into_iter().map(chunk).collect()));
    }
    all
}

pub(crate) fn merge(sources: &[Source]) -> Result<(Merged, Files), Error> {
    merge_with(sources, 0, false)
}
