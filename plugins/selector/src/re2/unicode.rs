//! Unicode 15.0 as Go 1.26 has it: classes by name, and which characters differ in case only.
//!
//! `unicode.bin` was written by `plugins/selector/unicode/main.go` (`go run . ../src/re2/unicode.bin`), which asks Go's own
//! parser what each name means; names that Go refuses, such as `Old_Italic`, are not in it. All numbers are variable-length
//! integers of seven bits a byte, low bits first:
//!
//! ```text
//! length of names, length of tables
//! names    length and text without `_`, `-` and blanks, in lower case; offset into tables
//! tables   number of ranges; for each: distance of its start from the last end, its end minus its start
//! orbits   distance from the last character; distance to the next one in its orbit, zigzag
//! ```

use alloc::{string::String, vec::Vec};

use super::class::Class;

static DATA: &[u8] = include_bytes!("unicode.bin");

struct Reader(&'static [u8]);

impl Reader {
    fn next(&mut self) -> Option<u32> {
        let (mut value, mut shift) = (0_u32, 0_u32);
        loop {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u32::from(byte & 0x7f).checked_shl(shift)?;
            shift += 7;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
    }

    fn take(&mut self, bytes: usize) -> &'static [u8] {
        let (taken, rest) = self.0.split_at_checked(bytes).unwrap_or((self.0, &[]));
        self.0 = rest;
        taken
    }
}

/// Names, tables, orbits.
fn parts() -> [Reader; 3] {
    let mut all = Reader(DATA);
    let names = all.next().unwrap_or(0) as usize;
    let tables = all.next().unwrap_or(0) as usize;
    let (names, tables) = (all.take(names), all.take(tables));
    [Reader(names), Reader(tables), all]
}

/// The class of `\p{name}`; `None` if Go knows none of this name.
pub(super) fn named(name: &str) -> Option<Class> {
    let wanted: String =
        name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).map(|c| c.to_ascii_lowercase()).collect();
    let [mut names, mut tables, _] = parts();
    loop {
        let length = names.next()?;
        let found = names.take(length as usize) == wanted.as_bytes();
        let offset = names.next()?;
        if found {
            tables.take(offset as usize);
            return Some(class(&mut tables));
        }
    }
}

fn class(table: &mut Reader) -> Class {
    let mut class = Class::default();
    let mut last = 0;
    for _ in 0..table.next().unwrap_or(0) {
        let start = last + table.next().unwrap_or(0);
        last = start + table.next().unwrap_or(0);
        class.add(start, last);
    }
    class
}

/// Adds to a class what differs from its characters in case only.
pub(super) fn fold(class: &mut Class) {
    let known = class.clone();
    let orbits: Vec<(u32, u32)> = orbits().collect();
    let next_of = |character: u32| {
        let found = orbits.binary_search_by_key(&character, |(known, _)| *known);
        found.ok().and_then(|at| orbits.get(at)).map_or(character, |(_, next)| *next)
    };
    for (character, _) in &orbits {
        // Each character of an orbit leads to the next one and so to all; orbits have at most four.
        let mut member = *character;
        for _ in 0..4 {
            if known.contains(member) {
                class.add(*character, *character);
                break;
            }
            member = next_of(member);
        }
    }
    class.tidy();
}

/// Whether a character differs from another in case only.
pub(super) fn has_orbit(character: u32) -> bool {
    after(character) != character
}

/// The next character of the orbit of `character`, itself if it is alone. Decodes the table up to there: for few
/// characters.
fn after(character: u32) -> u32 {
    let found = orbits().take_while(|(known, _)| *known <= character).last();
    found.filter(|(known, _)| *known == character).map_or(character, |(_, next)| next)
}

/// Characters with the next one of their orbit, ascending.
fn orbits() -> impl Iterator<Item = (u32, u32)> {
    let [_, _, mut reader] = parts();
    let mut last = 0;
    core::iter::from_fn(move || {
        last += reader.next()?;
        let zigzag = reader.next()?;
        let distance = (zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed();
        Some((last, last.wrapping_add_signed(distance)))
    })
}

/// The orbit of one character, as a class.
pub(super) fn orbit(character: u32) -> Class {
    let mut class = Class::default();
    let mut member = character;
    loop {
        class.add(member, member);
        member = after(member);
        if member == character {
            class.tidy();
            return class;
        }
    }
}

/// Whether Go counts a character among letters or decimal digits.
pub(super) fn letter_or_digit(c: char) -> bool {
    let among = |name: &str| named(name).is_some_and(|class| class.contains(u32::from(c)));
    c.is_ascii_alphanumeric() || (!c.is_ascii() && (among("L") || among("Nd")))
}
