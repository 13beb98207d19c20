//! Points in time for people.

use lithify_block::{Rfc3339, Timestamp};

/// A point in time in UTC: `2025-03-01 14:00`, with seconds where they are not zero.
#[must_use]
pub fn for_people(at: Timestamp) -> String {
    let whole = Rfc3339 { seconds: at.seconds(), nanos: 0 }.to_string().replace('T', " ");
    let minutes =
        whole.strip_suffix('Z').and_then(|text| text.rsplit_once(':')).map_or(whole.as_str(), |(text, _)| text);
    match (at.seconds().rem_euclid(60), at.0.rem_euclid(1000)) {
        (0, 0) => minutes.to_owned(),
        (second, 0) => format!("{minutes}:{second:02}"),
        (second, ms) => format!("{minutes}:{second:02}.{ms:03}"),
    }
}

/// A point in time before which nothing happens, to the minute and never too early: `2025-03-01 14:00`.
#[must_use]
pub fn not_before(at_ms: i64) -> String {
    const MINUTE_MS: i64 = 60_000;
    let minute = at_ms.div_euclid(MINUTE_MS).saturating_add(i64::from(at_ms.rem_euclid(MINUTE_MS) > 0));
    for_people(Timestamp(minute.saturating_mul(MINUTE_MS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_is_due_by_the_minute_that_is_told() {
        assert_eq!(not_before(1_740_787_200_000), "2025-03-01 00:00");
        assert_eq!(not_before(1_740_787_200_001), "2025-03-01 00:01");
        assert_eq!(not_before(-1), "1970-01-01 00:00");
    }

    #[test]
    fn people_see_seconds_only_where_there_are_some() {
        assert_eq!(for_people(Timestamp(1_740_787_200_000)), "2025-03-01 00:00");
        assert_eq!(for_people(Timestamp(1_740_787_201_000)), "2025-03-01 00:00:01");
        assert_eq!(for_people(Timestamp(-1)), "1969-12-31 23:59:59.999");
        assert_eq!(for_people(Timestamp(1_740_787_200_500)), "2025-03-01 00:00:00.500");
    }
}
