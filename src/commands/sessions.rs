//! `sessions`: sessions on disk, newest first, and how much of each Langfuse has acknowledged. Reads only the sessions that
//! it lists.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Result;
use base::Timestamp;
use clap::Args;
use serde_json::json;
use transcript::lineage::{Lineage, SessionIds};
use transcript::locate::{self, Layout, agents};
use transcript::session::{AgentRun, Outline, TurnOutline};
use transcript::{SessionInfo, Transcript, Usage, last_activity};

use crate::commands::delivery_context::DeliveryContext;
use crate::commands::exit_status::ExitStatus;
use crate::commands::global_args::GlobalArgs;
use crate::commands::newest_first::NewestFirst;
use crate::commands::output::errors::with_json_errors;
use crate::commands::output::screen::{stderr, stdout};
use crate::commands::output::tables::{SessionCells, SessionTable};
use crate::commands::output::terminal::{Terminal, one_line};
use crate::commands::output::tokens;
use crate::commands::session_args::{self, SessionFilter, SessionSelector};
use crate::config::{Config, Scope, folder_name};
use crate::delivery::Extent;
use crate::privacy::Policy;
use crate::state::{Cursor, Store};
use crate::trace::{Content, Observation, SpanId, SpanName, TraceId};
use transcript::session::fork::without_head;

const EXAMPLES: &str = "Examples:
  claude-langfuse sessions                            the newest 20
  claude-langfuse sessions --project . --since 7d     this week, in this project
  claude-langfuse sessions --limit 0 --json | jq -r 'select(.sent < .turns) | .session'

Exit codes: 0 listed, 1 Claude Code's folder not found, 2 wrong usage.";

/// List the sessions on disk
///
/// Newest first: last activity, project, acknowledged and total turns, tokens, and the title or first prompt. Other
/// commands take the ids of this list.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct SessionsArgs {
    #[command(flatten)]
    filter: SessionFilter,
    /// Maximum number of sessions (0 = no limit)
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Print one JSON object per session
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When Claude Code's folder is not known, or nothing can be printed.
pub(super) fn run(args: &SessionsArgs, global: &GlobalArgs) -> Result<ExitStatus> {
    with_json_errors(args.json, || list(args, global))
}

fn list(args: &SessionsArgs, global: &GlobalArgs) -> Result<ExitStatus> {
    let mut context = DeliveryContext::new(global.config.clone())?;
    let claude_config = session_args::claude_config_dir(&context)?;
    let selector = SessionSelector::new(&args.filter);
    let sessions = locate::sessions(&claude_config).filter(|path| selector.may_match(path));
    let mut sessions = NewestFirst::new(sessions);
    let terminal = Terminal::of_stdout(&context.env);
    let table = SessionTable::fitting(terminal.width());
    let mut listed = 0;
    for path in sessions.by_ref() {
        if !selector.matches_rows(&path) {
            continue;
        }
        let row = match SessionRow::read(&mut context, &path) {
            Ok(row) => row,
            Err(error) => {
                log::warn!("{error:#}");
                continue;
            }
        };
        let mut out = stdout();
        if args.json {
            writeln!(out, "{}", row.as_json())?;
        } else {
            if listed == 0 {
                writeln!(out, "{}", terminal.bold(&table.header()))?;
            }
            writeln!(out, "{}", table.row(&row.cells()))?;
        }
        listed += 1;
        if listed == args.limit {
            break;
        }
    }
    if !args.json {
        print_remainder(listed, sessions.remaining(), &claude_config)?;
    }
    Ok(ExitStatus::Done)
}

fn print_remainder(listed: usize, remaining: usize, claude_config: &Path) -> io::Result<()> {
    let projects = claude_config.join("projects");
    let mut error = stderr();
    match (listed, remaining) {
        (0, _) => writeln!(error, "no sessions found under {}", projects.display()),
        (_, 0) => Ok(()),
        (listed, remaining) => writeln!(
            error,
            "listed the newest {listed}; --limit 0 also reads the other {remaining}"
        ),
    }
}

struct SessionRow {
    id: String,
    path: PathBuf,
    project: Option<PathBuf>,
    title: Option<String>,
    prompt: Option<String>,
    turns: usize,
    /// `None` if the file is not the one that was sent.
    sent: Option<usize>,
    usage: Usage,
    last: Option<Timestamp>,
}

