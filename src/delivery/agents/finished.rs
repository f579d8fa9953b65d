//! Which agents have ended, and how, as notifications and the files of workflows say.

use transcript::{Entry, Notification, Record, RunEnd, is_trusted};

use super::super::Job;
use crate::state::{Cursor, Subagent};
use crate::trace::SpanId;

/// What a row says of the end of a background task.
pub(super) fn notification(entry: &Entry) -> Option<&Notification> {
    match &entry.record {
        Record::Notified(notification) => Some(notification),
        Record::Steering { notification, .. } => notification.as_ref(),
        Record::Prompt(prompt) => prompt.notification.as_ref(),
        _ => None,
    }
}

/// Says of the agents whose end was notified that they are done. A notification stands before the turn that it opens, when
/// the turn that launched the agent may not be known yet: hence after the reading.
pub(super) fn finish(notifications: &[Notification], job: &Job, cursor: &mut Cursor) {
    for notification in notifications {
        finish_agent(notification, cursor);
    }
    finish_workflows(job, cursor);
}

/// By the task, which is the agent's id; of an agent that was resumed, the tool call is the one that resumed it.
fn finish_agent(notification: &Notification, cursor: &mut Cursor) {
    let Notification { task_id, tool_use_id, status, summary: _ } = notification;
    // An id that comes again for other calls names none of them.
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
        // Compared first: to make a span's id for each agent and each notification takes longer than all else.
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

/// Says of the agents of the runs that have ended that they are done. A run that the model stopped has no notification.
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
