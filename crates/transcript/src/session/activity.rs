//! The work of one turn, or of one run of an agent.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use base::Timestamp;
use serde_json::Value;

use super::answers::RowPlace;
use super::used_ids::UsedIds;
use super::{Compaction, Event, EventKind, Generation, InputItem, ToolCall};
use crate::{
    ApiError, Block, Entry, GitOperation, Notification, Record, ToolResult, Usage, text_of,
};

/// The work between a prompt and its answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Activity {
    /// Model calls in the order of their first rows.
    pub generations: Vec<Generation>,
    /// Tools in the order they were asked for.
    pub tools: Vec<ToolCall>,
    /// Events in between.
    pub events: Vec<Event>,
    /// Compactions during the work.
    pub compactions: Vec<Compaction>,
    /// The last text that the model wrote.
    pub last_text: Option<String>,
    /// The time of the last row of the work.
    pub last_at: Option<Timestamp>,
    /// The last row ends a turn: an answer without a further tool, an interrupt, or an error.
    pub is_settled: bool,
    /// The person stopped it.
    pub interrupted: bool,
    /// The pull request in a row after its end, if no earlier row named one.
    pub late_pull_request: Option<String>,
    /// It was ended at this number of model calls.
    pub max_turns: Option<u64>,
    /// The answer, if it is the argument of a tool (structured output).
    pub structured: Option<Value>,
    /// The output of the command that opened the turn: the turn's answer if the command ran in an agent.
    pub command_output: Option<String>,
    /// A model call failed finally, and no answer followed.
    pub failed: bool,
    /// The duration that Claude Code reports, without its waits for the person, and the time of that row.
    pub took: Option<(Timestamp, Duration)>,
    pub(super) input: Vec<InputItem>,
    pub(super) requests: BTreeMap<String, (Timestamp, crate::Request)>,
    pub(super) last_user_at: Option<Timestamp>,
    /// Trusted ids that can name no further call.
    pub(super) used_ids: UsedIds,
    /// A user's row came after the last answer.
    pub(super) is_user_next: bool,
}

impl Activity {
    /// The model has answered, and the answer was not stopped.
    pub(super) fn has_finished_answer(&self) -> bool {
        let is_answered = !self.generations.is_empty() || self.command_output.is_some();
        self.is_settled && !self.interrupted && !self.failed && is_answered
    }

    /// Records the answer of the command that opened the turn.
    pub(super) fn answer_by_command(&mut self, text: &str, at: Timestamp) {
        self.command_output = Some(text.to_owned());
        self.touch(at, true);
    }

    /// The tokens of all model calls.
    pub fn usage(&self) -> Usage {
        let calls = self.generations.iter();
        let calls = calls.flat_map(|call| {
            std::iter::once(call.usage).chain(call.advice.iter().map(|it| it.usage))
        });
        calls.fold(Usage::default(), Usage::plus)
    }

    /// The work in an agent's file. `used_ids`: those of the launching turn, with which its calls share a trace.
    pub(super) fn after(used_ids: &[String]) -> Self {
        Self { used_ids: UsedIds::after(used_ids), ..Self::default() }
    }

    /// Adds a row. `at` is its time, or that of the previous row.
    pub(super) fn push(&mut self, entry: Entry, at: Timestamp) {
        self.is_user_next |= entry.record.is_user_row();
        let (offset, parent) = (entry.offset, entry.header.parent);
        let uuid = entry.uuid.unwrap_or_default();
        match entry.record {
            Record::Prompt(prompt) => {
                self.close_all();
                self.touch(at, false);
                self.push_input(prompt.content, at);
            }
            Record::Results { results, beside, asked_by } => {
                self.note_commit(uuid, &results, at);
                self.results(results, [parent, asked_by], at);
                if !beside.is_empty() {
                    self.input.push(InputItem::User(Rc::new(beside)));
                }
            }
            Record::Injected(blocks) | Record::Local(blocks) => {
                self.note_cut(&blocks);
                self.push_input(blocks, at);
            }
            Record::StopFeedback(blocks) => {
                self.event(uuid, at, EventKind::StopBlocked, text_of(&blocks));
                self.push_input(blocks, at);
                self.is_settled = false;
            }
            Record::Steering { content, notification } => {
                self.end_task(notification.as_ref());
                let kind = notification.map_or(EventKind::Steering, EventKind::Notified);
                self.event(uuid, at, kind, text_of(&content));
                self.push_input(content, at);
            }
            Record::Interrupt(text) => self.interrupt(uuid, text, at),
            Record::Assistant(answer) => self.answer(answer, &RowPlace { uuid, at, offset }),
            Record::Request(request) => self.request(request, at),
            Record::ApiError(error) => self.fail(uuid, error, at),
            Record::Compacted(boundary) => {
                self.compactions.push(Compaction::new(uuid, at, boundary));
            }
            Record::Summary { text, .. } => {
                self.summarize(&text);
                self.push_input(vec![Block::Text(text)], at);
            }
            Record::Fallback(text) => self.event(uuid, at, EventKind::Fallback, text),
            Record::StructuredOutput => self.is_settled = true,
            Record::PullRequest(url) => self.note_pull_request(url, at),
            Record::MaxTurns(count) => {
                self.max_turns = Some(count);
                self.is_settled = true;
            }
            Record::Notified(notification) => self.end_task(Some(&notification)),
            Record::TurnTook(duration) => self.took = Some((at, duration)),
            Record::StopHooks
            | Record::Title { .. }
            | Record::SessionCost
            | Record::Queued(_)
            | Record::ContinuedElsewhere
            | Record::ForkContext
            | Record::CommandOutput { .. }
            | Record::AgentStarted(_) => {}
        }
    }

