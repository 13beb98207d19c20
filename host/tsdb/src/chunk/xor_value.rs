//! How a float is written after another one: the bits in which they differ, and where those stand.
//!
//! Source: Prometheus `tsdb/chunkenc/xor.go`, `xorWrite` and `xorRead`.

use super::ChunkError;
use super::bits::{BitReader, BitWriter};

/// Which bits of a difference are stored: those behind `lead` and before `trail` bits of zeros.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    lead: u8,
    trail: u8,
}

impl Window {
    /// How an encoder starts: no difference lies in this window, so the first one brings its own.
    pub(crate) const ABSENT: Self = Self { lead: u8::MAX, trail: 0 };

    /// How a decoder starts.
    pub(crate) const FULL: Self = Self { lead: 0, trail: 0 };

    /// The window of so many bits before so many zeros.
    #[expect(clippy::cast_possible_truncation, reason = "both are at most 64")]
    pub(crate) fn of(width: u32, trail: u32) -> Self {
        Self { lead: (64 - width - trail) as u8, trail: trail as u8 }
    }

    /// Bits inside, and zeros behind.
    pub(crate) fn parts(self) -> (u32, u32) {
        (self.width(), u32::from(self.trail))
    }

    /// Bits inside.
    #[inline(always)]
    fn width(self) -> u32 {
        64 - u32::from(self.lead) - u32::from(self.trail)
    }
}

/// Leading zeros have five bits, so more than this are not told.
const LEAD_MAX: u32 = 31;

/// Appends `new`, the value after `current`; both as bits.
#[inline]
pub(crate) fn put(out: &mut BitWriter, current: u64, new: u64, window: &mut Window) {
    let difference = new ^ current;
    if difference == 0 {
        return out.put(0, 1);
    }
    let lead = difference.leading_zeros().min(LEAD_MAX) as u8;
    #[expect(clippy::cast_possible_truncation, reason = "below 64, as the difference is not 0")]
    let trail = difference.trailing_zeros() as u8;
    if lead >= window.lead && trail >= window.trail {
        out.put(0b10, 2);
        return out.put(difference >> window.trail, window.width());
    }
    *window = Window { lead, trail };
    let width = window.width();
    // 64 significant bits do not fit the six bits and are stored as 0, which cannot occur otherwise.
    out.put(0b11 << 11 | u64::from(lead) << 6 | u64::from(width) & 63, 13);
    out.put(difference >> trail, width);
}

/// Appends `length` bits, at most 24, and behind them a value that differs from the one before by `difference`.
#[inline(always)]
pub(crate) fn put_behind(out: &mut BitWriter, (head, length): (u64, u32), difference: u64, window: &mut Window) {
    if difference == 0 {
        return out.put(head << 1, length + 1);
    }
    let lead = difference.leading_zeros().min(LEAD_MAX) as u8;
    #[expect(clippy::cast_possible_truncation, reason = "below 64, as the difference is not 0")]
    let trail = difference.trailing_zeros() as u8;
    if lead >= window.lead && trail >= window.trail {
        out.put(head << 2 | 0b10, length + 2);
    } else {
        *window = Window { lead, trail };
        let told = 0b11 << 11 | u64::from(lead) << 6 | u64::from(window.width()) & 63;
        out.put(head << 13 | told, length + 13);
    }
    out.put(difference >> window.trail, window.width());
}

/// Reads the value after `value` into it.
#[inline(always)]
pub(crate) fn read(bits: &mut BitReader<'_>, value: &mut u64, window: &mut Window) -> Result<(), ChunkError> {
    bits.need(13);
    let head = bits.window();
    if head >> 63 == 0 {
        bits.skip(1);
        return Ok(());
    }
    if head >> 62 == 0b10 {
        bits.skip(2);
    } else {
        bits.skip(13);
        *window = stored_window(head, bits)?;
    }
    *value ^= bits.take_wide(window.width()) << window.trail;
    Ok(())
}

/// The window from the 13 bits at the top of `head`.
#[inline(always)]
fn stored_window(head: u64, bits: &BitReader<'_>) -> Result<Window, ChunkError> {
    let lead = (head >> 57 & 31) as u8;
    // 0 stands for 64.
    let significant = ((head >> 51).wrapping_sub(1) & 63) as u8 + 1;
    let used = lead + significant;
    if used > 64 {
        return Err(ChunkError::XorWindow { lead, significant, bit: bits.position() });
    }
    Ok(Window { lead, trail: 64 - used })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values() -> impl Strategy<Value = u64> {
        prop_oneof![
            any::<u64>(),
            (any::<u64>(), 0_u32..64, 0_u32..64).prop_map(|(bits, left, right)| bits << left >> right),
            (-1000_i32..1000).prop_map(|number| f64::from(number).to_bits()),
        ]
    }

    proptest! {
        #[test]
        fn values_survive_with_their_windows(values in proptest::collection::vec(values(), 1..100)) {
            let mut out = BitWriter::new([]);
            let (mut current, mut window) = (0, Window::ABSENT);
            for value in &values {
                put(&mut out, current, *value, &mut window);
                current = *value;
            }
            let bytes = out.finish();
            let mut bits = BitReader::new(&bytes, 0);
            let (mut current, mut window) = (0, Window::FULL);
            for value in &values {
                prop_assert_eq!(read(&mut bits, &mut current, &mut window), Ok(()));
                prop_assert_eq!(current, *value);
            }
            prop_assert!(!bits.overrun());
        }
    }

    #[test]
    fn the_window_is_kept_while_differences_lie_inside() {
        let mut out = BitWriter::new([]);
        let mut window = Window::ABSENT;
        put(&mut out, 0, 0b1111 << 8, &mut window);
        put(&mut out, 0, 0b0110 << 8, &mut window);
        let bytes = out.finish();
        let mut bits = BitReader::new(&bytes, 0);
        // Told 31 leading zeros, the first takes 64 - 31 - 8 bits, and so does the second.
        assert_eq!(bits.take(13), 0b11 << 11 | 31 << 6 | 25);
        assert_eq!(bits.take(25), 0b1111);
        assert_eq!(bits.take(2), 0b10);
        assert_eq!(bits.take(25), 0b0110);
    }

    #[test]
    fn a_window_wider_than_the_value_is_refused() {
        let bytes = ((0b11_u64 << 11 | 31 << 6 | 34) << 51).to_be_bytes();
        let mut bits = BitReader::new(&bytes, 0);
        let mut window = Window::FULL;
        let refused = read(&mut bits, &mut 0, &mut window);
        assert_eq!(refused, Err(ChunkError::XorWindow { lead: 31, significant: 34, bit: 13 }));
    }
}
