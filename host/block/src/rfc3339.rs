//! Times as text: RFC 3339, as in `thanos.upload_time` and in flags.

use alloc::string::String;
use core::fmt::{self, Write as _};

use crate::Timestamp;

/// A point in time with nanoseconds, UTC. The default is the reference's zero time, `0001-01-01T00:00:00Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rfc3339 {
    /// Whole seconds since the Unix epoch.
    pub seconds: i64,
    /// Nanoseconds within the second.
    pub nanos: u32,
}

/// Seconds since the epoch of the reference's zero time.
const ZERO_SECONDS: i64 = -62_135_596_800;

impl Default for Rfc3339 {
    fn default() -> Self {
        Self { seconds: ZERO_SECONDS, nanos: 0 }
    }
}

impl From<Timestamp> for Rfc3339 {
    fn from(at: Timestamp) -> Self {
        let millis = u32::try_from(at.0.rem_euclid(1000)).unwrap_or_default();
        Self { seconds: at.seconds(), nanos: millis * 1_000_000 }
    }
}

impl Rfc3339 {
    /// Whether this is the zero time, which stands for "not set".
    #[must_use]
    pub fn is_zero(self) -> bool {
        self == Self::default()
    }

    /// The time in milliseconds, rounded towards the past.
    #[must_use]
    pub fn timestamp(self) -> Timestamp {
        Timestamp(self.seconds.saturating_mul(1000).saturating_add(i64::from(self.nanos / 1_000_000)))
    }

    /// Reads `2026-11-22T00:16:32.60088213Z` or with an offset such as `+01:00`; `None` if the text is anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (date, rest) = text.split_at_checked(10)?;
        let (time, rest) = rest.strip_prefix(['T', 't'])?.split_at_checked(8)?;
        let mut date = date.splitn(3, '-');
        let (year, month, day) = (digits(date.next()?, 4)?, digits(date.next()?, 2)?, digits(date.next()?, 2)?);
        let mut time = time.splitn(3, ':');
        let (hour, minute, second) = (digits(time.next()?, 2)?, digits(time.next()?, 2)?, digits(time.next()?, 2)?);
        let (nanos, zone) = fraction(rest)?;
        let valid = (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
        if !valid || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let local = days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
        Some(Self { seconds: local - offset_seconds(zone)?, nanos })
    }
}

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.seconds.div_euclid(86_400));
        let second = self.seconds.rem_euclid(86_400);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if self.nanos != 0 {
            let mut fraction = String::new();
            write!(fraction, "{:09}", self.nanos)?;
            write!(f, ".{}", fraction.trim_end_matches('0'))?;
        }
        f.write_str("Z")
    }
}

fn digits(text: &str, count: usize) -> Option<i64> {
    (text.len() == count && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

/// Nanoseconds of an optional `.fraction`, and what follows it. Digits behind the ninth are cut off.
fn fraction(text: &str) -> Option<(u32, &str)> {
    let Some(text) = text.strip_prefix('.') else { return Some((0, text)) };
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, rest) = text.split_at(end);
    if digits.is_empty() {
        return None;
    }
    let nanos = digits.bytes().chain(core::iter::repeat(b'0')).take(9);
    Some((nanos.fold(0, |n, digit| n * 10 + u32::from(digit - b'0')), rest))
}

fn offset_seconds(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, rest) = match zone.strip_prefix('+') {
        Some(rest) => (1, rest),
        None => (-1, zone.strip_prefix('-')?),
    };
    let (hours, minutes) = rest.split_once(':')?;
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since the epoch of a date of the Gregorian calendar, counted in eras of 400 years that begin on 1 March.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The inverse of [`days_from_civil`]: year, month, day.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted_month + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_read_and_print_as_the_reference_does() {
        for text in [
            "2026-11-22T00:16:32.60088213Z",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
            "0000-01-01T00:00:00Z",
            "1969-12-31T23:59:59.999Z",
            "2024-02-29T12:00:00Z",
        ] {
            assert_eq!(Rfc3339::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Rfc3339::parse("2026-11-22T02:00:00+01:30").unwrap().to_string(), "2026-11-22T00:30:00Z");
        assert_eq!(Rfc3339::parse("1970-01-01T00:00:01Z").unwrap().timestamp(), Timestamp(1000));
        assert!(Rfc3339::default().is_zero());
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "2026-11-22",
            "2026-11-22T00:16:32",
            "2026-13-22T00:16:32Z",
            "2025-02-29T00:16:32Z",
            "2026-11-22T24:16:32Z",
            "2026-11-22T00:16:32.Z",
            "2026-11-22T00:16:32+1:00",
            "2026-11-22 00:16:32Z",
            "+026-11-22T00:16:32Z",
        ] {
            assert_eq!(Rfc3339::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_time_survives_printing_and_reading(seconds in ZERO_SECONDS..253_402_300_800, nanos in 0..1_000_000_000u32) {
            let time = Rfc3339 { seconds, nanos };
            prop_assert_eq!(Rfc3339::parse(&time.to_string()), Some(time));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = Rfc3339::parse(&text);
        }
    }
}
