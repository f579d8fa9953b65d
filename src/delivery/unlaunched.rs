//! Agents that no tool call launched: a person's command did, or nothing that is left tells.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base::Timestamp;
use transcript::locate::{AgentFile, AgentMeta, Layout, agents};
use transcript::session::fork::without_head;
use transcript::session::{Opening, Turn};
use transcript::{Entry, Transcript};

use super::run::Delivery;
use super::{Job, Trigger};
use crate::state::{Cursor, Link, PendingLaunch, Subagent};
use crate::trace::{Attributes, Context, SessionFacts, SpanId};

/// No row will name an agent whose last row is older.
const LOST: Duration = Duration::from_secs(48 * 3600);

/// More commands than these wait for no agents: most have shown something without any.
const WAITING_COMMANDS: usize = 8;

/// An agent that nothing links.
pub(super) struct LostAgent {
    depth: Option<u64>,
    opening: Opening,
    file: AgentFile,
}

/// The newest opening rows of the session that this run has read.
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

    /// A turn of another prompt was opened later.
    fn went_on_after(&self, at: Timestamp, prompt_id: Option<&String>) -> bool {
        let newest = self.newest.as_ref();
        let other = newest.filter(|(_, newest)| newest.as_ref() != prompt_id);
        let other = other.map(|(at, _)| *at).max(self.before);
        other.is_some_and(|other| other > at)
    }
}

