//! Which NaN? The reference's processor decides, and chunks keep every bit; Rust and WebAssembly promise none of them. So
//! what came out as NaN is computed once more, with the bits made by hand.
//!
//! Source: `downsampling.md` 7.6.

use crate::pair;

/// What infinities of different signs leave behind.
const MADE: u64 = 0xfff8_0000_0000_0000;
/// Set in every NaN that went through arithmetic.
const QUIET: u64 = 0x0008_0000_0000_0000;

/// `a + b`: a NaN stays as it is, the first one wins.
fn add(a: f64, b: f64) -> f64 {
    made(a, b, a + b)
}

/// `a - b`, likewise.
fn subtract(a: f64, b: f64) -> f64 {
    made(a, b, a - b)
}

fn made(a: f64, b: f64, result: f64) -> f64 {
    let bits = match (a.is_nan(), b.is_nan()) {
        (true, _) => a.to_bits() | QUIET,
        (false, true) => b.to_bits() | QUIET,
        (false, false) if result.is_nan() => MADE,
        (false, false) => return result,
    };
    f64::from_bits(bits)
}

/// What arithmetic leaves behind that was given no NaN.
pub(crate) const OF_INFINITIES: f64 = f64::from_bits(MADE);

/// Whether none of them is NaN.
#[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
pub(crate) fn none(values: &[f64]) -> bool {
    let (blocks, rest) = values.as_chunks();
    blocks.iter().all(|block| !pair::any_nan(block)) && !rest.iter().any(|value| value.is_nan())
}

/// The sum of a window, which is NaN.
#[cold]
#[inline(never)]
pub(crate) fn sum(values: &[f64]) -> f64 {
    if none(values) {
        return OF_INFINITIES;
    }
    let mut sum = 0.0;
    for value in values {
        sum = add(sum, *value);
        if sum.is_nan() {
            break; // It stays as it is.
        }
    }
    sum
}

/// The counter behind a window, which is NaN, `counter` and `previous` being those before it.
#[cold]
#[inline(never)]
pub(crate) fn counter(mut counter: f64, mut previous: f64, values: &[f64]) -> f64 {
    if none(&[counter, previous]) && none(values) {
        return OF_INFINITIES;
    }
    for value in values {
        counter = add(counter, if *value < previous { *value } else { subtract(*value, previous) });
        previous = *value;
        if counter.is_nan() {
            break; // It stays as it is.
        }
    }
    counter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_nan_stays_and_what_infinities_make_has_its_sign_set() {
        let nan = f64::from_bits(0x7ff0_0000_0000_0003);
        assert_eq!(sum(&[1.0, nan, f64::from_bits(0x7ff8_0000_0000_0007)]).to_bits(), 0x7ff8_0000_0000_0003);
        assert_eq!(sum(&[f64::INFINITY, f64::NEG_INFINITY, nan]).to_bits(), MADE);
        assert_eq!(counter(0.0, f64::INFINITY, &[f64::INFINITY, 3.0]).to_bits(), MADE);
        assert_eq!(counter(f64::from_bits(MADE), 3.0, &[4.0]).to_bits(), MADE);
    }
}
