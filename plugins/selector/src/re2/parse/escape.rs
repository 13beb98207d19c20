//! What a backslash makes of the character behind it.

use super::{Assertion, Node, Parser};
use crate::re2::{
    PatternError,
    class::{self, Class},
    unicode, wrong,
};

const INVALID: &str = "invalid escape sequence";

impl Parser<'_> {
    /// An escape outside of brackets.
    pub(super) fn escape(&mut self) -> Result<(), PatternError> {
        let Some(c) = self.rest.chars().nth(1) else {
            return Err(wrong("trailing backslash at end of expression", ""));
        };
        let assertion = match c {
            'A' => Assertion::TextStart,
            'z' => Assertion::TextEnd,
            'b' => Assertion::WordBoundary,
            'B' => Assertion::NoWordBoundary,
            'Q' => {
                self.quoted();
                return Ok(());
            }
            'p' | 'P' => {
                let class = self.unicode_class()?;
                self.push_class(class);
                return Ok(());
            }
            c => {
                match class::perl(c, self.flags.fold) {
                    Some(class) => {
                        self.advance(2);
                        self.push_class(class);
                    }
                    None => {
                        let point = self.escaped_character()?;
                        self.push_character(point);
                    }
                }
                return Ok(());
            }
        };
        self.advance(2);
        self.push(Node::Assert(assertion));
        Ok(())
    }

    /// `\Q…\E`: all of it stands for itself. Without an end it goes on to the end of the pattern.
    fn quoted(&mut self) {
        self.advance(2);
        let length = self.rest.find("\\E").unwrap_or(self.rest.len());
        let text = self.rest.get(..length).unwrap_or(self.rest);
        for c in text.chars() {
            self.literal(c);
        }
        self.advance(2);
    }

    /// `\pN`, `\p{Name}`, `\p{^Name}`, `\PN`, `\P{Name}`.
    pub(super) fn unicode_class(&mut self) -> Result<Class, PatternError> {
        const RANGE: &str = "invalid character class range";
        let whole = self.rest;
        let mut negated = whole.starts_with("\\P");
        let after = whole.get(2..).unwrap_or("");
        let (mut name, length) = match after.strip_prefix('{') {
            Some(braced) => {
                let end = braced.find('}').ok_or_else(|| wrong(RANGE, whole))?;
                (braced.get(..end).unwrap_or(""), 2 + end + 2)
            }
            None => {
                let length = after.chars().next().map_or(0, char::len_utf8);
                (after.get(..length).unwrap_or(""), 2 + length)
            }
        };
        if let Some(opposite) = name.strip_prefix('^') {
            (name, negated) = (opposite, !negated);
        }
        let part = whole.get(..length).unwrap_or(whole);
        let class = unicode::named(name).ok_or_else(|| wrong(RANGE, part))?.folded(self.flags.fold);
        self.advance(length);
        Ok(if negated { class.negated() } else { class })
    }

    /// An escape that stands for one character. It starts at the backslash.
    pub(super) fn escaped_character(&mut self) -> Result<u32, PatternError> {
        let whole = self.rest;
        let mut text = whole.get(1..).unwrap_or("").chars();
        let Some(c) = text.next() else {
            return Err(wrong("trailing backslash at end of expression", ""));
        };
        let after = text.as_str();
        let (point, rest) = match c {
            '1'..='7' if !after.starts_with(|c: char| c.is_digit(8)) => (None, after),
            '0'..='7' => octal(c, after),
            'x' => hexadecimal(after),
            'a' => (Some(0x07), after),
            'f' => (Some(0x0c), after),
            'n' => (Some(0x0a), after),
            'r' => (Some(0x0d), after),
            't' => (Some(0x09), after),
            'v' => (Some(0x0b), after),
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => (Some(u32::from(c)), after),
            _ => (None, after),
        };
        let length = whole.len() - rest.len();
        match point {
            Some(point) => {
                self.advance(length);
                Ok(point)
            }
            None => Err(wrong(INVALID, whole.get(..length).unwrap_or(whole))),
        }
    }
}

/// Up to three octal digits, the first of which was read.
fn octal(first: char, after: &str) -> (Option<u32>, &str) {
    let mut point = first.to_digit(8);
    let mut rest = after;
    for _ in 0..2 {
        let Some(digit) = rest.chars().next().and_then(|c| c.to_digit(8)) else { break };
        point = point.map(|point| point * 8 + digit);
        rest = rest.get(1..).unwrap_or("");
    }
    (point, rest)
}

/// Two hexadecimal digits, or any number of them in braces. What is wrong ends behind the character that is wrong.
fn hexadecimal(after: &str) -> (Option<u32>, &str) {
    let mut text = after.chars();
    let Some(first) = text.next() else { return (None, after) };
    if first != '{' {
        let high = first.to_digit(16);
        let low = text.next().and_then(|c| c.to_digit(16));
        return (high.zip(low).map(|(high, low)| high * 16 + low), text.as_str());
    }
    let (mut point, mut digits) = (0_u32, 0);
    loop {
        match text.next() {
            Some('}') => return ((digits > 0).then_some(point), text.as_str()),
            Some(c) => match c.to_digit(16) {
                Some(digit) if point * 16 + digit <= 0x0010_ffff => (point, digits) = (point * 16 + digit, digits + 1),
                _ => return (None, text.as_str()),
            },
            None => return (None, ""),
        }
    }
}
