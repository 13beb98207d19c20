//! What was typed. Names, defaults, syntaxes and errors are those of the compactor specification, section 1; what is
//! made of it is in [`crate::config`].
//!
//! A command line goes through three rooms: `grammar` recognises tokens by the rules of the reference's parser,
//! `typed` parses the values with clap, `help` lays out help pages with clap. `table` is the one place of each flag.

pub mod bytes;
mod compact;
mod completion;
pub mod go_duration;
mod grammar;
mod help;
pub mod integer;
mod man;
pub mod path_or_content;
pub mod prom_duration;
mod shown;
pub mod table;
#[cfg(test)]
mod tests;
pub mod time_or_duration;
mod typed;

use std::path::{Path, PathBuf};

use lithify_compactor::Moment;

pub use self::compact::{CompactFlags, RepetitionFlags, SelectionFlags, WebFlags};
use self::grammar::{Element, Recognised, recognise};
use self::path_or_content::PathOrContent;
use self::table::{Arguments, CommandSpec};
use self::typed::Values;

/// A command line that can be run.
#[derive(Clone, Debug, PartialEq)]
pub struct Flags {
    /// `--log.level`: `error`, `warn`, `info` or `debug`.
    pub log_level: &'static str,
    /// `--log.format`: `logfmt`, `json` or `journald`.
    pub log_format: &'static str,
    /// `--debug.name`, empty for none.
    pub debug_name: String,
    /// `--tracing.config-file`, `--tracing.config`
    pub tracing: PathOrContent,
    /// `--auto-gomemlimit.ratio`
    pub gomemlimit_ratio: f64,
    /// What was typed although it changes nothing, and why it does not.
    pub without_effect: Vec<(&'static str, &'static str)>,
    /// What to do.
    pub command: Command,
}

/// One of the commands, with its flags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `lithify compact`
    Compact(Box<CompactFlags>),
    /// `lithify plan`
    Plan(Box<PlanFlags>),
    /// `lithify explain ULID`
    Explain(Box<ExplainFlags>),
    /// `lithify demo`
    Demo(DemoFlags),
    /// `lithify plugin build PATH`, with `--output`, empty for a file in the crate's directory
    PluginBuild(PathBuf, PathBuf),
    /// `lithify plugin inspect FILE`
    PluginInspect(PathBuf),
    /// `lithify plugin diff FILE`
    PluginDiff(Box<DiffFlags>),
    /// `lithify plugin unmark RULE`
    PluginUnmark(Box<UnmarkFlags>),
}

/// Flags of `plan`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanFlags {
    /// What `compact` takes as well.
    pub selection: SelectionFlags,
    /// `--output`: `table` or `json`.
    pub output: &'static str,
}

/// Flags of `explain`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainFlags {
    /// What `compact` takes as well.
    pub selection: SelectionFlags,
    /// `--output`: `table` or `json`.
    pub output: &'static str,
    /// `--check`: `auto`, `all`, `index` or `none`.
    pub check: &'static str,
    /// The block, as typed.
    pub block: String,
}

/// Flags of `plugin diff`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiffFlags {
    /// What `compact` takes as well.
    pub selection: SelectionFlags,
    /// `--output`: `table` or `json`.
    pub output: &'static str,
    /// The other policies.
    pub other: PathOrContent,
}

/// Flags of `plugin unmark`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnmarkFlags {
    /// `--objstore.config-file`, `--objstore.config`
    pub objstore: PathOrContent,
    /// `--block-meta-fetch-concurrency`
    pub concurrency: i64,
    /// `--since`
    pub since: Moment,
    /// `--dry-run`
    pub dry_run: bool,
    /// `--output`: `table` or `json`.
    pub output: &'static str,
    /// The rule, as typed.
    pub rule: String,
}

