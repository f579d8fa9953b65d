//! A workflow run as a chain under the call that launched it. Its agents have files of their own.

use base::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use transcript::RunEnd;

use super::{
    Content, Kind, Level, MetadataKey, Observation, Placeholder, SpanId, SpanIds, SpanName, Status,
};

/// A run that may not have ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkflowRun {
    pub run_id: String,
    /// The name in its script.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Time of the call that launched it.
    pub started_at: Timestamp,
    /// Time of the last row of its launch or of one of its agents.
    pub last_at: Timestamp,
}

/// The run as an observation; the caller sets `complete`. `outcome` comes from a notification, for a run that left no file.
pub fn observe_workflow(
    run: &WorkflowRun,
    end: Option<RunEnd>,
    outcome: Option<&str>,
    ids: &SpanIds,
    parent: Option<&SpanId>,
) -> Observation {
    let (span_id, at) = (ids.workflow(&run.run_id), run.started_at);
    let mut observation = Observation::new(SpanName::WORKFLOW, ids.trace_id(), span_id, parent, at);
    observation.kind = Kind::Chain;
    let ended_at = end.as_ref().and_then(|end| end.at);
    // An agent that is stopped writes its last rows after the run's file.
    observation.end = run.last_at.max(at).max(ended_at.unwrap_or(run.last_at));
    let status = end.as_ref().map(|end| end.status.as_str()).or(outcome);
    let ending = status.map(Status::of_outcome);
    let output = match &ending {
        None => Placeholder::NoResult,
        Some(None) => Placeholder::NoOutput,
        Some(Some(status)) => status.placeholder(),
    };
    match ending {
        None => observation.warn(Status::NoResult),
        Some(None) => {}
        Some(Some(Status::Failed)) => {
            let error = end.as_ref().and_then(|end| end.error.as_deref());
            let reason = error.and_then(|error| error.lines().next());
            observation.level = Level::Error;
            observation.status = Some(reason.map_or(Status::Failed, Status::quoting));
        }
        Some(Some(status)) => observation.warn(status),
    }
    observation.note(MetadataKey::WorkflowRun, Some(&run.run_id));
    observation.note(MetadataKey::WorkflowName, run.name.as_ref());
    observation.note(MetadataKey::WorkflowStatus, status);
    observation.output = end.and_then(|end| end.result).map(|result| match result {
        Value::String(text) => Content::Text(text),
        result => Content::Json(result),
    });
    observation.input = run.name.clone().map(Content::Text);
    observation.fill(Placeholder::NoInput, output);
    observation
}
