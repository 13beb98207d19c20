//! Help pages: clap lays them out, the flags are shown as the reference shows its own.

use clap::{Arg, ArgAction};

use super::table::{APPLICATION, Arguments, CommandSpec, FlagGroup, FlagSpec, Syntax};

/// Columns when the width of the terminal is not known, and the most that is used.
const COLUMNS_MAX: usize = 100;

pub(super) const ABOUT: &str = "Lithify compacts Prometheus blocks in object storage. It is a drop-in replacement for `thanos \
                     compact`, and every decision it takes is a policy that runs as a sandboxed WebAssembly component.";

const TEMPLATE: &str = "usage: {usage}\n\n{about}\n\n{all-args}\n";

/// The help page of the command at the end of `path`, or of the program when the path is empty.
pub(super) fn page(commands: &'static [CommandSpec], path: &[&'static CommandSpec]) -> String {
    let (about, groups, below) = match path.last() {
        Some(command) => (command.about, command.groups, command.subcommands),
        None => (ABOUT, &[] as &[_], commands),
    };
    let mut page = clap::Command::new("lithify")
        .about(about)
        .help_template(TEMPLATE)
        .override_usage(usage(path, !below.is_empty()))
        .max_term_width(COLUMNS_MAX)
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .disable_version_flag(true)
        .subcommand_help_heading("Commands")
        .next_line_help(!groups.is_empty())
        .subcommands(below.iter().map(|command| clap::Command::new(command.name).about(first_sentence(command.about))));
    if let Some(Arguments::One(name, help) | Arguments::Any(name, help)) = path.last().map(|c| c.arguments) {
        page = page.arg(Arg::new(name).help(help).help_heading("Arguments"));
    }
    for group in groups.iter().copied().chain([&APPLICATION]) {
        page = page.args(arguments(group));
    }
    page.render_help().to_string().trim_end().to_owned() + "\n"
}

/// The page of the program and, below it, those of all commands.
pub(super) fn long_page(commands: &'static [CommandSpec]) -> String {
    let mut text = page(commands, &[]);
    let mut paths: Vec<Vec<&'static CommandSpec>> = commands.iter().rev().map(|command| vec![command]).collect();
    while let Some(path) = paths.pop() {
        text.push('\n');
        text.push_str(&page(commands, &path));
        let below = path.last().map_or(&[] as &[_], |command| command.subcommands);
        paths.extend(below.iter().rev().map(|command| path.iter().copied().chain([command]).collect()));
    }
    text
}

fn first_sentence(text: &'static str) -> &'static str {
    text.split_inclusive(". ").next().unwrap_or(text).trim_end()
}

/// `lithify compact [<flags>]`.
fn usage(path: &[&'static CommandSpec], has_commands: bool) -> String {
    let mut text = "lithify".to_owned();
    for command in path {
        text.push(' ');
        text.push_str(command.name);
    }
    text.push_str(" [<flags>]");
    if has_commands {
        text.push_str(" <command> [<args> ...]");
    }
    match path.last().map_or(Arguments::None, |command| command.arguments) {
        Arguments::None => {}
        Arguments::One(name, _) => text.push_str(&format!(" <{name}>")),
        Arguments::Any(name, _) => text.push_str(&format!(" [<{name}>...]")),
    }
    text
}

fn arguments(group: &'static FlagGroup) -> impl Iterator<Item = Arg> {
    group.flags.iter().filter(|flag| !flag.hidden).map(|flag| {
        // The value stands in the name, because clap would show `--delete-delay <VALUE>` and the default at the end.
        let arg = Arg::new(flag.name).long(shown(flag)).action(ArgAction::SetTrue);
        let arg = arg.help(flag.help).help_heading(group.heading);
        match flag.short {
            Some(letter) => arg.short(letter),
            None => arg,
        }
    })
}

/// How the flag and its default are written in help: `[no-]wait`, `delete-delay=48h`, `data-dir="./data"`.
pub(super) fn shown(flag: &FlagSpec) -> String {
    match (flag.syntax, flag.placeholder) {
        (Syntax::Bool, _) => format!("[no-]{}", flag.name),
        (Syntax::Text, "") => format!("{}=\"{}\"", flag.name, flag.default),
        (Syntax::List, "") => format!("{}=<label>...", flag.name),
        (_, "") => format!("{}={}", flag.name, flag.default),
        (_, placeholder) => format!("{}={placeholder}", flag.name),
    }
}
