//! `instructions push`: keeps a project's instructions as versions of Langfuse prompts.

mod prompt;
mod push;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use transcript::{instruction_texts, locate};

use crate::commands::delivery_context::{DeliveryContext, SessionTarget};
use crate::commands::exit_status::{ExitStatus, misconfigured};
use crate::commands::global_args::GlobalArgs;
use crate::commands::newest_first::NewestFirst;
use crate::commands::session_args::{self, SessionFilter, SessionSelector};
use crate::config::{Capture, Config, Scope, project_name, repository_identity};
use crate::delivery::Extent;
use crate::privacy::invalid_patterns;
use prompt::Prompts;

const EXAMPLES: &str = "Examples:
  claude-langfuse instructions push --dry-run        print what would be sent
  claude-langfuse instructions push                  of the newest session started in or below here
  claude-langfuse instructions push --project ~/code/app
  claude-langfuse instructions push --json

Exit codes: 0 pushed, 1 session or instructions not found, 2 wrong usage,
3 configuration missing or invalid, 4 server unreachable, 5 keys rejected, 6 content rejected.";

/// Keep CLAUDE.md and agent types as versions of prompts
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES, disable_help_subcommand = true)]
pub(super) struct InstructionsArgs {
    #[command(subcommand)]
    command: InstructionsCommand,
}

#[derive(Clone, Debug, Subcommand)]
enum InstructionsCommand {
    Push(PushArgs),
}

/// Push the instructions of a project to Langfuse
///
/// Texts come from the transcript of the project's newest session, never from disk: CLAUDE.md files of the project with their
/// imports and rules, and of agent types their description and tools. Each is a prompt `claude-code/PROJECT/SOURCE`; a
/// changed text is a new version. The label `current` is set on versions of the default branch.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = EXAMPLES)]
struct PushArgs {
    /// Project whose newest session is read [default: .]
    #[arg(long, value_name = "DIR")]
    project: Option<PathBuf>,
    /// Print the prompts, one per line, and send nothing
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON object per prompt
    #[arg(long, conflicts_with = "dry_run")]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When there is no session or no instruction, or nothing can be printed.
pub(super) fn run(args: &InstructionsArgs, global: &GlobalArgs) -> Result<ExitStatus> {
    let InstructionsCommand::Push(args) = &args.command;
    let mut context = DeliveryContext::new(global.config.clone())?;
    let transcript = newest_session(args.project.as_deref(), &context)?;
    let (session, config) =
        session_args::open(&mut context, &transcript, Extent::Resend, Scope::Explicit)?;
    if let Some(reason) = invalid_patterns(&config).or_else(|| without_content(&config)) {
        return Err(misconfigured(format!("could not push instructions: {reason}")));
    }
    let prompts = read_prompts(&session, &config)?;
    if args.dry_run {
        push::preview(&prompts)
    } else {
        push::send(&prompts, &context, &config, args.json)
    }
}

fn newest_session(project: Option<&Path>, context: &DeliveryContext) -> Result<PathBuf> {
    let project = project.unwrap_or(Path::new("."));
    let claude_config = session_args::claude_config_dir(&context.env)?;
    let filter = SessionFilter { project: Some(project.to_owned()), ..SessionFilter::default() };
    let selector = SessionSelector::new(&filter, &claude_config)?;
    let newest = NewestFirst::new(locate::sessions(&claude_config))
        .find(|transcript| selector.matches(transcript));
    match newest {
        Some(transcript) => Ok(transcript),
        None => bail!("{}; --project names another folder", selector.none_found()),
    }
}

/// The error for a configuration that sends only a part of the content: a part of a text is no version of it.
fn without_content(config: &Config) -> Option<String> {
    (config.capture != Capture::Full).then(|| {
        "CC_LANGFUSE_CAPTURE is not full, so instructions stay on this machine; set it to full for this command".to_owned()
    })
}

fn read_prompts(session: &SessionTarget, config: &Config) -> Result<Prompts> {
    let start = session.start.as_deref();
    let name = |start| project_name(start, repository_identity(start).as_deref());
    let Some(project) = config.project.clone().or_else(|| start.and_then(name)) else {
        return Err(misconfigured(
            "could not name the project: set CC_LANGFUSE_PROJECT".to_owned(),
        ));
    };
    let texts = instruction_texts(&session.transcript)?;
    let prompts = Prompts::new(texts, &project, start, config);
    if prompts.is_empty() {
        bail!(
            "could not find instructions of the project in its newest session {}: Claude Code 2.1.332 and later write \
             them into transcripts; start a session with a CLAUDE.md there, then push again",
            session.id
        );
    }
    Ok(prompts)
}
