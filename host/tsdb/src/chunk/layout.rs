//! The layout of a histogram chunk: schema, zero threshold, spans, custom bounds.
//!
//! Stored once, with the first sample; every sample of the chunk has exactly these buckets.
//! Source: Prometheus `tsdb/chunkenc/histogram_meta.go`.

use super::ChunkError;
use super::bits::{BitReader, BitWriter};
use super::varbit::{put_signed, put_unsigned, signed, unsigned};

/// The schema whose bucket bounds are listed one by one.
pub const CUSTOM_SCHEMA: i32 = -53;

/// Neighbouring buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Missing buckets before this span; in a side's first span the index of its first bucket.
    pub offset: i32,
    /// Buckets in the span; 0 is legal and only moves the position.
    pub length: u32,
}

/// What the buckets of a histogram are; two are equal when all floats in them have the same bits.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// Resolution: -53 for custom bounds, else -9 to 52.
    pub schema: i32,
    /// Width of the zero bucket.
    pub zero_threshold: f64,
    /// Buckets for positive observations.
    pub positive: Vec<Span>,
    /// Buckets for negative observations.
    pub negative: Vec<Span>,
    /// Upper bounds; only written and read with schema -53.
    pub custom_values: Vec<f64>,
}

impl PartialEq for Layout {
    fn eq(&self, other: &Self) -> bool {
        self.schema == other.schema
            && self.zero_threshold.to_bits() == other.zero_threshold.to_bits()
            && self.positive == other.positive
            && self.negative == other.negative
            && self
                .custom_values
                .iter()
                .map(|bound| bound.to_bits())
                .eq(other.custom_values.iter().map(|b| b.to_bits()))
    }
}

impl Layout {
    /// Whether bounds stand in the layout itself.
    #[must_use]
    pub fn is_custom(&self) -> bool {
        self.schema == CUSTOM_SCHEMA
    }

    /// Appends the layout.
    pub(crate) fn write(&self, out: &mut BitWriter) {
        put_zero_threshold(out, self.zero_threshold);
        put_signed(out, i64::from(self.schema));
        put_spans(out, &self.positive);
        put_spans(out, &self.negative);
        if self.is_custom() {
            put_unsigned(out, self.custom_values.len() as u64);
            for bound in &self.custom_values {
                put_bound(out, *bound);
            }
        }
    }

    /// Reads a layout whose buckets take at least `bucket_bits` bits each in what follows.
    pub(crate) fn read(bits: &mut BitReader<'_>, bucket_bits: u64) -> Result<Self, ChunkError> {
        let zero_threshold = zero_threshold(bits);
        let schema = truncated(signed(bits));
        let positive = spans(bits)?;
        let negative = spans(bits)?;
        let custom_values = if schema == CUSTOM_SCHEMA { bounds(bits)? } else { Vec::new() };
        if schema != CUSTOM_SCHEMA && !(-9..=52).contains(&schema) {
            return Err(ChunkError::UnknownSchema { schema, bit: bits.position() });
        }
        // Both sums stay below 2^64: a span takes bits, and has less than 2^32 buckets.
        bounded("buckets", covered(&positive) + covered(&negative), bucket_bits, bits)?;
        Ok(Self { schema, zero_threshold, positive, negative, custom_values })
    }
}

/// Number of buckets in `spans`.
pub(crate) fn covered(spans: &[Span]) -> u64 {
    spans.iter().map(|span| u64::from(span.length)).sum()
}

/// Refuses spans that go back, which nothing writes and for which no meaning is defined.
pub(crate) fn check_offsets(spans: &[Span]) -> Result<(), ChunkError> {
    match spans.iter().enumerate().skip(1).find(|(_, span)| span.offset < 0) {
        Some((span, found)) => Err(ChunkError::SpanOffset { span, offset: found.offset }),
        None => Ok(()),
    }
}

/// Refuses a number of things that the rest of the data cannot hold, before memory is taken for them.
fn bounded(what: &'static str, announced: u64, bits_each: u64, bits: &BitReader<'_>) -> Result<u64, ChunkError> {
    let possible = bits.remaining() / bits_each;
    if announced > possible {
        return Err(ChunkError::TooMany { what, announced, possible, bit: bits.position() });
    }
    Ok(announced)
}

/// The low 32 bits, as the reference keeps them.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the reference truncates, and stored numbers out of range come only from damage"
)]
fn truncated(number: i64) -> i32 {
    number as i32
}

fn put_spans(out: &mut BitWriter, spans: &[Span]) {
    put_unsigned(out, spans.len() as u64);
    for span in spans {
        put_unsigned(out, u64::from(span.length));
        put_signed(out, i64::from(span.offset));
    }
}

fn spans(bits: &mut BitReader<'_>) -> Result<Vec<Span>, ChunkError> {
    let announced = unsigned(bits);
    // Length and offset take a bit each at least.
    let number = bounded("spans", announced, 2, bits)?;
    let spans: Vec<Span> = (0..number)
        .map(|_| {
            let length = truncated(unsigned(bits).cast_signed()).cast_unsigned();
            Span { length, offset: truncated(signed(bits)) }
        })
        .collect();
    check_offsets(&spans)?;
    Ok(spans)
}

/// Marks a threshold that stands in the following 64 bits.
const THRESHOLD_IN_FULL: u8 = 0xff;
/// A stored power of two is its biased exponent less this number.
const EXPONENT_SHIFT: u64 = 779;

