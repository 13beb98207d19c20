//! Sizes, lengths of time and counts for people.

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

/// A size: `512 B`, `1.5 KiB`, `292 MiB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    scaled(bytes, 1024, &["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"])
}

/// A size, or a question mark where it is not known.
#[must_use]
pub fn size_if_known(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "?".to_owned(), size)
}

/// A resolution of samples: `raw`, `5m`, `1h`.
#[must_use]
pub fn resolution(ms: i64) -> String {
    if ms == 0 { "raw".to_owned() } else { length(ms) }
}

/// A count: `999`, `1.2 k`, `94 M`.
#[must_use]
pub fn count(number: u64) -> String {
    scaled(number, 1000, &["", "k", "M", "G", "T", "P", "E"])
}

/// A number of blocks: `1 block`, `12 blocks`.
#[must_use]
pub fn blocks(number: usize) -> String {
    if number == 1 { "1 block".to_owned() } else { format!("{number} blocks") }
}

/// One digit behind the point below ten, none above; always rounded down, so that nothing looks complete too early.
fn scaled(number: u64, base: u64, units: &[&str]) -> String {
    let (mut whole, mut tenths, mut unit) = (number, 0, 0);
    while whole >= base && unit + 1 < units.len() {
        tenths = whole % base * 10 / base;
        whole /= base;
        unit += 1;
    }
    let number = if unit > 0 && whole < 10 { format!("{whole}.{tenths}") } else { whole.to_string() };
    format!("{number} {}", units.get(unit).unwrap_or(&"")).trim_end().to_owned()
}

/// A length of time by its two largest units: `2h`, `1d6h`, `1m30s`, `350ms`.
#[must_use]
pub fn length(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    let mut rest = ms.unsigned_abs();
    let units = [(DAY_MS, "d"), (HOUR_MS, "h"), (MINUTE_MS, "m"), (1000, "s"), (1, "ms")];
    let largest = units.iter().position(|(unit, _)| rest >= *unit).unwrap_or(3);
    let mut text = sign.to_owned();
    for (unit, name) in units.iter().skip(largest).take(2) {
        let number = rest / unit;
        rest %= unit;
        // A zero is said only when there is nothing else to say.
        if number > 0 || text == sign && *name == "s" {
            text.push_str(&format!("{number}{name}"));
        }
    }
    text
}

/// How long something took: `350 ms`, `2.6 s`, `1m30s`.
#[must_use]
pub fn took(ms: u64) -> String {
    match ms {
        0..1000 => format!("{ms} ms"),
        1000..MINUTE_MS => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        _ => length(i64::try_from(ms / 1000 * 1000).unwrap_or(i64::MAX)),
    }
}

/// Bytes a second, or nothing when no time has passed.
#[must_use]
pub fn rate(bytes: u64, ms: u64) -> Option<String> {
    let rate = (u128::from(bytes) * 1000).checked_div(u128::from(ms))?;
    Some(format!("{}/s", size(u64::try_from(rate).unwrap_or(u64::MAX))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        for (bytes, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (10_239, "9.9 KiB"),
            (10_240, "10 KiB"),
            (292 << 20, "292 MiB"),
            (u64::MAX, "15 EiB"),
        ] {
            assert_eq!(size(bytes), expected);
        }
    }

    #[test]
    fn counts_are_short() {
        for (number, expected) in [(0, "0"), (999, "999"), (1000, "1.0 k"), (94_000_000, "94 M")] {
            assert_eq!(count(number), expected);
        }
    }

    #[test]
    fn lengths_have_at_most_two_units() {
        for (ms, expected) in [
            (0, "0s"),
            (350, "350ms"),
            (7_200_000, "2h"),
            (1_209_600_000, "14d"),
            (108_000_000, "1d6h"),
            (108_061_000, "1d6h"),
            (90_500, "1m30s"),
            (1500, "1s500ms"),
            (-7_200_000, "-2h"),
            (86_460_000, "1d"),
        ] {
            assert_eq!(length(ms), expected, "{ms}");
        }
        assert!(length(i64::MIN).starts_with("-106751991167d"));
    }

    #[test]
    fn what_something_took_is_told_with_a_tenth_of_a_second() {
        for (ms, expected) in [(0, "0 ms"), (999, "999 ms"), (2650, "2.6 s"), (90_500, "1m30s")] {
            assert_eq!(took(ms), expected);
        }
    }

    #[test]
    fn without_time_there_is_no_rate() {
        assert_eq!(rate(1 << 20, 500).as_deref(), Some("2.0 MiB/s"));
        assert_eq!(rate(1, 0), None);
        assert_eq!(rate(u64::MAX, 1).as_deref(), Some("15 EiB/s"));
    }
}
