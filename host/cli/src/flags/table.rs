//! Every flag and command in one place: name, syntax, default, help.

mod application;
mod blocks;
mod run;
mod work;

pub use self::application::APPLICATION;
use self::blocks::{BUCKET, SELECTION};
use self::run::{CHECK, COMPONENT, DEMONSTRATION, HTTP, LIFTING, LOOP, OUTPUT, POLICIES, RESOURCES, WEB, WORKING};
use self::work::{COMPACTION, DOWNSAMPLING};

/// How a flag's value is written. The letters are those of the compactor specification, section 0.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// `--x`, `--no-x`, `--x=true`, `--x=false`.
    Bool,
    /// A whole number.
    Integer,
    /// A number with a fraction.
    Decimal,
    /// Any text.
    Text,
    /// Any text, any number of times.
    List,
    /// Syntax G: `-1.5h`.
    GoDuration,
    /// Syntax P: `48h`.
    PromDuration,
    /// Syntax T: an RFC 3339 timestamp, or a distance from now.
    TimeOrDuration,
    /// Syntax B: `64GB`.
    Bytes,
    /// One of these words.
    OneOf(&'static [&'static str]),
}

/// One flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlagSpec {
    /// Name without dashes.
    pub name: &'static str,
    /// One-letter form.
    pub short: Option<char>,
    /// How the value is written.
    pub syntax: Syntax,
    /// What is used when the flag is not given, in the flag's own syntax.
    pub default: &'static str,
    /// What stands for the value in the help text instead of the default.
    pub placeholder: &'static str,
    /// Whether the help text leaves it out.
    pub hidden: bool,
    /// Why giving it changes nothing; empty for a flag that has an effect.
    pub without_effect: &'static str,
    /// What it does.
    pub help: &'static str,
}

impl FlagSpec {
    const fn new(name: &'static str, syntax: Syntax, default: &'static str, help: &'static str) -> Self {
        Self { name, short: None, syntax, default, placeholder: "", hidden: false, without_effect: "", help }
    }

    const fn bool(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Syntax::Bool, "false", help)
    }

    const fn file(name: &'static str, help: &'static str) -> Self {
        Self { placeholder: "<file-path>", ..Self::new(name, Syntax::Text, "", help) }
    }

    const fn content(name: &'static str, help: &'static str) -> Self {
        Self { placeholder: "<content>", ..Self::new(name, Syntax::Text, "", help) }
    }

    const fn hidden(self) -> Self {
        Self { hidden: true, ..self }
    }

    const fn without_effect(self, why: &'static str) -> Self {
        Self { without_effect: why, ..self }
    }

    const fn short(self, letter: char) -> Self {
        Self { short: Some(letter), ..self }
    }
}

/// Flags that belong together, under one heading of the help text.
#[derive(Debug, PartialEq, Eq)]
pub struct FlagGroup {
    /// The heading.
    pub heading: &'static str,
    /// The flags in the order of the help text.
    pub flags: &'static [FlagSpec],
}

/// What a command takes besides flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arguments {
    /// Nothing.
    None,
    /// Exactly one: its name and what it is.
    One(&'static str, &'static str),
    /// Any number: their name and what they are.
    Any(&'static str, &'static str),
}

/// One command.
#[derive(Debug, PartialEq, Eq)]
pub struct CommandSpec {
    /// The word that is typed.
    pub name: &'static str,
    /// What it does.
    pub about: &'static str,
    /// Its own flags; the application-wide ones come on top.
    pub groups: &'static [&'static FlagGroup],
    /// What it takes besides flags.
    pub arguments: Arguments,
    /// Commands below it; a command that has some does nothing itself.
    pub subcommands: &'static [CommandSpec],
}

/// The commands that this build can run, in the order of the help text.
pub const COMMANDS: &[CommandSpec] = &[COMPACT, PLAN, EXPLAIN, DEMO, PLUGIN, COMPLETIONS, HELP];

/// Prints the help of a command; always there.
pub const HELP: CommandSpec = CommandSpec {
    name: "help",
    about: "Show the help of a command.",
    groups: &[],
    arguments: Arguments::Any("command", "The command to show, for example `compact`."),
    subcommands: &[],
};