/// Flags of `demo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoFlags {
    /// `--dir`; empty means a fresh temporary directory.
    pub dir: String,
    /// `--keep`
    pub keep: bool,
    /// `--series`
    pub series: i64,
    /// `--seed`
    pub seed: i64,
    /// `--color`
    pub color: bool,
}

/// What to do with a command line.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Run this.
    Run(Box<Flags>),
    /// Print this to standard output and end with status 0: for shells and for `man`.
    Answer(String),
    /// Print this to standard error and end with this status: help and version (0), a line that does not fit the
    /// grammar (1), a wrong value (2).
    Print {
        /// The text, with its newline.
        text: String,
        /// The exit status.
        status: u8,
    },
}

/// Reads a command line; the first of `arguments` is the name of the program.
///
/// Source: compactor specification 0.3 (the two classes of errors), kingpin v2.4.0 app.go (`Parse`).
#[must_use]
pub fn parse(commands: &'static [CommandSpec], arguments: &[String]) -> Outcome {
    let typed = arguments.get(1..).unwrap_or_default();
    if let Some((_, words)) = typed.split_first().filter(|(first, _)| *first == "--completion-bash") {
        return Outcome::Answer(completion::candidates(commands, words));
    }
    let Recognised { elements, error } = recognise(commands, typed.to_vec());
    let path: Vec<&'static CommandSpec> = elements
        .iter()
        .filter_map(|element| match element {
            Element::Command(command) => Some(*command),
            Element::Flag(..) | Element::Argument(_) => None,
        })
        .collect();
    // These come before any error, as in the reference.
    for element in &elements {
        match element {
            Element::Flag(flag, _) if flag.name == "version" => return shown(crate::version::text()),
            Element::Flag(flag, _) if flag.name == "help-long" => return shown(help::long_page(commands)),
            Element::Flag(flag, _) if flag.name == "help-man" => {
                return Outcome::Answer(man::page(commands, help::ABOUT));
            }
            Element::Flag(flag, _) if flag.name == "completion-script-bash" => return script("bash"),
            Element::Flag(flag, _) if flag.name == "completion-script-zsh" => return script("zsh"),
            Element::Command(command) if **command == table::HELP => return help_command(commands, &elements),
            Element::Flag(..) | Element::Command(_) | Element::Argument(_) => {}
        }
    }
    if let Some(error) = error {
        return Outcome::Print { text: format!("lithify: error: {error}\n"), status: 1 };
    }
    if elements.iter().any(|element| matches!(element, Element::Flag(flag, _) if flag.name == "help")) {
        return shown(help::page(commands, &path));
    }
    if let (Some(command), Some(Element::Argument(shell))) = (path.last(), elements.last())
        && **command == table::COMPLETIONS
        && completion::SHELLS.contains(&shell.as_str())
    {
        return script(shell);
    }
    match run(&path, &elements) {
        Ok(Some(flags)) => Outcome::Run(Box::new(flags)),
        Ok(None) => shown(help::page(commands, &path)),
        Err(text) => {
            let page = help::page(commands, &path);
            let text = format!("{page}\nerror parsing commandline arguments: [{}]: {text}\n", arguments.join(" "));
            Outcome::Print { text, status: 2 }
        }
    }
}

fn script(shell: &str) -> Outcome {
    completion::script(shell).map_or_else(|| shown(String::new()), |script| Outcome::Answer(script.to_owned()))
}

fn shown(text: String) -> Outcome {
    Outcome::Print { text, status: 0 }
}

/// `lithify help plugin build` shows what `lithify plugin build --help` shows.
fn help_command(commands: &'static [CommandSpec], elements: &[Element]) -> Outcome {
    let words = elements.iter().filter_map(|element| match element {
        Element::Argument(word) => Some(word.clone()),
        Element::Flag(..) | Element::Command(_) => None,
    });
    let program = "lithify".to_owned();
    let arguments: Vec<String> = [program].into_iter().chain(words).chain(["--help".to_owned()]).collect();
    parse(commands, &arguments)
}

