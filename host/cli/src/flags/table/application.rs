//! Flags that every command takes.

use super::{FlagGroup, FlagSpec, Syntax};

/// Flags that every command takes, before or after its name.
pub const APPLICATION: FlagGroup = FlagGroup {
    heading: "Application-wide flags",
    flags: &[
        FlagSpec::bool("help", "Show the help of the program, or of the command that stands before or after it.")
            .short('h'),
        FlagSpec::bool("help-long", "Show the help of the program and of every command.").hidden(),
        FlagSpec::bool("help-man", "Print the manual page.").hidden(),
        FlagSpec::bool("completion-script-bash", "Print the completion script for bash.").hidden(),
        FlagSpec::bool("completion-script-zsh", "Print the completion script for zsh.").hidden(),
        FlagSpec::bool("version", "Show the version."),
        FlagSpec::new(
            "log.level",
            Syntax::OneOf(&["error", "warn", "info", "debug"]),
            "info",
            "Least important log lines to show: error, warn, info or debug.",
        ),
        FlagSpec::new(
            "log.format",
            Syntax::OneOf(&["logfmt", "json", "journald"]),
            "logfmt",
            "Log format: logfmt or json on standard error, or journald, which needs a running systemd journal.",
        ),
        FlagSpec::file(
            "tracing.config-file",
            "YAML file with `type:` and `config:` of a tracing backend. It is checked, but this release exports no \
             traces. Every $(VAR) in it is replaced by that environment variable.",
        ),
        FlagSpec::content("tracing.config", "The same as text instead of a file; not both."),
        FlagSpec::bool("enable-auto-gomemlimit", "Has no effect; see --compact.memory-budget.")
            .without_effect("there is no Go runtime to limit; --compact.memory-budget bounds the memory of merges"),
        FlagSpec::new("auto-gomemlimit.ratio", Syntax::Decimal, "0.9", "Checked, but has no effect.")
            .without_effect("there is no Go runtime to limit; --compact.memory-budget bounds the memory of merges"),
        FlagSpec::new("debug.name", Syntax::Text, "", "Adds name=<this> to every log line.").hidden(),
    ],
};
