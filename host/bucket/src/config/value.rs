//! From written texts to values: flags, numbers, durations. Errors name the key and never the text.

use std::time::Duration;

use crate::{Error, Secret, config::yaml::Settings};

/// The settings of one provider, read key by key.
pub(super) struct Values<'a> {
    pub(super) provider: &'static str,
    pub(super) settings: &'a Settings,
}

impl Values<'_> {
    /// An error about `key`; `problem` must not hold its value.
    pub(super) fn wrong(&self, key: &str, problem: &str) -> Error {
        Error::Config(format!("objstore configuration: {}: {key}: {problem}", self.provider))
    }

    /// The text of `key` below `config`, empty if absent.
    pub(super) fn text(&self, key: &str) -> &str {
        self.settings.texts.get(&format!("config.{key}")).map_or("", |text| text.as_str())
    }

    pub(super) fn secret(&self, key: &str) -> Secret {
        Secret::new(self.text(key).to_owned())
    }

    /// Free keys below `key`, each with its text.
    pub(super) fn map(&self, key: &str) -> impl Iterator<Item = (&str, &str)> {
        let map = self.settings.maps.get(&format!("config.{key}"));
        map.into_iter().flatten().map(|(key, text)| (key.as_str(), text.as_str()))
    }

    pub(super) fn flag(&self, key: &str, default: bool) -> Result<bool, Error> {
        match self.text(key) {
            "" => Ok(default),
            text => flag(text).ok_or_else(|| self.wrong(key, "want true or false")),
        }
    }

    pub(super) fn number(&self, key: &str, default: u64) -> Result<u64, Error> {
        match self.text(key) {
            "" => Ok(default),
            text => number(text).ok_or_else(|| self.wrong(key, "want a whole number that is not negative")),
        }
    }

    pub(super) fn duration(&self, key: &str, default: Duration) -> Result<Duration, Error> {
        match self.text(key) {
            "" => Ok(default),
            text => duration(text).ok_or_else(|| {
                self.wrong(key, "want a duration such as 1m30s, in units y w d h m s ms, largest first")
            }),
        }
    }
}

/// YAML 1.1's spellings.
fn flag(text: &str) -> Option<bool> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// Decimal, `0x`, `0o`, `0b`, with `_` between digits.
fn number(text: &str) -> Option<u64> {
    let plain = text.strip_prefix('+').unwrap_or(text).replace('_', "");
    let (digits, radix) = match plain.get(..2) {
        Some("0x") => (&plain[2..], 16),
        Some("0o") => (&plain[2..], 8),
        Some("0b") => (&plain[2..], 2),
        _ => (plain.as_str(), 10),
    };
    if digits.starts_with('+') {
        return None;
    }
    u64::from_str_radix(digits, radix).ok()
}

/// A Prometheus duration.
///
/// Source: `thanos-compactor.md` 0.3, syntax P.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    const UNITS: [(&str, u64); 7] = [
        ("y", 365 * 86_400_000),
        ("w", 7 * 86_400_000),
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1000),
        ("ms", 1),
    ];
    if text == "0" {
        return Some(Duration::ZERO);
    }
    if text.is_empty() {
        return None;
    }
    let (mut rest, mut units, mut total) = (text, UNITS.as_slice(), 0u64);
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (count, after) = rest.split_at(digits);
        let letters = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let at = units.iter().position(|(name, _)| *name == unit)?;
        total = total.checked_add(count.parse::<u64>().ok()?.checked_mul(units[at].1)?)?;
        (rest, units) = (after, &units[at + 1..]);
    }
    Some(Duration::from_millis(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units_largest_first_each_once() {
        let ms = |text| duration(text).map(|d| d.as_millis());
        assert_eq!(ms("1m30s"), Some(90_000));
        assert_eq!(ms("0"), Some(0));
        assert_eq!(ms("1y2w3d4h5m6s7ms"), Some(((365 + 14 + 3) * 86_400 + 4 * 3600 + 306) * 1000 + 7));
        for bad in ["", "5", "1s1m", "1s1s", "-1s", "1.5s", "s", "1é", "99999999999999y", "1m 30s", "00"] {
            assert_eq!(ms(bad), None, "{bad}");
        }
    }

    #[test]
    fn numbers_and_flags_are_those_of_yaml() {
        assert_eq!(number("67_108_864"), Some(64 << 20));
        assert_eq!(number("0x10"), Some(16));
        assert_eq!((number("-1"), number("0x+1"), number("1e3"), number("é")), (None, None, None, None));
        assert_eq!((flag("Yes"), flag("off"), flag("maybe")), (Some(true), Some(false), None));
    }
}
