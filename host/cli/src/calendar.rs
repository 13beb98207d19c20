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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_see_seconds_only_where_there_are_some() {
        assert_eq!(for_people(Timestamp(1_740_787_200_000)), "2025-03-01 00:00");
        assert_eq!(for_people(Timestamp(1_740_787_201_000)), "2025-03-01 00:00:01");
        assert_eq!(for_people(Timestamp(-1)), "1969-12-31 23:59:59.999");
        assert_eq!(for_people(Timestamp(1_740_787_200_500)), "2025-03-01 00:00:00.500");
    }
}
