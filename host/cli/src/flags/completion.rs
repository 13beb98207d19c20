//! What a shell may offer next, and the scripts that make it ask.
//!
//! Source: compactor specification 1.1 (parser built-ins); kingpin v2.4.0 completions.

use super::table::{APPLICATION, HELP};
use super::table::{CommandSpec, FlagSpec, Syntax};

/// Shells that there are scripts for.
pub(super) const SHELLS: &[&str] = &["bash", "zsh", "fish"];

/// Words that may stand where the last of `typed` stands, one a line. Which of them begin as that word begins is found
/// out by the shell.
pub(super) fn candidates(commands: &'static [CommandSpec], typed: &[String]) -> String {
    let (current, before) = typed.split_last().map_or(("", typed), |(current, before)| (current.as_str(), before));
    let mut path: Vec<&'static CommandSpec> = Vec::new();
    let mut value_of = None;
    for word in before {
        if value_of.take().is_some() {
            continue;
        }
        let (below, flags) = here(commands, &path);
        if let Some(name) = word.strip_prefix("--").filter(|name| !name.contains('=')) {
            value_of = flags.into_iter().find(|flag| flag.name == name && flag.syntax != Syntax::Bool);
        } else if let Some(command) = below.iter().find(|command| command.name == word) {
            path.push(command);
        }
    }
    if let Some(flag) = value_of {
        let Syntax::OneOf(words) = flag.syntax else { return String::new() };
        return lines(words.iter().filter(|word| !word.is_empty()).map(ToString::to_string));
    }
    let (below, flags) = here(commands, &path);
    if current.starts_with('-') {
        return lines(flags.into_iter().filter(|flag| !flag.hidden).flat_map(spellings));
    }
    let is_completions = path.last().is_some_and(|command| command.name == "completions");
    let words = if is_completions { SHELLS } else { &[] };
    lines(below.iter().map(|command| command.name).chain(words.iter().copied()).map(str::to_owned))
}

/// Commands and flags that may follow `path`.
fn here(
    commands: &'static [CommandSpec],
    path: &[&'static CommandSpec],
) -> (&'static [CommandSpec], Vec<&'static FlagSpec>) {
    match path.last() {
        // What stands behind `help` is the name of a command.
        Some(command) if **command == HELP => (commands, command.flags().collect()),
        Some(command) => (command.subcommands, command.flags().collect()),
        None => (commands, APPLICATION.flags.iter().collect()),
    }
}

fn spellings(flag: &'static FlagSpec) -> Vec<String> {
    let plain = format!("--{}", flag.name);
    if flag.syntax == Syntax::Bool { vec![plain, format!("--no-{}", flag.name)] } else { vec![plain] }
}

fn lines(words: impl Iterator<Item = String>) -> String {
    words.map(|word| word + "\n").collect()
}

/// The script that makes `shell` ask; `None` for a shell that is not known.
pub(super) fn script(shell: &str) -> Option<&'static str> {
    match shell {
        "bash" => Some(BASH),
        "zsh" => Some(ZSH),
        "fish" => Some(FISH),
        _ => None,
    }
}

const BASH: &str = r#"# Completion of lithify for bash. Use: source <(lithify completions bash)
_lithify() {
    local word="${COMP_WORDS[COMP_CWORD]}"
    local offered
    offered="$("${COMP_WORDS[0]}" --completion-bash "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)"
    mapfile -t COMPREPLY < <(compgen -W "$offered" -- "$word")
}
complete -o default -F _lithify lithify
"#;

const ZSH: &str = r#"#compdef lithify
# Completion of lithify for zsh. Use: source <(lithify completions zsh)
_lithify() {
    local -a offered
    offered=("${(@f)$("${words[1]}" --completion-bash "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    compadd -- "${(@)offered:#}" || _files
}
compdef _lithify lithify
"#;

const FISH: &str = r"# Completion of lithify for fish. Use: lithify completions fish | source
function __lithify_offered
    set -l words (commandline -opc) (commandline -ct)
    $words[1] --completion-bash $words[2..-1] 2>/dev/null
end
complete -c lithify -a '(__lithify_offered)'
";

#[cfg(test)]
mod tests {
    use super::super::table::COMMANDS;
    use super::*;

    fn offered(line: &str) -> Vec<String> {
        let typed: Vec<String> = line.split(' ').map(str::to_owned).collect();
        candidates(COMMANDS, &typed).lines().map(str::to_owned).collect()
    }

    #[test]
    fn commands_flags_and_words_are_offered_where_they_may_stand() {
        let names: Vec<_> = COMMANDS.iter().map(|command| command.name).collect();
        assert_eq!(offered(""), names);
        assert_eq!(offered("comp"), names);
        assert_eq!(offered("help "), names);
        assert_eq!(offered("plugin ")[..2], ["build", "inspect"]);
        let flags = offered("compact --");
        for flag in ["--wait", "--no-wait", "--data-dir", "--log.level"] {
            assert!(flags.iter().any(|offered| offered == flag), "{flag}");
        }
        assert!(!flags.iter().any(|flag| flag.starts_with("--debug.max-compaction-level")));
        assert!(!offered("--").iter().any(|flag| flag == "--wait"));
        assert_eq!(offered("compact --log.level "), ["error", "warn", "info", "debug"]);
        assert_eq!(offered("compact --data-dir "), [""; 0]);
        assert_eq!(offered("--log.level info plugin ")[..2], ["build", "inspect"]);
        assert_eq!(offered("completions "), SHELLS);
    }

    #[test]
    fn there_is_a_script_for_each_shell() {
        for shell in SHELLS {
            assert!(script(shell).is_some_and(|script| script.contains("--completion-bash")));
        }
        assert_eq!(script("csh"), None);
    }
}
