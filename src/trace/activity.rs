//! Observations that turns and agents' runs share: model calls, tools and events below a root, and launches of agents.

use std::collections::BTreeSet;

use transcript::session::{Activity, Event, EventKind, ToolCall};
use transcript::{GitOperation, Notification};

use super::{
    Content, Digest, Kind, Level, MetadataKey, Observation, Placeholder, Role, SpanId, SpanIds,
    SpanName, Status, WorkflowRun, compaction, digest, generation, tool,
};

/// A tool call that launched an agent or may have.
#[derive(Clone, Debug, PartialEq)]
pub struct Launch {
    /// The call's key, which no other call has.
    pub key: String,
    /// The provider's id, which may repeat.
    pub tool_use_id: String,
    /// Ids that the agent's own calls can't use as keys.
    pub used_ids: Vec<String>,
    /// Known once the call's result names the agent.
    pub agent_id: Option<String>,
    pub workflow: Option<WorkflowRun>,
    pub agent_type: Option<String>,
    /// Links agents of releases that write no other link.
    pub prompt: Option<Digest>,
    /// Offset of the call's row in its file.
    pub offset: u64,
    /// The tool's span, the parent of the agent's root.
    pub span_id: SpanId,
    /// The call has its final result.
    pub finished: bool,
    /// `completed` or `failed`, once the call has its final result.
    pub outcome: Option<&'static str>,
}

/// Sets the fields that the roots of turns and of agents' runs share.
pub(super) fn finish_root(root: &mut Observation, activity: &Activity) {
    root.kind = Kind::Agent;
    root.role = Role::Root;
    root.end = activity.last_at.unwrap_or(root.start).max(root.start);
    root.output = match &activity.structured {
        Some(answer) => Some(Content::Json(answer.clone())),
        None => {
            let text = activity.last_text.as_ref().or(activity.command_output.as_ref());
            text.cloned().map(Content::Text)
        }
    };
    if activity.interrupted {
        root.warn(Status::Interrupted);
    } else if let Some(count) = activity.max_turns {
        root.warn(Status::MaxTurns(count));
    } else if activity.failed {
        root.level = Level::Error;
        let error = activity.events.iter().rev().find(|event| event.kind == EventKind::ApiError);
        root.status = error.map(|event| Status::quoting(&event.text));
    }
    let unanswered = Some(activity.failed_requests()).filter(|count| *count > 0);
    root.note(MetadataKey::FailedRequests, unanswered);
    note_git(root, activity);
}

/// Why the work ended without its answer.
pub(super) fn ending(activity: &Activity) -> Option<Placeholder> {
    if activity.interrupted {
        Some(Placeholder::Interrupted)
    } else if activity.max_turns.is_some() {
        Some(Placeholder::Stopped)
    } else if activity.failed {
        let error = activity.events.iter().rev().find(|event| event.kind == EventKind::ApiError);
        let failure = error.and_then(|error| error.failure.as_ref());
        Some(Placeholder::ApiError(failure.and_then(|failure| failure.status)))
    } else {
        None
    }
}

/// Adds the commits of a turn or an agent's run, and the last branch and pull request.
fn note_git(root: &mut Observation, activity: &Activity) {
    let operations = || activity.git_operations();
    let commits: Vec<&str> = operations()
        .filter_map(|operation| operation.commit.as_ref())
        .map(|commit| commit.sha.as_str())
        .collect();
    root.note(MetadataKey::Commits, (!commits.is_empty()).then(|| commits.join(" ")));
    root.note(
        MetadataKey::PushedBranch,
        operations().filter_map(GitOperation::pushed_branch).last(),
    );
    root.note(MetadataKey::PullRequest, operations().filter_map(GitOperation::pull_request).last());
}

/// Adds the end of a background task to the turn that its row opened, or to the row's own event.
pub(super) fn note_end_of_task(observation: &mut Observation, notification: &Notification) {
    let Notification { task_id, tool_use_id, status, summary } = notification;
    observation.note(MetadataKey::TaskId, task_id.as_ref());
    observation.note(MetadataKey::TaskToolUseId, tool_use_id.as_ref());
    observation.note(MetadataKey::TaskStatus, status.as_ref());
    if let Some(status) = status.as_deref().and_then(Status::of_outcome)
        && observation.level == Level::Default
    {
        let reason = summary.as_ref().and_then(|summary| summary.lines().next());
        observation.warn(reason.map_or(status, Status::quoting));
    }
}

