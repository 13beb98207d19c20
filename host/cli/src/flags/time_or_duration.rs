//! A point in time, or a distance from now: `2025-03-01T00:00:00Z`, `-30d`.

use lithify_block::Timestamp;

use super::prom_duration::{self, InvalidPromDuration};
use crate::calendar::{Civil, days_in_month};

/// Syntax `T` of the compactor's flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeOrDuration {
    /// A fixed point in time.
    Time(Timestamp),
    /// Milliseconds to add to "now", negative for the past.
    FromNow(i64),
}

impl TimeOrDuration {
    /// The point in time that is meant when it is `now`; asked again at every use, so that a distance moves along.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Time(at) => at,
            Self::FromNow(ms) => Timestamp(now.0.saturating_add(ms)),
        }
    }
}

/// Reads an RFC 3339 timestamp, or an optional `-` and a Prometheus duration.
///
/// # Errors
/// That of the duration, as in the reference, whatever the text was meant to be.
///
/// Source: compactor specification 0.3, syntax T; thanos pkg/model/timeduration.go.
pub fn parse(text: &str) -> Result<TimeOrDuration, InvalidPromDuration> {
    if let Some(at) = rfc3339(text) {
        return Ok(TimeOrDuration::Time(at));
    }
    match text.strip_prefix('-') {
        Some(distance) => Ok(TimeOrDuration::FromNow(-prom_duration::parse(distance)?.ms)),
        None => Ok(TimeOrDuration::FromNow(prom_duration::parse(text)?.ms)),
    }
}

/// `YYYY-MM-DDThh:mm:ss`, an optional fraction, then `Z` or `±hh:mm`; capital letters only, as Go's parser wants them.
fn rfc3339(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if separators.iter().any(|(at, wanted)| bytes.get(*at) != Some(wanted)) {
        return None;
    }
    let (year, month, day) = (number(text.get(..4)?)?, number(text.get(5..7)?)?, number(text.get(8..10)?)?);
    let (hour, minute) = (number(text.get(11..13)?)?, number(text.get(14..16)?)?);
    let second = number(text.get(17..19)?)?;
    let in_range = (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    let (fraction_ms, zone) = fraction(text.get(19..)?)?;
    let seconds = Civil { year, month, day, hour, minute, second }.seconds();
    let seconds = seconds - offset_seconds(zone)?;
    in_range.then(|| Timestamp(seconds * 1000 + fraction_ms))
}

fn number(digits: &str) -> Option<i64> {
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// Milliseconds of `.123…`, and what follows it.
fn fraction(text: &str) -> Option<(i64, &str)> {
    let Some(rest) = text.strip_prefix(['.', ',']) else { return Some((0, text)) };
    let length = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, zone) = rest.split_at(length);
    if digits.is_empty() {
        return None;
    }
    let ms: String = digits.chars().chain("000".chars()).take(3).collect();
    Some((number(&ms)?, zone))
}

fn offset_seconds(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let sign = match zone.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    if hours.len() != 2 || minutes.len() != 2 {
        return None;
    }
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
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
            assert_eq!(parse(text), Ok(TimeOrDuration::Time(Timestamp(ms))), "{text}");
        }
    }

    #[test]
    fn distances_are_counted_from_now_at_every_use() {
        for (text, ms) in [("-1d", -86_400_000), ("2h45m", 9_900_000), ("0", 0), ("-0d", 0)] {
            let value = parse(text).unwrap();
            assert_eq!(value, TimeOrDuration::FromNow(ms), "{text}");
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
