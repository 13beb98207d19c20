//! Patterns as Go reads them.
//!
//! The usual Rust engines read some patterns otherwise than Go (`\Q…\E`, set operations and nested classes, octal escapes,
//! `\pN`, ASCII `\d \w \s \b`, repetition limits), and they are many times the size of all other policies together, which
//! are compiled at every cold start. So this reads Go's syntax itself and runs it on a small machine whose time is
//! linear in pattern and text.
//!
//! What Go refuses is refused. What Go takes is taken, but for patterns that nest deeper or grow larger than
//! `parse::DEPTH_MAX` and `program::INSTRUCTIONS_MAX` allow. Nothing is read as something else: the tests compare
//! with what Go 1.26 says.
//!
//! Source: Go regexp/syntax and regexp; Prometheus model/relabel (`NewRegexp`).

mod class;
mod expand;
mod machine;
mod parse;
mod program;
mod unicode;

use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    vec::Vec,
};

use lithify_sdk::text::decimal;
use program::Program;

/// A pattern of a relabelling rule.
#[derive(Clone, Debug)]
pub struct Regex {
    pattern: String,
    program: Program,
    names: Vec<Option<String>>,
}

/// Byte positions of the whole match and of the groups: start and end of group `i` at `2 * i` and `2 * i + 1`.
pub type Captures = Vec<Option<usize>>;

/// Why a pattern is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatternError {
    /// Go refuses it too, with this code.
    Syntax {
        /// In Go's words.
        code: &'static str,
        /// The part that is wrong.
        part: String,
    },
    /// Go would take it, but it nests deeper than is supported.
    TooDeep,
    /// Go would take it, but it grows larger than is supported.
    TooLarge,
}

impl PatternError {
    /// The sentence for a person.
    #[must_use]
    pub fn to_text(&self) -> String {
        match self {
            Self::Syntax { code, part } => ["error parsing regexp: ", code, ": `", part, "`"].concat(),
            Self::TooDeep => {
                let depth = decimal(u64::from(parse::DEPTH_MAX));
                ["groups nest deeper than ", &depth, " levels, which is not supported"].concat()
            }
            Self::TooLarge => {
                let size = decimal(program::INSTRUCTIONS_MAX as u64);
                ["it is larger than ", &size, " instructions, which is not supported: use smaller repetitions"].concat()
            }
        }
    }
}

impl Regex {
    /// Reads a pattern, anchored at both ends, in which a dot matches a new line too.
    ///
    /// # Errors
    /// [`PatternError`]
    pub fn new(pattern: &str) -> Result<Self, PatternError> {
        // Put together as text, as the reference does: a pattern may close the group before its end.
        let parsed = parse::parse(&["^(?s:", pattern, ")$"].concat())?;
        let program = program::compile(&parsed.node)?;
        Ok(Self { pattern: pattern.to_owned(), program, names: parsed.names })
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// Whether the pattern matches.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        machine::find(&self.program, text, 0, 0).is_some()
    }

    /// The groups of the leftmost match, by Go's order of preference.
    #[must_use]
    pub fn captures(&self, text: &str) -> Option<Captures> {
        machine::find(&self.program, text, 0, 2 * self.names.len())
    }

    /// Replaces `$1`, `${1}`, `$name`, `${name}` and `$$` in `template`.
    #[must_use]
    pub fn expand(&self, template: &str, text: &str, captures: &Captures) -> String {
        let mut out = String::new();
        expand::expand(&mut out, template, text, captures, &self.names);
        out
    }

    /// Replaces every match by the expanded template.
    #[must_use]
    pub fn replace_all(&self, text: &str, template: &str) -> String {
        let mut out = String::new();
        let (mut copied, mut search) = (0, 0);
        while search <= text.len() {
            let found = machine::find(&self.program, text, search, 2 * self.names.len());
            let Some((captures, start, end)) = found.and_then(|captures| {
                let (start, end) = ((*captures.first()?)?, (*captures.get(1)?)?);
                Some((captures, start, end))
            }) else {
                break;
            };
            out.push_str(text.get(copied..start).unwrap_or(""));
            // An empty match right behind a match is none.
            if end > copied || start == 0 {
                expand::expand(&mut out, template, text, &captures, &self.names);
            }
            copied = end;
            let width = text.get(search..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
            search = if search + width > end { search + width } else { end };
        }
        out.push_str(text.get(copied..).unwrap_or(""));
        out
    }
}

impl core::fmt::Display for PatternError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.to_text())
    }
}

/// Whether a character has another case in Go's tables.
pub(crate) fn has_other_case(c: char) -> bool {
    unicode::has_orbit(u32::from(c))
}

fn wrong(code: &'static str, part: impl ToString) -> PatternError {
    PatternError::Syntax { code, part: part.to_string() }
}
