//! `sessions`: what is on disk, newest first, and how much of it Langfuse has acknowledged. Only the sessions that are
//! listed are read.

mod columns;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Result;
use base::Timestamp;
use serde_json::json;
use transcript::locate::{self, Layout, agents};
use transcript::session::{AgentRun, Outline, TurnOutline};
use transcript::{SessionInfo, Transcript, Usage, last_activity};

use super::newest::NewestFirst;
use super::post::Post;
use super::terminal::{Terminal, one_line};
use super::which::{self, Wanted};
use super::{Outcome, tokens, told};
use crate::cli::{Global, Sessions};
use crate::config::{Config, Scope};
use crate::delivery::Extent;
use crate::privacy::Policy;
use crate::state::{Cursor, Store};
use crate::trace::{Content, Observation, SpanId, SpanName, TraceId};
use columns::{Cells, Columns};
use transcript::session::fork::without_head;

/// Runs the command.
///
/// # Errors
/// When Claude Code's folder is not known, or nothing can be printed.
pub fn run(arguments: &Sessions, global: &Global) -> Result<Outcome> {
    told(arguments.json, || list(arguments, global))
}

fn list(arguments: &Sessions, global: &Global) -> Result<Outcome> {
    let mut post = Post::new(global.config.clone())?;
    let claude_config = which::claude_config(&post)?;
    let wanted = Wanted::new(&arguments.filter);
    let sessions = locate::sessions(&claude_config).filter(|path| wanted.by_file(path));
    let mut sessions = NewestFirst::new(sessions);
    let terminal = Terminal::of_stdout(&post.env);
    let columns = Columns::within(terminal.width());
    let mut listed = 0;
    for path in sessions.by_ref() {
        if !wanted.by_content(&path) {
            continue;
        }
        let row = match Row::read(&mut post, &path) {
            Ok(row) => row,
            Err(error) => {
                log::warn!("{error:#}");
                continue;
            }
        };
        let mut out = io::stdout().lock();
        match arguments.json {
            true => writeln!(out, "{}", row.as_json())?,
            false => {
                if listed == 0 {
                    writeln!(out, "{}", terminal.bold(&columns.heading()))?;
                }
                writeln!(out, "{}", columns.line(&row.cells()))?;
            }
        }
        listed += 1;
        if listed == arguments.limit {
            break;
        }
    }
    if !arguments.json {
        epilogue(listed, sessions.left(), &claude_config)?;
    }
    Ok(Outcome::Done)
}

fn epilogue(listed: usize, left: usize, claude_config: &Path) -> io::Result<()> {
    let projects = claude_config.join("projects");
    let mut error = io::stderr().lock();
    match (listed, left) {
        (0, _) => writeln!(error, "no sessions found under {}", projects.display()),
        (_, 0) => Ok(()),
        (listed, left) => writeln!(error, "the newest {listed}; --limit 0 looks at {left} more"),
    }
}

/// A session in one line.
struct Row {
    id: String,
    path: PathBuf,
    project: Option<PathBuf>,
    title: Option<String>,
    prompt: Option<String>,
    turns: usize,
    /// `None` where the file is not the one that was sent from.
    sent: Option<usize>,
    usage: Usage,
    last: Option<Timestamp>,
}

impl Row {
    fn read(post: &mut Post, path: &Path) -> Result<Self> {
        let (session, config) = which::session(post, path, Extent::Resume, Scope::Explicit)?;
        let mut transcript = Transcript::open(path, 0)?;
        let mut layout = None;
        let outline = Outline::read(
            &session.id,
            std::iter::from_fn(|| {
                let entry = transcript.next_entry().transpose()?;
                if let Ok(version) = entry.as_ref().map(|entry| entry.header.version.as_deref()) {
                    layout = version.map(Layout::of_version).or(layout);
                }
                Some(entry)
            }),
        )?;
        let policy = Policy::from(&config);
        let first = outline.turns.iter().find(|turn| !turn.is_compaction);
        let own = outline.turns.iter().map(|turn| turn.usage);
        Ok(Self {
            title: SessionInfo::read(path)?.title.map(|title| masked(&policy, title)),
            prompt: first.map(|turn| masked(&policy, turn.prompt.clone())),
            turns: numbered(&outline.turns).count(),
            sent: sent(&config, &session.id, path, &outline.turns),
            usage: own.fold(agents_usage(path, layout), Usage::plus),
            last: last_activity(path),
            id: session.id,
            path: path.to_owned(),
            project: session.start,
        })
    }

    fn as_json(&self) -> serde_json::Value {
        json!({
            "schema": 1, "session": self.id, "path": self.path, "project": self.project, "title": self.title,
            "first_prompt": self.prompt, "turns": self.turns, "sent": self.sent,
            "tokens": tokens::as_json(&self.usage), "last_activity": self.last.map(Timestamp::rfc3339),
        })
    }

    /// What the list shows of it.
    fn cells(&self) -> Cells {
        let project = self.project.as_deref().and_then(Path::file_name);
        let last = self.last.map(|last| last.rfc3339().replace('T', " "));
        let sent = self.sent.map(|sent| sent.to_string());
        let title = self.title.as_ref().or(self.prompt.as_ref());
        Cells {
            id: self.id.chars().take(8).collect(),
            last: last.map_or_else(String::new, |last| last.chars().take(16).collect()),
            project: one_line(&project.unwrap_or_default().to_string_lossy()),
            sent: format!("{}/{}", sent.as_deref().unwrap_or("?"), self.turns),
            tokens: tokens::short(tokens::in_all(&self.usage)),
            title: title.map_or_else(String::new, |title| one_line(title)),
        }
    }
}

/// As it would be sent: a list may be shown to somebody.
fn masked(policy: &Policy, text: String) -> String {
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
    let files = agents(transcript, layout, &|_| false, &|_, _| false);
    let usages = files.iter().filter_map(|file| {
        let mut transcript = Transcript::open(&file.path, 0).ok()?;
        let entries = std::iter::from_fn(|| transcript.next_entry().ok()?);
        let is_fork = file.meta().is_fork == Some(true);
        let own = without_head(entries.collect(), is_fork);
        Some(AgentRun::read(own)?.activity.usage())
    });
    usages.fold(Usage::default(), Usage::plus)
}

fn numbered(turns: &[TurnOutline]) -> impl Iterator<Item = &TurnOutline> {
    turns.iter().filter(|turn| !turn.is_compaction)
}

/// How many turns the destination that is configured now has acknowledged.
fn sent(config: &Config, id: &str, transcript: &Path, turns: &[TurnOutline]) -> Option<usize> {
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
    Some(numbered(turns).filter(|turn| is_sent(&cursor, turn)).count())
}

fn is_sent(cursor: &Cursor, turn: &TurnOutline) -> bool {
    let mut passed = cursor.skipped.iter();
    let is_passed =
        passed.any(|range| (range.start..range.end.unwrap_or(u64::MAX)).contains(&turn.start));
    let root = SpanId::turn(&turn.uuid);
    !is_passed && (turn.end <= cursor.open_start || cursor.acknowledged.contains_key(&root))
}
