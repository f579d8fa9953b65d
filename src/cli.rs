//! The command line: definitions only, so that completions and the man page can be made from them.

use std::path::PathBuf;

use base::Timestamp;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{ArgAction, ArgGroup, Args, Parser, Subcommand};

use judgement::{Judgement, Kind};
use reference::Reference;

pub mod dataset;
pub mod export;
pub mod help;
pub mod judgement;
pub mod reference;
pub mod when;

/// Send Claude Code sessions to Langfuse
#[derive(Debug, Parser)]
#[command(
    name = "claude-langfuse",
    version,
    arg_required_else_help = true,
    after_help = "Run 'claude-langfuse <COMMAND> --help' for examples, 'claude-langfuse --help' for all variables.",
    after_long_help = help::below_all(),
    propagate_version = true
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
}

/// Options of every command.
#[derive(Clone, Debug, Default, Args)]
pub struct Global {
    /// Read this configuration file instead of ~/.config/claude-langfuse/config.json
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Say more on standard error (can be repeated)
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Print errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Handle one hook event of Claude Code (it calls this itself)
    ///
    /// Reads one JSON event from standard input and sends what is new in its session. Register it for Stop and
    /// SessionEnd in Claude Code's settings.json. It prints nothing and always exits with 0; what it did stands in
    /// langfuse_hook.log in the state folder (~/.claude/state).
    #[command(after_help = help::HOOK_EXAMPLES)]
    Hook,
    /// Send sessions that are already on disk
    ///
    /// Sends what Langfuse has not acknowledged of each session, whatever its age. Naming a session is consent to send
    /// it; --all takes only projects for which TRACE_TO_LANGFUSE is true. What was acknowledged is kept at once: after
    /// Ctrl-C the same command goes on where it was. A server that asks for a pause is given it.
    #[command(after_help = help::REPLAY_EXAMPLES)]
    Replay(Replay),
    /// List the sessions on disk
    ///
    /// Newest first: when it last went on, its project, how many of its turns Langfuse has acknowledged, its tokens and its
    /// title, else its first prompt. The ids are those that other commands take.
    #[command(after_help = help::SESSIONS_EXAMPLES)]
    Sessions(Sessions),
    /// Show a session as Langfuse would
    ///
    /// Prints the turns of a session with their model calls, tools and agents, as 'replay' would send them: after
    /// masking. Tokens are summed up and compared with what Claude Code itself counted. Langfuse reckons the cost by its
    /// own prices, so none is shown here. Nothing is sent, no keys are needed.
    #[command(after_help = help::SHOW_EXAMPLES)]
    Show(Show),
    /// Write conversations to a file, for fine-tuning and evaluation
    ///
    /// Writes one JSON object a line: the messages that the model was sent, and its answer. What 'replay' would mask or leave
    /// out is masked or left out here too. Nothing is sent, no keys are needed.
    #[command(after_help = help::EXPORT_EXAMPLES)]
    Export(export::Export),
    /// Keep turns as items of a dataset in Langfuse
    #[command(after_help = help::DATASET_EXAMPLES)]
    Dataset(dataset::Dataset),
    /// Check that all that was sent has arrived
    ///
    /// Langfuse answers before it has stored anything. This reads the observations back and compares ids, starts and tokens
    /// with what the transcript says: missing, double, different. What was not to be sent is not missed.
    #[command(after_help = help::VERIFY_EXAMPLES)]
    Verify(Verify),
    /// Say in Langfuse how good a turn or a session was
    ///
    /// Scores the trace of a turn, or the session as a whole. A number is numeric, 'true' and 'false' are boolean, any other
    /// word is categorical. Scoring once more by the same name replaces. Comments are masked as all that leaves.
    #[command(after_help = help::SCORE_EXAMPLES)]
    Score(Score),
    /// Send what hooks left behind
    ///
    /// Looks after the sessions that hooks have begun to send, and sends what is left of each to the place where it
    /// began. Sessions that no hook has seen are the business of 'replay'.
    #[command(after_help = help::FLUSH_EXAMPLES)]
    Flush(Flush),
    /// Register the hook in Claude Code's settings
    ///
    /// Adds one entry each for Stop and SessionEnd to ~/.claude/settings.json, or mends those that are there. All else in
    /// the file stays, and what it was before is kept beside it. An entry whose program is gone does nothing.
    #[command(after_help = help::INSTALL_EXAMPLES)]
    Install(Install),
    /// Take the hook out of Claude Code's settings
    #[command(after_help = help::UNINSTALL_EXAMPLES)]
    Uninstall(Registration),
    /// Send nothing for a while
    ///
    /// Turns that are opened until 'resume' are not sent, neither now nor later by hooks or 'flush'. An explicit 'replay'
    /// sends them.
    #[command(after_help = help::PAUSE_EXAMPLES)]
    Pause(Pause),
    /// End a pause
    ///
    /// From the next prompt on, turns are sent again. Those of the pause stay unsent; an explicit 'replay' sends them.
    #[command(after_help = help::PAUSE_EXAMPLES)]
    Resume(Pause),
    /// Let a project's own settings name keys and host
    ///
    /// Keys and hosts in a project's .claude/settings.json or settings.local.json come with the repository, so they count only
    /// once you allowed them. Shows the values and where they lead to, and asks. Another value is asked about again.
    #[command(after_help = help::ALLOW_EXAMPLES)]
    Allow(Allow),
    /// Take back what 'allow' allowed
    #[command(after_help = help::ALLOW_EXAMPLES)]
    Revoke(Revoke),
    /// Tell whether it works: what was delivered, what waits, what is wrong
    ///
    /// Asks nobody, so it is quick: what it tells stands on this machine. 'doctor' also asks Langfuse.
    #[command(after_help = help::STATUS_EXAMPLES)]
    Status(Status),
    /// Find out why nothing arrives, and what to do
    ///
    /// Looks at the configuration, the state folder, the way to Langfuse and its keys, the hooks in Claude Code's settings,
    /// and the newest transcript. What it prints can be pasted: no secrets, and ~ for the home folder.
    #[command(after_help = help::DOCTOR_EXAMPLES)]
    Doctor(Doctor),
    /// Show which settings count here, and where each was made
    ///
    /// Secrets are shown by their last four characters. 'config check' says what is wrong: values that can't be used, keys
    /// that are missing, variables that nothing reads.
    #[command(after_help = help::CONFIG_EXAMPLES)]
    Config(Config),
    /// Print what completes commands and options in a shell
    #[command(after_help = help::COMPLETIONS_EXAMPLES)]
    Completions(Completions),
    /// Print the manual page
    #[command(after_help = help::MAN_EXAMPLES)]
    Man,
}

