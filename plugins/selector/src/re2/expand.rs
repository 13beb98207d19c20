//! Replacements: `$1`, `${1}`, `$name`, `${name}`, `$$`.
//!
//! Source: Go regexp (`Expand`).

use alloc::string::String;

use super::{Captures, unicode};

/// Appends `template` to `out`, with what the groups matched in `text`.
pub(super) fn expand(out: &mut String, template: &str, text: &str, captures: &Captures, names: &[Option<String>]) {
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        rest = after;
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = name(rest) {
            let group = |number: usize| {
                let position = |slot: usize| captures.get(slot).copied().flatten();
                text.get(position(2 * number)?..position(2 * number + 1)?)
            };
            let matched = match number(name) {
                Some(number) => group(number),
                None => (0..names.len()).filter(|i| names[*i].as_deref() == Some(name)).find_map(group),
            };
            out.push_str(matched.unwrap_or(""));
            rest = after;
        } else {
            out.push('$'); // Not a name: it stands for itself.
        }
    }
    out.push_str(rest);
}

/// The longest name at the start of a text, which may stand in braces, and what follows it.
fn name(text: &str) -> Option<(&str, &str)> {
    let inside = text.strip_prefix('{');
    let start = inside.unwrap_or(text);
    let end = start.find(|c: char| c != '_' && !unicode::letter_or_digit(c)).unwrap_or(start.len());
    let (name, after) = start.split_at_checked(end).filter(|(name, _)| !name.is_empty())?;
    match inside {
        None => Some((name, after)),
        Some(_) => Some((name, after.strip_prefix('}')?)),
    }
}

/// The group's number, if the name is one: digits below 1e9, without a zero in front.
fn number(name: &str) -> Option<usize> {
    let leading_zero = name.len() > 1 && name.starts_with('0');
    let plain = name.len() <= 9 && name.bytes().all(|byte| byte.is_ascii_digit());
    if plain && !leading_zero { name.parse().ok() } else { None }
}
