//! The command line: one file or folder per command, its arguments beside the code that they run.

mod allow;
mod completions;
mod config;
mod config_edit;
mod config_set;
mod config_values;
mod dataset;
mod delivery_context;
mod doctor;
mod exit_status;
mod experiment;
mod export;
mod flush;
mod forget;
mod git;
mod global_args;
pub mod help;
mod hook;
mod install;
mod instructions;
mod interrupt;
mod man;
mod newest_first;
mod nix_options;
mod output;
mod pause;
mod preview;
mod regions;
mod remedy;
mod replay;
mod retry_after;
mod score;
mod session_args;
mod session_facts;
mod session_ref;
mod sessions;
mod setup;
mod show;
mod start_directory;
mod status;
mod status_line;
mod time_arg;
mod tools;
mod trace;
mod turn_roots;
mod turn_selector;
mod usage;
mod verify;
mod waiting;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::log_file;
use global_args::GlobalArgs;
pub use output::finish_usage;

/// Send Claude Code sessions to Langfuse
#[derive(Debug, Parser)]
#[command(
    name = "claude-langfuse",
    version,
    arg_required_else_help = true,
    propagate_version = true
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    global: GlobalArgs,
}

// In the order of the groups in `help::GROUPS`.
#[derive(Debug, Subcommand)]
enum Command {
    Setup(setup::SetupArgs),
    Install(install::InstallArgs),
    Uninstall(install::UninstallArgs),
    Trace(trace::TraceArgs),
    Config(config::ConfigArgs),
    Allow(allow::AllowArgs),
    Revoke(allow::RevokeArgs),
    Pause(pause::PauseArgs),
    Resume(pause::ResumeArgs),
    Status(status::StatusArgs),
    Sessions(sessions::SessionsArgs),
    Show(show::ShowArgs),
    Usage(usage::UsageArgs),
    Tools(tools::ToolsArgs),
    Replay(replay::ReplayArgs),
    Flush(flush::FlushArgs),
    Verify(verify::VerifyArgs),
    Forget(forget::ForgetArgs),
    Score(score::ScoreArgs),
    Export(export::ExportArgs),
    Dataset(dataset::DatasetArgs),
    Experiment(experiment::ExperimentArgs),
    Instructions(instructions::InstructionsArgs),
    Doctor(doctor::DoctorArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
    Hook(hook::HookArgs),
}

impl Cli {
    /// Parses the arguments of the process.
    ///
    /// # Errors
    /// If they are wrong, or ask for help or the version.
    pub fn from_process() -> Result<Self, clap::Error> {
        let parsed = Self::try_parse();
        let is_version = |error: &clap::Error| error.kind() == ErrorKind::DisplayVersion;
        if parsed.as_ref().map_or_else(is_version, |_| true) {
            return parsed;
        }
        // Building the texts of the help takes as long as the definitions of all commands, so that `status --line` does
        // without.
        let mut command = help::complete(Self::command());
        let matches =
            command.try_get_matches_from_mut(std::env::args_os()).map_err(help::suggest_setup)?;
        Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
    }

    /// Runs the command that was typed.
    pub fn run(self) -> ExitCode {
        let Self { command, global } = self;
        // A hook logs to its file and prints nothing.
        if !matches!(command, Command::Hook(_)) {
            log_file::to_stderr(global.verbose, global.quiet, output::for_people);
        }
        let result = match command {
            Command::Setup(args) => setup::run(&args, &global),
            Command::Install(args) => install::install(&args, &global),
            Command::Uninstall(args) => install::uninstall(&args, &global),
            Command::Trace(args) => trace::run(&args, &global),
            Command::Config(args) => config::run(&args, &global),
            Command::Allow(args) => allow::allow(&args, &global),
            Command::Revoke(args) => allow::revoke(&args, &global),
            Command::Pause(args) => pause::pause(&args, &global),
            Command::Resume(args) => pause::resume(&args, &global),
            Command::Status(args) => status::run(&args, &global),
            Command::Sessions(args) => sessions::run(&args, &global),
            Command::Show(args) => show::run(&args, &global),
            Command::Usage(args) => usage::run(&args, &global),
            Command::Tools(args) => tools::run(&args, &global),
            Command::Replay(args) => replay::run(&args, &global),
            Command::Flush(args) => flush::run(&args, &global),
            Command::Verify(args) => verify::run(&args, &global),
            Command::Forget(args) => forget::run(&args, &global),
            Command::Score(args) => score::run(&args, &global),
            Command::Export(args) => export::run(&args, &global),
            Command::Dataset(args) => dataset::run(&args, &global),
            Command::Experiment(args) => experiment::run(&args, &global),
            Command::Instructions(args) => instructions::run(&args, &global),
            Command::Doctor(args) => doctor::run(&args, &global),
            Command::Completions(args) => completions::run(&args, Self::command()),
            Command::Man(args) => man::run(&args, Self::command()),
            Command::Hook(_) => Ok(hook::run(&global)),
        };
        ExitCode::from(output::finish(result).code())
    }
}
