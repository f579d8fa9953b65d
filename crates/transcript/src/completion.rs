//! Whether a turn is complete in its file. Claude Code writes rows through a queue that it drains every 100 ms, so the last row
//! of a turn is usually missing when its Stop hook starts (docs/claude-code.md, "When rows reach the file").

use std::time::Duration;

use super::content::{Block, as_text, text_of};
use super::entry::{Entry, Record};
use super::excerpt::is_same;

/// The pause between two reads.
pub const POLL_INTERVAL: Duration = Duration::from_millis(2);
/// The longest wait for the last row. The longest wait that was measured is 156 ms.
pub const MAX_WAIT: Duration = Duration::from_secs(1);
/// The longest wait for a transcript that does not exist yet.
pub const MAX_FILE_WAIT: Duration = Duration::from_millis(300);
/// The time without a new row after which a turn is complete when the answer's text is unknown.
const QUIET_PERIOD: Duration = Duration::from_millis(200);

/// The end of the turn as the hook's input describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// `prompt_id` (since 2.1.197).
    pub prompt_id: Option<String>,
    /// `last_assistant_message`, trimmed (since 2.1.50).
    pub last_text: Option<String>,
}

/// Watches the rows of a session until its turn is complete.
#[derive(Debug)]
pub struct Completion {
    expected: Expected,
    /// The row of the hook's prompt was read.
    prompted: bool,
    answered: bool,
    /// The last message row can be the last of a turn.
    is_settled: bool,
}

impl Completion {
    /// Starts watching from before the turn's opening row.
    pub fn new(expected: Expected) -> Self {
        Self { expected, prompted: false, answered: false, is_settled: false }
    }

    /// Takes the next row.
    pub fn observe(&mut self, entry: &Entry) {
        if entry.header.sidechain {
            return;
        }
        self.match_prompt(entry);
        match &entry.record {
            Record::Assistant(answer) => {
                let text = answer.blocks.iter().rev().find_map(as_text);
                self.is_settled =
                    text.is_some() && answer.stop_reason.as_deref() != Some("tool_use");
                self.answered |= self.prompted && self.is_expected(&answer.blocks);
            }
            Record::ApiError(error) => self.is_settled = !error.retried,
            Record::Results { results, .. } => {
                self.is_settled = results.iter().any(|result| result.ends_turn)
            }
            Record::StructuredOutput => self.is_settled = true,
            // A blocked Stop: the answer so far is not the last one.
            Record::StopFeedback(_) => (self.answered, self.is_settled) = (false, false),
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

    /// The prompt of the hook's turn until its row was read.
    pub fn missing_prompt(&self) -> Option<&str> {
        let prompt_id = self.expected.prompt_id.as_deref();
        prompt_id.filter(|_| !self.prompted)
    }

    /// The last text block; or all texts of the row, when the answer came at once instead of as a stream (2.1.330, after
    /// streams were cut off).
    fn is_expected(&self, blocks: &[Block]) -> bool {
        let Some(expected) = self.expected.last_text.as_deref() else {
            return false;
        };
        let last = blocks.iter().rev().find_map(as_text);
        last.is_some_and(|last| is_same(last, expected) || is_same(&text_of(blocks), expected))
    }

    fn match_prompt(&mut self, entry: &Entry) {
        let opens = matches!(entry.record, Record::Prompt(_));
        match &self.expected.prompt_id {
            Some(wanted) => {
                let is_wanted = entry.header.prompt_id.as_ref() == Some(wanted);
                if is_wanted && opens {
                    self.answered = false;
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

    fn feedback() -> Entry {
        row("", Record::StopFeedback(Vec::new()))
    }

    fn complete(expected: &Expected, rows: &[Entry], quiet: Duration) -> bool {
        let mut settle = Completion::new(expected.clone());
        rows.iter().for_each(|row| settle.observe(row));
        settle.is_complete(quiet)
    }

    fn expected(prompt_id: &str, text: &str) -> Expected {
        Expected { prompt_id: Some(prompt_id.to_owned()), last_text: Some(text.to_owned()) }
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
        let again = [prompt("a"), ok.clone(), feedback(), ok];
        assert!(!complete(&expected("a", "ok"), &blocked, QUIET_PERIOD));
        assert!(complete(&expected("a", "ok"), &again, Duration::ZERO));
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
            (row("", results(ToolResult::default())), false),
            (row("", results(ends_turn)), true),
            (row("", Record::StructuredOutput), true),
            (feedback(), false),
        ] {
            let rows = [prompt("a"), last];
            assert_eq!(complete(&nothing_expected, &rows, QUIET_PERIOD), completes, "{rows:?}");
            assert!(!complete(&nothing_expected, &rows, QUIET_PERIOD / 2), "{rows:?}");
        }
    }
}
