//! How far an agent's file was acknowledged.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use transcript::FileMark;

use super::cursor::Launcher;
use super::mark::Mark;
use crate::trace::{SpanId, WorkflowRun};

/// Where an agent belongs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The turn that launched it; its own first row, where nothing launched it.
    pub turn: String,
    /// The tool call that launched it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<SpanId>,
}

/// How far an agent's file was acknowledged, or a workflow's run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subagent {
    /// The tool call that launched it, as its meta file says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_use_id: Option<String>,
    /// Trusted ids that its own calls can't have as their keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub used_ids: Vec<String>,
    /// Its kind, as the call that launched it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_type: Option<String>,
    /// Where the call stands that launched it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launcher: Option<Launcher>,
    /// Where it belongs; `None` while its launch is not visible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
    /// It is a run of a workflow, whose file is the one that tells of its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<WorkflowRun>,
    /// The agent has given its answer.
    #[serde(default)]
    pub finished: bool,
    /// How it ended, as its call's result or a notification says: `completed`, `failed`, `killed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Tracing was switched off while it ran: only an explicit replay sends what is left of it.
    #[serde(default)]
    pub declined: bool,
    /// The file as it was when it was last read.
    #[serde(default)]
    pub file: FileMark,
    /// Nothing of it waits.
    #[serde(default)]
    pub idle: bool,
    /// It was sent as it is after its end.
    #[serde(default)]
    pub ended: bool,
    /// How much of it is acknowledged for good, once it is finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<Done>,
    /// Acknowledged spans, as in the cursor.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub acknowledged: BTreeMap<SpanId, Mark>,
}

/// The first so many of each kind are acknowledged for good. An agent's file only grows, and 500 finished agents with
/// every span by its id would be 2 MB of state to read in every hook.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Model calls.
    pub generations: usize,
    /// Tools.
    pub tools: usize,
    /// Events.
    pub events: usize,
}

/// Where an agent stands, as far as it concerns its file as it was last read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// Its launch is not visible: nobody knows where it belongs.
    Unlinked,
    /// Something of it has to be sent.
    Active,
    /// All that it wrote is acknowledged, and it may write more.
    Quiet,
    /// All that it wrote is acknowledged, and its end.
    Closed,
}

impl Subagent {
    /// Where it stands; whether it was declined is another matter.
    pub fn life(&self) -> Life {
        match (self.link.is_some(), self.idle, self.ended, self.finished) {
            (false, ..) => Life::Unlinked,
            (true, true, true, _) => Life::Closed,
            (true, true, false, false) => Life::Quiet,
            (true, false, ..) | (true, true, false, true) => Life::Active,
        }
    }

    /// Its file was read, and what it holds is on its way; `ended`: with its end.
    pub fn was_read(&mut self, file: FileMark, ended: bool) {
        self.file = file;
        (self.idle, self.declined, self.ended) = (false, false, ended);
    }

    /// All of it was acknowledged. Of what is `done` for good only the root can change any more.
    pub fn was_acknowledged(&mut self, done: Option<Done>, root: &SpanId) {
        self.idle = true;
        if done.is_some() {
            self.done = done;
            self.acknowledged.retain(|span, _| span == root);
        }
    }

    /// Takes note of how the agent ended. Its root shows it: what was sent without is to be sent again.
    pub fn ends_as(&mut self, outcome: Option<String>) {
        self.ended &= self.outcome == outcome;
        self.outcome = outcome;
    }
}
