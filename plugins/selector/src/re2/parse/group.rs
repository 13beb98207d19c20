//! Groups and flags.

use alloc::{borrow::ToOwned, boxed::Box};

use super::{DEPTH_MAX, Node, Open, Parser};
use crate::re2::{PatternError, wrong};

impl Parser<'_> {
    /// `(`, `(?:`, `(?flags)`, `(?flags:`, `(?P<name>` or `(?<name>`.
    pub(super) fn group(&mut self) -> Result<(), PatternError> {
        if self.open.len() > DEPTH_MAX as usize {
            return Err(PatternError::TooDeep);
        }
        let Some(inside) = self.rest.strip_prefix("(?").filter(|_| self.rest.len() >= 2) else {
            self.advance(1);
            self.open_capture(None);
            return Ok(());
        };
        // Go looks for a name only where at least one character could follow the `<`.
        for mark in ["P<", "<"] {
            if let Some(named) = inside.strip_prefix(mark)
                && !named.is_empty()
            {
                return self.named(named);
            }
        }
        self.switch(inside)
    }

    fn open_capture(&mut self, name: Option<&str>) {
        let capture = Some(self.names.len());
        self.names.push(name.map(ToOwned::to_owned));
        self.open.push(Open { capture, outside: self.flags, ..Open::default() });
    }

    /// A named group; `text` starts with the name.
    fn named(&mut self, text: &str) -> Result<(), PatternError> {
        let whole = self.rest;
        let Some(end) = text.find('>') else {
            return Err(wrong("invalid named capture", whole));
        };
        let length = whole.len() - text.len() + end + 1;
        let name = text.get(..end).unwrap_or("");
        if name.is_empty() || !name.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric()) {
            return Err(wrong("invalid named capture", whole.get(..length).unwrap_or(whole)));
        }
        let name = name.to_owned();
        self.advance(length);
        self.open_capture(Some(&name));
        Ok(())
    }

    /// Flags, for the rest of the group or for a group of their own; `inside` starts behind `(?`.
    fn switch(&mut self, inside: &str) -> Result<(), PatternError> {
        let whole = self.rest;
        let (mut flags, mut on, mut seen) = (self.flags, true, false);
        for (i, c) in inside.char_indices() {
            let flag = match c {
                'i' => &mut flags.fold,
                'm' => &mut flags.many_lines,
                's' => &mut flags.dot_all,
                'U' => &mut flags.lazy,
                '-' if on => {
                    (on, seen) = (false, false);
                    continue;
                }
                ':' | ')' if on || seen => {
                    self.advance(2 + i + 1);
                    if c == ':' {
                        self.open.push(Open { outside: self.flags, ..Open::default() });
                    }
                    self.flags = flags;
                    return Ok(());
                }
                _ => {
                    let end = 2 + i + c.len_utf8();
                    return Err(wrong("invalid or unsupported Perl syntax", whole.get(..end).unwrap_or(whole)));
                }
            };
            (*flag, seen) = (on, true);
        }
        Err(wrong("missing closing )", whole))
    }

    /// `)`
    pub(super) fn close(&mut self) -> Result<(), PatternError> {
        let Some(open) = self.open.pop().filter(|_| !self.open.is_empty()) else {
            return Err(wrong("unexpected )", self.whole));
        };
        self.advance(1);
        self.flags = open.outside;
        let capture = open.capture;
        let node = open.close();
        self.push(match capture {
            Some(number) => Node::Capture(number, Box::new(node)),
            None => node,
        });
        Ok(())
    }
}
