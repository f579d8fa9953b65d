//! `status --line`: one short line for Claude Code's statusline or a prompt.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use crate::config::Config;
use crate::state::Store;
use crate::trace::TraceId;

/// Longer lines are cut by Claude Code beside other parts of a statusline.
const MAX_COLUMNS: usize = 40;
/// Claude Code writes its JSON at once. Another program may leave standard input open.
const INPUT_TIMEOUT: Duration = Duration::from_millis(300);

/// The session in the JSON of a statusLine command.
#[derive(Debug, Default)]
pub(super) struct Session {
    id: String,
    /// Its start directory.
    pub(super) start: Option<PathBuf>,
    /// US dollars.
    cost: Option<f64>,
}

impl Session {
    /// Reads one JSON value from standard input; `None` at a terminal, or without input.
    pub(super) fn read() -> Option<Self> {
        if std::io::stdin().is_terminal() {
            return None;
        }
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let input = std::io::stdin().lock();
            let value = serde_json::Deserializer::from_reader(input).into_iter::<Value>().next();
            // The receiver may have given up.
            let _ = sender.send(value.and_then(Result::ok));
        });
        let value = receiver.recv_timeout(INPUT_TIMEOUT).ok()??;
        let text = |path| value.pointer(path).and_then(Value::as_str);
        let start = text("/workspace/project_dir").or_else(|| text("/cwd"));
        Some(Self {
            id: text("/session_id")?.to_owned(),
            start: start.map(PathBuf::from).filter(|start| start.is_absolute()),
            cost: value.pointer("/cost/total_cost_usd").and_then(Value::as_f64),
        })
    }

    /// The page of the session's last delivered trace.
    fn link(&self, config: &Config) -> Option<String> {
        let destination = config.destination.as_ref().ok()?;
        let store = Store::new(&config.state_dir);
        let cursor = store.cursor(&self.id, &destination.id()).ok()??;
        cursor.delivered_at?;
        let turn = cursor.open_turn?.uuid;
        let trace = match cursor.contexts.get(&turn) {
            Some(context) => context.trace_id.clone(),
            // A turn that the environment of a run placed has another trace.
            None if store.placements(&self.id, &destination.id()).ok()?.is_empty() => {
                TraceId::of_seed(&turn)
            }
            None => return None,
        };
        Some(destination.trace_link(trace.as_str()))
    }
}

/// The line. `notes` are sorted by importance: the ones that don't fit are left out.
pub(super) fn line(
    mode: &str,
    notes: Vec<String>,
    config: &Config,
    session: Option<&Session>,
) -> String {
    const NAME: &str = "langfuse";
    let mut rest = format!(" {mode}");
    let cost = session.and_then(|session| session.cost).filter(|cost| *cost > 0.0);
    let cost = cost.map(|cost| format!("${cost:.2}"));
    for note in notes.into_iter().chain(cost) {
        let longer = format!("{rest} · {note}");
        if NAME.width() + longer.width() <= MAX_COLUMNS {
            rest = longer;
        }
    }
    match session.and_then(|session| session.link(config)) {
        Some(link) => {
            // The only output with control sequences. A host could smuggle in more.
            let link = base::printable(&link);
            format!("\u{1b}]8;;{link}\u{1b}\\{NAME}\u{1b}]8;;\u{1b}\\{rest}")
        }
        None => format!("{NAME}{rest}"),
    }
}
