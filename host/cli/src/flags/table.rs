//! Every flag and command in one place: name, syntax, default, help.

/// How a flag's value is written. The letters are those of the compactor specification, section 0.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// `--x`, `--no-x`, `--x=true`, `--x=false`.
    Bool,
    /// A whole number.
    Integer,
    /// Any text.
    Text,
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
    /// What it does.
    pub help: &'static str,
}

impl FlagSpec {
    const fn new(name: &'static str, syntax: Syntax, default: &'static str, help: &'static str) -> Self {
        Self { name, short: None, syntax, default, placeholder: "", hidden: false, help }
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
pub const COMMANDS: &[CommandSpec] = &[COMPACT, PLAN, DEMO, PLUGIN, HELP];

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
    about: "Compacts the blocks of an object store bucket, once, and ends. Which blocks are looked at, which belong \
            together and which become one is decided by policies, sandboxed WebAssembly components.",
    groups: &[&BUCKET, &SELECTION, &PLANNING, &RESOURCES, &POLICIES, &WORKING, &HTTP],
    arguments: Arguments::None,
    subcommands: &[],
};

/// `lithify plan`.
pub const PLAN: CommandSpec = CommandSpec {
    name: "plan",
    about: "Prints what `compact` with the same flags would do, and why, and changes nothing.",
    groups: &[&OUTPUT, &BUCKET, &SELECTION, &PLANNING, &POLICIES, &WORKING],
    arguments: Arguments::None,
    subcommands: &[],
};

/// `lithify demo`.
pub const DEMO: CommandSpec = CommandSpec {
    name: "demo",
    about: "Makes a bucket of real blocks in a temporary directory, compacts it, and shows what happened.",
    groups: &[&DEMONSTRATION],
    arguments: Arguments::None,
    subcommands: &[],
};

/// `lithify plugin …`.
pub const PLUGIN: CommandSpec = CommandSpec {
    name: "plugin",
    about: "Builds policies and looks into them.",
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
    ],
};

const COMPONENT: FlagGroup = FlagGroup {
    heading: "Output",
    flags: &[FlagSpec::new(
        "output",
        Syntax::Text,
        "",
        "File to write the component to; without it NAME.wasm in the directory of the crate.",
    )],
};

/// Flags that every command takes, before or after its name.
pub const APPLICATION: FlagGroup = FlagGroup {
    heading: "Application-wide flags",
    flags: &[
        FlagSpec::bool("help", "Show the help of the program, or of the command that stands before or after it.")
            .short('h'),
        FlagSpec::bool("help-long", "Show the help of the program and of every command.").hidden(),
        FlagSpec::bool("version", "Show the version."),
        FlagSpec::new(
            "log.level",
            Syntax::OneOf(&["error", "warn", "info", "debug"]),
            "info",
            "Least important log lines to show: error, warn, info or debug.",
        ),
        FlagSpec::new("log.format", Syntax::OneOf(&["logfmt", "json"]), "logfmt", "Log format: logfmt or json."),
    ],
};

const BUCKET: FlagGroup = FlagGroup {
    heading: "Bucket",
    flags: &[
        FlagSpec::file(
            "objstore.config-file",
            "YAML file that says where the bucket is: `type: FILESYSTEM` or `type: S3`, `config:`, and an optional \
             `prefix:`. Every $(VAR) in it is replaced by that environment variable.",
        ),
        FlagSpec::content(
            "objstore.config",
            "The same as text instead of a file; not both. Text given here can be seen in the list of processes, so \
             secrets belong in the file or in a $(VAR).",
        ),
        FlagSpec::new(
            "block-meta-fetch-concurrency",
            Syntax::Integer,
            "32",
            "How many meta.json files and marks are read from the bucket at the same time.",
        ),
    ],
};

const SELECTION: FlagGroup = FlagGroup {
    heading: "Which blocks",
    flags: &[
        FlagSpec::new(
            "consistency-delay",
            Syntax::GoDuration,
            "30m",
            "Least age of a block before it is looked at, unless a compactor made it.",
        ),
        FlagSpec::new(
            "min-time",
            Syntax::TimeOrDuration,
            "0000-01-01T00:00:00Z",
            "Leave alone blocks that end before this: an RFC 3339 timestamp or a distance from now, such as -30d or \
             2h45m. Units are ms, s, m, h, d, w, y.",
        ),
        FlagSpec::new(
            "max-time",
            Syntax::TimeOrDuration,
            "9999-12-31T23:59:59Z",
            "Leave alone blocks that start after this; written as --min-time.",
        ),
        FlagSpec::file(
            "selector.relabel-config-file",
            "YAML file with relabelling rules over the external labels of blocks, with the actions keep, drop and \
             hashmod. Blocks that the rules drop are left alone. Every $(VAR) in it is replaced by that environment \
             variable.",
        ),
        FlagSpec::content("selector.relabel-config", "The same as text instead of a file; not both."),
    ],
};

