//! `usage --verify`: compares calls, tokens and cost of the sent sessions with those that Langfuse has stored.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use anyhow::Result;
use base::Timestamp;
use serde_json::json;

use super::UsageArgs;
use super::output::cost_cell;
use crate::commands::exit_status::{ExitStatus, status_error};
use crate::commands::global_args::GlobalArgs;
use crate::commands::output::{
    Grid, Terminal, dollars, plural, print_json, print_note, stdout, tokens,
};
use crate::commands::remedy::failure;
use crate::commands::retry_after::with_retry_after;
use crate::commands::session_facts::{SelectedSessions, Session, StartFacts};
use crate::langfuse::{Deadline, MAX_SESSIONS_PER_QUERY, StoredCalls};
use crate::usage::{CallSums, Dimension, Groups};

/// US dollars by which binary fractions may differ.
const MAX_DUST: f64 = 1e-6;

/// The sessions of one destination.
struct Sent {
    start: Rc<StartFacts>,
    sessions: Vec<String>,
    groups: Groups<CallSums>,
    times: Option<(Timestamp, Timestamp)>,
}

/// The figures of a model, here and in Langfuse.
struct Line {
    model: String,
    here: CallSums,
    stored: StoredCalls,
}

impl Line {
    fn is_equal(&self) -> bool {
        let Self { here, stored, .. } = self;
        let has_same_cost = (here.cost - stored.cost).abs() <= MAX_DUST;
        here.calls == stored.calls && tokens::total(&here.usage) == stored.tokens && has_same_cost
    }
}

pub(super) fn verify(args: &UsageArgs, global: &GlobalArgs) -> Result<ExitStatus> {
    let mut sessions = SelectedSessions::new(global.config.clone(), &args.filter)?;
    sessions.refreshes_prices = true;
    let mut by_destination: BTreeMap<String, Sent> = BTreeMap::new();
    let mut unsent = 0;
    sessions.each(|session| {
        let Session { id, start, facts, .. } = session;
        let calls = || facts.calls.iter().filter(|call| args.filter.covers(call.started_at));
        if calls().next().is_none() {
            return;
        }
        let Some(destination) = start.sent_to(&id) else {
            unsent += 1;
            return;
        };
        let sent = by_destination.entry(destination).or_insert_with(|| Sent {
            start: Rc::clone(&start),
            sessions: Vec::new(),
            groups: Groups::new(vec![Dimension::Model]),
            times: None,
        });
        for at in calls().map(|call| call.started_at) {
            let (first, last) = sent.times.unwrap_or((at, at));
            sent.times = Some((first.min(at), last.max(at)));
        }
        let prices = start.prices.as_deref();
        sent.groups.add_calls(&id, &start.project, &facts, calls(), prices);
        sent.sessions.push(id);
    });
    let mut lines = Vec::new();
    let mut compared = 0;
    for sent in by_destination.into_values() {
        compared += sent.sessions.len();
        lines.extend(compare(&sessions, sent)?);
    }
    let is_equal = lines.iter().all(Line::is_equal);
    if args.json {
        print_lines_json(&lines, compared, unsent, is_equal)?;
    } else {
        print_table(&lines, Terminal::of_stdout(&sessions.context.env))?;
        print_verdict(&lines, compared, unsent);
    }
    Ok(if is_equal { ExitStatus::Done } else { ExitStatus::Failed })
}

/// Asks the server for the same sessions and times.
fn compare(sessions: &SelectedSessions, sent: Sent) -> Result<Vec<Line>> {
    let (Ok(destination), Some(times)) = (&sent.start.config.destination, sent.times) else {
        return Ok(Vec::new());
    };
    let config = &sent.start.config;
    let mut client = sessions.context.client(config, destination)?;
    let mut stored: BTreeMap<String, StoredCalls> = BTreeMap::new();
    for ids in sent.sessions.chunks(MAX_SESSIONS_PER_QUERY) {
        let asked =
            with_retry_after(|| client.stored_calls(ids, times, Deadline::after(config.timeout)));
        let failed = |reason: String, status| {
            status_error(status, format!("could not read what Langfuse has stored: {reason}"))
        };
        let rows = match asked {
            Ok(Some(rows)) => rows,
            Ok(None) => {
                let server = client.server();
                let reason = format!(
                    "{server} has no metrics, which Langfuse 4 has; 'claude-langfuse verify' reads the observations"
                );
                return Err(failed(reason, ExitStatus::Misconfigured));
            }
            Err(reply) => {
                let (reason, status) = failure(&reply, destination);
                return Err(failed(reason, status));
            }
        };
        for row in rows {
            let sums = stored.entry(row.model.clone()).or_default();
            sums.calls += row.calls;
            sums.tokens += row.tokens;
            sums.cost += row.cost;
        }
    }
    let mut here: BTreeMap<String, CallSums> = sent
        .groups
        .sums
        .into_iter()
        .filter_map(|(key, sums)| Some((key.into_iter().next()?, sums)))
        .collect();
    let models: BTreeSet<String> = here.keys().chain(stored.keys()).cloned().collect();
    let line = |model: String| Line {
        here: here.remove(&model).unwrap_or_default(),
        stored: stored.remove(&model).unwrap_or_default(),
        model,
    };
    Ok(models.into_iter().map(line).collect())
}

fn print_table(lines: &[Line], terminal: Terminal) -> Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let numbers = ["CALLS", "STORED", "TOKENS", "STORED", "COST", "STORED"];
    let mut grid = Grid::new(vec!["MODEL".to_owned()], &numbers);
    for Line { model, here, stored } in lines {
        let count = tokens::total(&here.usage);
        let cells = vec![
            here.calls.to_string(),
            stored.calls.to_string(),
            count.to_string(),
            stored.tokens.to_string(),
            cost_cell(here),
            dollars(stored.cost),
        ];
        grid.push(vec![model.clone()], cells);
    }
    Ok(grid.print(&mut stdout(), terminal)?)
}

fn print_verdict(lines: &[Line], compared: usize, unsent: usize) {
    if unsent > 0 {
        let sessions = plural(unsent, "session");
        print_note(&format!("{sessions} not compared: not sent from here"));
    }
    let different: Vec<&Line> = lines.iter().filter(|line| !line.is_equal()).collect();
    let sessions = plural(compared, "session");
    if different.is_empty() {
        return print_note(&format!("Langfuse has the same of {sessions}"));
    }
    let models = plural(different.len(), "model");
    let has_same_tokens = |line: &&Line| tokens::total(&line.here.usage) == line.stored.tokens;
    let remedy = if different.iter().all(has_same_tokens) {
        "only the cost: prices changed after the calls were sent, and Langfuse keeps the old cost"
    } else {
        "'claude-langfuse verify --all' names what is missing or double"
    };
    print_note(&format!("{models} of {sessions} differ; {remedy}"));
}

fn print_lines_json(lines: &[Line], compared: usize, unsent: usize, is_equal: bool) -> Result<()> {
    for line in lines {
        let Line { model, here, stored } = line;
        let object = json!({
            "model": model, "calls": here.calls, "tokens": tokens::as_json(&here.usage),
            "cost_usd": here.rounded_cost(), "equal": line.is_equal(),
            "langfuse": {"calls": stored.calls, "tokens": stored.tokens, "cost_usd": stored.cost},
        });
        print_json("group", object)?;
    }
    let summary = json!({"sessions": compared, "not_sent": unsent, "equal": is_equal});
    Ok(print_json("summary", summary)?)
}
