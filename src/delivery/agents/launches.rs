//! Launches whose agents have not appeared yet, noted in the cursor.

use std::collections::BTreeSet;

use transcript::session::Turn;

use super::workflows::begin;
use crate::privacy::Policy;
use crate::state::{Cursor, Launcher, PendingLaunch, Subagent};
use crate::trace::{Launch, SpanId};

/// Above this number, commands without agents are dropped: most have shown a result without any.
const WAITING_COMMANDS: usize = 8;

/// The launches in the cursor.
pub(in crate::delivery) struct Launches<'a> {
    cursor: &'a mut Cursor,
    policy: &'a Policy,
}

impl<'a> Launches<'a> {
    pub(in crate::delivery) fn of(cursor: &'a mut Cursor, policy: &'a Policy) -> Self {
        Self { cursor, policy }
    }

    /// Adds launches of the session itself or of an agent. `depth` is that of the launched agents.
    pub(in crate::delivery) fn add(
        &mut self,
        launches: Vec<Launch>,
        turn: &str,
        by: Option<&str>,
        depth: u64,
    ) {
        for mut launch in launches {
            if let Some(agent_type) = &mut launch.agent_type {
                self.policy.apply_to_name(agent_type);
            }
            let launcher =
                Launcher { agent_id: by.map(str::to_owned), offset: launch.offset, depth };
            match launch.workflow.take() {
                Some(mut run) => {
                    if let Some(name) = &mut run.name {
                        self.policy.apply_to_name(name);
                    }
                    begin(run, launch.span_id, launcher, turn, self.cursor);
                }
                None => self.add_call(launch, launcher, turn),
            }
        }
    }

    fn add_call(&mut self, launch: Launch, launcher: Launcher, turn: &str) {
        let mut subagents = self.cursor.subagents.values_mut();
        if let Some(subagent) = subagents.find(|subagent| is_linked(subagent, &launch.span_id)) {
            subagent.finished |= launch.finished;
            if subagent.outcome.is_none() && launch.outcome.is_some() {
                subagent.ends_as(launch.outcome.map(str::to_owned));
            }
        }
        let known = self.cursor.launches.entry(launch.key.clone());
        let known = known.or_insert_with(|| PendingLaunch::new(turn, launch.span_id));
        known.tool_use_id = Some(launch.tool_use_id).filter(|id| *id != launch.key);
        known.used_ids = launch.used_ids;
        known.launcher = Some(launcher);
        known.agent_id = launch.agent_id.or(known.agent_id.take());
        known.agent_type = launch.agent_type.or(known.agent_type.take());
        known.prompt = launch.prompt.or(known.prompt.take());
        known.finished |= launch.finished;
        let outcome = || launch.outcome.map(str::to_owned);
        known.outcome = known.outcome.take().or_else(outcome);
    }

    /// Adds the agents that the turn itself launched, without a tool.
    pub(in crate::delivery) fn add_commands(&mut self, turn: &Turn) {
        let uuid = &turn.opening.uuid;
        for agent_id in &turn.started {
            self.expect(agent_id, uuid, |launch| launch.agent_id = Some(agent_id.clone()));
        }
        if let Some(prompt_id) = &turn.opening.header.prompt_id
            && turn.ran_apart()
        {
            self.expect(prompt_id, uuid, |launch| {
                launch.prompt_id = Some(prompt_id.clone());
                launch.finished = true;
            });
        }
        let notification = turn.opening.prompt.notification.as_ref();
        if let Some(notification) = notification
            && let (Some(task_id), None) = (&notification.task_id, &notification.tool_use_id)
            && self.cursor.skipped.is_empty()
        {
            // Its start is before the first turn, in rows that are not read.
            self.expect(task_id, uuid, |launch| launch.agent_id = Some(task_id.clone()));
        }
    }

    fn expect(&mut self, key: &str, turn: &str, note: impl FnOnce(&mut PendingLaunch)) {
        let span = self.cursor.span_ids(turn).turn(turn);
        let subagent = self.cursor.subagents.get(key);
        if subagent.is_some_and(|subagent| subagent.link.is_some())
            || self.cursor.launches.contains_key(key)
        {
            return;
        }
        let mut launch = PendingLaunch::new(turn, span);
        note(&mut launch);
        self.cursor.launches.insert(key.to_owned(), launch);
    }
}

fn is_linked(subagent: &Subagent, span: &SpanId) -> bool {
    subagent.link.as_ref().is_some_and(|link| link.span.as_ref() == Some(span))
}

/// Drops launches whose agents have appeared, and commands of closed turns that need no agent.
pub(in crate::delivery) fn forget_launches(cursor: &mut Cursor, still_open: &BTreeSet<String>) {
    let Cursor { subagents, launches, .. } = cursor;
    let links = subagents.values().filter_map(|subagent| subagent.link.as_ref());
    let claimed: BTreeSet<&SpanId> = links.filter_map(|link| link.span.as_ref()).collect();
    let is_linked =
        |agent_id: &String| subagents.get(agent_id).is_some_and(|subagent| subagent.link.is_some());
    launches.retain(|_, launch| match &launch.agent_id {
        Some(agent_id) if !launch.is_by_tool() => !is_linked(agent_id),
        _ => !claimed.contains(&launch.span),
    });
    let is_over =
        |launch: &PendingLaunch| !launch.is_by_tool() && !still_open.contains(&launch.turn);
    if launches.values().filter(|launch| is_over(launch)).count() > WAITING_COMMANDS {
        launches.retain(|_, launch| !is_over(launch));
    }
}
