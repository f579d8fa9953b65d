//! `export`: writes conversations as lines of JSON, for fine-tuning and evaluation.

pub(super) mod messages;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use transcript::conversation::Conversation;
use transcript::locate;
use transcript::session::{Calls, Outline, TurnOutline};

use crate::commands::delivery_context::{DeliveryContext, SessionTarget};
use crate::commands::exit_status::ExitStatus;
use crate::commands::global_args::GlobalArgs;
use crate::commands::output::{OutputFile, broken_lines, plural, print_error, print_note};
use crate::commands::session_args;
use crate::commands::session_ref::SessionRef;
use crate::commands::turn_selector::{SelectionArgs, TurnSelector};
use crate::config::{Capture, Config, Scope};
use crate::delivery::Extent;
use crate::privacy::{Policy, invalid_patterns};

const EXAMPLES: &str = "Examples:
  claude-langfuse export 3f2a                            one session, by the start of its id
  claude-langfuse export 3f2a#2..5 --per turn            four of its turns, one line each
  claude-langfuse export --all --format openai --no-failed --min-turns 2 --output train.jsonl
  claude-langfuse export --all --project . --since 30d --format anthropic | head -1
  claude-langfuse export --all --committed --scored helpful=true --per turn

Exit codes: 0 written, 1 session not found or unreadable, 2 wrong usage,
3 configuration lets no content out.";

/// Write conversations to a file for fine-tuning and evaluation
///
/// Writes one JSON object per line: the messages that the model was sent, and its answer. Masks and omits the same content
/// as 'replay'. Sends nothing and needs no keys, but for --scored by a name that only Langfuse knows.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    selection: SelectionArgs,
    /// Format of the messages
    #[arg(long, value_enum, default_value_t)]
    format: ExportFormat,
    /// Content of one line
    #[arg(long, value_enum, default_value_t)]
    per: ExportUnit,
    /// Include thinking
    #[arg(long)]
    thinking: bool,
    /// Only turns answered by a model with this name prefix
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    /// Only sessions with at least this many turns
    #[arg(long, value_name = "N", default_value_t = 1)]
    min_turns: usize,
    /// Exclude turns that were interrupted or ended with an error
    #[arg(long)]
    no_failed: bool,
    /// Output file, created when complete; - is standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum ExportFormat {
    /// Text and tool calls as Langfuse shows them, with their source
    #[default]
    Messages,
    /// OpenAI chat completions and fine-tuning
    Openai,
    /// Anthropic messages API
    Anthropic,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum ExportUnit {
    /// The session up to its last answer
    #[default]
    Conversation,
    /// One turn with everything that the model had before it
    Turn,
}

/// Runs the command.
///
/// # Errors
/// When a named session or turn can't be found, or nothing can be written.
pub(super) fn run(args: &ExportArgs, global: &GlobalArgs) -> Result<ExitStatus> {
    let mut context = DeliveryContext::new(global.config.clone())?;
    let claude_config = session_args::claude_config_dir(&context.env)?;
    let selector = TurnSelector::new(&args.selection, &claude_config)?;
    let sessions = selector.sessions()?;
    let mut export = ExportRun {
        args,
        selector,
        is_selected: !sessions.is_empty(),
        output: OutputFile::open(args.output.as_deref())?,
        sessions: 0,
        lines: 0,
        status: ExitStatus::Done,
        is_reduced: false,
    };
    for (transcript, reference) in sessions {
        export.export_session(&mut context, &transcript, &reference)?;
    }
    export.finish()
}

struct ExportRun<'a> {
    args: &'a ExportArgs,
    selector: TurnSelector<'a>,
    is_selected: bool,
    output: OutputFile,
    sessions: usize,
    lines: usize,
    status: ExitStatus,
    /// Whether tool content was left out of a session.
    is_reduced: bool,
}

/// The selected turns of a session, with their numbers.
type SelectedTurns = Vec<(u64, TurnOutline, Calls)>;

