//! Which tokens are flags, values, commands and arguments: the rules of kingpin, which clap does not have.
//!
//! Source: compactor specification 0.3, parser rules; kingpin v2.4.0 parser.go and flags.go.

use std::collections::VecDeque;

use thiserror::Error;

use super::table::{APPLICATION, Arguments, CommandSpec, FlagSpec, Syntax};

/// What was recognised, in the order of typing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Element {
    /// A flag and its value as text; a bool has `true` or `false`.
    Flag(&'static FlagSpec, String),
    /// A command or sub-command.
    Command(&'static CommandSpec),
    /// What a command takes besides flags.
    Argument(String),
}

/// The tokens do not fit the grammar. Texts are the reference's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum GrammarError {
    #[error("unknown long flag '--{0}'")]
    UnknownLong(String),
    #[error("unknown short flag '-{0}'")]
    UnknownShort(char),
    #[error("expected argument for flag '{0}'")]
    MissingValue(String),
    #[error("expected command but got \"{0}\"")]
    UnknownCommand(String),
    #[error("unexpected {0}")]
    Unexpected(String),
    #[error("expected @ file to expand arguments from")]
    UnnamedFile,
    #[error("failed to open arguments file \"{path}\": {reason}")]
    File { path: String, reason: String },
    #[error("more than {EXPANSIONS_MAX} arguments files; the last one is \"{0}\"")]
    TooManyFiles(String),
}

/// Argument files may name argument files; one that names itself would never end.
const EXPANSIONS_MAX: usize = 64;

/// Everything that was recognised before the end or the first error.
#[derive(Debug)]
pub(super) struct Recognised {
    pub(super) elements: Vec<Element>,
    pub(super) error: Option<GrammarError>,
}

/// Recognises `arguments`, which do not include the name of the program.
pub(super) fn recognise(commands: &'static [CommandSpec], arguments: Vec<String>) -> Recognised {
    let mut parser = Parser { commands, selected: None, arguments_taken: 0, elements: Vec::new() };
    let mut tokens = Tokens { arguments: arguments.into(), pending: None, arguments_only: false, expansions: 0 };
    let mut step = || -> Result<bool, GrammarError> {
        match tokens.next(|letter| parser.short(letter).is_some_and(|flag| flag.syntax == Syntax::Bool))? {
            Token::End => return Ok(false),
            Token::Long(name) => parser.long_flag(&mut tokens, name)?,
            Token::Short(letter) => parser.short_flag(&mut tokens, letter)?,
            Token::Argument(text) => parser.argument(text)?,
        }
        Ok(true)
    };
    let error = loop {
        match step() {
            Ok(true) => {}
            Ok(false) => break None,
            Err(error) => break Some(error),
        }
    };
    Recognised { elements: parser.elements, error }
}

struct Parser {
    /// What the next command may be.
    commands: &'static [CommandSpec],
    selected: Option<&'static CommandSpec>,
    arguments_taken: usize,
    elements: Vec<Element>,
}