/// Emits observations one by one, so that no turn is in memory twice.
pub(super) fn observe_activity(
    activity: &Activity,
    ids: &SpanIds,
    parent: &SpanId,
    ended: bool,
    emit: &mut dyn FnMut(Observation),
) {
    let mut shapes = BTreeSet::new();
    for call in &activity.generations {
        let mut observation = generation::observe(call, ids, parent);
        observation.shape = call.shape.clone().filter(|shape| shapes.insert(shape.clone()));
        observation.complete |= ended;
        let advice = generation::observe_advice(call, &observation, ids);
        emit(observation);
        advice.into_iter().for_each(&mut *emit);
    }
    for call in &activity.tools {
        let last_at = activity.last_at.unwrap_or(call.called_at);
        emit(tool::observe(call, ids, parent, last_at, ended));
    }
    for it in &activity.compactions {
        emit(compaction::observe(it, ids, Some(parent), ended));
    }
    for event in activity.events.iter().filter(|event| !event.uuid.is_empty()) {
        emit(observe_event(event, ids, parent));
    }
}

fn observe_event(event: &Event, ids: &SpanIds, parent: &SpanId) -> Observation {
    let (trace_id, span_id) = (ids.trace_id(), ids.event(&event.uuid));
    let (name, level) = match &event.kind {
        EventKind::Steering => (SpanName::STEERING, Level::Default),
        EventKind::Notified(_) => (SpanName::NOTIFICATION, Level::Default),
        EventKind::ApiError => (SpanName::API_ERROR, Level::Error),
        EventKind::ApiRetry => (SpanName::API_RETRY, Level::Warning),
        EventKind::Fallback => (SpanName::MODEL_FALLBACK, Level::Warning),
        EventKind::Interrupted => (SpanName::INTERRUPTED, Level::Warning),
        EventKind::StopBlocked => (SpanName::STOP_BLOCKED, Level::Default),
        EventKind::Commit => (SpanName::COMMIT, Level::Default),
        EventKind::PullRequest => (SpanName::PULL_REQUEST, Level::Default),
    };
    let mut observation = Observation::new(name.clone(), trace_id, span_id, Some(parent), event.at);
    observation.level = level;
    if level != Level::Default {
        observation.status = Some(Status::quoting(&event.text));
    }
    observation.input = Some(Content::Text(event.text.clone()));
    let output = match (&event.kind, &event.failure) {
        (EventKind::ApiError | EventKind::ApiRetry, failure) => {
            Placeholder::ApiError(failure.as_ref().and_then(|failure| failure.status))
        }
        _ => Placeholder::Event(name),
    };
    observation.fill(Placeholder::NoInput, output);
    // The row of a pull request has no time.
    let uuid = Some(&event.uuid).filter(|_| event.kind != EventKind::PullRequest);
    observation.note(MetadataKey::EventUuid, uuid);
    if let EventKind::Notified(notification) = &event.kind {
        note_end_of_task(&mut observation, notification);
    }
    if let Some(failure) = &event.failure {
        observation.note(MetadataKey::HttpStatus, failure.status);
        observation.note(MetadataKey::ApiError, failure.kind.as_ref());
        observation.note(MetadataKey::Attempt, failure.attempt);
    }
    observation
}

/// The launches of a turn or an agent. `ended`: all rows are there. Before that, further rows of a call may bring
/// more ids.
pub(super) fn launches(activity: &Activity, ids: &SpanIds, ended: bool) -> Vec<Launch> {
    let is_whole = |tool: &ToolCall| ended || activity.is_closed(&tool.call);
    let calls = activity.tools.iter().filter(|call| call.launches_agent() && is_whole(call));
    calls.map(|call| launch(activity, call, ids)).collect()
}

fn launch(activity: &Activity, call: &ToolCall, ids: &SpanIds) -> Launch {
    let agent_type = call.request.input.get("subagent_type");
    let prompt = call.request.input.get("prompt").and_then(serde_json::Value::as_str);
    Launch {
        key: call.key.clone(),
        tool_use_id: call.request.id.clone(),
        used_ids: activity.ids_used_for(call),
        agent_id: call.result.as_ref().and_then(|result| result.agent_id.clone()),
        workflow: workflow(call),
        agent_type: agent_type.and_then(serde_json::Value::as_str).map(str::to_owned),
        prompt: prompt.map(|prompt| digest(prompt.as_bytes())),
        offset: call.offset,
        span_id: ids.tool(&call.key),
        finished: call.has_final_result(),
        outcome: call.agent_outcome(),
    }
}

fn workflow(call: &ToolCall) -> Option<WorkflowRun> {
    let result = call.result.as_ref()?;
    Some(WorkflowRun {
        run_id: result.workflow.clone()?,
        name: result.workflow_name.clone(),
        started_at: call.called_at,
        last_at: call.answered_at.unwrap_or(call.called_at),
    })
}