/// Arguments of `replay`.
#[derive(Clone, Debug, Default, Args)]
#[command(group = ArgGroup::new("which").args(["targets", "all"]).required(true))]
pub struct Replay {
    /// Transcripts, folders of transcripts, or session ids (the beginning is enough)
    #[arg(value_name = "PATH|SESSION")]
    pub targets: Vec<String>,
    /// Every session of every project for which tracing is on
    #[arg(long)]
    pub all: bool,
    /// Which of them.
    #[command(flatten)]
    pub filter: Filter,
    /// Print exactly what would be sent, one request a line, and send nothing; needs no keys
    #[arg(long)]
    pub dry_run: bool,
    /// Send all turns, also those that Langfuse has acknowledged
    #[arg(long)]
    pub again: bool,
    /// Capture mode, also where a stricter one was agreed
    #[arg(long, value_name = "MODE", conflicts_with = "all", value_parser = PossibleValuesParser::new(["full", "no-tool-content", "metadata"]).try_map(|mode| mode.parse::<crate::config::Capture>()))]
    pub capture: Option<crate::config::Capture>,
    /// Print one JSON object a session, with --all one a project, and one for all
    #[arg(long, conflicts_with = "dry_run")]
    pub json: bool,
}

/// Arguments of `sessions`.
#[derive(Clone, Debug, Default, Args)]
pub struct Sessions {
    /// Which of them.
    #[command(flatten)]
    pub filter: Filter,
    /// So many at most; 0 for all
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
    /// Print one JSON object a session
    #[arg(long)]
    pub json: bool,
}

/// Which sessions, of those that are on disk.
#[derive(Clone, Debug, Default, Args)]
pub struct Filter {
    /// Only sessions that were started in this directory or below it
    #[arg(long, value_name = "DIR")]
    pub project: Option<PathBuf>,
    /// Only sessions that went on after this: an age (90m, 12h, 7d, 2w) or a date (2026-11-23, in UTC)
    #[arg(long, value_name = "WHEN", value_parser = when::parse)]
    pub since: Option<Timestamp>,
    /// Only sessions that did not go on after this
    #[arg(long, value_name = "WHEN", value_parser = when::parse)]
    pub until: Option<Timestamp>,
}

