//! Durations as Go prints them, without the formatting machinery.
//!
//! Source: `thanos-compactor.md` 8; Go time.Duration (`String`).

use alloc::{
    string::{String, ToString as _},
    vec::Vec,
};

use lithify_sdk::text::decimal;

/// Milliseconds as Go writes them: `0s`, `250ms`, `1.5s`, `1m0s`, `24h0m0s`.
#[must_use]
pub fn go_duration(ms: u64) -> String {
    if ms == 0 {
        return "0s".to_string();
    }
    if ms < 1000 {
        return [&decimal(ms), "ms"].concat();
    }
    let (seconds, rest) = (ms / 1000, ms % 1000);
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let mut parts: Vec<String> = Vec::new();
    if hours > 0 {
        parts.extend([decimal(hours), "h".to_string()]);
    }
    if seconds >= 60 {
        parts.extend([decimal(minutes), "m".to_string()]);
    }
    parts.push(decimal(seconds % 60));
    if rest > 0 {
        // Three digits behind the point, without the zeros at the end.
        let digits = decimal(1000 + rest);
        parts.extend([".".to_string(), digits.get(1..).unwrap_or_default().trim_end_matches('0').to_string()]);
    }
    parts.push("s".to_string());
    parts.concat()
}
