//! Durations as Go's programs take them: `1h30m`, `-1.5h`, `2w`.

use thiserror::Error;

/// A length of time in nanoseconds, with a sign: syntax `G` of the compactor's flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GoDuration {
    /// Nanoseconds.
    pub nanoseconds: i64,
}

impl GoDuration {
    /// Whole milliseconds, rounded towards zero, as the reference compares them.
    #[must_use]
    pub fn ms(self) -> i64 {
        self.nanoseconds / 1_000_000
    }
}

/// Why a text is no duration. The words are the reference's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidGoDuration {
    /// No number where one has to be, or a number too large for 292 years of nanoseconds.
    #[error("time: invalid duration \"{0}\"")]
    Invalid(String),
    /// A number is not followed by a unit.
    #[error("time: missing unit in duration \"{0}\"")]
    MissingUnit(String),
    /// A unit that is none of `ns us µs ms s m h d w`.
    #[error("time: unknown unit \"{unit}\" in duration \"{text}\"")]
    UnknownUnit {
        /// What stands where a unit has to be.
        unit: String,
        /// The whole text.
        text: String,
    },
}

/// Reads an optional sign and one or more pairs of a decimal number and a unit; a bare `0` is allowed.
///
/// # Errors
/// [`InvalidGoDuration`], which says what is wrong in the reference's words.
///
/// Source: compactor specification 0.3, syntax G; xhit/go-str2duration v2.
pub fn parse(text: &str) -> Result<GoDuration, InvalidGoDuration> {
    let invalid = || InvalidGoDuration::Invalid(text.to_owned());
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(GoDuration { nanoseconds: 0 });
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total = 0_i64;
    while !rest.is_empty() {
        let number_length = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after_number) = rest.split_at(number_length);
        let unit_length = after_number.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after_number.len());
        let (unit, after_unit) = after_number.split_at(unit_length);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.starts_with('.') {
            return Err(invalid());
        }
        // A second point starts another number, which then lacks its unit.
        if unit.is_empty() || fraction.contains('.') {
            return Err(InvalidGoDuration::MissingUnit(text.to_owned()));
        }
        let scale = nanoseconds(unit)
            .ok_or_else(|| InvalidGoDuration::UnknownUnit { unit: unit.to_owned(), text: text.to_owned() })?;
        let part = scaled(whole, fraction, scale).ok_or_else(invalid)?;
        total = total.checked_add(part).ok_or_else(invalid)?;
        rest = after_unit;
    }
    Ok(GoDuration { nanoseconds: if negative { -total } else { total } })
}

/// `whole.fraction` times `scale`, or nothing when it does not fit; both texts hold digits only.
fn scaled(whole: &str, fraction: &str, scale: i64) -> Option<i64> {
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let whole = whole.checked_mul(scale)?;
    // Eighteen digits fit an i64; the reference drops what is beyond its precision as well.
    let fraction = &fraction[..fraction.len().min(18)];
    let Ok(digits) = fraction.parse::<i64>() else { return Some(whole) };
    let divisor = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
    let part = i64::try_from(i128::from(digits) * i128::from(scale) / divisor).ok()?;
    whole.checked_add(part)
}

fn nanoseconds(unit: &str) -> Option<i64> {
    Some(match unit {
        "ns" => 1,
        // The micro sign and the Greek letter look the same and both are typed.
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60 * 1_000_000_000,
        "h" => 3600 * 1_000_000_000,
        "d" => 24 * 3600 * 1_000_000_000,
        "w" => 168 * 3600 * 1_000_000_000,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_fractions_and_all_units_are_read() {
        const H: i64 = 3600 * 1_000_000_000;
        for (text, expected) in [
            ("0", 0),
            ("-0", 0),
            ("30m", H / 2),
            ("1.5h", H + H / 2),
            ("-1.5h", -H - H / 2),
            ("+2h45m", 2 * H + 3 * H / 4),
            (".5s", 500_000_000),
            ("1.s", 1_000_000_000),
            ("1d", 24 * H),
            ("2w", 336 * H),
            ("1m1h", H + H / 60),
            ("1h1h", 2 * H),
            ("3ns4us5µs6μs7ms", 7_015_003),
            ("0.000000000000000000000001h", 0),
            ("2562047h47m16.854775807s", i64::MAX),
        ] {
            assert_eq!(parse(text), Ok(GoDuration { nanoseconds: expected }), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused_in_the_words_of_the_reference() {
        for (text, message) in [
            ("", "time: invalid duration \"\""),
            ("-", "time: invalid duration \"-\""),
            ("h", "time: invalid duration \"h\""),
            (".s", "time: invalid duration \".s\""),
            (" 1h", "time: invalid duration \" 1h\""),
            ("5", "time: missing unit in duration \"5\""),
            ("1h5", "time: missing unit in duration \"1h5\""),
            ("1.2.3s", "time: missing unit in duration \"1.2.3s\""),
            ("1y", "time: unknown unit \"y\" in duration \"1y\""),
            ("1H", "time: unknown unit \"H\" in duration \"1H\""),
            ("1 h", "time: unknown unit \" h\" in duration \"1 h\""),
            ("9999999999999999999s", "time: invalid duration \"9999999999999999999s\""),
            ("15251w", "time: invalid duration \"15251w\""),
            ("15250w15250w", "time: invalid duration \"15250w15250w\""),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), message, "{text}");
        }
    }

    #[test]
    fn milliseconds_are_cut() {
        assert_eq!(GoDuration { nanoseconds: 1_999_999 }.ms(), 1);
        assert_eq!(GoDuration { nanoseconds: -1_999_999 }.ms(), -1);
    }
}
