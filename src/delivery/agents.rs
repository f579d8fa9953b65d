//! The agents of a session. Each has a file of its own that grows by itself, maybe long after the turn that launched it;
//! once its launch is visible it is sent under the tool call that launched it.

use std::collections::BTreeMap;

use anyhow::Result;
use base::Timestamp;
use transcript::locate::AgentFile;
use transcript::session::AgentRun;
use transcript::{Block, Entry, FileMark, Notification, Transcript, is_trusted};

use super::parents::launching_call;
use super::queue::Owner;
use super::run::{Delivery, is_abandoned};
use super::untouched::{agent_files, is_at_rest};
use super::{Extent, Trigger};
use crate::state::{Done, Link, Subagent};
use crate::trace::{AgentFacts, Kind, Observation, Role, SpanIds, observe_agent};

/// The agents whose files were read in this run, with what of them is there for good.
pub(super) type Visited = BTreeMap<String, Option<Done>>;

/// An agent's file as it was read.
struct Read {
    run: AgentRun,
    mark: FileMark,
}

impl Delivery<'_> {
    /// Sends what the agents did, as far as their launches are visible; those that they launched come after them.
    pub(super) fn agents(&mut self) {
        let mut waiting = self.agent_files();
        let mut read = Visited::new();
        let mut lost = None;
        loop {
            self.finish_agents();
            let known = (self.ledger.cursor.launches.len(), self.ledger.cursor.subagents.len());
            self.link_commands(&waiting);
            waiting.retain(|file| !self.send_agent(file, &mut read));
            if waiting.is_empty()
                || known == (self.ledger.cursor.launches.len(), self.ledger.cursor.subagents.len())
            {
                // Only now: what was read last may have launched one of them.
                let lost = lost.get_or_insert_with(|| self.lost_agents(&waiting));
                if !self.link_next_lost(lost) {
                    break;
                }
            }
        }
        self.workflows(&mut read);
        self.send();
        if !self.uploader.leaves_something() {
            for (agent_id, done) in read {
                match self.withheld.contains(&agent_id) {
                    true => self.leave_agent(&agent_id),
                    false => self.close_agent(&agent_id, done),
                }
            }
        }
    }

    /// Says of the agents whose end was notified that they are done. A notification stands before the turn that it
    /// opens, when the turn that launched the agent may not be known yet: hence after the reading.
    pub(super) fn finish_agents(&mut self) {
        for notification in self.notifications.clone() {
            self.finish_agent(&notification);
        }
        self.finish_workflows();
    }

    /// By the task, which is the agent's id; of an agent that was resumed, the tool call is the one that resumed it.
    fn finish_agent(&mut self, notification: &Notification) {
        let Notification { task_id, tool_use_id, status, summary: _ } = notification;
        // An id that comes again for other calls names none of them.
        let tool_use_id = tool_use_id.as_ref().filter(|id| is_trusted(id));
        for (launched_by, launch) in &mut self.ledger.cursor.launches {
            let same_agent = task_id.is_some() && launch.agent_id == *task_id;
            if same_agent || Some(launched_by) == tool_use_id {
                launch.finished = true;
                launch.outcome.clone_from(status);
                launch.agent_id = launch.agent_id.take().or_else(|| task_id.clone());
            }
        }
        let cursor = &self.ledger.cursor;
        let is_launched = |subagent: &Subagent| {
            let link = subagent.link.as_ref().zip(tool_use_id);
            link.is_some_and(|(link, id)| link.span == Some(cursor.span_ids(&link.turn).tool(id)))
        };
        let launched = cursor.subagents.iter().filter(|(_, subagent)| is_launched(subagent));
        let launched: Vec<String> = launched.map(|(agent_id, _)| agent_id.clone()).collect();
        for (agent_id, subagent) in &mut self.ledger.cursor.subagents {
            if Some(agent_id) == task_id.as_ref() || launched.contains(agent_id) {
                subagent.finished = true;
                subagent.ends_as(status.clone());
            }
        }
    }

    /// The files to look at; each has an entry in the cursor.
    fn agent_files(&mut self) -> Vec<AgentFile> {
        let files = agent_files(self.job, &self.ledger.cursor);
        for file in &files {
            let subagent =
                || Subagent { tool_use_id: file.meta().tool_use_id, ..Subagent::default() };
            let subagents = &mut self.ledger.cursor.subagents;
            subagents.entry(file.agent_id.clone()).or_insert_with(subagent);
        }
        files
    }

    /// Gives whether the agent needs no further look in this run.
    fn send_agent(&mut self, file: &AgentFile, read: &mut Visited) -> bool {
        let Some(subagent) = self.ledger.cursor.subagents.get(&file.agent_id) else {
            return true;
        };
        if self.uploader.is_stopped() {
            return true;
        }
        if subagent.link.is_some()
            && is_at_rest(subagent, &file.path)
            && (subagent.ended || !self.over)
        {
            return true;
        }
        let is_touched = !is_at_rest(subagent, &file.path);
        let Some(link) = self.link(file) else {
            if is_touched
                && let Some(subagent) = self.ledger.cursor.subagents.get_mut(&file.agent_id)
                && let Ok(mark) = FileMark::take(&file.path, 0)
            {
                subagent.file = mark;
            }
            return false;
        };
        let subagent = self.ledger.cursor.subagents.get(&file.agent_id);
        if subagent.is_some_and(|subagent| subagent.declined) && !self.job.sends_declined() {
            return true;
        }
        let Some(agent_read) = self.read_agent(file) else {
            return true;
        };
        self.take_run(file, agent_read, &link, read);
        true
    }

    fn read_agent(&mut self, file: &AgentFile) -> Option<Read> {
        let (mut entries, mark) = self.entries(file)?;
        let count = entries.len();
        // A file that leads to another session, or was put here, brings what nobody agreed to.
        let session = Some(self.job.session_id.as_str());
        entries.retain(|entry| {
            let named = entry.header.session_id.as_deref();
            named.is_none() || named == session
        });
        if entries.len() < count {
            let path = file.path.display();
            log::warn!("{} rows of another session are skipped: {path}", count - entries.len());
        }
        let subagent = self.ledger.cursor.subagents.get(&file.agent_id);
        let read_before = subagent.map_or(0, |subagent| subagent.file.offset);
        let used_ids = subagent.map(|subagent| subagent.used_ids.clone()).unwrap_or_default();
        let known = entries.iter().filter(|entry| entry.offset < read_before);
        self.known_until = known.filter_map(|entry| entry.at).max();
        entries.iter().for_each(|entry| self.notice(entry));
        let mut run = AgentRun::read(self.own_rows(file, entries), &used_ids)?;
        self.drop_foreign_launches(&file.agent_id, &mut run);
        Some(Read { run, mark })
    }

    /// All rows of an agent's file, and the file as it was read.
    pub(super) fn entries(&self, file: &AgentFile) -> Option<(Vec<Entry>, FileMark)> {
        let read = || -> Result<(Vec<Entry>, FileMark)> {
            let transcript = Transcript::open(&file.path, 0)?;
            let mut transcript = transcript.keeping(self.job.policy.max_chars).timed();
            let mut entries: Vec<Entry> = Vec::new();
            while let Some(entry) = transcript.next_entry()? {
                entries.push(entry);
            }
            let mark = FileMark::take(&file.path, transcript.offset())?;
            Ok((entries, mark))
        };
        read().inspect_err(|error| log::warn!("{error:#}")).ok()
    }

    fn take_run(&mut self, file: &AgentFile, run: Read, link: &Link, read: &mut Visited) {
        let Some(context) = self.ledger.cursor.contexts.get(&link.turn).cloned() else {
            return;
        };
        let Some(subagent) = self.ledger.cursor.subagents.get(&file.agent_id) else {
            return;
        };
        let meta = file.meta();
        let launcher_depth = subagent.launcher.as_ref().map(|launcher| launcher.depth);
        let Read { mut run, mark } = run;
        // Releases up to 2.1.50 say only there what the agent is for; some write no row of its prompt.
        let prompt = &mut run.opening.prompt.content;
        let is_needed = meta.description.is_none() || prompt.is_empty();
        let call =
            is_needed.then(|| launching_call(subagent, file, &self.job.transcript)).flatten();
        let said = |key: &str| Some(call.as_ref()?.input.get(key)?.as_str()?.to_owned());
        if prompt.is_empty() {
            prompt.extend(said("prompt").map(Block::Text));
        }
        let facts = AgentFacts {
            agent_id: file.agent_id.clone(),
            agent_type: meta.agent_type.or_else(|| subagent.agent_type.clone()),
            description: meta.description.or_else(|| said("description")),
            depth: meta.spawn_depth.or(launcher_depth),
            workflow_phase: meta.workflow_phase,
            outcome: subagent.outcome.clone(),
        };
        let ended = self.is_over(run.activity.last_at, run.activity.is_settled)
            || subagent.finished && run.activity.is_settled;
        let done = subagent.done.unwrap_or_default();
        let owner = Owner::Subagent(file.agent_id.clone());
        let (mut counted, mut left) = (Done::default(), done);
        let ids = SpanIds::of(&context.trace_id, &link.turn);
        let parent = link.span.as_ref();
        let launches = observe_agent(&run, &facts, &ids, parent, ended, &mut |observation| {
            count(&observation, &mut counted);
            if !is_among(&observation, &mut left) {
                self.queue(observation, &owner, &context);
            }
        });
        let below = facts.depth.unwrap_or(0).saturating_add(1);
        self.take_launches(launches, &link.turn, Some(&file.agent_id), below);
        if let Some(run_id) = file.workflow() {
            self.note_step(&run_id, run.activity.last_at);
        }
        let complete = ended && is_for_good(&run);
        if let Some(subagent) = self.ledger.cursor.subagents.get_mut(&file.agent_id) {
            subagent.file = mark;
            subagent.idle = false;
            subagent.declined = false;
            subagent.ended = ended;
        }
        read.insert(file.agent_id.clone(), complete.then_some(counted));
    }

    /// Nobody will write more of what wrote its last row then. Where that row is none to end with, the rest may still be
    /// on its way to another file than the one that tells of the end.
    pub(super) fn is_over(&self, last_at: Option<Timestamp>, is_settled: bool) -> bool {
        match &self.job.trigger {
            Trigger::SessionEnd => true,
            Trigger::Stop(_) => false,
            Trigger::Sweep { now } => {
                self.over
                    && last_at.is_none_or(|last_at| {
                        self.left && is_settled || is_abandoned(last_at, *now)
                    })
            }
        }
    }

    /// Something of it can't leave as it was agreed. A hook of the session leaves that to an explicit replay.
    fn leave_agent(&mut self, agent_id: &str) {
        if let Some(subagent) = self.ledger.cursor.subagents.get_mut(agent_id) {
            subagent.declined |= self.job.extent == Extent::Live;
        }
    }

    /// All of it was acknowledged: of a finished agent only the root can change any more.
    fn close_agent(&mut self, agent_id: &str, done: Option<Done>) {
        let subagent = self.ledger.cursor.subagents.get(agent_id);
        let turn = subagent.and_then(|subagent| subagent.link.as_ref()).map(|link| &link.turn);
        let root = self.ledger.cursor.span_ids(turn.map_or("", |turn| turn)).agent(agent_id);
        if let Some(subagent) = self.ledger.cursor.subagents.get_mut(agent_id) {
            subagent.idle = true;
            if done.is_some() {
                subagent.done = done;
                subagent.acknowledged.retain(|span, _| *span == root);
            }
        }
    }
}

/// Nothing of it can be written again: it has its answer, every tool its result, every call its end.
fn is_for_good(run: &AgentRun) -> bool {
    run.activity.is_settled
        && run.activity.tools.iter().all(|tool| tool.result.is_some())
        && run.activity.generations.iter().all(|call| call.stop_reason.is_some())
}

fn slot<'a>(observation: &Observation, counts: &'a mut Done) -> Option<&'a mut usize> {
    match (observation.role, observation.kind) {
        (Role::Root, _) => None,
        (_, Kind::Generation) => Some(&mut counts.generations),
        (_, Kind::Event) => Some(&mut counts.events),
        _ => Some(&mut counts.tools),
    }
}

fn count(observation: &Observation, counts: &mut Done) {
    if let Some(count) = slot(observation, counts) {
        *count += 1;
    }
}

/// Whether it is among the first so many of its kind.
fn is_among(observation: &Observation, left: &mut Done) -> bool {
    match slot(observation, left) {
        Some(0) | None => false,
        Some(count) => {
            *count -= 1;
            true
        }
    }
}