impl Parser {
    /// The flags that may stand here: application-wide ones anywhere, a command's own only behind its name.
    fn flags(&self) -> impl Iterator<Item = &'static FlagSpec> {
        let own = self.selected.map_or(&[] as &[_], |command| command.groups);
        own.iter().copied().chain([&APPLICATION]).flat_map(|group| group.flags)
    }

    fn long(&self, name: &str) -> Option<&'static FlagSpec> {
        self.flags().find(|flag| flag.name == name)
    }

    fn short(&self, letter: char) -> Option<&'static FlagSpec> {
        self.flags().find(|flag| flag.short == Some(letter))
    }

    fn long_flag(&mut self, tokens: &mut Tokens, name: String) -> Result<(), GrammarError> {
        let (flag, inverted) = match (self.long(&name), name.strip_prefix("no-").and_then(|name| self.long(name))) {
            (Some(flag), _) => (flag, false),
            (None, Some(flag)) if flag.syntax == Syntax::Bool => (flag, true),
            (None, _) => return Err(GrammarError::UnknownLong(name)),
        };
        let value = if flag.syntax != Syntax::Bool {
            tokens.value(|| format!("--{name}"))?
        } else if inverted {
            "false".to_owned()
        } else {
            // Ours: the reference knows no `--x=true` and takes the value for a stray argument.
            tokens.attached_bool().unwrap_or("true").to_owned()
        };
        self.elements.push(Element::Flag(flag, value));
        Ok(())
    }

    fn short_flag(&mut self, tokens: &mut Tokens, letter: char) -> Result<(), GrammarError> {
        let flag = self.short(letter).ok_or(GrammarError::UnknownShort(letter))?;
        let value = match flag.syntax {
            Syntax::Bool => "true".to_owned(),
            Syntax::Integer
            | Syntax::Decimal
            | Syntax::Text
            | Syntax::List
            | Syntax::GoDuration
            | Syntax::PromDuration
            | Syntax::TimeOrDuration
            | Syntax::Bytes
            | Syntax::OneOf(_) => tokens.value(|| format!("-{letter}"))?,
        };
        self.elements.push(Element::Flag(flag, value));
        Ok(())
    }

    fn argument(&mut self, text: String) -> Result<(), GrammarError> {
        if !self.commands.is_empty() {
            let command =
                self.commands.iter().find(|command| command.name == text).ok_or(GrammarError::UnknownCommand(text))?;
            self.selected = Some(command);
            self.commands = command.subcommands;
            self.elements.push(Element::Command(command));
            return Ok(());
        }
        let takes_more = match self.selected.map_or(Arguments::None, |command| command.arguments) {
            Arguments::None => false,
            Arguments::One(..) => self.arguments_taken == 0,
            Arguments::Any(..) => true,
        };
        if !takes_more {
            return Err(GrammarError::Unexpected(text));
        }
        self.arguments_taken += 1;
        self.elements.push(Element::Argument(text));
        Ok(())
    }
}

enum Token {
    /// Name without dashes; a value behind `=` is pending.
    Long(String),
    Short(char),
    Argument(String),
    End,
}

struct Tokens {
    arguments: VecDeque<String>,
    /// A value that was attached to the flag before it: behind `=`, or behind the letter.
    pending: Option<String>,
    /// Set by `--`.
    arguments_only: bool,
    expansions: usize,
}

impl Tokens {
    fn next(&mut self, is_short_bool: impl Fn(char) -> bool) -> Result<Token, GrammarError> {
        if let Some(value) = self.pending.take() {
            return Ok(Token::Argument(value));
        }
        while let Some(argument) = self.arguments.pop_front() {
            if self.arguments_only {
                return Ok(Token::Argument(argument));
            }
            if argument == "--" {
                self.arguments_only = true;
            } else if let Some(long) = argument.strip_prefix("--") {
                let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
                self.pending = value.map(str::to_owned);
                return Ok(Token::Long(name.to_owned()));
            } else if let Some(path) = argument.strip_prefix('@') {
                self.expand(path)?;
            } else {
                let mut letters = argument.strip_prefix('-').unwrap_or("").chars();
                let Some(letter) = letters.next() else { return Ok(Token::Argument(argument)) };
                match letters.as_str() {
                    "" => {}
                    value if !is_short_bool(letter) => self.pending = Some(value.to_owned()),
                    more => self.arguments.push_front(format!("-{more}")),
                }
                return Ok(Token::Short(letter));
            }
        }
        Ok(Token::End)
    }

    /// The value of a flag that needs one: what is attached to it, or the next token if that is no flag.
    fn value(&mut self, flag: impl FnOnce() -> String) -> Result<String, GrammarError> {
        match self.next(|_| false)? {
            Token::Argument(value) => Ok(value),
            Token::Long(_) | Token::Short(_) | Token::End => Err(GrammarError::MissingValue(flag())),
        }
    }

    fn attached_bool(&mut self) -> Option<&'static str> {
        let word = ["true", "false"].into_iter().find(|word| self.pending.as_deref() == Some(word))?;
        self.pending = None;
        Some(word)
    }

    /// Puts the lines of a file in the place of `@path`, without blank lines and comments.
    fn expand(&mut self, path: &str) -> Result<(), GrammarError> {
        if path.is_empty() {
            return Err(GrammarError::UnnamedFile);
        }
        self.expansions += 1;
        if self.expansions > EXPANSIONS_MAX {
            return Err(GrammarError::TooManyFiles(path.to_owned()));
        }
        let text = std::fs::read_to_string(path)
            .map_err(|error| GrammarError::File { path: path.to_owned(), reason: error.to_string() })?;
        for line in text.lines().rev().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
            self.arguments.push_front(line.to_owned());
        }
        Ok(())
    }
}
