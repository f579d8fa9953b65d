//! Parse, dispatch, error to exit code. Nothing else.

use std::process::ExitCode;

use clap::Parser;
use claude_langfuse::cli::{Cli, Command};
use claude_langfuse::{command, hook, log_file};

fn main() -> ExitCode {
    // A hook runs after every answer, and the definitions of all commands are a third of what an idle one costs.
    if std::env::args_os().skip(1).eq(["hook"]) {
        hook::run(None, None);
        return ExitCode::SUCCESS;
    }
    match Cli::try_parse() {
        Ok(cli) => run(cli),
        // Claude Code shows exit code 2 of a hook to its user: a hook goes without what it does not understand.
        Err(error) if error.use_stderr() && is_hook() => {
            hook::run(None, Some(error.to_string()));
            ExitCode::SUCCESS
        }
        Err(error) => error.exit(),
    }
}

fn is_hook() -> bool {
    std::env::args_os().skip(1).any(|word| word == "hook")
}

fn run(Cli { command, global }: Cli) -> ExitCode {
    if let Command::Hook = command {
        hook::run(global.config, None);
        return ExitCode::SUCCESS;
    }
    log_file::to_stderr(global.verbose, global.quiet);
    let result = match command {
        Command::Hook => Ok(command::Outcome::Done),
        Command::Replay(arguments) => command::replay::run(&arguments, &global),
        Command::Sessions(arguments) => command::sessions::run(&arguments, &global),
        Command::Show(arguments) => command::show::run(&arguments, &global),
        Command::Dataset(arguments) => command::dataset::run(&arguments, &global),
        Command::Export(arguments) => command::export::run(&arguments, &global),
        Command::Verify(arguments) => command::verify::run(&arguments, &global),
        Command::Score(arguments) => command::score::run(&arguments, &global),
        Command::Flush(arguments) => command::flush::run(&arguments, &global),
        Command::Install(arguments) => command::install::install(&arguments),
        Command::Uninstall(arguments) => command::install::uninstall(&arguments),
        Command::Pause(arguments) => command::pause::pause(&arguments, &global),
        Command::Resume(arguments) => command::pause::resume(&arguments, &global),
        Command::Allow(arguments) => command::allow::allow(&arguments, &global),
        Command::Revoke(arguments) => command::allow::revoke(&arguments, &global),
        Command::Status(arguments) => command::status::run(&arguments, &global),
        Command::Doctor(arguments) => command::doctor::run(&arguments, &global),
        Command::Config(arguments) => command::config::run(&arguments, &global),
        Command::Completions(arguments) => command::completions::run(&arguments),
        Command::Man => command::man::run(),
    };
    command::exit_code(result)
}