impl SessionRow {
    fn read(context: &mut DeliveryContext, path: &Path) -> Result<Self> {
        let (session, config) = session_args::open(context, path, Extent::Resume, Scope::Explicit)?;
        let mut transcript = Transcript::open(path, 0)?;
        let mut layout = None;
        let outline = Outline::read(
            Lineage::new(SessionIds::new(&session.id, path), path),
            std::iter::from_fn(|| {
                let entry = transcript.next_entry().transpose()?;
                if let Ok(version) = entry.as_ref().map(|entry| entry.header.version.as_deref()) {
                    layout = version.map(|version| Layout::after(layout, version)).or(layout);
                }
                Some(entry)
            }),
        )?;
        let policy = Policy::from(&config);
        let first = outline.turns.iter().find(|turn| turn.is_numbered());
        let own = outline.turns.iter().map(|turn| turn.usage);
        Ok(Self {
            title: SessionInfo::read(path)?.title.map(|title| mask(&policy, title)),
            prompt: first.map(|turn| mask(&policy, turn.prompt.clone())),
            turns: numbered_turns(&outline.turns).count(),
            sent: count_sent(&config, &session.id, path, &outline.turns),
            usage: own.fold(agents_usage(path, layout), Usage::plus),
            last: last_activity(path),
            id: session.id,
            path: path.to_owned(),
            project: session.start,
        })
    }

    fn as_json(&self) -> serde_json::Value {
        json!({
            "schema": 1, "session": self.id, "path": self.path.to_string_lossy(),
            "project": self.project.as_deref().map(Path::to_string_lossy), "title": self.title,
            "first_prompt": self.prompt, "turns": self.turns, "sent": self.sent,
            "tokens": tokens::as_json(&self.usage), "last_activity": self.last.map(Timestamp::rfc3339),
        })
    }

    fn cells(&self) -> SessionCells {
        let project = self.project.as_deref().and_then(folder_name);
        let last = self.last.map(|last| last.rfc3339().replace('T', " "));
        let sent = self.sent.map(|sent| sent.to_string());
        let title = self.title.as_ref().or(self.prompt.as_ref());
        SessionCells {
            id: self.id.chars().take(8).collect(),
            last: last.map_or_else(String::new, |last| last.chars().take(16).collect()),
            project: one_line(&project.unwrap_or_default()),
            sent: format!("{}/{}", sent.as_deref().unwrap_or("?"), self.turns),
            tokens: tokens::short(tokens::total(&self.usage)),
            title: title.map_or_else(String::new, |title| one_line(title)),
        }
    }
}

/// The text as it would be sent: people share such lists.
fn mask(policy: &Policy, text: String) -> String {
    let mut observation = Observation::new(
        SpanName::CHAT,
        &TraceId::given(""),
        SpanId::given(""),
        None,
        Timestamp::from_millis(0),
    );
    observation.input = Some(Content::Text(text));
    policy.apply(&mut observation);
    match observation.input {
        Some(Content::Text(text)) => one_line(&text),
        Some(Content::Json(_)) | None => String::new(),
    }
}

fn agents_usage(transcript: &Path, layout: Option<Layout>) -> Usage {
    let files = agents(transcript, layout, &|_| false);
    let usages = files.iter().filter_map(|file| {
        let mut transcript = Transcript::open(&file.path, 0).ok()?;
        let entries = std::iter::from_fn(|| transcript.next_entry().ok()?);
        let is_fork = file.meta().is_fork == Some(true);
        let own = without_head(entries.collect(), is_fork);
        Some(AgentRun::read(own, &[])?.activity.usage())
    });
    usages.fold(Usage::default(), Usage::plus)
}

fn numbered_turns(turns: &[TurnOutline]) -> impl Iterator<Item = &TurnOutline> {
    turns.iter().filter(|turn| turn.is_numbered())
}

/// The number of turns that the configured destination has acknowledged.
fn count_sent(
    config: &Config,
    id: &str,
    transcript: &Path,
    turns: &[TurnOutline],
) -> Option<usize> {
    let Ok(destination) = &config.destination else {
        return Some(0);
    };
    let store = Store::new(&config.state_dir);
    let Some(cursor) = store.cursor(id, &destination.id()).ok()? else {
        return Some(0);
    };
    if !cursor.file.still_holds(transcript) {
        return None;
    }
    Some(numbered_turns(turns).filter(|turn| is_sent(&cursor, turn)).count())
}

fn is_sent(cursor: &Cursor, turn: &TurnOutline) -> bool {
    let mut skipped = cursor.skipped.iter();
    let is_skipped =
        skipped.any(|range| (range.start..range.end.unwrap_or(u64::MAX)).contains(&turn.start));
    let root = cursor.span_ids(&turn.uuid).turn(&turn.uuid);
    !is_skipped && (turn.end <= cursor.open_start || cursor.acknowledged.contains_key(&root))
}
