//! One turn of a session, and what can be said of it by itself.

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
    /// The row that its first row follows.
    pub follows: Option<String>,
    /// Agents whose rows are among those of the turn.
    pub agents: LegacySidechains,
    /// Agents that commands of the person started, by their ids.
    pub started: Vec<String>,
    /// Where its first row starts, which may be text that the CLI wrote before the prompt.
    pub start: u64,
    /// Where its last row ends, as far as the file was read.
    pub end: u64,
    /// Where the first row of an answer ends.
    pub first_answer_end: Option<u64>,
    /// Where the last row ends by which its work went on.
    pub worked_until: u64,
    /// The next turn has begun: nothing can be added to it any more.
    pub closed: bool,
    /// The CLI ran the Stop hooks after the last answer.
    pub stopped: bool,
    /// The process that held the session ended after the last answer.
    pub left: bool,
    /// It goes on in the file of another session.
    pub continues_elsewhere: bool,
    /// The title that the session had at its opening row.
    pub title_before: Option<SessionTitle>,
    /// Another title that the session got within it.
    pub session_title: Option<SessionTitle>,
}

/// How much was done in a turn, to tell whether something was added.
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

    /// How much was done so far.
    pub fn done(&self) -> Done {
        let Activity { generations, tools, events, compactions, .. } = &self.activity;
        let rows = generations.iter().map(|call| call.rows as usize).sum();
        let results = tools.iter().filter(|tool| tool.result.is_some()).count();
        Done([rows, tools.len() + results, events.len(), compactions.len()])
    }

    /// It is a command that ran in an agent and showed its answer. Only the prompt's id links the agent to it.
    pub fn ran_apart(&self) -> bool {
        self.activity.command_output.is_some() && self.started.is_empty()
    }

    /// It was opened by a command, and nothing was done yet. The row of a command that runs apart has no `turnOrigin`, in
    /// no release.
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

    /// The compaction that a person asked for between two turns; it has a trace of its own.
    pub fn as_manual_compaction(&self) -> Option<&Compaction> {
        let first = self.activity.compactions.first()?;
        (first.uuid == self.opening.uuid).then_some(first)
    }
}

/// A person went back in the conversation before this turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewind {
    /// The opening row's uuid of the turn that was left.
    pub from: String,
    /// How many turns were abandoned, that one included.
    pub abandoned: usize,
}
