//! A point in time, or a distance from now: `2025-03-01T00:00:00Z`, `-30d`.

use lithify_block::{Rfc3339, Timestamp};
use lithify_compactor::Moment;

use super::prom_duration::{self, InvalidPromDuration};

/// Reads an RFC 3339 timestamp, or an optional `-` and a Prometheus duration.
///
/// # Errors
/// That of the duration, as in the reference, whatever the text was meant to be.
///
/// Source: compactor specification 0.3, syntax T; thanos pkg/model/timeduration.go.
pub fn parse(text: &str) -> Result<Moment, InvalidPromDuration> {
    if let Some(at) = rfc3339(text) {
        return Ok(Moment::At(at));
    }
    match text.strip_prefix('-') {
        Some(distance) => Ok(Moment::FromNow(-prom_duration::parse(distance)?.ms)),
        None => Ok(Moment::FromNow(prom_duration::parse(text)?.ms)),
    }
}

/// `YYYY-MM-DDThh:mm:ss`, an optional fraction, then `Z` or `±hh:mm`; capital letters only and a comma in the place of the
/// point, as Go's parser wants them.
fn rfc3339(text: &str) -> Option<Timestamp> {
    let strict = !text.contains(['t', 'z']);
    Some(Rfc3339::parse(&text.replacen(',', ".", 1)).filter(|_| strict)?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_read() {
        for (text, ms) in [
            ("0000-01-01T00:00:00Z", -62_167_219_200_000),
            ("9999-12-31T23:59:59Z", 253_402_300_799_000),
            ("2025-03-01T00:00:00Z", 1_740_787_200_000),
            ("2025-03-01T00:00:00.5Z", 1_740_787_200_500),
            ("2025-03-01T00:00:00.1239Z", 1_740_787_200_123),
            ("2025-03-01T02:30:00+02:30", 1_740_787_200_000),
            ("2025-02-28T22:00:00-02:00", 1_740_787_200_000),
            ("2024-02-29T00:00:00Z", 1_709_164_800_000),
        ] {
            assert_eq!(parse(text), Ok(Moment::At(Timestamp(ms))), "{text}");
        }
    }

    #[test]
    fn distances_are_counted_from_now_at_every_use() {
        for (text, ms) in [("-1d", -86_400_000), ("2h45m", 9_900_000), ("0", 0), ("-0d", 0)] {
            let value = parse(text).unwrap();
            assert_eq!(value, Moment::FromNow(ms), "{text}");
            assert_eq!(value.at(Timestamp(1_000)), Timestamp(1_000 + ms));
            assert_eq!(value.at(Timestamp(2_000)), Timestamp(2_000 + ms));
        }
    }

    #[test]
    fn anything_else_is_refused_with_the_words_of_a_duration() {
        for (text, message) in [
            ("", "empty duration string"),
            ("-", "empty duration string"),
            ("--1d", "not a valid duration string: \"-1d\""),
            ("yesterday", "not a valid duration string: \"yesterday\""),
            ("2025-03-01", "unknown unit \"-\" in duration \"2025-03-01\""),
            ("2025-02-29T00:00:00Z", "unknown unit \"-\" in duration \"2025-02-29T00:00:00Z\""),
            ("2025-03-01t00:00:00z", "unknown unit \"-\" in duration \"2025-03-01t00:00:00z\""),
            ("2025-03-01T24:00:00Z", "unknown unit \"-\" in duration \"2025-03-01T24:00:00Z\""),
            ("2025-03-01T00:00:00", "unknown unit \"-\" in duration \"2025-03-01T00:00:00\""),
            ("2025-03-01T00:00:00.Z", "unknown unit \"-\" in duration \"2025-03-01T00:00:00.Z\""),
            ("2025-03-01T00:00:00+2:00", "unknown unit \"-\" in duration \"2025-03-01T00:00:00+2:00\""),
            ("µµµµ-µµ-µµT", "not a valid duration string: \"µµµµ-µµ-µµT\""),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), message, "{text}");
        }
    }
}
