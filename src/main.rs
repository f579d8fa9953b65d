//! Parse, dispatch, error to exit code. Nothing else.

use std::process::ExitCode;

use clap::Parser;
use claude_langfuse::cli::{Cli, Command};
use claude_langfuse::{command, hook, log_file};

fn main() -> ExitCode {
    let Cli { command, global } = Cli::parse();
    if let Command::Hook = command {
        hook::run();
        return ExitCode::SUCCESS;
    }
    log_file::to_stderr(global.verbose, global.quiet);
    let result = match command {
        Command::Hook => Ok(command::Outcome::Done),
        Command::Replay(arguments) => command::replay::run(&arguments, &global),
        Command::Sessions(arguments) => command::sessions::run(&arguments, &global),
        Command::Show(arguments) => command::show::run(&arguments, &global),
        Command::Verify(arguments) => command::verify::run(&arguments, &global),
        Command::Flush(arguments) => command::flush::run(&arguments, &global),
        Command::Install(arguments) => command::install::install(&arguments),
        Command::Uninstall(arguments) => command::install::uninstall(&arguments),
        Command::Pause(arguments) => command::pause::pause(&arguments, &global),
        Command::Resume(arguments) => command::pause::resume(&arguments, &global),
        Command::Status(arguments) => command::status::run(&arguments, &global),
        Command::Doctor(arguments) => command::doctor::run(&arguments, &global),
        Command::Config(arguments) => command::config::run(&arguments, &global),
        Command::Completions(arguments) => command::completions::run(&arguments),
        Command::Man => command::man::run(),
    };
    command::exit_code(result)
}
