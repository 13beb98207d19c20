//! From text to a tree, by Go's rules.
//!
//! Source: Go regexp/syntax (parse.go), with the flags of `regexp.Compile`.

mod escape;
mod group;
mod set;

use alloc::{boxed::Box, string::String, vec::Vec};

use super::{PatternError, class::Class, unicode, wrong};

/// How deep groups and repetitions may nest.
pub(super) const DEPTH_MAX: u32 = 250;
/// Most copies of a part that repetitions may ask for, together.
const REPEAT_MAX: u32 = 1000;

/// A part of a pattern.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Empty,
    Character(u32),
    Class(Class),
    /// Any character.
    Any,
    /// Any character but a new line.
    AnyInLine,
    Assert(Assertion),
    /// A group that is captured, with its number.
    Capture(usize, Box<Node>),
    Concat(Vec<Node>),
    /// The first that leads to a match is preferred.
    Alternate(Vec<Node>),
    Repeat {
        node: Box<Node>,
        min: u32,
        max: Option<u32>,
        greedy: bool,
    },
}

/// What must hold between two characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Assertion {
    TextStart,
    TextEnd,
    LineStart,
    LineEnd,
    WordBoundary,
    NoWordBoundary,
}

/// A pattern that was read: the tree, and the names of the groups, that of the whole match first.
pub(super) struct Parsed {
    pub(super) node: Node,
    pub(super) names: Vec<Option<String>>,
}

/// What `(?ims U)` switch.
#[derive(Clone, Copy, Debug, Default)]
struct Flags {
    fold: bool,
    many_lines: bool,
    dot_all: bool,
    lazy: bool,
}

/// A group that is open: what stands in it so far.
#[derive(Default)]
struct Open {
    /// Number of the group, if it is captured.
    capture: Option<usize>,
    /// The flags outside of it.
    outside: Flags,
    alternatives: Vec<Node>,
    items: Vec<Node>,
}

impl Open {
    fn close(mut self) -> Node {
        let last = concat(self.items);
        if self.alternatives.is_empty() {
            return last;
        }
        self.alternatives.push(last);
        Node::Alternate(self.alternatives)
    }
}

fn concat(mut items: Vec<Node>) -> Node {
    match items.len() {
        0 => Node::Empty,
        1 => items.pop().unwrap_or(Node::Empty),
        _ => Node::Concat(items),
    }
}

struct Parser<'a> {
    whole: &'a str,
    rest: &'a str,
    flags: Flags,
    open: Vec<Open>,
    names: Vec<Option<String>>,
    /// Where the repetition starts that was read last, if nothing stands behind it yet.
    repeated: Option<&'a str>,
}

/// Reads a pattern.
pub(super) fn parse(pattern: &str) -> Result<Parsed, PatternError> {
    let mut parser = Parser {
        whole: pattern,
        rest: pattern,
        flags: Flags::default(),
        open: Vec::from([Open::default()]),
        names: Vec::from([None]),
        repeated: None,
    };
    while let Some(c) = parser.rest.chars().next() {
        parser.step(c)?;
    }
    let Some(outermost) = parser.open.pop().filter(|_| parser.open.is_empty()) else {
        return Err(wrong("missing closing )", pattern));
    };
    // Looked at last: any other mistake is named before.
    for (i, name) in parser.names.iter().enumerate() {
        if let Some(name) = name.as_ref().filter(|_| parser.names.iter().take(i).any(|known| known == name)) {
            return Err(wrong("duplicate capture group name", name));
        }
    }
    Ok(Parsed { node: outermost.close(), names: parser.names })
}

impl<'a> Parser<'a> {
    fn step(&mut self, c: char) -> Result<(), PatternError> {
        let before = self.rest;
        let repeated = self.repeated.take();
        match c {
            '*' => self.repeat(1, 0, None, repeated)?,
            '+' => self.repeat(1, 1, None, repeated)?,
            '?' => self.repeat(1, 0, Some(1), repeated)?,
            '{' => match counts(self.rest) {
                None => self.literal(c),
                Some((length, min, max)) => {
                    let part = before.get(..length).unwrap_or(before);
                    if min > REPEAT_MAX || max.is_some_and(|max| max > REPEAT_MAX || max < min) {
                        return Err(wrong("invalid repeat count", part));
                    }
                    self.repeat(length, min, max, repeated)?;
                }
            },
            '(' => self.group()?,
            ')' => self.close()?,
            '|' => {
                self.advance(1);
                let open = self.innermost();
                let items = core::mem::take(&mut open.items);
                open.alternatives.push(concat(items));
            }
            '[' => self.set()?,
            '\\' => self.escape()?,
            '.' => self.push_symbol(if self.flags.dot_all { Node::Any } else { Node::AnyInLine }),
            '^' => self.push_assertion(if self.flags.many_lines { Assertion::LineStart } else { Assertion::TextStart }),
            '$' => self.push_assertion(if self.flags.many_lines { Assertion::LineEnd } else { Assertion::TextEnd }),
            c => self.literal(c),
        }
        Ok(())
    }

