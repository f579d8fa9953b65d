//! Lost agents: nothing links them, and nothing will. Each gets a trace of its own, so that its cost is visible.

use std::cmp::Reverse;
use std::time::Duration;

use base::Timestamp;
use transcript::Entry;
use transcript::locate::{AgentFile, AgentMeta, Layout};
use transcript::session::fork::without_head;
use transcript::session::{Opening, Turn};

use super::super::exporter::Exporter;
use super::super::{Job, Trigger};
use super::files::rows_of;
use super::links::give_trace;
use crate::state::{Cursor, Subagent};
use crate::trace::Context;

/// No row will name an agent whose last row is older.
const LOST: Duration = Duration::from_secs(48 * 3600);

/// The newest opening rows that this run has read.
#[derive(Default)]
pub(super) struct Openings {
    newest: Option<(Timestamp, Option<String>)>,
    /// The newest one of another prompt.
    before: Option<Timestamp>,
}

impl Openings {
    pub(super) fn add(&mut self, turn: &Turn) {
        let prompt_id = turn.opening.header.prompt_id.clone();
        let newest = self.newest.replace((turn.opening.at, prompt_id));
        if let (Some((at, before)), Some((_, prompt_id))) = (newest, &self.newest)
            && before != *prompt_id
        {
            self.before = self.before.max(Some(at));
        }
    }

    /// A turn of another prompt opened later.
    fn went_on_after(&self, at: Timestamp, prompt_id: Option<&String>) -> bool {
        let newest = self.newest.as_ref();
        let other = newest.filter(|(_, newest)| newest.as_ref() != prompt_id);
        let other = other.map(|(at, _)| *at).max(self.before);
        other.is_some_and(|other| other > at)
    }
}

/// Sorted so that the last one comes first.
pub(super) struct LostAgents(Vec<LostAgent>);

struct LostAgent {
    depth: Option<u64>,
    opening: Opening,
    file: AgentFile,
}

impl LostAgents {
    /// Finds the agents that are old, or after whose end the session continued without a row that names them. Finds
    /// none if turns were skipped: the agents may belong to those.
    pub(super) fn find(
        files: &[AgentFile],
        job: &Job,
        openings: &Openings,
        cursor: &Cursor,
    ) -> Self {
        if !may_have_lost_agents(job, cursor) {
            return Self(Vec::new());
        }
        let is_without_link = |file: &&AgentFile| {
            let subagent = cursor.subagents.get(&file.agent_id);
            file.workflow().is_none() && subagent.is_some_and(is_without_link)
        };
        let files = files.iter().filter(is_without_link);
        let mut lost: Vec<LostAgent> =
            files.filter_map(|file| lost_agent(file, job, openings, cursor)).collect();
        // The rows of an agent link the agents that it launched.
        lost.sort_unstable_by_key(|lost| {
            Reverse((lost.depth, lost.opening.at, lost.file.agent_id.clone()))
        });
        Self(lost)
    }

    /// Gives the next unlinked agent a trace of its own.
    pub(super) fn link_next(&mut self, exporter: &mut Exporter<'_>) -> Option<AgentFile> {
        while let Some(LostAgent { file, opening, .. }) = self.0.pop() {
            let subagent = exporter.ledger.cursor.subagents.get(&file.agent_id);
            if subagent.is_some_and(|subagent| subagent.link.is_none()) {
                give_trace(&file, &opening, Context::of_lost_agent, exporter)?;
                return Some(file);
            }
        }
        None
    }
}

fn lost_agent(
    file: &AgentFile,
    job: &Job,
    openings: &Openings,
    cursor: &Cursor,
) -> Option<LostAgent> {
    let meta = file.meta();
    // Decided before its rows are read: hundreds may wait, and each Stop asks again. A copied turn may have launched
    // it. The first session sends that turn.
    let may_be_copied = meta.tool_use_id.is_some() && cursor.own_from > 0;
    // A hook waits for the launch of an agent that names its tool call, or that another agent may have launched.
    let is_awaited = may_be_shown(&meta) && !matches!(job.trigger, Trigger::Sweep { .. });
    if may_be_copied || is_awaited {
        return None;
    }
    let (entries, _) = rows_of(file, job)?;
    let entries = without_head(entries, meta.is_fork == Some(true));
    let last_at = entries.iter().filter_map(|entry| entry.at).max()?;
    let first = entries.into_iter().next()?;
    if !is_lost(&meta, &first, last_at, job, openings) {
        return None;
    }
    let opening = Opening::of_agent(first)?;
    let mut paused = job.paused.iter();
    if !job.sends_declined() && paused.any(|time| time.covers(opening.at)) {
        return None;
    }
    Some(LostAgent { depth: meta.spawn_depth, opening, file: file.clone() })
}

fn is_lost(
    meta: &AgentMeta,
    first: &Entry,
    last_at: Timestamp,
    job: &Job,
    openings: &Openings,
) -> bool {
    if let Trigger::Sweep { now } = job.trigger
        && now.since(last_at) > LOST
    {
        return true;
    }
    !may_be_shown(meta) && openings.went_on_after(last_at, first.header.prompt_id.as_ref())
}

/// A later row may name it.
fn may_be_shown(meta: &AgentMeta) -> bool {
    meta.tool_use_id.is_some() || !is_of_session(meta)
}

/// Unless the session itself launched it, its launch may be in another agent's file.
fn is_of_session(meta: &AgentMeta) -> bool {
    meta.agent_type.is_some()
        && meta.parent_agent_id.is_none()
        && meta.spawn_depth.is_none_or(|depth| depth <= 1)
}

/// An unlinked agent may be lost.
fn may_have_lost_agents(job: &Job, cursor: &Cursor) -> bool {
    let may_be_of_skipped = cursor.had_skipped && !job.sends_declined();
    cursor.layout.is_some_and(Layout::is_below) && cursor.skipped.is_empty() && !may_be_of_skipped
}

/// Nothing links it so far. The tool call that it names may be in no row any more.
fn is_without_link(subagent: &Subagent) -> bool {
    subagent.link.is_none() && subagent.workflow.is_none()
}

/// No agent has unsent spans, and none may still lose its link.
pub(in crate::delivery) fn has_nothing_left(job: &Job, cursor: &Cursor) -> bool {
    let may_have_lost = may_have_lost_agents(job, cursor);
    cursor.subagents.values().all(|subagent| match subagent.link {
        Some(_) => subagent.idle || subagent.declined,
        None => !(may_have_lost && is_without_link(subagent)),
    })
}
