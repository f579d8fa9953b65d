//! `sessions`: sessions on disk, newest first, and how much of each Langfuse has acknowledged. Reads only the sessions that
//! it lists.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use base::Timestamp;
use clap::Args;
use serde_json::json;
use transcript::lineage::{Lineage, SessionIds};
use transcript::locate::{self, Layout, agents};
use transcript::session::{AgentRun, Outline, TurnOutline};
use transcript::{ReportedCost, SessionInfo, Transcript, Usage, last_activity};

use crate::commands::delivery_context::DeliveryContext;
use crate::commands::exit_status::ExitStatus;
use crate::commands::global_args::GlobalArgs;
use crate::commands::newest_first::NewestFirst;
use crate::commands::output::{
    SessionCells, SessionTable, Terminal, one_line, print_json, print_note, stdout, tokens, when,
};
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

/// Maximum number of sessions that a shell offers.
const MAX_CANDIDATES: usize = 20;

/// List the sessions on disk
///
/// Newest first: last activity, project, model, acknowledged and total turns, cost, tokens, and the title or first prompt.
/// The cost is Claude Code's own; a plus means that it is older than the last answer. Other commands take the ids of this
/// list.
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
    /// List the newest sessions whose ids begin so, for a shell
    #[arg(long, value_name = "PREFIX", hide = true)]
    complete: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// When Claude Code's folder is not known, or nothing can be printed.
pub(super) fn run(args: &SessionsArgs, global: &GlobalArgs) -> Result<ExitStatus> {
    let mut context = DeliveryContext::new(global.config.clone())?;
    let claude_config = session_args::claude_config_dir(&context.env)?;
    if let Some(prefix) = &args.complete {
        return list_candidates(&mut context, &claude_config, prefix);
    }
    let selector = SessionSelector::new(&args.filter, &claude_config)?;
    let sessions = locate::sessions(&claude_config).filter(|path| selector.may_match(path));
    let mut sessions = NewestFirst::new(sessions);
    let terminal = Terminal::of_stdout(&context.env);
    let table = SessionTable::fitting(terminal.width);
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
            print_json("session", row.as_json())?;
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
        print_remainder(listed, sessions.remaining(), &selector);
    }
    Ok(ExitStatus::Done)
}

/// Prints an id with the title or first prompt, for completions.
fn list_candidates(
    context: &mut DeliveryContext,
    claude_config: &Path,
    prefix: &str,
) -> Result<ExitStatus> {
    let begins = |path: &PathBuf| locate::session_id(path).starts_with(prefix);
    let newest = NewestFirst::new(locate::sessions(claude_config).filter(begins));
    let now = Timestamp::now();
    for path in newest.take(MAX_CANDIDATES) {
        let Ok((session, config)) =
            session_args::open(context, &path, Extent::Resume, Scope::Explicit)
        else {
            continue;
        };
        let title = SessionInfo::read(&path).ok().and_then(|info| info.title);
        let title = title.map(|title| mask(&Policy::from(&config), title));
        let last = last_activity(&path).map(|last| when(last, now)).unwrap_or_default();
        let project = session.start.as_deref().and_then(folder_name).unwrap_or_default();
        let project = one_line(&project);
        let about = [title, Some(project), Some(last)].into_iter().flatten();
        let about: Vec<String> = about.filter(|text| !text.is_empty()).collect();
        writeln!(stdout(), "{}\t{}", session.id, about.join(", "))?;
    }
    Ok(ExitStatus::Done)
}

fn print_remainder(listed: usize, remaining: usize, selector: &SessionSelector<'_>) {
    if listed == 0 {
        print_note(&selector.none_found());
    } else if remaining > 0 {
        let other = format!("--limit 0 also reads the other {remaining}");
        print_note(&format!("listed the newest {listed}; {other}"));
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
    /// The model that answered last.
    model: Option<String>,
    /// As Claude Code reports it.
    cost: Option<ReportedCost>,
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
        let mut answered = outline.turns.iter().rev().filter_map(|turn| turn.calls.as_ref());
        let info = SessionInfo::read(path)?;
        Ok(Self {
            title: info.title.map(|title| mask(&policy, title)),
            model: answered.next().map(|calls| calls.model.clone()),
            cost: info.reckoning,
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
            "session": self.id, "path": self.path.to_string_lossy(),
            "project": self.project.as_deref().map(Path::to_string_lossy), "title": self.title,
            "first_prompt": self.prompt, "turns": self.turns, "sent": self.sent,
            "tokens": tokens::as_json(&self.usage), "model": self.model,
            "cost_usd": self.cost.as_ref().map(|cost| cost.dollars), "last_activity": self.last.map(Timestamp::rfc3339),
        })
    }

    fn cells(&self) -> SessionCells {
        let project = self.project.as_deref().and_then(folder_name);
        let now = Timestamp::now();
        let last = self.last.map(|last| when(last, now));
        let model = self.model.as_deref().unwrap_or_default();
        let sent = self.sent.map(|sent| sent.to_string());
        let title = self.title.as_ref().or(self.prompt.as_ref());
        SessionCells {
            id: self.id.chars().take(8).collect(),
            last: last.unwrap_or_default(),
            project: one_line(&project.unwrap_or_default()),
            sent: format!("{}/{}", sent.as_deref().unwrap_or("?"), self.turns),
            model: model.strip_prefix("claude-").unwrap_or(model).to_owned(),
            cost: self.cost.as_ref().map(cost_text).unwrap_or_default(),
            tokens: tokens::short(tokens::total(&self.usage)),
            title: title.map_or_else(String::new, |title| one_line(title)),
        }
    }
}

/// A plus means that answers came after Claude Code's count.
fn cost_text(cost: &ReportedCost) -> String {
    let more = if cost.outdated { "+" } else { "" };
    format!("${:.2}{more}", cost.dollars)
}

/// The masked text, as it would be sent: people share such lists.
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
        Some(Content::Json(_) | Content::Placeholder(_)) | None => String::new(),
    }
}

fn agents_usage(transcript: &Path, layout: Option<Layout>) -> Usage {
    let files = agents(transcript, layout, &|_| false);
    let usages = files.iter().filter_map(|file| {
        let read = |path: &Path| {
            let mut transcript = Transcript::open(path, 0)?;
            Ok(std::iter::from_fn(|| transcript.next_entry().ok()?).collect())
        };
        let is_fork = file.meta().is_fork == Some(true);
        let own = without_head(file.rows(read).ok()?, is_fork);
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
