//! Values as `/api/v1/status/flags` shows them: as Go and the reference's flag types print them.
//!
//! Source: compactor specification 12.3; prometheus/common model/time.go, alecthomas/units.

use lithify_block::{Rfc3339, Timestamp};

use super::bytes::ByteSize;
use super::go_duration::GoDuration;
use super::prom_duration::PromDuration;
use super::table::{CommandSpec, FlagSpec, Syntax};
use super::typed::Values;
use lithify_compactor::Moment;

/// Stands where a secret may be.
const MASK: &str = "<REDACTED>";

const MASKED: [&str; 2] = ["objstore.config", "objstore.config-file"];

/// The command's own flags, hidden ones too, with the values in use; by name.
pub(super) fn shown(command: &CommandSpec, values: &Values) -> Vec<(String, String)> {
    let own = command.groups.iter().flat_map(|group| group.flags);
    let mut shown: Vec<_> = own.map(|flag| (flag.name.to_owned(), value(flag, values))).collect();
    shown.sort();
    shown
}

fn value(flag: &FlagSpec, values: &Values) -> String {
    let name = flag.name;
    if MASKED.contains(&name) {
        return MASK.to_owned();
    }
    match flag.syntax {
        Syntax::Bool => values.get::<bool>(name).to_string(),
        Syntax::Integer => values.get::<i64>(name).to_string(),
        Syntax::Decimal => values.get::<f64>(name).to_string(),
        Syntax::Text => values.get(name),
        Syntax::List => values.list(name).join(","),
        Syntax::GoDuration => go_duration(values.get(name)),
        Syntax::PromDuration => prom_duration(values.get::<PromDuration>(name).ms),
        Syntax::TimeOrDuration => time_or_duration(values.get(name)),
        Syntax::Bytes => bytes(values.get(name)),
        Syntax::OneOf(_) => values.get::<&'static str>(name).to_owned(),
    }
}

/// `1h0m0s`, `1.5s`, `20ms`, `0s`.
fn go_duration(duration: GoDuration) -> String {
    let sign = if duration.nanoseconds < 0 { "-" } else { "" };
    let all = duration.nanoseconds.unsigned_abs();
    let fraction = |unit: u64, name: &str| {
        let digits = unit.ilog10() as usize;
        let text = format!("{}.{:0digits$}", all / unit, all % unit);
        format!("{sign}{}{name}", text.trim_end_matches('0').trim_end_matches('.'))
    };
    match all {
        0 => return "0s".to_owned(),
        1..1_000 => return format!("{sign}{all}ns"),
        1_000..1_000_000 => return fraction(1_000, "µs"),
        1_000_000..1_000_000_000 => return fraction(1_000_000, "ms"),
        _ => {}
    }
    let minutes = all / 60_000_000_000;
    let seconds = format!("{}.{:09}", all / 1_000_000_000 % 60, all % 1_000_000_000);
    let seconds = seconds.trim_end_matches('0').trim_end_matches('.');
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{sign}{seconds}s"),
        (0, minutes) => format!("{sign}{minutes}m{seconds}s"),
        (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}s"),
    }
}

/// `50y`, `2d`, `1d16h`, `0s`. Years and weeks only where nothing is left over.
fn prom_duration(ms: i64) -> String {
    let (sign, mut left) = (if ms < 0 { "-" } else { "" }, ms.unsigned_abs());
    if left == 0 {
        return "0s".to_owned();
    }
    let mut text = sign.to_owned();
    for (unit, length, exact) in [
        ("y", 31_536_000_000, true),
        ("w", 604_800_000, true),
        ("d", 86_400_000, false),
        ("h", 3_600_000, false),
        ("m", 60_000, false),
        ("s", 1000, false),
        ("ms", 1, false),
    ] {
        if left >= length && (!exact || left.is_multiple_of(length)) {
            text.push_str(&format!("{}{unit}", left / length));
            left %= length;
        }
    }
    text
}

fn time_or_duration(at: Moment) -> String {
    match at {
        Moment::At(at) => go_time(at),
        Moment::FromNow(ms) => prom_duration(ms),
    }
}

fn go_time(at: Timestamp) -> String {
    Rfc3339::from(at).to_string().replace('T', " ").replace('Z', " +0000 UTC")
}

/// `64GiB`, `1GiB512MiB`, `0B`.
fn bytes(size: ByteSize) -> String {
    let mut left = size.bytes;
    let mut parts = Vec::new();
    for (i, unit) in ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"].into_iter().enumerate() {
        if left % 1024 != 0 || (i == 0 && left == 0) {
            parts.push(format!("{}{unit}", left % 1024));
        }
        left /= 1024;
        if left == 0 {
            break;
        }
    }
    parts.reverse();
    parts.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_printed_as_go_prints_them() {
        for (nanoseconds, text) in [
            (0, "0s"),
            (5, "5ns"),
            (1_500, "1.5µs"),
            (20_000_000, "20ms"),
            (1_500_000_000, "1.5s"),
            (300_000_000_000, "5m0s"),
            (3_600_000_000_000, "1h0m0s"),
            (-90_000_000_000, "-1m30s"),
            (i64::MIN, "-2562047h47m16.854775808s"),
        ] {
            assert_eq!(go_duration(GoDuration { nanoseconds }), text);
        }
        const DAY: i64 = 86_400_000;
        for (ms, text) in [
            (0, "0s"),
            (50 * 365 * DAY, "50y"),
            (2 * DAY, "2d"),
            (14 * DAY, "2w"),
            (90 * DAY, "90d"),
            (144_000_000, "1d16h"),
            (1_001, "1s1ms"),
        ] {
            assert_eq!(prom_duration(ms), text);
        }
    }

    #[test]
    fn sizes_and_times_are_printed_as_the_reference_prints_them() {
        for (size, text) in [(0, "0B"), (64 << 30, "64GiB"), (3 << 29, "1GiB512MiB"), (1025, "1KiB1B")] {
            assert_eq!(bytes(ByteSize { bytes: size }), text);
        }
        assert_eq!(go_time(Timestamp(253_402_300_799_000)), "9999-12-31 23:59:59 +0000 UTC");
        assert_eq!(time_or_duration(Moment::FromNow(-7_200_000)), "-2h");
    }
}