/// The flags of the selected command, or nothing when there is none.
///
/// # Errors
/// A text of the second class.
fn run(path: &[&'static CommandSpec], elements: &[Element]) -> Result<Option<Flags>, String> {
    // Without a command the application-wide flags are still checked.
    let command = path.last().copied().unwrap_or(&table::HELP);
    let values = Values::parse(command, elements)?;
    if !command.subcommands.is_empty() {
        let name: Vec<&str> = path.iter().map(|command| command.name).collect();
        return Err(format!("must select a subcommand of '{}'", name.join(" ")));
    }
    let argument = elements.iter().find_map(|element| match element {
        Element::Argument(argument) => Some(PathBuf::from(argument)),
        Element::Flag(..) | Element::Command(_) => None,
    });
    let argument = match command.arguments {
        Arguments::One(name, _) => argument.ok_or_else(|| format!("required argument '{name}' not provided"))?,
        Arguments::None | Arguments::Any(..) => PathBuf::new(),
    };
    let names: Vec<&str> = path.iter().map(|command| command.name).collect();
    let typed = command.flags().filter(|flag| !flag.without_effect.is_empty() && values.is_given(flag.name));
    let without_effect = typed.map(|flag| (flag.name, flag.without_effect)).collect();
    let command = match names.as_slice() {
        ["compact"] => Command::Compact(Box::new(CompactFlags::from_values(command, &values))),
        ["plan"] => {
            let selection = SelectionFlags::from_values(&values);
            Command::Plan(Box::new(PlanFlags { selection, output: values.get("output") }))
        }
        ["explain"] => Command::Explain(Box::new(ExplainFlags {
            selection: SelectionFlags::from_values(&values),
            output: values.get("output"),
            check: values.get("check"),
            block: argument.display().to_string(),
        })),
        ["demo"] => Command::Demo(DemoFlags::from_values(&values)),
        ["plugin", "build"] => Command::PluginBuild(argument, PathBuf::from(values.get::<String>("output"))),
        ["completions"] => {
            let shells = completion::SHELLS.join(",");
            return Err(format!("enum value must be one of {shells}, got '{}'", argument.display()));
        }
        ["plugin", "inspect"] => Command::PluginInspect(argument),
        ["plugin", "diff"] => Command::PluginDiff(Box::new(DiffFlags {
            selection: SelectionFlags::from_values(&values),
            output: values.get("output"),
            other: PathOrContent { flag: "file", path: argument.display().to_string(), content: String::new() },
        })),
        ["plugin", "unmark"] => Command::PluginUnmark(Box::new(UnmarkFlags::from_values(&values, &argument)?)),
        _ => return Ok(None),
    };
    Ok(Some(Flags {
        log_level: values.get("log.level"),
        log_format: values.get("log.format"),
        debug_name: values.get("debug.name"),
        tracing: PathOrContent {
            flag: "tracing.config",
            path: values.get("tracing.config-file"),
            content: values.get("tracing.config"),
        },
        gomemlimit_ratio: values.get("auto-gomemlimit.ratio"),
        without_effect,
        command,
    }))
}

impl UnmarkFlags {
    fn from_values(values: &Values, rule: &Path) -> Result<Self, String> {
        if !values.is_given("since") {
            return Err("required flag --since not provided".to_owned());
        }
        Ok(Self {
            objstore: PathOrContent {
                flag: "objstore.config",
                path: values.get("objstore.config-file"),
                content: values.get("objstore.config"),
            },
            concurrency: values.get("block-meta-fetch-concurrency"),
            since: values.get("since"),
            dry_run: values.get("dry-run"),
            output: values.get("output"),
            rule: rule.display().to_string(),
        })
    }
}

impl DemoFlags {
    fn from_values(values: &Values) -> Self {
        Self {
            dir: values.get("dir"),
            keep: values.get("keep"),
            series: values.get("series"),
            seed: values.get("seed"),
            color: values.get("color"),
        }
    }
}