const PLANNING: FlagGroup = FlagGroup {
    heading: "What is done",
    flags: &[
        FlagSpec::bool(
            "downsampling.disable",
            "Do not downsample. This release never does; without this flag it says which blocks are due.",
        ),
        FlagSpec::new(
            "delete-delay",
            Syntax::PromDuration,
            "48h",
            "Age of a deletion mark before the marked block may be deleted. A marked block is left out of compaction \
             once half of this time has passed. This release deletes no blocks.",
        ),
        FlagSpec::new(
            "compact.block-max-index-size",
            Syntax::Bytes,
            "64GB",
            "Blocks are not merged when their index files together exceed this; the largest is marked no-compact.",
        )
        .hidden(),
        FlagSpec::new(
            "debug.max-compaction-level",
            Syntax::Integer,
            "4",
            "Highest range that blocks are merged into: 0 is 1h, 1 is 2h, 2 is 8h, 3 is 2d, 4 is 14d.",
        )
        .hidden(),
    ],
};

const RESOURCES: FlagGroup = FlagGroup {
    heading: "Resources",
    flags: &[
        FlagSpec::new(
            "compact.concurrency",
            Syntax::Integer,
            "1",
            "How many groups of blocks are compacted at the same time.",
        ),
        FlagSpec::new(
            "compact.memory-budget",
            Syntax::Bytes,
            "0",
            "Memory that running merges may take together, for example 4GiB; a merge waits until its share is free. 0 \
             is half of what the machine or the control group has.",
        ),
    ],
};

const WORKING: FlagGroup = FlagGroup {
    heading: "Working directory",
    flags: &[FlagSpec::new(
        "data-dir",
        Syntax::Text,
        "./data",
        "Directory for what is kept from run to run: compiled policies and what is known of the bucket. Blocks are \
         streamed and never stored here.",
    )],
};

const POLICIES: FlagGroup = FlagGroup {
    heading: "Policies",
    flags: &[
        FlagSpec::file(
            "plugins.config-file",
            "YAML file that names the policies: `selector:`, `grouper:` and `planner:`, each with `plugin:` and what \
             it needs. What is not named is the built-in policy. Every $(VAR) in it is replaced by that environment \
             variable.",
        ),
        FlagSpec::content("plugins.config", "The same as text instead of a file; not both."),
    ],
};

const HTTP: FlagGroup = FlagGroup {
    heading: "HTTP",
    flags: &[
        FlagSpec::new(
            "http-address",
            Syntax::Text,
            "0.0.0.0:10902",
            "host:port to serve /metrics, /-/healthy and /-/ready on. Port 0 takes any free one and logs it.",
        ),
        FlagSpec::new(
            "http-grace-period",
            Syntax::PromDuration,
            "2m",
            "How long open connections may go on after the end of the run.",
        ),
    ],
};

const OUTPUT: FlagGroup = FlagGroup {
    heading: "Output",
    flags: &[FlagSpec::new(
        "output",
        Syntax::OneOf(&["table", "json"]),
        "table",
        "Format on standard output: table or json.",
    )],
};

const DEMONSTRATION: FlagGroup = FlagGroup {
    heading: "Demonstration",
    flags: &[
        FlagSpec {
            placeholder: "<directory>",
            ..FlagSpec::new(
                "dir",
                Syntax::Text,
                "",
                "Directory to make the bucket in; it must be empty or absent. Otherwise a fresh temporary one, which \
                 is removed at the end.",
            )
        },
        FlagSpec::bool("keep", "Do not remove the temporary directory. One named by --dir always stays."),
        FlagSpec::new("series", Syntax::Integer, "2000", "How many series each block has."),
        FlagSpec::new("seed", Syntax::Integer, "1", "Number that the samples are made from: same seed, same blocks."),
        FlagSpec::new(
            "color",
            Syntax::Bool,
            "true",
            "Use colours when the output is a terminal and NO_COLOR is not set.",
        ),
    ],
};

impl CommandSpec {
    /// Its own flags and the application-wide ones.
    pub fn flags(&self) -> impl Iterator<Item = &'static FlagSpec> {
        self.groups.iter().copied().chain([&APPLICATION]).flat_map(|group| group.flags)
    }
}
