//! Decides whether a turn is complete in its file. Claude Code writes rows through a queue that it drains every 100
//! ms, so the last row of a turn is usually missing when its Stop hook starts (docs/claude-code.md, "When rows reach
//! the file").

use std::time::Duration;

use super::excerpt::is_same;
use super::{Block, Entry, Record, as_text, text_of};

/// The time without a new row after which a turn is complete when the answer's text is unknown.
const QUIET_PERIOD: Duration = Duration::from_millis(200);

/// The end of the turn as the hook's input describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// `prompt_id` (since 2.1.197).
    pub prompt_id: Option<String>,
    /// `last_assistant_message`, trimmed (since 2.1.50).
    pub last_text: Option<String>,
    /// `stop_hook_active`: a hook blocked the Stop before this one.
    pub was_blocked: bool,
}

/// Watches the rows of a session until its turn is complete.
#[derive(Debug, Default)]
pub struct Completion {
    expected: Expected,
    /// The length of the file when the hook started.
    length: u64,
    /// The row of the hook's prompt was read.
    prompted: bool,
    /// That prompt is a command that may run in an agent.
    is_command: bool,
    answered: bool,
    /// The last message row can be the last of a turn.
    is_settled: bool,
}

impl Completion {
    /// Starts watching before the turn's opening row. `length`: the length of the file when the hook started.
    pub fn new(expected: Expected, length: u64) -> Self {
        Self { expected, length, ..Self::default() }
    }

    /// Takes the next row.
    pub fn observe(&mut self, entry: &Entry) {
        if entry.header.sidechain {
            return;
        }
        self.match_prompt(entry);
        match &entry.record {
            Record::Assistant(answer) => {
                let ends = answer.blocks.iter().any(|block| as_text(block).is_some())
                    || answer.blocks.last().is_some_and(Block::is_server_tool_result);
                self.is_settled = ends && answer.stop_reason.as_deref() != Some("tool_use");
                self.answered |= self.prompted && self.is_expected(&answer.blocks);
            }
            Record::ApiError(error) => self.is_settled = !error.retried,
            Record::Results { results, .. } => {
                self.is_settled = results.iter().any(|result| result.ends_turn)
            }
            Record::StructuredOutput => self.is_settled = true,
            // A blocked Stop: the answer so far is not the last one. Another hook of this Stop may block it too, and
            // write its feedback before the answer's row.
            Record::StopFeedback(_) if self.expected.was_blocked && entry.offset < self.length => {
                (self.answered, self.is_settled) = (false, false);
            }
            Record::Prompt(_) | Record::Interrupt(_) | Record::Steering { .. } => {
                self.is_settled = false
            }
            _ => {}
        }
    }

    /// Whether the turn is complete when the file has not grown for `quiet`.
    pub fn is_complete(&self, quiet: Duration) -> bool {
        if self.expected.last_text.is_some() {
            self.answered
        } else {
            self.is_settled && quiet >= QUIET_PERIOD
        }
    }

    /// The prompt of the hook's turn, if it may be a command that runs in an agent: its row is missing, or shows a
    /// command.
    pub fn possible_command(&self) -> Option<&str> {
        let prompt_id = self.expected.prompt_id.as_deref();
        prompt_id.filter(|_| !self.prompted || self.is_command)
    }

    /// Compares with the last text block, or with all texts of the row if the answer came in one piece (2.1.330,
    /// after streams were cut off).
    fn is_expected(&self, blocks: &[Block]) -> bool {
        let Some(expected) = self.expected.last_text.as_deref() else {
            return false;
        };
        let last = blocks.iter().rev().find_map(as_text);
        last.is_some_and(|last| is_same(last, expected) || is_same(&text_of(blocks), expected))
    }