/// `lithify compact`.
pub const COMPACT: CommandSpec = CommandSpec {
    name: "compact",
    about: "Compacts and downsamples the blocks of an object store bucket and lets old ones go: once, or with --wait \
            for as long as it runs. What is done with which blocks is decided by policies, sandboxed WebAssembly \
            components.",
    groups: &[&BUCKET, &SELECTION, &COMPACTION, &DOWNSAMPLING, &LOOP, &RESOURCES, &POLICIES, &WORKING, &HTTP, &WEB],
    arguments: Arguments::None,
    subcommands: &[],
};

/// `lithify plan`.
pub const PLAN: CommandSpec = CommandSpec {
    name: "plan",
    about: "Prints what `compact` with the same flags would do, and why, and changes nothing.",
    groups: &[&OUTPUT, &BUCKET, &SELECTION, &COMPACTION, &DOWNSAMPLING, &POLICIES, &WORKING],
    arguments: Arguments::None,
    subcommands: &[],
};

/// `lithify explain`.
pub const EXPLAIN: CommandSpec = CommandSpec {
    name: "explain",
    about: "Tells of one block what each rule made of it, what the planner said, and what `compact` with the same flags \
            does to it next and when. Reads the block, and says what is wrong with it. Changes nothing.",
    groups: &[&OUTPUT, &CHECK, &BUCKET, &SELECTION, &COMPACTION, &DOWNSAMPLING, &POLICIES, &WORKING],
    arguments: Arguments::One("ulid", "The block: the name of its directory in the bucket."),
    subcommands: &[],
};

/// `lithify demo`.
pub const DEMO: CommandSpec = CommandSpec {
    name: "demo",
    about: "Makes a bucket of real blocks in a temporary directory, compacts and downsamples it, and shows what happened.",
    groups: &[&DEMONSTRATION],
    arguments: Arguments::None,
    subcommands: &[],
};

/// `lithify completions SHELL`.
pub const COMPLETIONS: CommandSpec = CommandSpec {
    name: "completions",
    about: "Prints a script that lets a shell complete commands and flags.",
    groups: &[],
    arguments: Arguments::One("shell", "bash, zsh or fish."),
    subcommands: &[],
};

/// `lithify plugin …`.
pub const PLUGIN: CommandSpec = CommandSpec {
    name: "plugin",
    about: "Builds policies, looks into them, compares what they decide, and lifts the marks that they have made.",
    groups: &[],
    arguments: Arguments::None,
    subcommands: &[
        CommandSpec {
            name: "build",
            about: "Compiles a policy crate to a WebAssembly component and prints its digest.",
            groups: &[&COMPONENT],
            arguments: Arguments::One("path", "Directory of the crate."),
            subcommands: &[],
        },
        CommandSpec {
            name: "inspect",
            about: "Prints the manifest of a component without running it.",
            groups: &[],
            arguments: Arguments::One("file", "The component."),
            subcommands: &[],
        },
        CommandSpec {
            name: "diff",
            about: "Prints what `compact` with the same flags would decide otherwise if its policies were those of the \
                    file, and changes nothing. Ends with status 0 if nothing differs, 1 if something does, and 2 if it \
                    cannot be told. What becomes of samples is not compared.",
            groups: &[&OUTPUT, &BUCKET, &SELECTION, &COMPACTION, &DOWNSAMPLING, &POLICIES, &WORKING],
            arguments: Arguments::One(
                "file",
                "Policies as --plugins.config-file has them; an empty file stands for the built-in ones.",
            ),
            subcommands: &[],
        },
        CommandSpec {
            name: "unmark",
            about: "Lifts the deletion marks that a retention rule from outside has made since a point in time, and no \
                    others. Without --no-dry-run it only shows them.",
            groups: &[&LIFTING, &OUTPUT, &BUCKET],
            arguments: Arguments::One("rule", "The rule's name, its plugin as configured, or the component's SHA-256."),
            subcommands: &[],
        },
    ],
};

impl CommandSpec {
    /// Its own flags and the application-wide ones.
    pub fn flags(&self) -> impl Iterator<Item = &'static FlagSpec> {
        self.groups.iter().copied().chain([&APPLICATION]).flat_map(|group| group.flags)
    }
}
