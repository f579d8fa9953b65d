//! Sends the agents of a session. Each has a file of its own that may grow long after the turn that launched it. Once
//! its launch is visible, the agent is sent under the launching tool call.

mod acknowledged;
mod copies;
mod files;
mod finished;
mod launches;
mod links;
mod lost;
mod workflows;

use std::collections::{BTreeMap, BTreeSet};

use base::Timestamp;
use transcript::locate::AgentFile;
use transcript::session::{AgentRun, Turn};
use transcript::{Block, Entry, FileMark, Notification};

use super::exporter::Exporter;
use super::queue::Owner;
use super::run::is_abandoned;
use super::{Extent, Job, Trigger};
use crate::state::{Cursor, Done, Life, Link, Subagent};
use crate::trace::{AgentFacts, Context, MetadataKey, SpanIds, observe_agent};
use acknowledged::{count, is_among, is_for_good};
pub(super) use files::{agent_files, is_unchanged, runs_apart};
use files::{launching_call, rows_of};
pub(super) use launches::{Launches, forget_launches};
pub(super) use lost::has_nothing_left;
use lost::{LostAgents, Openings};

/// The agents whose files were read in this run, with the part that can't change any more.
type Visited = BTreeMap<String, Option<Done>>;

/// The state of the session's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SessionState {
    /// It may continue.
    Open,
    /// It will answer no open tool.
    Over,
    /// It ended, and its agents with it.
    Left,
}

impl SessionState {
    pub(super) fn is_over(self) -> bool {
        self != Self::Open
    }
}

/// Collects the facts about agents that rows show, and sends the agents' spans.
pub(super) struct Agents<'a> {
    job: &'a Job,
    pub session: SessionState,
    /// Notified ends of background tasks.
    notifications: Vec<Notification>,
    /// The times at which turns were opened.
    openings: Openings,
}

/// An agent's file as it was read.
struct Read {
    run: AgentRun,
    mark: FileMark,
}

impl<'a> Agents<'a> {
    pub(super) fn new(job: &'a Job) -> Self {
        let session = match job.trigger {
            Trigger::SessionEnd => SessionState::Over,
            Trigger::Stop(_) | Trigger::Sweep { .. } => SessionState::Open,
        };
        Self { job, session, notifications: Vec::new(), openings: Openings::default() }
    }

    /// Notes the notification in a row.
    pub(super) fn notice(&mut self, entry: &Entry) {
        self.notifications.extend(finished::notification(entry).cloned());
    }

    pub(super) fn turn_opened(&mut self, turn: &Turn) {
        self.openings.add(turn);
    }

    /// Sends the agents with a visible launch, then the agents that they launched.
    pub(super) fn send(&mut self, exporter: &mut Exporter<'_>) {
        let mut waiting = files::enter(self.job, &mut exporter.ledger.cursor);
        let mut read = Visited::new();
        let mut lost = None;
        loop {
            finished::finish(&self.notifications, self.job, &mut exporter.ledger.cursor);
            let known = self.known(&exporter.ledger.cursor);
            links::link_commands(&waiting, &mut exporter.ledger.cursor);
            waiting.retain(|file| !self.send_agent(file, exporter, &mut read));
            if !waiting.is_empty() && known != self.known(&exporter.ledger.cursor) {
                continue;
            }
            // Computed last: the file that was read last may have launched one of them.
            let lost = lost.get_or_insert_with(|| {
                LostAgents::find(&waiting, self.job, &self.openings, &exporter.ledger.cursor)
            });
            if !self.send_lost(lost, &mut waiting, exporter, &mut read) {
                break;
            }
        }
        self.send_workflows(exporter, &mut read);
        exporter.send();
        if !exporter.uploader.has_leftover() {
            for (agent_id, done) in read {
                match exporter.withheld.contains(&agent_id) {
                    true => leave(&agent_id, exporter),
                    false => close(&agent_id, done, exporter),
                }
            }
        }
    }