    fn advance(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or("");
    }

    fn innermost(&mut self) -> &mut Open {
        if self.open.is_empty() {
            self.open.push(Open::default());
        }
        let last = self.open.len() - 1;
        &mut self.open[last]
    }

    fn push(&mut self, node: Node) {
        self.innermost().items.push(node);
    }

    fn push_symbol(&mut self, node: Node) {
        self.advance(1);
        self.push(node);
    }

    fn push_assertion(&mut self, assertion: Assertion) {
        self.push_symbol(Node::Assert(assertion));
    }

    fn push_class(&mut self, class: Class) {
        self.push(class.single().map_or(Node::Class(class), Node::Character));
    }

    /// One character that stands for itself, and for its other cases if they are folded.
    fn literal(&mut self, c: char) {
        self.advance(c.len_utf8());
        self.push_character(u32::from(c));
    }

    fn push_character(&mut self, point: u32) {
        if self.flags.fold {
            self.push_class(unicode::orbit(point));
        } else {
            self.push(Node::Character(point));
        }
    }

    /// Repeats what was read last; the operator has `length` bytes.
    fn repeat(
        &mut self,
        length: usize,
        min: u32,
        max: Option<u32>,
        repeated: Option<&'a str>,
    ) -> Result<(), PatternError> {
        let before = self.rest;
        self.advance(length);
        let lazy_mark = self.rest.starts_with('?');
        self.advance(usize::from(lazy_mark));
        let part = |from: &'a str| from.get(..from.len() - self.rest.len()).unwrap_or(from);
        if let Some(first) = repeated {
            return Err(wrong("invalid nested repetition operator", part(first)));
        }
        let (greedy, part) = (lazy_mark == self.flags.lazy, part(before));
        let Some(node) = self.innermost().items.pop() else {
            return Err(wrong("missing argument to repetition operator", part));
        };
        let node = Node::Repeat { node: Box::new(node), min, max, greedy };
        let counted = before.starts_with('{') && (min >= 2 || max.is_some_and(|max| max >= 2));
        if counted && !fits(&node, REPEAT_MAX) {
            return Err(wrong("invalid repeat count", part));
        }
        self.push(node);
        self.repeated = Some(before);
        Ok(())
    }
}

/// Reads `{n}`, `{n,}` or `{n,m}` at the start of a text: its length and the counts. What is none is a literal.
fn counts(text: &str) -> Option<(usize, u32, Option<u32>)> {
    let inside = text.strip_prefix('{')?;
    let end = inside.find('}')?;
    let inside = inside.get(..end)?;
    let number = |digits: &str| {
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let leading_zero = digits.len() > 1 && digits.starts_with('0');
        (plain && !leading_zero).then(|| digits.parse::<u32>().unwrap_or(u32::MAX))
    };
    let (min, max) = match inside.split_once(',') {
        None => (number(inside)?, Some(number(inside)?)),
        Some((min, "")) => (number(min)?, None),
        Some((min, max)) => (number(min)?, Some(number(max)?)),
    };
    Some((end + 2, min, max))
}

/// Whether counted repetitions within each other ask for at most `most` copies.
fn fits(node: &Node, mut most: u32) -> bool {
    match node {
        Node::Repeat { node, min, max, .. } => {
            // `*`, `+` and `?` do not count.
            if !matches!((*min, *max), (0 | 1, None) | (0, Some(1))) {
                let copies = max.unwrap_or(*min);
                if copies == 0 {
                    return true;
                }
                if copies > most {
                    return false;
                }
                most /= copies;
            }
            fits(node, most)
        }
        Node::Capture(_, node) => fits(node, most),
        Node::Concat(nodes) | Node::Alternate(nodes) => nodes.iter().all(|node| fits(node, most)),
        Node::Empty | Node::Character(_) | Node::Class(_) | Node::Any | Node::AnyInLine | Node::Assert(_) => true,
    }
}
