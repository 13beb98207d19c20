//! The program `lithify`: reads the command line and runs what it says.

use std::{
    path::Path,
    process::ExitCode,
    sync::{Arc, Mutex},
};

use lithify_cli::{
    commands::{compact, demo, diff, explain, plan, plugin, unmark},
    config::{
        self, CompactConfig, ConfigError, DemoConfig, DiffConfig, ExplainConfig, PlanConfig, Surroundings,
        UnmarkConfig, check_application,
    },
    flags::{self, Command, Flags, Outcome, table},
    heap,
    logging::{
        self, Format, LogLayer,
        journal::{Journal, SOCKET},
        print_before_logging,
    },
    machine_memory,
    render::look::Look,
    screen::Screen,
    traces::{self, Exporter, TraceLayer, Tracer},
    wire::log_clock,
};
use lithify_compactor::{Ambient as _, Machine};

/// Threads for what waits: requests, timers, signals. What computes runs on threads of its own.
const WAITING_THREADS: usize = 2;

fn main() -> ExitCode {
    heap::give_back();
    let arguments: Vec<String> = match std::env::args_os().map(std::ffi::OsString::into_string).collect() {
        Ok(arguments) => arguments,
        Err(argument) => {
            print_before_logging(&format!("lithify: error: argument {argument:?} is not valid UTF-8\n"));
            return ExitCode::FAILURE;
        }
    };
    match flags::parse(table::COMMANDS, &arguments) {
        Outcome::Print { text, status } => {
            print_before_logging(&text);
            ExitCode::from(status)
        }
        Outcome::Answer(text) => {
            // A reader that has seen enough closes the pipe; that is no failure of ours.
            let _ = std::io::Write::write_all(&mut std::io::stdout().lock(), text.as_bytes());
            ExitCode::SUCCESS
        }
        Outcome::Run(flags) => run(&flags),
    }
}

fn run(flags: &Flags) -> ExitCode {
    let screen = Arc::new(Mutex::new(Screen::standard_error()));
    // What these print is the answer; the log of how it came about is there for those who ask for it.
    let level = match (&flags.command, flags.log_level) {
        (
            Command::Plan(_)
            | Command::Explain(_)
            | Command::Demo(_)
            | Command::PluginDiff(_)
            | Command::PluginUnmark(_),
            "info",
        ) => "warn",
        (_, level) => level,
    };
    let (level, format) = (logging::level_named(level), Format::named(flags.log_format));
    let journal = match flags.log_format {
        "journald" => match Journal::connect(Path::new(SOCKET)) {
            Ok(journal) => Some(journal),
            // There is no logger yet that could tell.
            Err(_) => {
                print_before_logging(&format!("{}\n", ConfigError::Journal));
                return ExitCode::FAILURE;
            }
        },
        _ => None,
    };
    let layer = LogLayer::new(level, format, log_clock(), Arc::clone(&screen));
    let layer = layer.named(&flags.debug_name).into_journal(journal);
    let tracing = match tracing(flags) {
        Ok(tracing) => tracing,
        Err(error) => {
            layer.install(None);
            return refused(&error);
        }
    };
    layer.install(tracing.as_ref().map(|(tracer, _)| TraceLayer::new(Arc::clone(tracer))));
    if let Err(error) = check_application(flags) {
        return refused(&error);
    }
    let built = tokio::runtime::Builder::new_multi_thread().worker_threads(WAITING_THREADS).enable_all().build();
    let runtime = match built {
        Ok(runtime) => runtime,
        Err(error) => return refused(&error),
    };
    let status = runtime.block_on(async {
        let (tracer, exporter) = tracing.unzip();
        let exporting = exporter.map(Exporter::start);
        let status = dispatch(&flags.command, screen, tracer).await.unwrap_or_else(|error| refused(&error));
        if let Some(exporting) = exporting {
            exporting.close().await;
        }
        status
    });
    // A thread that waits for a store that does not answer must not keep the process.
    runtime.shutdown_background();
    status
}

fn surroundings() -> Surroundings<'static> {
    Surroundings { environment: &environment, memory_bytes: machine_memory::bytes() }
}

/// What takes spans and what sends them, if traces are wanted. Only `compact` has any.
fn tracing(flags: &Flags) -> Result<Option<(Arc<Tracer>, Exporter)>, ConfigError> {
    let Some(config) = config::traces(flags, surroundings())? else { return Ok(None) };
    let exported = traces::export(config, Arc::new(Machine::new()), &environment)?;
    Ok(Some(exported).filter(|_| matches!(flags.command, Command::Compact(_))))
}

async fn dispatch(
    command: &Command,
    screen: Arc<Mutex<Screen>>,
    tracer: Option<Arc<Tracer>>,
) -> Result<ExitCode, ConfigError> {
    let surroundings = surroundings();
    let look = |color| {
        let columns = terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| usize::from(width.0));
        Look::new(columns, color, &environment)
    };
    Ok(match command {
        Command::Compact(flags) => {
            compact::run(CompactConfig::new(flags, surroundings)?, &environment, screen, tracer).await
        }
        Command::Plan(flags) => plan::run(PlanConfig::new(flags, surroundings)?, &environment, look(true)).await,
        Command::Explain(flags) => {
            explain::run(ExplainConfig::new(flags, surroundings)?, &environment, look(true)).await
        }
        Command::Demo(flags) => {
            let config = DemoConfig::new(flags)?;
            let look = look(config.color);
            demo::run(config, look, screen).await
        }
        Command::PluginBuild(path, output) => {
            plugin::run_build(path, Some(output.as_path()).filter(|output| !output.as_os_str().is_empty()))
        }
        Command::PluginInspect(file) => plugin::run_inspect(file),
        Command::PluginDiff(flags) => match DiffConfig::new(flags, surroundings) {
            Ok(config) => diff::run(config, &environment, look(true)).await,
            Err(error) => {
                refused(&error);
                ExitCode::from(diff::TROUBLE)
            }
        },
        Command::PluginUnmark(flags) => {
            let now = Machine::new().timestamp();
            unmark::run(UnmarkConfig::new(flags, surroundings, now)?, &environment, look(true)).await
        }
    })
}

#[expect(clippy::disallowed_methods, reason = "this is the place where the environment is read")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn refused(error: &(dyn std::error::Error + 'static)) -> ExitCode {
    tracing::error!(err = %logging::chain(error), "running command failed");
    ExitCode::FAILURE
}