    /// Sends lost agents up to one that links others. Returns whether there was one. Checking all waiting agents
    /// after each one would be quadratic.
    fn send_lost(
        &mut self,
        lost: &mut LostAgents,
        waiting: &mut Vec<AgentFile>,
        exporter: &mut Exporter<'_>,
        read: &mut Visited,
    ) -> bool {
        let known = self.known(&exporter.ledger.cursor);
        let mut sent = BTreeSet::new();
        while known == self.known(&exporter.ledger.cursor)
            && let Some(file) = lost.link_next(exporter)
        {
            if self.send_agent(&file, exporter, read) {
                sent.insert(file.agent_id);
            }
        }
        waiting.retain(|file| !sent.contains(&file.agent_id));
        known != self.known(&exporter.ledger.cursor)
    }

    /// Grows with every fact that may link or end an agent.
    fn known(&self, cursor: &Cursor) -> [usize; 3] {
        [cursor.launches.len(), cursor.subagents.len(), self.notifications.len()]
    }

    /// Sends one agent, and notes its launches and its end. Returns whether it needs no further check in this run.
    fn send_agent(
        &mut self,
        file: &AgentFile,
        exporter: &mut Exporter<'_>,
        read: &mut Visited,
    ) -> bool {
        let Some(subagent) = exporter.ledger.cursor.subagents.get(&file.agent_id) else {
            return true;
        };
        if exporter.uploader.is_stopped() {
            return true;
        }
        // With several files the mark of one does not show which of them grew.
        let is_unchanged = file.others.is_empty() && is_unchanged(subagent, &file.path);
        if subagent.link.is_some() && is_unchanged && self.leaves(subagent.life()) {
            return true;
        }
        let Some(link) = links::link(file, exporter) else {
            if !is_unchanged
                && let Some(subagent) = exporter.ledger.cursor.subagents.get_mut(&file.agent_id)
                && let Ok(mark) = FileMark::take(&file.path, 0)
            {
                subagent.file = mark;
            }
            return false;
        };
        let subagent = exporter.ledger.cursor.subagents.get(&file.agent_id);
        if subagent.is_some_and(|subagent| subagent.declined) && !self.job.sends_declined() {
            return true;
        }
        if let Some(agent_read) = self.read_agent(file, exporter) {
            self.take_run(file, agent_read, &link, exporter, read);
        }
        true
    }

    /// An unchanged agent in this state needs no work.
    fn leaves(&self, life: Life) -> bool {
        match life {
            Life::Closed => true,
            Life::Quiet => !self.session.is_over(),
            Life::Unlinked | Life::Active => false,
        }
    }

    fn read_agent(&mut self, file: &AgentFile, exporter: &mut Exporter<'_>) -> Option<Read> {
        let (mut entries, mark) = rows_of(file, self.job)?;
        let count = entries.len();
        // A file that belongs to another session, or was planted, holds rows without consent.
        let session = Some(self.job.session_id.as_str());
        entries.retain(|entry| {
            let named = entry.header.session_id.as_deref();
            named.is_none() || named == session
        });
        if entries.len() < count {
            let path = file.path.display();
            log::warn!("{} rows of another session are skipped: {path}", count - entries.len());
        }
        let subagent = exporter.ledger.cursor.subagents.get(&file.agent_id);
        let read_before = subagent.map_or(0, |subagent| subagent.file.offset);
        let used_ids = subagent.map(|subagent| subagent.used_ids.clone()).unwrap_or_default();
        let known = entries.iter().filter(|entry| entry.offset < read_before);
        exporter.known_until = known.filter_map(|entry| entry.at).max();
        for entry in &entries {
            exporter.ledger.note_row(entry);
            self.notice(entry);
        }
        let cursor = &exporter.ledger.cursor;
        let own = copies::own_rows(file, entries, self.job, cursor);
        let mut run = AgentRun::read(own, &used_ids)?;
        copies::drop_foreign_launches(&file.agent_id, &mut run, cursor);
        Some(Read { run, mark })
    }