impl Delivery<'_> {
    /// Takes note of the agents that were launched by the turn itself, not by one of its tools.
    pub(super) fn take_commands(&mut self, turn: &Turn) {
        let uuid = &turn.opening.uuid;
        for agent_id in &turn.started {
            self.expect_agent(agent_id.clone(), uuid, |launch| {
                launch.agent_id = Some(agent_id.clone());
            });
        }
        if let Some(prompt_id) = turn.opening.header.prompt_id.clone()
            && turn.ran_apart()
        {
            self.expect_agent(prompt_id.clone(), uuid, |launch| {
                launch.prompt_id = Some(prompt_id);
                launch.finished = true;
            });
        }
        let notification = turn.opening.prompt.notification.as_ref();
        if let Some(notification) = notification
            && let (Some(task_id), None) = (&notification.task_id, &notification.tool_use_id)
            && self.ledger.cursor.skipped.is_empty()
        {
            // Its start stands before the first turn, where nothing is read.
            self.expect_agent(task_id.clone(), uuid, |launch| {
                launch.agent_id = Some(task_id.clone());
            });
        }
    }

    fn expect_agent(&mut self, key: String, turn: &str, note: impl FnOnce(&mut PendingLaunch)) {
        let span = self.ledger.cursor.span_ids(turn).turn(turn);
        let subagents = &self.ledger.cursor.subagents;
        let is_linked = subagents.get(&key).is_some_and(|subagent| subagent.link.is_some());
        if is_linked || self.ledger.cursor.launches.contains_key(&key) {
            return;
        }
        let mut launch = PendingLaunch::new(turn, span);
        note(&mut launch);
        self.ledger.cursor.launches.insert(key, launch);
    }

    /// Links the agent of each command that ran apart: the first one of its prompt, which launched any others.
    pub(super) fn link_commands(&mut self, files: &[AgentFile]) {
        let launches = self.ledger.cursor.launches.iter();
        let commands: Vec<String> = launches
            .filter(|(_, launch)| launch.prompt_id.is_some() && !self.is_claimed(&launch.span))
            .map(|(key, _)| key.clone())
            .collect();
        if commands.is_empty() {
            return;
        }
        let mut found: Vec<(Option<Timestamp>, &AgentFile, String)> = files
            .iter()
            .filter(|file| self.may_be_of_command(file))
            .filter_map(|file| {
                let row = first_row(file)?;
                let prompt_id = row.header.prompt_id?;
                commands.contains(&prompt_id).then_some((row.at, file, prompt_id))
            })
            .collect();
        found.sort_unstable_by_key(|(at, file, _)| (*at, file.agent_id.clone()));
        for (_, file, prompt_id) in found {
            let launch = self.ledger.cursor.launches.get(&prompt_id).cloned();
            if let Some(launch) = launch.filter(|launch| !self.is_claimed(&launch.span)) {
                self.claim(file, prompt_id, launch);
            }
        }
    }

    fn may_be_of_command(&self, file: &AgentFile) -> bool {
        let subagent = self.ledger.cursor.subagents.get(&file.agent_id);
        subagent.is_some_and(|subagent| subagent.link.is_none() && subagent.tool_use_id.is_none())
            && is_by_command(&file.meta())
    }

    pub(super) fn is_claimed(&self, span: &SpanId) -> bool {
        let mut links =
            self.ledger.cursor.subagents.values().filter_map(|subagent| subagent.link.as_ref());
        links.any(|link| link.span.as_ref() == Some(span))
    }

    /// Commands whose turns are over, and which have shown something without an agent.
    pub(super) fn forget_commands(&mut self, still_open: &BTreeSet<String>) {
        let launches = &mut self.ledger.cursor.launches;
        let is_over =
            |launch: &PendingLaunch| !launch.is_by_tool() && !still_open.contains(&launch.turn);
        if launches.values().filter(|launch| is_over(launch)).count() > WAITING_COMMANDS {
            launches.retain(|_, launch| !is_over(launch));
        }
    }

    /// The agents that nothing links and nothing will link: the session went on after their end without a row that names
    /// them, or they are old. None where turns were skipped: they may belong to one of those. The last one comes first.
    pub(super) fn lost_agents(&self, files: &[AgentFile]) -> Vec<LostAgent> {
        if !may_have_lost_agents(self.job, &self.ledger.cursor) {
            return Vec::new();
        }
        let is_without_link = |file: &&AgentFile| {
            let subagent = self.ledger.cursor.subagents.get(&file.agent_id);
            file.workflow().is_none() && subagent.is_some_and(is_without_link)
        };
        let files = files.iter().filter(is_without_link);
        let mut lost: Vec<LostAgent> = files.filter_map(|file| self.lost_agent(file)).collect();
        // An agent that another one launched is linked by what that one's rows say.
        lost.sort_unstable_by_key(|lost| {
            Reverse((lost.depth, lost.opening.at, lost.file.agent_id.clone()))
        });
        lost
    }

    fn lost_agent(&self, file: &AgentFile) -> Option<LostAgent> {
        let meta = file.meta();
        // Before its rows are read: hundreds of them may wait, and each Stop asks.
        // A copied turn may have launched it, which the session sends that had the turn first.
        let may_be_copied = meta.tool_use_id.is_some() && self.ledger.cursor.own_from > 0;
        if may_be_copied || !self.may_be_over(&meta) {
            return None;
        }
        let (entries, _) = self.entries(file)?;
        let entries = without_head(entries, meta.is_fork == Some(true));
        let last_at = entries.iter().filter_map(|entry| entry.at).max()?;
        let first = entries.into_iter().next()?;
        if !self.is_lost(&meta, &first, last_at) {
            return None;
        }
        let opening = Opening::of_agent(first)?;
        let mut paused = self.job.paused.iter();
        if !self.job.sends_declined() && paused.any(|time| time.covers(opening.at)) {
            return None;
        }
        Some(LostAgent { depth: meta.spawn_depth, opening, file: file.clone() })
    }

    /// Gives the next one that is still without a link a trace of its own, so that its cost is not hidden.
    pub(super) fn link_next_lost(&mut self, lost: &mut Vec<LostAgent>) -> bool {
        while let Some(LostAgent { file, opening, .. }) = lost.pop() {
            let subagent = self.ledger.cursor.subagents.get(&file.agent_id);
            if subagent.is_some_and(|subagent| subagent.link.is_none()) {
                return self.give_trace(&file, opening, Context::of_lost_agent).is_some();
            }
        }
        false
    }

    /// A hook waits for the launch of an agent that names its tool call, or that another agent may have launched.
    fn may_be_over(&self, meta: &AgentMeta) -> bool {
        let may_be_shown = meta.tool_use_id.is_some() || !is_of_session(meta);
        !may_be_shown || matches!(self.job.trigger, Trigger::Sweep { .. })
    }

    fn is_lost(&self, meta: &AgentMeta, first: &Entry, last_at: Timestamp) -> bool {
        if let Trigger::Sweep { now } = self.job.trigger
            && now.since(last_at) > LOST
        {
            return true;
        }
        let prompt_id = first.header.prompt_id.as_ref();
        let may_be_shown = meta.tool_use_id.is_some() || !is_of_session(meta);
        !may_be_shown && self.openings.went_on_after(last_at, prompt_id)
    }

    /// Makes the agent the root of a trace.
    pub(super) fn give_trace(
        &mut self,
        file: &AgentFile,
        opening: Opening,
        context_of: fn(&Opening, &SessionFacts, &Attributes) -> Context,
    ) -> Option<Link> {
        // A session that was killed at once has no row of its own that tells.
        let directory = opening.header.cwd.as_ref().map(PathBuf::from);
        self.ledger.cursor.start_directory =
            self.ledger.cursor.start_directory.take().or(directory);
        let (agreed, attributes) = self.terms_of_start(&opening.uuid);
        let mut context = context_of(&opening, &self.facts(), &attributes);
        self.job.policy.apply_to_context(&mut context);
        context.agreed = Some(agreed);
        let link = Link { turn: opening.uuid.clone(), span: None };
        self.ledger.cursor.contexts.insert(opening.uuid, context);
        let subagent = self.ledger.cursor.subagents.get_mut(&file.agent_id)?;
        subagent.link = Some(link.clone());
        subagent.finished = true;
        Some(link)
    }
}

