//! Whole numbers as kingpin takes them: read as a float, the fraction dropped.

use thiserror::Error;

/// Why a text is no number. The words are the reference's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidInteger {
    /// The text is no decimal number.
    #[error("strconv.ParseFloat: parsing \"{0}\": invalid syntax")]
    Syntax(String),
    /// The number does not fit 64 bits.
    #[error("strconv.ParseFloat: parsing \"{0}\": value out of range")]
    OutOfRange(String),
}

/// Reads a decimal number; `1.9` is 1 and `1e3` is 1000, as in the reference.
///
/// # Errors
/// [`InvalidInteger`] for anything else; infinities and NaN, which the reference turns into arbitrary numbers, are
/// refused too.
///
/// Source: kingpin v2.4.0, values_generated.go (`intValue`).
pub fn parse(text: &str) -> Result<i64, InvalidInteger> {
    /// 2^63 as a number that a float holds exactly.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    let number = parse_decimal(text)?;
    if !(-LIMIT..LIMIT).contains(&number) {
        return Err(InvalidInteger::OutOfRange(text.to_owned()));
    }
    #[expect(clippy::cast_possible_truncation, reason = "within the limits of an i64, the fraction is dropped")]
    Ok(number as i64)
}

/// Reads a decimal number with its fraction.
///
/// # Errors
/// [`InvalidInteger::Syntax`] for anything else; infinities and NaN are refused too.
///
/// Source: kingpin v2.4.0, values_generated.go (`float64Value`).
pub fn parse_decimal(text: &str) -> Result<f64, InvalidInteger> {
    let wrong = || InvalidInteger::Syntax(text.to_owned());
    if !text.bytes().any(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    text.parse().map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_dropped() {
        for (text, expected) in [("4", 4), ("-1", -1), ("+3", 3), ("1.9", 1), ("1e3", 1000), ("0", 0)] {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused_in_the_words_of_the_reference() {
        for (text, message) in [
            ("", "strconv.ParseFloat: parsing \"\": invalid syntax"),
            ("four", "strconv.ParseFloat: parsing \"four\": invalid syntax"),
            ("inf", "strconv.ParseFloat: parsing \"inf\": invalid syntax"),
            ("nan", "strconv.ParseFloat: parsing \"nan\": invalid syntax"),
            ("1 ", "strconv.ParseFloat: parsing \"1 \": invalid syntax"),
            ("1e99", "strconv.ParseFloat: parsing \"1e99\": value out of range"),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), message, "{text}");
        }
    }
}