/// Arguments of `show`.
#[derive(Clone, Debug, Default, Args)]
pub struct Show {
    /// A transcript, or a session's id (the beginning is enough); with #N or #A..B only those turns of it
    #[arg(value_name = "PATH|SESSION", value_parser = reference::parse)]
    pub session: Reference,
    /// Only this turn of the session: the same as #N
    #[arg(long, value_name = "N")]
    pub turn: Option<u64>,
    /// Print one JSON object an observation, with all that would be sent of it, and one for all
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `install`.
#[derive(Clone, Debug, Default, Args)]
pub struct Install {
    /// Register the program at this path, whether or not it is there yet
    #[arg(long, value_name = "PATH")]
    pub program: Option<PathBuf>,
    /// What `uninstall` takes too.
    #[command(flatten)]
    pub common: Registration,
}

/// Arguments of `install` and `uninstall`.
#[derive(Clone, Debug, Default, Args)]
pub struct Registration {
    /// The personal settings of this project (.claude/settings.local.json), not those of the user
    #[arg(long, value_name = "DIR")]
    pub project: Option<PathBuf>,
    /// Print what would change, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print one JSON object a file
    #[arg(long, conflicts_with = "dry_run")]
    pub json: bool,
}

/// Arguments of `verify`.
#[derive(Clone, Debug, Default, Args)]
#[command(group = ArgGroup::new("which").args(["session", "since"]).required(true))]
pub struct Verify {
    /// A transcript, or a session's id (the beginning is enough)
    #[arg(value_name = "PATH|SESSION")]
    pub session: Option<String>,
    /// Every session of the projects that are traced that went on after this: an age (7d) or a date (2026-11-23, in UTC)
    #[arg(long, value_name = "WHEN", value_parser = when::parse)]
    pub since: Option<Timestamp>,
    /// Send what is missing, and look again
    #[arg(long)]
    pub repair: bool,
    /// How long to wait for what was sent just now
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub wait: u64,
    /// Print one JSON object a session, and one for all
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `score`.
#[derive(Clone, Debug, Default, Args)]
pub struct Score {
    /// A transcript, or a session's id (the beginning is enough); with #N that turn of it
    #[arg(value_name = "PATH|SESSION", value_parser = reference::parse)]
    pub session: Reference,
    /// What is judged, and how
    #[arg(value_name = "NAME=VALUE", required = true, value_parser = judgement::parse)]
    pub judgements: Vec<Judgement>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub comment: Option<String>,
    /// What the values are, where they don't tell: numeric, boolean, categorical or text
    #[arg(long = "type", value_name = "TYPE", value_parser = judgement::kind)]
    pub kind: Option<Kind>,
    /// Print exactly what would be sent, and send nothing; needs no keys
    #[arg(long)]
    pub dry_run: bool,
    /// Print one JSON object
    #[arg(long, conflicts_with = "dry_run")]
    pub json: bool,
}

/// Arguments of `pause` and `resume`.
#[derive(Clone, Debug, Default, Args)]
pub struct Pause {
    /// Only sessions that were started in this directory or below it
    #[arg(long, value_name = "DIR")]
    pub project: Option<PathBuf>,
}

/// Arguments of `allow`.
#[derive(Clone, Debug, Default, Args)]
pub struct Allow {
    /// Folder that sessions are started in [default: the current one]
    #[arg(value_name = "DIR")]
    pub directory: Option<PathBuf>,
    /// List what is allowed, and ask nothing
    #[arg(long, conflicts_with_all = ["directory", "print"])]
    pub list: bool,
    /// Print what to declare in config.json, and ask nothing
    #[arg(long)]
    pub print: bool,
}

/// Arguments of `revoke`.
#[derive(Clone, Debug, Default, Args)]
pub struct Revoke {
    /// Folder of the repository [default: the current one]
    #[arg(value_name = "DIR")]
    pub directory: Option<PathBuf>,
}

/// Arguments of `status`.
#[derive(Clone, Debug, Default, Args)]
pub struct Status {
    /// As if a session were started in this directory instead of the current one
    #[arg(long, value_name = "DIR")]
    pub project: Option<PathBuf>,
    /// Print one short line, for a statusline; always exits with 0
    #[arg(long, conflicts_with = "json")]
    pub line: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `doctor`.
#[derive(Clone, Debug, Default, Args)]
pub struct Doctor {
    /// As if a session were started in this directory instead of the current one
    #[arg(long, value_name = "DIR")]
    pub project: Option<PathBuf>,
    /// Leave the network alone
    #[arg(long)]
    pub offline: bool,
    /// Send a small trace and read it back
    #[arg(long, conflicts_with = "offline")]
    pub send_test: bool,
    /// Try keys that the default host refuses at the other regions of Langfuse Cloud, without asking
    #[arg(long, conflicts_with = "offline")]
    pub yes: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `config`.
#[derive(Clone, Debug, Default, Args)]
#[command(disable_help_subcommand = true)]
pub struct Config {
    /// What else to do than to show it.
    #[command(subcommand)]
    pub command: Option<ConfigCommand>,
    /// As if a session were started in this directory instead of the current one
    #[arg(long, global = true, value_name = "DIR")]
    pub project: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long, global = true)]
    pub json: bool,
}

/// The commands of `config`.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum ConfigCommand {
    /// Say what is wrong with the configuration, and what to do
    Check,
}

/// Arguments of `completions`.
#[derive(Clone, Debug, Args)]
pub struct Completions {
    /// The shell that completes
    pub shell: clap_complete::Shell,
}

/// Arguments of `flush`.
#[derive(Clone, Debug, Default, Args)]
pub struct Flush {
    /// Print one JSON object a session, and one for all
    #[arg(long)]
    pub json: bool,
}
