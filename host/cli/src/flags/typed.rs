//! Values: what was recognised is given to clap, which parses, fills in defaults and finds repetitions.

use std::error::Error;

use clap::builder::ValueParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches};

use super::grammar::Element;
use super::table::{CommandSpec, FlagSpec, Syntax};
use super::{bytes, go_duration, integer, prom_duration, time_or_duration};

/// The values of one command line; every flag of the command has one.
pub(super) struct Values(ArgMatches);

impl Values {
    /// Parses the flags among `elements` for `command`, in the order of typing.
    ///
    /// # Errors
    /// The text of the first flag with a wrong value or given twice, in the reference's words.
    pub(super) fn parse(command: &'static CommandSpec, elements: &[Element]) -> Result<Self, String> {
        let mut clap =
            clap::Command::new(command.name).no_binary_name(true).disable_help_flag(true).disable_version_flag(true);
        for flag in command.flags() {
            clap = clap.arg(argument(flag));
        }
        let typed = elements.iter().filter_map(|element| match element {
            Element::Flag(flag, value) => Some(format!("--{}={value}", flag.name)),
            Element::Command(_) | Element::Argument(_) => None,
        });
        clap.try_get_matches_from(typed).map(Self).map_err(|error| text(&error))
    }

    /// All values of a flag that may be given several times, in the order of typing.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        self.0.get_many::<String>(name).map(|values| values.cloned().collect()).unwrap_or_default()
    }

    /// Whether the flag was typed.
    pub(super) fn is_given(&self, name: &str) -> bool {
        self.0.value_source(name) == Some(ValueSource::CommandLine)
    }

    /// The value of a flag; `T` is what its syntax is parsed to.
    pub(super) fn get<T: Clone + Send + Sync + 'static>(&self, name: &str) -> T {
        self.0.get_one::<T>(name).expect("every flag in the table has a default").clone()
    }
}

fn argument(flag: &'static FlagSpec) -> Arg {
    let parser = match flag.syntax {
        Syntax::Bool => ValueParser::new(|text: &str| text.parse::<bool>()),
        Syntax::Integer => ValueParser::new(integer::parse),
        Syntax::Decimal => ValueParser::new(integer::parse_decimal),
        Syntax::Text | Syntax::List => ValueParser::string(),
        Syntax::GoDuration => ValueParser::new(go_duration::parse),
        Syntax::PromDuration => ValueParser::new(prom_duration::parse),
        Syntax::TimeOrDuration => ValueParser::new(time_or_duration::parse),
        Syntax::Bytes => ValueParser::new(bytes::parse),
        Syntax::OneOf(words) => ValueParser::new(move |text: &str| one_of(words, text)),
    };
    let arg = Arg::new(flag.name)
        .long(flag.name)
        .num_args(1)
        .require_equals(true)
        .allow_hyphen_values(true)
        .value_parser(parser);
    if flag.syntax == Syntax::List {
        return arg.action(ArgAction::Append);
    }
    arg.action(ArgAction::Set).default_value(flag.default)
}

fn one_of(words: &'static [&'static str], text: &str) -> Result<&'static str, String> {
    let found = words.iter().find(|word| **word == text);
    found.copied().ok_or_else(|| format!("enum value must be one of {}, got '{text}'", words.join(",")))
}

/// What the reference would say.
fn text(error: &clap::Error) -> String {
    if error.kind() == ErrorKind::ArgumentConflict
        && let Some(ContextValue::String(shown)) = error.get(ContextKind::InvalidArg)
    {
        let name = shown.trim_start_matches('-').split('=').next().unwrap_or(shown);
        return format!("flag '{name}' cannot be repeated");
    }
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}