    fn interrupt(&mut self, uuid: String, text: String, at: Timestamp) {
        self.cut_last(|last| last.stop_reason.is_none());
        self.close_all();
        self.stop_tools(&text);
        self.event(uuid, at, EventKind::Interrupted, text);
        self.touch(at, true);
        self.interrupted = true;
        self.last_user_at = Some(at);
    }

    fn fail(&mut self, uuid: String, error: ApiError, at: Timestamp) {
        self.cut_last(|_| error.cut);
        let kind = if error.retried { EventKind::ApiRetry } else { EventKind::ApiError };
        if !error.retried {
            self.touch(at, true);
            self.failed = true;
        }
        let text = error.message.clone();
        self.events.push(Event { uuid, at, kind, text, failure: Some(error) });
    }

    /// No further row will come.
    pub(super) fn close_all(&mut self) {
        for generation in &mut self.generations {
            generation.closed = true;
        }
    }

    /// Adds the summary to the last compaction.
    pub(super) fn summarize(&mut self, text: &str) {
        if let Some(compaction) = self.compactions.last_mut() {
            compaction.summary = Some(text.to_owned());
        }
    }

    fn push_input(&mut self, blocks: Vec<Block>, at: Timestamp) {
        self.last_user_at = Some(at);
        self.input.push(InputItem::User(Rc::new(blocks)));
    }

    /// An answer that was cut off after its last attempt looks finished. Only the next row shows the cut (2.1.330).
    fn note_cut(&mut self, blocks: &[Block]) {
        let cut = text_of(blocks).starts_with("Your response above was cut off mid-stream");
        self.cut_last(|_| cut);
    }

    fn cut_last(&mut self, is_cut: impl Fn(&Generation) -> bool) {
        let last = self.generations.last_mut();
        if let Some(last) = last.filter(|last| !last.aborted && is_cut(last)) {
            last.aborted = true;
            // The row that shows the cut counts as a row of the answer, so that the answer is sent again.
            last.rows += 1;
        }
    }

    /// `[Request interrupted by user for tool use]`: tools without a denial were running.
    fn stop_tools(&mut self, text: &str) {
        if !text.contains("for tool use") {
            return;
        }
        let Some(last) = self.generations.last() else {
            return;
        };
        let asked = self.tools.iter_mut().filter(|tool| tool.call == last.key);
        for tool in asked {
            tool.stopped = tool.result.as_ref().is_none_or(|result| was_stopped(result));
        }
    }

    /// Commits, pushes and pull requests of its commands.
    pub fn git_operations(&self) -> impl Iterator<Item = &GitOperation> {
        self.tools.iter().filter_map(|tool| tool.result.as_ref()?.git.as_deref())
    }

    /// Requests without an answer: failed attempts, and requests that were stopped before the first block.
    pub fn failed_requests(&self) -> usize {
        self.requests.len()
    }

    pub(super) fn touch(&mut self, at: Timestamp, is_settled: bool) {
        self.last_at = Some(self.last_at.map_or(at, |last| last.max(at)));
        self.is_settled = is_settled;
    }

    fn event(&mut self, uuid: String, at: Timestamp, kind: EventKind, text: String) {
        self.events.push(Event { uuid, at, kind, text, failure: None });
    }

    fn note_commit(&mut self, uuid: String, results: &[ToolResult], at: Timestamp) {
        let mut operations = results.iter().filter_map(|result| result.git.as_ref());
        if let Some(commit) = operations.find_map(|git| git.commit.as_ref()) {
            self.event(uuid, at, EventKind::Commit, commit.sha.clone());
        }
    }

    /// The row has no uuid and is repeated, so that the URL is the event's key. A pull request after the turn's end
    /// is not its own.
    fn note_pull_request(&mut self, url: String, at: Timestamp) {
        let is_known = self.events.iter().any(|event| event.uuid == url);
        if is_known || url.is_empty() {
            return;
        }
        if self.is_settled {
            self.late_pull_request = Some(url);
        } else {
            self.event(url.clone(), at, EventKind::PullRequest, url);
        }
    }

    /// Adds the end of a task to the call that launched it.
    pub(super) fn end_task(&mut self, end: Option<&Notification>) {
        let Some(end) = end.filter(|end| end.task_id.is_some()) else {
            return;
        };
        let launched = |tool: &&mut ToolCall| {
            let result = tool.result.as_ref();
            result.is_some_and(|result| result.background_task == end.task_id)
        };
        if let Some(tool) = self.tools.iter_mut().find(launched) {
            tool.task_end = Some(end.clone());
        }
    }
}

/// Whether a tool was stopped while running: from 2.1.330 on a denial without a decision; in older releases only the
/// text shows it.
fn was_stopped(result: &ToolResult) -> bool {
    const TEXTS: [&str; 2] = ["The user doesn't want to proceed", "[Request interrupted"];
    let text = text_of(&result.content);
    let says_so = TEXTS.iter().any(|known| text.contains(known));
    let decided = result.permission.is_some() || result.denied_before_run;
    result.is_error && !decided && (result.denial.is_some() || says_so)
}
