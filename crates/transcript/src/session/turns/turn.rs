//! One turn of a session.

use base::Timestamp;

use super::SessionTitle;
use crate::session::activity::Activity;
use crate::session::calls::Compaction;
use crate::session::legacy_sidechains::LegacySidechains;
use crate::session::opening::Opening;

/// One turn of a session.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Turn {
    /// The row that opens it.
    pub opening: Opening,
    /// Its model calls, tools and events.
    pub activity: Activity,
    /// The parent of its first row.
    pub follows: Option<String>,
    /// Agents whose rows are among those of the turn.
    pub agents: LegacySidechains,
    /// Agents started by a person's commands, by id.
    pub started: Vec<String>,
    /// The offset of its first row, which may be text that the CLI wrote before the prompt.
    pub start: u64,
    /// The end of its last row, as far as the file was read.
    pub end: u64,
    /// The end of an answer's first row.
    pub first_answer_end: Option<u64>,
    /// The end of the last row of its work.
    pub worked_until: u64,
    /// The next turn has begun, so that this one can't grow.
    pub closed: bool,
    /// The CLI ran the Stop hooks after the last answer.
    pub stopped: bool,
    /// The process of the session ended after the last answer.
    pub left: bool,
    /// It continues in the file of another session.
    pub continues_elsewhere: bool,
    /// The session's title at its opening row.
    pub title_before: Option<SessionTitle>,
    /// Another title set within it.
    pub session_title: Option<SessionTitle>,
}

/// The amount of work in a turn, to detect further work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done([usize; 4]);

impl Turn {
    /// The turn has its answer or its summary, and no further row is expected.
    pub fn is_finished(&self) -> bool {
        match self.as_manual_compaction() {
            Some(compaction) => compaction.summary.is_some(),
            None => self.activity.has_finished_answer(),
        }
    }

    /// It counts among the turns of its session.
    pub fn is_numbered(&self) -> bool {
        self.as_manual_compaction().is_none() && !self.opening.is_missing
    }

    /// It has some work. A prompt that was taken back before the first block of its answer has none.
    pub fn has_begun(&self) -> bool {
        !self.activity.generations.is_empty()
            || !self.activity.events.is_empty()
            || self.activity.command_output.is_some()
    }

    /// The amount of work so far.
    pub fn done(&self) -> Done {
        let Activity { generations, tools, events, compactions, .. } = &self.activity;
        let rows = generations.iter().map(|call| call.rows as usize).sum();
        let results = tools.iter().filter(|tool| tool.result.is_some()).count();
        Done([rows, tools.len() + results, events.len(), compactions.len()])
    }

    /// It is a command that ran in an agent and has its output. Only the prompt's id links the agent to it.
    pub fn ran_apart(&self) -> bool {
        self.activity.command_output.is_some() && self.started.is_empty()
    }

    /// A command opened it, and it has no work yet. The row of a command that runs in an agent has no `turnOrigin`,
    /// in no release.
    fn may_be_answered_by_command(&self) -> bool {
        let may_be = self.opening.prompt.may_run_in_agent();
        may_be && !self.has_begun() && !self.activity.interrupted
    }

    pub(super) fn take_command_output(
        &mut self,
        text: &str,
        agent_id: Option<String>,
        at: Timestamp,
    ) {
        let is_answer = self.may_be_answered_by_command();
        self.started.extend(agent_id);
        if is_answer {
            self.activity.answer_by_command(text, at);
        }
    }

    /// The compaction that a person asked for between two turns. It has a trace of its own.
    pub fn as_manual_compaction(&self) -> Option<&Compaction> {
        let first = self.activity.compactions.first()?;
        (first.uuid == self.opening.uuid).then_some(first)
    }
}

/// A person went back in the conversation before this turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewind {
    /// The uuid of the opening row of the turn that was left.
    pub from: String,
    /// The number of abandoned turns, including that one.
    pub abandoned: usize,
}
