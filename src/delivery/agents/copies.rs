//! Removes rows that an agent's file copied from other files. They are the agent's input: sent from here they would
//! arrive twice, and a call could become the child of its own launch.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Result;
use transcript::locate::AgentFile;
use transcript::session::AgentRun;
use transcript::session::fork::{call, calls_without_request, rows_of, without_head};
use transcript::{Entry, Transcript};

use super::super::Job;
use crate::state::{Cursor, Launcher};
use crate::trace::SpanId;

/// The parent's calls are searched in this many bytes before the launch: a fork repeats recent ones.
const FARTHEST: u64 = 4 * 1024 * 1024;

/// Removes the rows that the agent's parent had first.
pub(super) fn own_rows(
    file: &AgentFile,
    entries: Vec<Entry>,
    job: &Job,
    cursor: &Cursor,
) -> Vec<Entry> {
    let is_fork = file.meta().is_fork == Some(true);
    let mut own = without_head(entries, is_fork);
    if let Err(error) = drop_copied_calls(file, &mut own, job, cursor) {
        log::warn!("{error:#}");
    }
    own
}

fn drop_copied_calls(
    file: &AgentFile,
    entries: &mut Vec<Entry>,
    job: &Job,
    cursor: &Cursor,
) -> Result<()> {
    let calls = calls_without_request(entries);
    if calls.is_empty() {
        return Ok(());
    }
    let (path, launched_at) = parent_of(file, job, cursor);
    let end = match launched_at {
        Some(launched_at) => launched_at,
        None => path.metadata()?.len(),
    };
    let is_wanted = rows_of(&calls);
    // The first row may be torn. It is too far from the launch to matter.
    let mut parent = Transcript::open(&path, end.saturating_sub(FARTHEST))?;
    let mut copied = Vec::new();
    while let Some(row) = parent.next_entry_among(&is_wanted)? {
        if row.offset > end {
            break;
        }
        copied.extend(call(&row).filter(|call| calls.contains(call)));
    }
    entries.retain(|entry| call(entry).is_none_or(|call| !copied.contains(&call)));
    Ok(())
}

/// The file of the agent's parent, and the offset of the launching call in it.
fn parent_of(file: &AgentFile, job: &Job, cursor: &Cursor) -> (PathBuf, Option<u64>) {
    let subagent = cursor.subagents.get(&file.agent_id);
    let launcher = subagent.and_then(|subagent| subagent.launcher.as_ref());
    let path = launcher.and_then(|launcher| launcher.agent_id.as_ref());
    let path = path.map(|agent| file.path.with_file_name(format!("agent-{agent}.jsonl")));
    let path = path.unwrap_or_else(|| job.transcript.clone());
    (path, launcher.map(|launcher| launcher.offset))
}

/// Removes tool calls that another file had first and that launched an agent. Each launch has one place in the tree,
/// so that no walk from child to parent loops.
pub(super) fn drop_foreign_launches(agent_id: &str, run: &mut AgentRun, cursor: &Cursor) {
    if run.activity.tools.is_empty() {
        return;
    }
    let is_of_other = |launcher: Option<&Launcher>| {
        launcher.is_none_or(|launcher| launcher.agent_id.as_deref() != Some(agent_id))
    };
    let link = cursor.subagents.get(agent_id).and_then(|agent| agent.link.as_ref());
    let ids = cursor.span_ids(link.map_or("", |link| &link.turn));
    let own: BTreeSet<SpanId> = run.activity.tools.iter().map(|tool| ids.tool(&tool.key)).collect();
    let subagents = cursor.subagents.values();
    let linked = subagents.filter(|subagent| is_of_other(subagent.launcher.as_ref()));
    let linked = linked.filter_map(|subagent| subagent.link.as_ref()?.span.as_ref());
    let launches = cursor.launches.values();
    let waiting = launches.filter(|launch| is_of_other(launch.launcher.as_ref()));
    let launching = linked.chain(waiting.map(|launch| &launch.span));
    let foreign: BTreeSet<&SpanId> = launching.filter(|span| own.contains(span)).collect();
    run.activity.tools.retain(|tool| !foreign.contains(&ids.tool(&tool.key)));
}
