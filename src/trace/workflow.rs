//! A workflow's run as a chain under the call that launched it; the agents that are its steps have files of their own.

use base::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use transcript::RunEnd;

use super::ids::{SpanId, TraceId};
use super::metadata::MetadataKey;
use super::observation::{Content, Kind, Level, Observation};
use super::span_name::SpanName;
use super::status::Status;

/// What is known of a run before it has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkflowRun {
    /// Claude Code's id.
    pub run_id: String,
    /// What its script calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When the call that launched it was made.
    pub started_at: Timestamp,
    /// The last row that its launch or one of its agents wrote.
    pub last_at: Timestamp,
}

/// The run as an observation, to be completed by who knows whether it has ended. `outcome`: what a notification says of a
/// run that left no file.
pub fn observe_workflow(
    run: &WorkflowRun,
    end: Option<RunEnd>,
    outcome: Option<&str>,
    trace_id: &TraceId,
    parent: Option<&SpanId>,
) -> Observation {
    let mut observation = Observation::new(
        trace_id.clone(),
        SpanId::workflow(&run.run_id),
        parent.cloned(),
        run.started_at,
    );
    observation.name = SpanName::WORKFLOW;
    observation.kind = Kind::Chain;
    let ended_at = end.as_ref().and_then(|end| end.at);
    // An agent that is stopped writes its last rows after the run's file.
    observation.end = run.last_at.max(run.started_at).max(ended_at.unwrap_or(run.last_at));
    let status = end.as_ref().map(|end| end.status.as_str()).or(outcome);
    match status {
        Some("completed") => {}
        Some("failed") => {
            let error = end.as_ref().and_then(|end| end.error.as_deref());
            let reason = error.and_then(|error| error.lines().next());
            observation.level = Level::Error;
            observation.status = Some(reason.map_or(Status::Failed, Status::quoting));
        }
        Some(status) => observation.warn(Status::of_outcome(status)),
        None => observation.warn(Status::NoResult),
    }
    observation.note(MetadataKey::WorkflowRun, Some(&run.run_id));
    observation.note(MetadataKey::WorkflowName, run.name.as_ref());
    observation.note(MetadataKey::WorkflowStatus, status);
    observation.output = end.and_then(|end| end.result).map(|result| match result {
        Value::String(text) => Content::Text(text),
        result => Content::Json(result),
    });
    observation
}