impl ExportRun<'_> {
    fn export_session(
        &mut self,
        context: &mut DeliveryContext,
        path: &Path,
        reference: &SessionRef,
    ) -> Result<()> {
        match open_for_export(context, path) {
            Ok((session, config, outline)) => {
                let turns = self.select(context, (&session, &config), outline, reference)?;
                self.write(&session, &config, turns)?;
            }
            Err((reason, status)) => self.skip(path, &reason, status),
        }
        Ok(())
    }

    fn select(
        &mut self,
        context: &DeliveryContext,
        opened: (&SessionTarget, &Config),
        outline: Outline,
        reference: &SessionRef,
    ) -> Result<SelectedTurns> {
        let args = self.args;
        let turns = own_turns(outline);
        let has_too_few = turns.len() < args.min_turns;
        let turns = self.selector.select(context, opened, reference, turns)?;
        if has_too_few {
            return Ok(SelectedTurns::new());
        }
        let is_by_model = |calls: &Calls| {
            let wanted = args.model.as_deref();
            wanted.is_none_or(|wanted| calls.model.starts_with(wanted))
        };
        let mut turns: SelectedTurns = turns
            .into_iter()
            .filter(|(_, turn)| turn.finished || !args.no_failed)
            .filter_map(|(number, turn)| {
                let calls = turn.calls.clone().filter(is_by_model)?;
                Some((number, turn, calls))
            })
            .collect();
        if args.per == ExportUnit::Conversation {
            turns.drain(..turns.len().saturating_sub(1));
        }
        Ok(turns)
    }

    fn write(
        &mut self,
        session: &SessionTarget,
        config: &Config,
        turns: SelectedTurns,
    ) -> io::Result<()> {
        if turns.is_empty() {
            return Ok(());
        }
        self.sessions += 1;
        self.is_reduced |= config.capture == Capture::NoToolContent;
        let policy = Policy::from(config);
        let mut conversation = match Conversation::open(&session.transcript) {
            Ok(conversation) => conversation,
            Err(error) => {
                self.skip(&session.transcript, &format!("{error:#}"), ExitStatus::Failed);
                return Ok(());
            }
        };
        for turn in turns {
            match self.line(session, &policy, &mut conversation, &turn) {
                Ok(Some(line)) => {
                    writeln!(self.output, "{line}")?;
                    self.lines += 1;
                }
                Ok(None) => {}
                Err(error) => {
                    self.skip(&session.transcript, &format!("{error:#}"), ExitStatus::Failed);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// `None` if the answer was cut off within its thinking, and thinking is excluded.
    fn line(
        &self,
        session: &SessionTarget,
        policy: &Policy,
        conversation: &mut Conversation,
        (number, turn, calls): &(u64, TurnOutline, Calls),
    ) -> Result<Option<Value>> {
        let mut messages = conversation.before(&calls.last)?;
        messages.extend(conversation.answer(&calls.last)?);
        let masked = messages::mask(messages, self.args.thinking, policy);
        if !masked.last().is_some_and(messages::is_answer) {
            return Ok(None);
        }
        let messages = messages::format(&masked, self.args.format);
        let mut model = calls.model.clone();
        policy.apply_to_name(&mut model);
        Ok(Some(match self.args.format {
            ExportFormat::Messages => json!({
                "schema": 1, "session": session.id, "turn": number, "at": turn.at.rfc3339(),
                "model": model, "finished": turn.finished, "messages": messages,
            }),
            ExportFormat::Openai | ExportFormat::Anthropic => json!({ "messages": messages }),
        }))
    }

    fn skip(&mut self, path: &Path, reason: &str, status: ExitStatus) {
        let session = locate::session_id(path);
        print_error(&format!("could not export session {session}: {reason}"));
        self.status = self.status.max(status);
    }

    fn finish(self) -> Result<ExitStatus> {
        self.output.finish()?;
        if !self.is_selected {
            print_note(&self.selector.sessions.none_found());
        }
        let omission =
            if self.is_reduced { ", without tool content (CC_LANGFUSE_CAPTURE)" } else { "" };
        print_note(&format!(
            "{} of {}{omission}",
            plural(self.lines, "line"),
            plural(self.sessions, "session")
        ));
        Ok(self.status)
    }
}

/// Opens a session, or says why it can't be exported.
fn open_for_export(
    context: &mut DeliveryContext,
    path: &Path,
) -> Result<(SessionTarget, Config, Outline), (String, ExitStatus)> {
    let failed = |error: anyhow::Error| (format!("{error:#}"), ExitStatus::Failed);
    let (session, config) =
        session_args::open(context, path, Extent::Resend, Scope::Explicit).map_err(failed)?;
    if let Some(reason) = invalid_patterns(&config).or_else(|| metadata_only(&config)) {
        return Err((reason, ExitStatus::Misconfigured));
    }
    let outline = read_outline(&session).map_err(failed)?;
    Ok((session, config, outline))
}

/// The session's own turns, with the numbers that `show` prints.
pub(super) fn own_turns(outline: Outline) -> Vec<(u64, TurnOutline)> {
    let turns = outline.turns.into_iter();
    (1..).zip(turns.filter(|turn| turn.is_numbered())).collect()
}

/// The outline of a session, if every row of its transcript can be read.
pub(super) fn read_outline(session: &SessionTarget) -> Result<Outline> {
    let (outline, diagnostics) = session.outline()?;
    match broken_lines(&diagnostics) {
        Some(broken) => anyhow::bail!("{broken}"),
        None => Ok(outline),
    }
}

/// The error for a configuration that lets no content out.
pub(super) fn metadata_only(config: &Config) -> Option<String> {
    (config.capture == Capture::Metadata).then(|| {
        "CC_LANGFUSE_CAPTURE=metadata excludes all content; set it to full or no-tool-content for this command".to_owned()
    })
}