/// An agent without a link may have lost it.
pub(super) fn may_have_lost_agents(job: &Job, cursor: &Cursor) -> bool {
    let may_be_of_skipped = cursor.had_skipped && !job.sends_declined();
    cursor.layout == Some(Layout::Below) && cursor.skipped.is_empty() && !may_be_of_skipped
}

/// It waits for a link that may be lost: the session is not at rest before that is known.
pub(super) fn may_be_lost(job: &Job, cursor: &Cursor, subagent: &Subagent) -> bool {
    is_without_link(subagent) && may_have_lost_agents(job, cursor)
}

/// Nothing links it so far. The tool call that it names may stand in no row any more.
fn is_without_link(subagent: &Subagent) -> bool {
    subagent.link.is_none() && subagent.workflow.is_none()
}

/// Where nothing says that the session itself launched it, its launch may stand in another agent's file.
fn is_of_session(meta: &AgentMeta) -> bool {
    meta.agent_type.is_some()
        && meta.parent_agent_id.is_none()
        && meta.spawn_depth.is_none_or(|depth| depth <= 1)
}

/// Neither a tool call nor another agent launched it.
fn is_by_command(meta: &AgentMeta) -> bool {
    meta.tool_use_id.is_none() && meta.parent_agent_id.is_none()
}

pub(super) fn first_row(file: &AgentFile) -> Option<Entry> {
    let transcript = Transcript::open(&file.path, 0).ok()?;
    transcript.timed().next_entry().ok()?
}

/// An agent of this prompt works for a command: the prompt's own row and its answer are written after the Stop hook.
pub(super) fn runs_apart(transcript: &Path, prompt_id: &str) -> bool {
    let files = agents(transcript, Some(Layout::Below), &|_| false);
    files.iter().any(|file| {
        let row = first_row(file);
        row.is_some_and(|row| row.header.prompt_id.as_deref() == Some(prompt_id))
            && is_by_command(&file.meta())
    })
}
