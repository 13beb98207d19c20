//! Durations as Prometheus takes them: `48h`, `1y2w`, `0d`.

use thiserror::Error;

/// A length of time in milliseconds, never negative: syntax `P` of the compactor's flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PromDuration {
    /// Milliseconds, at most 2^63 nanoseconds.
    pub ms: i64,
}

/// Why a text is no duration. The words are the reference's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidPromDuration {
    /// Nothing was given.
    #[error("empty duration string")]
    Empty,
    /// No number, a sign, or units out of their order or twice.
    #[error("not a valid duration string: \"{0}\"")]
    Invalid(String),
    /// A unit that is none of `y w d h m s ms`.
    #[error("unknown unit \"{unit}\" in duration \"{text}\"")]
    UnknownUnit {
        /// What stands where a unit has to be.
        unit: String,
        /// The whole text.
        text: String,
    },
    /// More than about 292 years.
    #[error("duration out of range")]
    OutOfRange,
}

/// Units from large to small: in a duration each stands at most once and in this order.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 24 * 3_600_000),
    ("w", 7 * 24 * 3_600_000),
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// The reference counts nanoseconds in 63 bits.
const MS_MAX: u64 = (i64::MAX / 1_000_000).unsigned_abs();

/// Reads one or more pairs of an integer and a unit; a bare `0` is allowed.
///
/// # Errors
/// [`InvalidPromDuration`], which says what is wrong in the reference's words.
///
/// Source: compactor specification 0.3, syntax P; prometheus/common model/time.go.
pub fn parse(text: &str) -> Result<PromDuration, InvalidPromDuration> {
    if text == "0" {
        return Ok(PromDuration { ms: 0 });
    }
    if text.is_empty() {
        return Err(InvalidPromDuration::Empty);
    }
    let invalid = || InvalidPromDuration::Invalid(text.to_owned());
    let mut rest = text;
    let mut total = 0_u64;
    let mut next_unit = 0;
    while !rest.is_empty() {
        let number_length = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, after_number) = rest.split_at(number_length);
        let unit_length = after_number.find(|c: char| c.is_ascii_digit()).unwrap_or(after_number.len());
        let (unit, after_unit) = after_number.split_at(unit_length);
        let number: u64 = number.parse().map_err(|_| invalid())?;
        if unit.is_empty() {
            return Err(invalid());
        }
        let position = UNITS
            .iter()
            .position(|(name, _)| *name == unit)
            .ok_or_else(|| InvalidPromDuration::UnknownUnit { unit: unit.to_owned(), text: text.to_owned() })?;
        if position < next_unit {
            return Err(invalid());
        }
        next_unit = position + 1;
        let scale = UNITS.get(position).map_or(1, |(_, ms)| *ms);
        total = number
            .checked_mul(scale)
            .and_then(|part| total.checked_add(part))
            .filter(|total| *total <= MS_MAX)
            .ok_or(InvalidPromDuration::OutOfRange)?;
        rest = after_unit;
    }
    let ms = i64::try_from(total).map_err(|_| InvalidPromDuration::OutOfRange)?;
    Ok(PromDuration { ms })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_with_descending_units_are_read() {
        const H: i64 = 3_600_000;
        for (text, expected) in [
            ("0", 0),
            ("0d", 0),
            ("48h", 48 * H),
            ("2m", 120_000),
            ("50y", 50 * 365 * 24 * H),
            ("1y2w3d4h5m6s7ms", (365 + 14 + 3) * 24 * H + 4 * H + 306_007),
            ("1h1ms", H + 1),
            ("292y", 292 * 365 * 24 * H),
        ] {
            assert_eq!(parse(text), Ok(PromDuration { ms: expected }), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused_in_the_words_of_the_reference() {
        for (text, message) in [
            ("", "empty duration string"),
            ("1.5h", "unknown unit \".\" in duration \"1.5h\""),
            ("-1h", "not a valid duration string: \"-1h\""),
            ("h", "not a valid duration string: \"h\""),
            ("5", "not a valid duration string: \"5\""),
            ("00", "not a valid duration string: \"00\""),
            ("1m1h", "not a valid duration string: \"1m1h\""),
            ("1h1h", "not a valid duration string: \"1h1h\""),
            ("1µs", "unknown unit \"µs\" in duration \"1µs\""),
            ("99999999999999999999h", "not a valid duration string: \"99999999999999999999h\""),
            ("300y", "duration out of range"),
            ("292y30w", "duration out of range"),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), message, "{text}");
        }
    }
}