    fn take_run(
        &self,
        file: &AgentFile,
        run: Read,
        link: &Link,
        exporter: &mut Exporter<'_>,
        read: &mut Visited,
    ) -> Option<()> {
        let context = exporter.contexts.of_launcher(&link.turn, &mut exporter.ledger.cursor)?;
        let subagent = exporter.ledger.cursor.subagents.get(&file.agent_id)?;
        let Read { mut run, mark } = run;
        let facts = self.facts(file, subagent, &context, &mut run);
        let ended = self.is_over(run.activity.last_at, run.activity.is_settled)
            || subagent.finished && run.activity.is_settled;
        let done = subagent.done.unwrap_or_default();
        let owner = Owner::Subagent(file.agent_id.clone());
        let (mut counted, mut left) = (Done::default(), done);
        let ids = SpanIds::of(&context.trace_id, &link.turn);
        let parent = link.span.as_ref();
        exporter.begin_file(&file.path);
        let prompts = &context.prompts.agents;
        let prompt = facts.agent_type.as_ref().and_then(|agent_type| prompts.get(agent_type));
        let launches = observe_agent(&run, &facts, &ids, parent, ended, &mut |observation| {
            count(&observation, &mut counted);
            if !is_among(&observation, &mut left) {
                exporter.export(observation, &owner, &context, prompt);
            }
        });
        let below = facts.depth.unwrap_or(0).saturating_add(1);
        let cursor = &mut exporter.ledger.cursor;
        let mut known = Launches::of(cursor, &self.job.policy);
        known.add(launches, &link.turn, Some(&file.agent_id), below);
        if let Some(run_id) = file.workflow() {
            workflows::note_step(&run_id, run.activity.last_at, cursor);
        }
        let complete = ended && is_for_good(&run);
        cursor.subagents.get_mut(&file.agent_id)?.was_read(mark, ended);
        read.insert(file.agent_id.clone(), complete.then_some(counted));
        Some(())
    }

    /// Facts about an agent from the launching call. Releases up to 2.1.50 have its purpose nowhere else, and some
    /// write no row of its prompt.
    fn facts(
        &self,
        file: &AgentFile,
        subagent: &Subagent,
        context: &Context,
        run: &mut AgentRun,
    ) -> AgentFacts {
        let meta = file.meta();
        let launcher_depth = subagent.launcher.as_ref().map(|launcher| launcher.depth);
        let prompt = &mut run.opening.prompt.content;
        let is_needed = meta.description.is_none() || prompt.is_empty();
        let call =
            is_needed.then(|| launching_call(subagent, file, &self.job.transcript)).flatten();
        let said = |key: &str| Some(call.as_ref()?.input.get(key)?.as_str()?.to_owned());
        if prompt.is_empty() {
            prompt.extend(said("prompt").map(Block::Text));
        }
        AgentFacts {
            agent_id: file.agent_id.clone(),
            agent_type: meta.agent_type.or_else(|| subagent.agent_type.clone()),
            description: meta.description.or_else(|| said("description")),
            depth: meta.spawn_depth.or(launcher_depth),
            workflow_phase: meta.workflow_phase,
            outcome: subagent.outcome.clone(),
            is_warmup: context.metadata.contains_key(MetadataKey::Warmup.name()),
        }
    }

    /// No further row will come after one of this age. If the last row is not final, the rest may still be written,
    /// to another file than the one that reports the end.
    fn is_over(&self, last_at: Option<Timestamp>, is_settled: bool) -> bool {
        match &self.job.trigger {
            Trigger::SessionEnd => true,
            Trigger::Stop(_) => false,
            Trigger::Sweep { now } => {
                let has_left = self.session == SessionState::Left;
                self.session.is_over()
                    && last_at
                        .is_none_or(|last_at| has_left && is_settled || is_abandoned(last_at, *now))
            }
        }
    }
}

/// Leaves spans that can't leave under their agreement to an explicit replay.
fn leave(agent_id: &str, exporter: &mut Exporter<'_>) {
    if let Some(subagent) = exporter.ledger.cursor.subagents.get_mut(agent_id) {
        subagent.declined |= exporter.job.extent == Extent::Live;
    }
}

/// Notes that the agent is acknowledged whole. Only the root of a finished agent can still change.
fn close(agent_id: &str, done: Option<Done>, exporter: &mut Exporter<'_>) {
    let cursor = &mut exporter.ledger.cursor;
    let subagent = cursor.subagents.get(agent_id);
    let turn = subagent.and_then(|subagent| subagent.link.as_ref()).map(|link| &link.turn);
    let root = cursor.span_ids(turn.map_or("", |turn| turn)).agent(agent_id);
    if let Some(subagent) = cursor.subagents.get_mut(agent_id) {
        subagent.was_acknowledged(done, &root);
    }
}
