//! The manual page, as `man` reads it: `lithify --help-man > lithify.1`.
//!
//! Source: compactor specification 1.1 (parser built-ins); groff_man(7).

use super::help::shown;
use super::table::{APPLICATION, CommandSpec, FlagGroup};
use crate::version::VERSION;

/// The manual page of the program and all its commands.
pub(super) fn page(commands: &'static [CommandSpec], about: &str) -> String {
    let mut page = format!(
        ".TH lithify 1 \"\" \"lithify {VERSION}\"\n.SH NAME\nlithify \\- compacts Prometheus blocks in object storage\n\
         .SH SYNOPSIS\n.B lithify\n[<flags>] <command> [<args> ...]\n.SH DESCRIPTION\n{}\n.SH OPTIONS\n",
        escaped(about)
    );
    page.push_str(&options(&APPLICATION));
    page.push_str(".SH COMMANDS\n");
    for command in commands {
        page.push_str(&of_command(command, ""));
    }
    page
}

fn of_command(command: &CommandSpec, before: &str) -> String {
    let name = format!("{before}{}", command.name);
    let mut text = format!(".SS {}\n{}\n", escaped(&name), escaped(command.about));
    for group in command.groups {
        text.push_str(&options(group));
    }
    for below in command.subcommands {
        text.push_str(&of_command(below, &format!("{name} ")));
    }
    text
}

fn options(group: &FlagGroup) -> String {
    let flags = group.flags.iter().filter(|flag| !flag.hidden);
    flags.map(|flag| format!(".TP\n.B \\-\\-{}\n{}\n", escaped(&shown(flag)), escaped(flag.help))).collect()
}

/// Dashes stay dashes, backslashes backslashes, and no line is taken for a request.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::super::table::COMMANDS;
    use super::*;

    #[test]
    fn the_manual_names_every_command_and_every_flag_that_is_not_hidden() {
        let page = page(COMMANDS, "About.");
        for line in [".SS compact", ".SS plugin build", ".B \\-\\-[no\\-]wait", ".B \\-\\-delete\\-delay=48h"] {
            assert!(page.lines().any(|found| found == line), "{line}");
        }
        assert!(!page.contains("max\\-compaction\\-level"));
    }
}
