//! Makes a block out of series with encoded chunks.

use crate::{
    Error, Merged, Output,
    index::{self, ChunkMeta, Limits, Rule, Symbols},
    merge::Block,
    outlet::Direct,
    segment::{self, Record},
};

/// A chunk to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewChunk<'a> {
    /// First millisecond, inside.
    pub min: i64,
    /// Last millisecond, inside.
    pub max: i64,
    /// 1 to 3, or 0xff.
    pub encoding: u8,
    /// The encoded samples.
    pub data: &'a [u8],
}

/// A block in the making: all symbols first, then the series in order.
pub struct BlockWriter<'o> {
    outlet: Direct<'o>,
    block: Block,
    labels: Vec<u32>,
    chunks: Vec<ChunkMeta>,
    body: Vec<u8>,
}

impl<'o> BlockWriter<'o> {
    /// Begins a block with these symbols, strictly ascending by bytes: all names and values that series will have, and
    /// more if wanted. `segment_bytes` 0 means [`segment::DEFAULT_SEGMENT_BYTES`].
    ///
    /// # Errors
    /// [`Error::Rule`] where symbols do not ascend, [`Error::Limit`], [`Error::Write`].
    pub fn new<S: AsRef<[u8]>>(
        output: &'o mut dyn Output,
        symbols: impl IntoIterator<Item = S>,
        segment_bytes: u64,
    ) -> Result<Self, Error> {
        let mut table = Symbols::default();
        for symbol in symbols {
            let symbol = symbol.as_ref();
            if table.last().is_some_and(|last| symbol <= last) {
                return Err(Rule::SymbolOrder { symbol: String::from_utf8_lossy(symbol).into_owned() }.into());
            }
            let limit = u64::from(u32::MAX);
            table.push(symbol).ok_or(Error::Limit { what: "symbol table", size: table.content_bytes(), limit })?;
        }
        let mut outlet = Direct::new(output);
        let index = index::Writer::new(table, Limits::FORMAT, &mut outlet)?;
        let block = Block::new(index, segment::Writer::new(segment_bytes));
        Ok(Self { outlet, block, labels: Vec::new(), chunks: Vec::new(), body: Vec::new() })
    }

    /// Adds a series: pairs of name and value in the order in which they are to be stored, chunks by time.
    ///
    /// # Errors
    /// [`Error::Rule`] where the series is not greater than the one before, its chunks overlap, or a label is not among
    /// the symbols; [`Error::Limit`], [`Error::Write`].
    pub fn series<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        labels: &[(N, V)],
        chunks: &[NewChunk<'_>],
    ) -> Result<(), Error> {
        self.labels.clear();
        self.chunks.clear();
        for (name, value) in labels {
            for symbol in [name.as_ref(), value.as_ref()] {
                let found = self.block.index.symbols().find(symbol);
                let missing = || Rule::UnknownSymbol { symbol: String::from_utf8_lossy(symbol).into_owned() };
                self.labels.push(found.ok_or_else(missing)?);
            }
        }
        self.block.segments.begin_series();
        for chunk in chunks {
            self.body.clear();
            self.body.push(chunk.encoding);
            self.body.extend_from_slice(chunk.data);
            let crc = crc32c::crc32c(&self.body);
            self.body.extend(crc.to_be_bytes());
            let record = Record::new(&self.body).map_err(|damage| Rule::Chunk { damage })?;
            let reference = self.block.chunk(&record, &mut self.outlet)?;
            self.chunks.push(ChunkMeta { min: chunk.min, max: chunk.max, reference });
        }
        self.block.series(&self.labels, &self.chunks, &mut self.outlet)
    }

    /// Completes the block.
    ///
    /// # Errors
    /// [`Error::Rule`] where a label name occurs more often than there are series, [`Error::Limit`], [`Error::Write`].
    pub fn finish(mut self) -> Result<Merged, Error> {
        self.block.finish(&mut self.outlet)
    }
}
