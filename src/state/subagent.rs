//! The progress of an agent's file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use transcript::FileMark;

use super::cursor::Launcher;
use super::mark::Mark;
use crate::trace::{SpanId, WorkflowRun};

/// The place of an agent in the tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The turn that launched it. If nothing launched it: its own first row.
    pub turn: String,
    /// The span of the tool that launched it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<SpanId>,
}

/// The progress of an agent's file or a workflow run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subagent {
    /// The tool call that launched it, from its meta file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_use_id: Option<String>,
    /// Trusted ids that its own calls can't use as keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub used_ids: Vec<String>,
    /// Its type, from the launching call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_type: Option<String>,
    /// The place of the launching call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launcher: Option<Launcher>,
    /// Its place in the tree; `None` until its launch is visible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
    /// It is a workflow run, whose own file reports its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<WorkflowRun>,
    /// The agent has given its answer.
    #[serde(default)]
    pub finished: bool,
    /// Its outcome, from the call's result or a notification: `completed`, `failed`, `killed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Tracing was switched off while it ran. Only an explicit replay sends the rest of it.
    #[serde(default)]
    pub declined: bool,
    /// The file as it was when it was last read.
    #[serde(default)]
    pub file: FileMark,
    /// All of it is acknowledged.
    #[serde(default)]
    pub idle: bool,
    /// Its end is acknowledged.
    #[serde(default)]
    pub ended: bool,
    /// The part that can't change any more, once it is finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<Done>,
    /// Acknowledged spans, as in the cursor.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub acknowledged: BTreeMap<SpanId, Mark>,
}

/// The number of spans per kind that are acknowledged and can't change. An agent's file only grows. With every span
/// by its id, 500 finished agents would be 2 MB of state in every hook.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Model calls.
    pub generations: usize,
    /// Tools.
    pub tools: usize,
    /// Events.
    pub events: usize,
}

/// The progress of an agent, relative to its file as it was last read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// Its launch is not visible, so that its place in the tree is unknown.
    Unlinked,
    /// It has unsent spans.
    Active,
    /// All of its rows are acknowledged, and more may come.
    Quiet,
    /// All of its rows and its end are acknowledged.
    Closed,
}

impl Subagent {
    /// Its progress. A declined agent has one, too.
    pub fn life(&self) -> Life {
        match (self.link.is_some(), self.idle, self.ended, self.finished) {
            (false, ..) => Life::Unlinked,
            (true, true, true, _) => Life::Closed,
            (true, true, false, false) => Life::Quiet,
            (true, false, ..) | (true, true, false, true) => Life::Active,
        }
    }

    /// Notes that its file was read and its spans are on their way. `ended`: with its end.
    pub fn was_read(&mut self, file: FileMark, ended: bool) {
        self.file = file;
        (self.idle, self.declined, self.ended) = (false, false, ended);
    }

    /// Notes that all of it was acknowledged. `done` can't change any more, except for its root.
    pub fn was_acknowledged(&mut self, done: Option<Done>, root: &SpanId) {
        self.idle = true;
        if done.is_some() {
            self.done = done;
            self.acknowledged.retain(|span, _| span == root);
        }
    }

    /// Notes the outcome of the agent. Its root shows the outcome, and is sent again if it was sent without.
    pub fn ends_as(&mut self, outcome: Option<String>) {
        self.ended &= self.outcome == outcome;
        self.outcome = outcome;
    }
}
