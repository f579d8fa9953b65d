//! The session that is played: recorded from the real Claude Code 2.1.330, with the calls of its Stop and SessionEnd
//! hooks. A background agent works on after the turn that launched it, and its notification starts another turn.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use base::Timestamp;
use serde_json::Value;

macro_rules! recorded {
    ($path:literal) => {
        include_str!(concat!(
            "../../../tests/fixtures/transcripts/v2.1.330/subagent-background/",
            $path
        ))
    };
}

const SESSION: &str =
    recorded!("projects/-home-dev-project/bd098e6e-0c6e-4d73-a047-9e78f400cf4a.jsonl");
const AGENT: &str = recorded!(
    "projects/-home-dev-project/bd098e6e-0c6e-4d73-a047-9e78f400cf4a/subagents/agent-af7f9b1600258bae4.jsonl"
);
const AGENT_META: &str = recorded!(
    "projects/-home-dev-project/bd098e6e-0c6e-4d73-a047-9e78f400cf4a/subagents/agent-af7f9b1600258bae4.meta.json"
);
const HOOKS: &str = recorded!("hooks.log");
/// The expected counts.
pub(crate) const EXPECTED: &str = recorded!("expected.json");
/// The home of the recording.
const RECORDED_HOME: &str = "/home/dev";
const RECORDED_PROJECT: &str = "/home/dev/project";

/// The recording, moved to another home.
pub(crate) struct Recording {
    /// The project's folder.
    pub(crate) project: PathBuf,
    /// The session's file.
    pub(crate) session: Growing,
    /// The agent's file.
    pub(crate) agent: Growing,
    /// The content of the file beside the agent's file.
    pub(crate) agent_meta: &'static str,
    /// The calls of the hooks.
    pub(crate) firings: Vec<Firing>,
}

/// A file that grows row by row.
pub(crate) struct Growing {
    /// The file.
    pub(crate) path: PathBuf,
    /// Its rows.
    pub(crate) rows: Vec<String>,
}

/// One call of a hook.
pub(crate) struct Firing {
    /// `Stop` or `SessionEnd`.
    pub(crate) event: String,
    /// The hook's standard input.
    pub(crate) input: String,
    /// The number of rows in the session's file when the hook starts.
    pub(crate) rows: usize,
    /// The number of rows in the agent's file.
    pub(crate) agent_rows: usize,
    /// The delay of the answer's row: rows go through a queue, which usually lags behind the hook.
    pub(crate) answer_after: Option<Duration>,
}

impl Recording {
    /// The recording as if it had been made in this home.
    pub(crate) fn in_home(home: &Path) -> Result<Self> {
        let project = home.join("demo");
        let moved = [(RECORDED_PROJECT, escaped(&project)?), (RECORDED_HOME, escaped(home)?)];
        let move_in = |text: &str| {
            let replace = |text: String, (from, to): &(&str, String)| text.replace(from, to);
            moved.iter().fold(text.to_owned(), replace)
        };
        let folder = home.join(".claude/projects/-home-dev-project");
        let id = "bd098e6e-0c6e-4d73-a047-9e78f400cf4a";
        let agent = "subagents/agent-af7f9b1600258bae4.jsonl";
        Ok(Self {
            project,
            session: Growing::new(folder.join(format!("{id}.jsonl")), &move_in(SESSION)),
            agent: Growing::new(folder.join(id).join(agent), &move_in(AGENT)),
            agent_meta: AGENT_META,
            firings: firings(&move_in(HOOKS))?,
        })
    }

    /// The number of rows in the end.
    pub(crate) fn rows(&self) -> usize {
        self.session.rows.len()
    }
}

impl Growing {
    fn new(path: PathBuf, text: &str) -> Self {
        let rows = text.lines().map(|row| format!("{row}\n")).collect();
        Self { path, rows }
    }
}

/// A path as part of JSON.
fn escaped(path: &Path) -> Result<String> {
    let text = path.to_str().context("the temporary folder's name is not UTF-8")?;
    Ok(serde_json::to_string(text)?.trim_matches('"').to_owned())
}

fn firings(hooks: &str) -> Result<Vec<Firing>> {
    let calls: Vec<Value> = hooks.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    calls.iter().map(firing).collect()
}

fn firing(call: &Value) -> Result<Firing> {
    let rows = call.get("rows").and_then(Value::as_u64);
    let seconds = call.get("t").and_then(Value::as_f64).unwrap_or_default();
    let by_then = |row: &&str| {
        let row: Value = serde_json::from_str(row).unwrap_or_default();
        let at = Timestamp::parse(text(&row, "/timestamp"));
        #[allow(clippy::cast_precision_loss, reason = "milliseconds fit into a double for long")]
        let written = |at: Timestamp| at.as_millis() as f64 <= seconds * 1000.0;
        at.is_none_or(written)
    };
    Ok(Firing {
        event: text(call, "/stdin/hook_event_name").to_owned(),
        input: call.get("stdin").context("a recorded call has no input")?.to_string(),
        rows: usize::try_from(rows.context("a recorded call has no rows")?)?,
        agent_rows: AGENT.lines().take_while(by_then).count(),
        answer_after: call
            .get("final_text_seen_after_ms")
            .and_then(Value::as_f64)
            .and_then(|ms| Duration::try_from_secs_f64(ms / 1000.0).ok()),
    })
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    let text = value.pointer(pointer).and_then(Value::as_str);
    text.unwrap_or_default()
}
