//! Sizes: `64GB`, `1.5GiB`; every unit is a power of 1024.

use thiserror::Error;

/// A size in bytes, with a sign because the syntax has one: syntax `B` of the compactor's flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize {
    /// Bytes.
    pub bytes: i64,
}

/// Why a text is no size. The words are the reference's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidByteSize {
    /// No number where one has to be.
    #[error("units: invalid {0}")]
    Invalid(String),
    /// A number without a unit, or a unit that is none of `B KB … EB KiB … EiB`.
    #[error("units: unknown unit {unit} in {text}")]
    UnknownUnit {
        /// What stands where a unit has to be, empty when nothing does.
        unit: String,
        /// The whole text.
        text: String,
    },
    /// More than 2^63 bytes.
    #[error("units: overflow parsing unit")]
    Overflow,
}

/// Reads an optional sign and one or more pairs of a decimal number and a unit; a bare `0` is allowed.
///
/// # Errors
/// [`InvalidByteSize`], which says what is wrong in the reference's words.
///
/// Source: compactor specification 0.3, syntax B; alecthomas/units, base-2 bytes.
pub fn parse(text: &str) -> Result<ByteSize, InvalidByteSize> {
    // The two spellings do not mix: `1KiB1KB` is refused, and the error is that of the second try.
    let bytes = parse_with(text, "iB").or_else(|_| parse_with(text, "B"))?;
    Ok(ByteSize { bytes })
}

fn parse_with(text: &str, suffix: &str) -> Result<i64, InvalidByteSize> {
    let invalid = || InvalidByteSize::Invalid(text.to_owned());
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total = 0.0_f64;
    while !rest.is_empty() {
        let whole_length = digits(rest);
        let fraction_length = match rest.as_bytes().get(whole_length) {
            Some(b'.') => 1 + digits(&rest[whole_length + 1..]),
            _ => 0,
        };
        let (number, after_number) = rest.split_at(whole_length + fraction_length);
        // Eighteen digits in a row is where the reference gives up as well.
        if number.bytes().all(|b| b == b'.') || number.split('.').any(|run| run.len() > 18) {
            return Err(invalid());
        }
        let number: f64 = number.parse().map_err(|_| invalid())?;
        let unit_length = after_number.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after_number.len());
        let (unit, after_unit) = after_number.split_at(unit_length);
        let power = power(unit, suffix)
            .ok_or_else(|| InvalidByteSize::UnknownUnit { unit: unit.to_owned(), text: text.to_owned() })?;
        total += number * 1024_f64.powi(power);
        rest = after_unit;
    }
    if negative {
        total = -total;
    }
    whole_bytes(total).ok_or(InvalidByteSize::Overflow)
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// Which power of 1024 a unit stands for.
fn power(unit: &str, suffix: &str) -> Option<i32> {
    if unit == "B" {
        return Some(0);
    }
    let prefix = unit.strip_suffix(suffix)?;
    [(1, "K"), (2, "M"), (3, "G"), (4, "T"), (5, "P"), (6, "E")]
        .into_iter()
        .find_map(|(power, name)| (name == prefix).then_some(power))
}

fn whole_bytes(total: f64) -> Option<i64> {
    /// 2^63 as a number that a float holds exactly.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    #[expect(clippy::cast_possible_truncation, reason = "within the limits of an i64, the fraction is dropped")]
    (-LIMIT..LIMIT).contains(&total).then_some(total as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_are_powers_of_1024() {
        for (text, expected) in [
            ("0", 0),
            ("0B", 0),
            ("64GB", 68_719_476_736),
            ("64GiB", 68_719_476_736),
            ("1KB", 1024),
            ("1.5KiB", 1536),
            (".5KB", 512),
            ("1MB512KB", 1_572_864),
            ("-1KB", -1024),
            ("+10B", 10),
            ("1.9B", 1),
            ("7EiB", 7 << 60),
            ("2TB", 2 << 40),
            ("3PB", 3 << 50),
        ] {
            assert_eq!(parse(text), Ok(ByteSize { bytes: expected }), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused_in_the_words_of_the_reference() {
        for (text, message) in [
            ("", "units: invalid "),
            ("-", "units: invalid -"),
            ("GB", "units: invalid GB"),
            ("1000", "units: unknown unit  in 1000"),
            ("1kB", "units: unknown unit kB in 1kB"),
            ("1gb", "units: unknown unit gb in 1gb"),
            ("1KiB1KB", "units: unknown unit KiB in 1KiB1KB"),
            (".GB", "units: invalid .GB"),
            ("1.2.3KB", "units: unknown unit  in 1.2.3KB"),
            ("8EB", "units: overflow parsing unit"),
            ("9999999999999999999B", "units: invalid 9999999999999999999B"),
            ("1µB", "units: unknown unit µB in 1µB"),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), message, "{text}");
        }
    }
}
