//! Days and dates of the Gregorian calendar in UTC, for reading flags and for showing times.

use lithify_block::Timestamp;

const SECONDS_A_DAY: i64 = 86_400;

/// A date and a time of day in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// Year; 0 is the year before 1.
    pub year: i64,
    /// Month, 1 to 12.
    pub month: i64,
    /// Day of the month, 1 to 31.
    pub day: i64,
    /// Hour, 0 to 23.
    pub hour: i64,
    /// Minute, 0 to 59.
    pub minute: i64,
    /// Second, 0 to 59.
    pub second: i64,
}

impl Civil {
    /// The date and time `seconds` after the start of 1970.
    #[must_use]
    pub fn from_seconds(seconds: i64) -> Self {
        let (days, rest) = (seconds.div_euclid(SECONDS_A_DAY), seconds.rem_euclid(SECONDS_A_DAY));
        // Years are counted from March, so that the leap day is the last of its year.
        let days = days + 719_468;
        let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Self { year, month, day, hour: rest / 3600, minute: rest / 60 % 60, second: rest % 60 }
    }

    /// Seconds after the start of 1970; the fields must be in their ranges and the year within 292 million of 1970.
    #[must_use]
    pub fn seconds(self) -> i64 {
        let year = if self.month <= 2 { self.year - 1 } else { self.year };
        let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let day_of_year = (153 * ((self.month + 9) % 12) + 2) / 5 + self.day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = era * 146_097 + day_of_era - 719_468;
        days * SECONDS_A_DAY + self.hour * 3600 + self.minute * 60 + self.second
    }
}

/// How many days a month has.
#[must_use]
pub fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// RFC 3339 in UTC with nanoseconds, zeros at the end left out, as the reference prints `ts`.
#[must_use]
pub fn rfc3339_nanoseconds(seconds: i64, nanoseconds: u32) -> String {
    let at = Civil::from_seconds(seconds);
    let mut text = format!("{}T{:02}:{:02}:{:02}", date(at), at.hour, at.minute, at.second);
    if nanoseconds > 0 {
        let fraction = format!("{nanoseconds:09}");
        text.push('.');
        text.push_str(fraction.trim_end_matches('0'));
    }
    text.push('Z');
    text
}

/// A point in time for a person, in UTC: `2025-03-01 14:00`, with seconds where they are not zero.
#[must_use]
pub fn for_people(at: Timestamp) -> String {
    let civil = Civil::from_seconds(at.seconds());
    let minutes = format!("{} {:02}:{:02}", date(civil), civil.hour, civil.minute);
    match (civil.second, at.0.rem_euclid(1000)) {
        (0, 0) => minutes,
        (second, 0) => format!("{minutes}:{second:02}"),
        (second, ms) => format!("{minutes}:{second:02}.{ms:03}"),
    }
}

fn date(civil: Civil) -> String {
    format!("{:04}-{:02}-{:02}", civil.year, civil.month, civil.day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_moments_have_their_dates() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_740_787_200, "2025-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
            (-62_167_219_200, "0000-01-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339_nanoseconds(seconds, 0), expected);
        }
    }

    #[test]
    fn zeros_at_the_end_of_a_fraction_are_left_out() {
        assert_eq!(rfc3339_nanoseconds(0, 120_000_000), "1970-01-01T00:00:00.12Z");
        assert_eq!(rfc3339_nanoseconds(0, 1), "1970-01-01T00:00:00.000000001Z");
    }

    #[test]
    fn people_see_seconds_only_where_there_are_some() {
        assert_eq!(for_people(Timestamp(1_740_787_200_000)), "2025-03-01 00:00");
        assert_eq!(for_people(Timestamp(1_740_787_201_000)), "2025-03-01 00:00:01");
        assert_eq!(for_people(Timestamp(-1)), "1969-12-31 23:59:59.999");
    }

    proptest! {
        #[test]
        fn a_date_leads_back_to_its_second(seconds in -100_000_000_000_i64..300_000_000_000) {
            let civil = Civil::from_seconds(seconds);
            prop_assert_eq!(civil.seconds(), seconds);
            prop_assert!(1 <= civil.day && civil.day <= days_in_month(civil.year, civil.month));
        }
    }
}
