//! The program `lithify`: reads the command line and runs what it says.

use std::process::ExitCode;

use lithify_cli::flags::{self, Outcome, table};
use lithify_cli::logging::print_before_logging;

fn main() -> ExitCode {
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
        Outcome::Run(flags) => unreachable!("no command is offered that cannot be run: {flags:?}"),
    }
}
