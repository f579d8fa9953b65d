//! Parse, dispatch, error to exit code. Nothing else.

use std::process::ExitCode;

use clap::Parser;
use claude_langfuse::commands::cli::{Cli, Command};
use claude_langfuse::{commands, hook, log_file};

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
        Command::Hook => Ok(commands::Outcome::Done),
        Command::Replay(arguments) => commands::replay::run(&arguments, &global),
        Command::Sessions(arguments) => commands::sessions::run(&arguments, &global),
        Command::Show(arguments) => commands::show::run(&arguments, &global),
        Command::Dataset(arguments) => commands::dataset::run(&arguments, &global),
        Command::Export(arguments) => commands::export::run(&arguments, &global),
        Command::Verify(arguments) => commands::verify::run(&arguments, &global),
        Command::Score(arguments) => commands::score::run(&arguments, &global),
        Command::Flush(arguments) => commands::flush::run(&arguments, &global),
        Command::Install(arguments) => commands::install::install(&arguments),
        Command::Uninstall(arguments) => commands::install::uninstall(&arguments),
        Command::Pause(arguments) => commands::pause::pause(&arguments, &global),
        Command::Resume(arguments) => commands::pause::resume(&arguments, &global),
        Command::Allow(arguments) => commands::allow::allow(&arguments, &global),
        Command::Revoke(arguments) => commands::allow::revoke(&arguments, &global),
        Command::Status(arguments) => commands::status::run(&arguments, &global),
        Command::Doctor(arguments) => commands::doctor::run(&arguments, &global),
        Command::Config(arguments) => commands::config::run(&arguments, &global),
        Command::Completions(arguments) => commands::completions::run(&arguments),
        Command::Man => commands::man::run(),
    };
    commands::exit_code(result)
}
