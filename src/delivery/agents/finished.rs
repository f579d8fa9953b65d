//! Finds the agents that have ended, and their outcomes, from notifications and the files of workflows.

use transcript::{Entry, Notification, Record, RunEnd, is_trusted};

use super::super::Job;
use crate::state::{Cursor, Subagent};
use crate::trace::SpanId;

/// The notification of a background task's end in a row.
pub(super) fn notification(entry: &Entry) -> Option<&Notification> {
    match &entry.record {
        Record::Notified(notification) => Some(notification),
        Record::Steering { notification, .. } => notification.as_ref(),
        Record::Prompt(prompt) => prompt.notification.as_ref(),
        _ => None,
    }
}

/// Marks the agents whose end was notified. Runs after the reading, because a notification comes before the turn that
/// it opens, when the launching turn may be unknown.
pub(super) fn finish(notifications: &[Notification], job: &Job, cursor: &mut Cursor) {
    for notification in notifications {
        finish_agent(notification, cursor);
    }
    finish_workflows(job, cursor);
}

/// Finds the agent by the task id, which is the agent's id. For a resumed agent the tool call is the resuming one.
fn finish_agent(notification: &Notification, cursor: &mut Cursor) {
    let Notification { task_id, tool_use_id, status, summary: _ } = notification;
    // A repeated id identifies no call.
    let tool_use_id = tool_use_id.as_ref().filter(|id| is_trusted(id));
    for (launched_by, launch) in &mut cursor.launches {
        let same_agent = task_id.is_some() && launch.agent_id == *task_id;
        if same_agent || Some(launched_by) == tool_use_id {
            launch.finished = true;
            launch.outcome.clone_from(status);
            launch.agent_id = launch.agent_id.take().or_else(|| task_id.clone());
        }
    }
    let is_launched = |subagent: &Subagent| {
        // The cheap comparison comes first: computing a span id per agent and notification would dominate.
        let is_of_other = |id| subagent.tool_use_id.as_ref().is_some_and(|own| own != id);
        let link = subagent.link.as_ref().zip(tool_use_id.filter(|id| !is_of_other(*id)));
        link.is_some_and(|(link, id)| link.span == Some(cursor.span_ids(&link.turn).tool(id)))
    };
    let launched = cursor.subagents.iter().filter(|(_, subagent)| is_launched(subagent));
    let launched: Vec<String> = launched.map(|(agent_id, _)| agent_id.clone()).collect();
    for (agent_id, subagent) in &mut cursor.subagents {
        if Some(agent_id) == task_id.as_ref() || launched.contains(agent_id) {
            subagent.finished = true;
            subagent.ends_as(status.clone());
        }
    }
}

/// Marks the agents of ended workflow runs. A run that the model stopped has no notification.
fn finish_workflows(job: &Job, cursor: &mut Cursor) {
    let longest = job.policy.max_chars;
    let mut over = Vec::new();
    for (run_id, subagent) in &mut cursor.subagents {
        if subagent.workflow.is_some() {
            let path = RunEnd::path(&job.transcript, run_id);
            subagent.finished = subagent.finished || RunEnd::read(&path, longest).is_some();
            let turn = subagent.link.as_ref().filter(|_| subagent.finished);
            over.extend(turn.map(|link| (link.turn.clone(), run_id.clone())));
        }
    }
    let over: Vec<SpanId> =
        over.iter().map(|(turn, run_id)| cursor.span_ids(turn).workflow(run_id)).collect();
    for subagent in cursor.subagents.values_mut() {
        let run = subagent.link.as_ref().and_then(|link| link.span.as_ref());
        subagent.finished |= run.is_some_and(|run| over.contains(run));
    }
}