    fn match_prompt(&mut self, entry: &Entry) {
        let prompt = match &entry.record {
            Record::Prompt(prompt) => Some(prompt),
            _ => None,
        };
        let opens = prompt.is_some();
        match &self.expected.prompt_id {
            Some(wanted) => {
                let is_wanted = entry.header.prompt_id.as_ref() == Some(wanted);
                if let Some(prompt) = prompt.filter(|_| is_wanted) {
                    self.answered = false;
                    self.is_command = prompt.may_run_in_agent();
                }
                self.prompted |= is_wanted;
            }
            None if opens => (self.prompted, self.answered) = (true, false),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Completion, Expected, QUIET_PERIOD};
    use crate::{AssistantMessage, Block, Entry, Header, Prompt, Record, ToolResult};

    fn row(prompt_id: &str, record: Record) -> Entry {
        Entry {
            offset: 0,
            end: 0,
            at: None,
            uuid: None,
            header: Header { prompt_id: Some(prompt_id.to_owned()), ..Header::default() },
            record,
        }
    }

    fn prompt(id: &str) -> Entry {
        row(id, Record::Prompt(Prompt::default()))
    }

    fn answer(texts: &[&str], stop_reason: &str) -> Entry {
        let blocks = texts.iter().map(|text| Block::Text((*text).to_owned()));
        let answer = AssistantMessage {
            blocks: blocks.collect(),
            stop_reason: Some(stop_reason.to_owned()),
            ..AssistantMessage::default()
        };
        row("", Record::Assistant(answer))
    }

    fn server_tool(kind: &str) -> Entry {
        let blocks = vec![Block::Other(serde_json::json!({"type": kind}))];
        row("", Record::Assistant(AssistantMessage { blocks, ..AssistantMessage::default() }))
    }

    fn feedback() -> Entry {
        row("", Record::StopFeedback(Vec::new()))
    }

    fn complete(expected: &Expected, rows: &[Entry], quiet: Duration) -> bool {
        let mut settle = Completion::new(expected.clone(), 1);
        rows.iter().for_each(|row| settle.observe(row));
        settle.is_complete(quiet)
    }

    fn expected(prompt_id: &str, text: &str) -> Expected {
        let (prompt_id, last_text) = (Some(prompt_id.to_owned()), Some(text.to_owned()));
        Expected { prompt_id, last_text, was_blocked: false }
    }

    #[test]
    fn the_expected_answer_completes_the_turn() {
        let ok = answer(&["ok\n"], "end_turn");
        let first = [prompt("a"), ok.clone()];
        let both = [prompt("a"), ok.clone(), prompt("b"), ok.clone()];
        assert!(complete(&expected("a", "ok"), &first, Duration::ZERO));
        assert!(!complete(&expected("a", "other"), &first, QUIET_PERIOD));
        assert!(
            !complete(&expected("b", "ok"), &first, QUIET_PERIOD),
            "the same words of the turn before are not the answer"
        );
        assert!(complete(&expected("b", "ok"), &both, Duration::ZERO));
    }

    #[test]
    fn after_a_blocked_stop_the_answer_must_come_again() {
        let ok = answer(&["ok"], "end_turn");
        let blocked = [prompt("a"), ok.clone(), feedback()];
        let again = [prompt("a"), ok.clone(), feedback(), ok.clone()];
        let after_block = Expected { was_blocked: true, ..expected("a", "ok") };
        assert!(!complete(&after_block, &blocked, QUIET_PERIOD));
        assert!(complete(&after_block, &again, Duration::ZERO));
        let later = Entry { offset: 1, ..feedback() };
        let blocked_again = [prompt("a"), ok.clone(), feedback(), ok, later];
        assert!(complete(&after_block, &blocked_again, Duration::ZERO));
    }

    #[test]
    fn a_feedback_row_that_is_faster_than_the_answer_is_not_waited_behind() {
        let blocked = [prompt("a"), answer(&["ok"], "end_turn"), feedback()];
        assert!(complete(&expected("a", "ok"), &blocked, Duration::ZERO));
    }

    #[test]
    fn a_command_whose_row_is_there_may_still_run_in_an_agent() {
        let possible = |prompt: Prompt| {
            let mut completion = Completion::new(expected("a", "ok"), 1);
            completion.observe(&row("a", Record::Prompt(prompt)));
            completion.possible_command().is_some()
        };
        let command = || Prompt { command: Some("/review".to_owned()), ..Prompt::default() };
        assert!(possible(command()));
        assert!(!possible(Prompt { marked: true, ..command() }));
        assert!(!possible(Prompt::default()));
    }

    #[test]
    fn the_last_text_block_or_all_texts_of_the_row_are_the_answer() {
        let rows = [prompt("a"), answer(&["First.", "Second."], "end_turn")];
        for text in ["Second.", "First.\nSecond."] {
            assert!(complete(&expected("a", text), &rows, Duration::ZERO), "{text}");
        }
        assert!(!complete(&expected("a", "First."), &rows, Duration::ZERO));
    }

    #[test]
    fn without_the_answers_text_a_row_that_can_be_the_last_and_quiet_complete_it() {
        let nothing_expected = Expected::default();
        let ends_turn = ToolResult { ends_turn: true, ..ToolResult::default() };
        let results = |result: ToolResult| Record::Results {
            results: vec![result],
            beside: Vec::new(),
            asked_by: None,
        };
        for (last, completes) in [
            (answer(&["done"], "end_turn"), true),
            (answer(&["let me see"], "tool_use"), false),
            (answer(&[], "end_turn"), false),
            (server_tool("server_tool_use"), false),
            (server_tool("web_search_tool_result"), true),
            (row("", results(ToolResult::default())), false),
            (row("", results(ends_turn)), true),
            (row("", Record::StructuredOutput), true),
        ] {
            let rows = [prompt("a"), last];
            assert_eq!(complete(&nothing_expected, &rows, QUIET_PERIOD), completes, "{rows:?}");
            assert!(!complete(&nothing_expected, &rows, QUIET_PERIOD / 2), "{rows:?}");
        }
    }
}