fn put_zero_threshold(out: &mut BitWriter, threshold: f64) {
    if threshold == 0.0 {
        return out.put(0, 8);
    }
    let pattern = threshold.to_bits();
    let (sign_and_exponent, fraction) = (pattern >> 52, pattern & ((1 << 52) - 1));
    match sign_and_exponent.checked_sub(EXPONENT_SHIFT) {
        Some(code) if fraction == 0 && (1..=254).contains(&code) => out.put(code, 8),
        _ => {
            out.put(u64::from(THRESHOLD_IN_FULL), 8);
            out.put(pattern, 64);
        }
    }
}

fn zero_threshold(bits: &mut BitReader<'_>) -> f64 {
    match bits.take(8) {
        0 => 0.0,
        code if code == u64::from(THRESHOLD_IN_FULL) => f64::from_bits(bits.take_wide(64)),
        code => f64::from_bits((code + EXPONENT_SHIFT) << 52),
    }
}

/// The largest bound, in thousandths, that is stored as a whole number.
const THOUSANDTHS_MAX: f64 = 33_554_430.0;

fn put_bound(out: &mut BitWriter, bound: f64) {
    match whole_thousandths(bound) {
        Some(number) => put_unsigned(out, number + 1),
        None => {
            out.put(0, 1);
            out.put(bound.to_bits(), 64);
        }
    }
}

/// The bound in thousandths, if it is small, not negative and can be computed back from them.
fn whole_thousandths(bound: f64) -> Option<u64> {
    let thousandths = bound * 1000.0;
    let whole = thousandths.round();
    let small = (0.0..=THOUSANDTHS_MAX).contains(&thousandths);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the maximum above")]
    (small && whole / 1000.0 == bound).then_some(whole as u64)
}

fn bounds(bits: &mut BitReader<'_>) -> Result<Vec<f64>, ChunkError> {
    let announced = unsigned(bits);
    // The shortest bound is a varbit of the first class.
    let number = bounded("custom bounds", announced, 5, bits)?;
    Ok((0..number).map(|_| bound(bits)).collect())
}

#[expect(
    clippy::cast_precision_loss,
    reason = "the reference divides the number as a float, however large damage made it"
)]
fn bound(bits: &mut BitReader<'_>) -> f64 {
    match unsigned(bits) {
        0 => f64::from_bits(bits.take_wide(64)),
        thousandths => (thousandths - 1) as f64 / 1000.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_of(put: impl FnOnce(&mut BitWriter)) -> Vec<u8> {
        let mut out = BitWriter::new([]);
        put(&mut out);
        out.finish()
    }

    #[test]
    fn thresholds_survive_and_powers_of_two_take_a_byte() {
        let short = [0.0, 2_f64.powi(-128), 2_f64.powi(-243), 2_f64.powi(10), 1.0];
        let long = [2_f64.powi(-244), 2_f64.powi(11), -1.0, 0.001, f64::INFINITY, f64::MIN_POSITIVE / 4.0, f64::NAN];
        for (threshold, length) in short.into_iter().map(|t| (t, 1)).chain(long.into_iter().map(|t| (t, 9))) {
            let bytes = bytes_of(|out| put_zero_threshold(out, threshold));
            assert_eq!(bytes.len(), length, "{threshold}");
            assert_eq!(zero_threshold(&mut BitReader::new(&bytes, 0)).to_bits(), threshold.to_bits());
        }
        assert_eq!(bytes_of(|out| put_zero_threshold(out, 2_f64.powi(-128))), [0x74]);
        assert_eq!(bytes_of(|out| put_zero_threshold(out, -0.0)), [0]);
    }

    #[test]
    fn bounds_survive_and_small_thousandths_are_short() {
        let long = [33_554.431, -2.0, 0.0005, f64::NAN, f64::INFINITY, 1e300];
        for (bound_in, short) in
            [0.0, 0.005, 1.0, 33_554.43].into_iter().map(|b| (b, true)).chain(long.map(|b| (b, false)))
        {
            let bytes = bytes_of(|out| put_bound(out, bound_in));
            assert_eq!(bytes.len() <= 4, short, "{bound_in}");
            assert_eq!(bound(&mut BitReader::new(&bytes, 0)).to_bits(), bound_in.to_bits());
        }
    }

    #[test]
    fn absurd_numbers_are_refused_before_memory_is_taken() {
        let bytes = bytes_of(|out| {
            put_zero_threshold(out, 0.0);
            put_signed(out, 0);
            put_unsigned(out, 1 << 60);
        });
        let refused = Layout::read(&mut BitReader::new(&bytes, 0), 1);
        assert!(matches!(refused, Err(ChunkError::TooMany { what: "spans", .. })), "{refused:?}");

        let wide = Layout { positive: vec![Span { offset: 0, length: u32::MAX }], ..Layout::default() };
        let bytes = bytes_of(|out| wide.write(out));
        let refused = Layout::read(&mut BitReader::new(&bytes, 0), 1);
        assert!(matches!(refused, Err(ChunkError::TooMany { what: "buckets", .. })), "{refused:?}");
    }

    #[test]
    fn schemas_outside_the_known_ones_are_refused() {
        for (schema, known) in [(-53, true), (-9, true), (52, true), (-10, false), (53, false), (-52, false)] {
            let bytes = bytes_of(|out| Layout { schema, ..Layout::default() }.write(out));
            assert_eq!(Layout::read(&mut BitReader::new(&bytes, 0), 1).is_ok(), known, "{schema}");
        }
    }

    #[test]
    fn a_later_span_must_not_go_back() {
        let spans = vec![Span { offset: -3, length: 1 }, Span { offset: -1, length: 1 }];
        let bytes = bytes_of(|out| Layout { negative: spans, ..Layout::default() }.write(out));
        let refused = Layout::read(&mut BitReader::new(&bytes, 0), 1);
        assert_eq!(refused, Err(ChunkError::SpanOffset { span: 1, offset: -1 }));
    }
}
