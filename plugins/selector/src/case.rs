//! Lower and upper case, one character for one, as Go has it.
//!
//! Rust's mappings are the full ones, where one character may become several; those have a simple one of their own or stay.
//!
//! Source: Go strings.ToLower and ToUpper.

use alloc::string::String;

use crate::re2::has_other_case;

pub(crate) fn lower(text: &str) -> String {
    text.chars().map(|c| if c == 'İ' { 'i' } else { single(c, c.to_lowercase()) }).collect()
}

pub(crate) fn upper(text: &str) -> String {
    text.chars().map(|c| greek_with_iota(c).unwrap_or_else(|| single(c, c.to_uppercase()))).collect()
}

/// The mapping, unless it is of several characters or newer than Go's tables.
fn single(c: char, mut mapped: impl ExactSizeIterator<Item = char>) -> char {
    if mapped.len() == 1 && (c.is_ascii() || c == 'ı' || has_other_case(c)) { mapped.next().unwrap_or(c) } else { c }
}

/// Greek letters with an iota below, whose full mapping writes the iota beside.
fn greek_with_iota(c: char) -> Option<char> {
    let step = match c {
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => 8,
        '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => 9,
        _ => return None,
    };
    char::from_u32(u32::from(c) + step)
}
