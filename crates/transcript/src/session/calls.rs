//! Model calls, tool calls, compactions and events within a turn.

use std::ops::Range;
use std::rc::Rc;

use base::Timestamp;
use serde_json::Value;

use crate::{
    Advice, ApiError, AssistantMessage, Block, Boundary, Notification, Request, ToolResult,
    ToolUse, Usage,
};

/// One model call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Generation {
    /// The key of its span id: the message id if it is unique, otherwise the request or the first row.
    pub key: String,
    /// The request or the first row, which identifies the call if its id does not.
    pub place: String,
    /// The provider's message id.
    pub message_id: Option<String>,
    /// The uuids of its rows.
    pub row_uuids: Vec<String>,
    /// The model that answered.
    pub model: String,
    /// The requested model.
    pub requested_model: Option<String>,
    /// The time of the request: that of its own row (2.1.330 and later), otherwise of the last user row before it.
    pub started_at: Timestamp,
    /// The time at which the first block was complete.
    pub first_block_at: Timestamp,
    /// The time at which the last block was complete.
    pub ended_at: Timestamp,
    /// The input since the last call.
    pub input: Vec<InputItem>,
    /// The blocks of the answer.
    pub output: Vec<Block>,
    /// The maximum of each field over the rows.
    pub usage: Usage,
    /// The contributions of other models.
    pub advice: Vec<Advice>,
    /// Why the model stopped.
    pub stop_reason: Option<String>,
    /// The parameters of the request (2.1.330 and later).
    pub parameters: Value,
    /// The hash of the request's system prompt and tools (2.1.330 and later).
    pub shape: Option<String>,
    /// Served tier.
    pub service_tier: Option<String>,
    /// Served speed.
    pub speed: Option<String>,
    /// Reasoning effort.
    pub effort: Option<String>,
    /// The skill that made the call.
    pub skill: Option<String>,
    /// The API's request id.
    pub request_id: Option<String>,
    pub(super) request_ref: Option<String>,
    /// The row of its request was read.
    pub(super) has_request: bool,
    parts: Vec<RowPart>,
    /// The stream was cut off.
    pub aborted: bool,
    /// The number of its rows: an answer with more rows is sent again.
    pub rows: u32,
    /// A later row shows that the call is complete.
    pub closed: bool,
}

/// Input of a model call.
#[derive(Clone, Debug, PartialEq)]
pub enum InputItem {
    /// A prompt, or text that the CLI added.
    User(Rc<Vec<Block>>),
    /// The result of a tool.
    Tool(Rc<ToolResult>),
}

/// The blocks that one row added to a call's output.
#[derive(Clone, Debug, PartialEq)]
struct RowPart {
    index: Option<u64>,
    blocks: Range<usize>,
}

/// A tool call by a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ToolCall {
    /// The key of its span id: the id if it is unique, otherwise the asking row.
    pub key: String,
    /// The asking row and the block in it, which identify the call if its id does not.
    pub place: String,
    /// The request.
    pub request: Rc<ToolUse>,
    /// The key of the asking model call.
    pub call: String,
    /// The uuid of the row with the request.
    pub row: String,
    /// The time of the row with the request.
    pub called_at: Timestamp,
    /// The offset of that row in its file.
    pub offset: u64,
    /// The result, once there is one.
    pub result: Option<Rc<ToolResult>>,
    /// The time of the result.
    pub answered_at: Option<Timestamp>,
    /// A person stopped it while it ran. (Before 2.1.330 a permission dialog left by Esc has the same rows.)
    pub stopped: bool,
    /// The end of the background task that it launched, if it was written before the next turn began.
    pub task_end: Option<Notification>,
}

impl ToolCall {
    /// The tools by which releases launch agents.
    pub fn launches_agent(&self) -> bool {
        matches!(self.request.name.as_str(), "Agent" | "Task" | "Workflow")
            || self.result.as_ref().is_some_and(|result| result.agent_id.is_some())
    }

    /// The launched agent has answered: the result is more than the confirmation of its launch.
    pub fn has_final_result(&self) -> bool {
        self.result.as_ref().is_some_and(|result| {
            !result.is_async
                && !matches!(result.status.as_deref(), Some("async_launched" | "teammate_spawned"))
        })
    }

    /// The outcome of the launched agent, from the call's own result.
    pub fn agent_outcome(&self) -> Option<&'static str> {
        let result = self.result.as_ref().filter(|_| self.has_final_result())?;
        let ran = !self.stopped && result.denial.is_none();
        ran.then_some(if result.is_error { "failed" } else { "completed" })
    }
}

/// The conversation was replaced by its summary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compaction {
    /// The boundary row's uuid.
    pub uuid: String,
    /// The time of its beginning.
    pub started_at: Timestamp,
    /// The time of the summary.
    pub ended_at: Timestamp,
    /// The content of the boundary row.
    pub boundary: Boundary,
    /// The summary, once its row is there.
    pub summary: Option<String>,
}

impl Compaction {
    pub(super) fn new(uuid: String, at: Timestamp, boundary: Boundary) -> Self {
        Self {
            uuid,
            started_at: at.before(boundary.duration),
            ended_at: at,
            boundary,
            summary: None,
        }
    }
}

/// Something at one point in time.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The row's uuid.
    pub uuid: String,
    /// Its time.
    pub at: Timestamp,
    /// Its kind.
    pub kind: EventKind,
    /// Its text.
    pub text: String,
    /// The details of the failed call.
    pub failure: Option<ApiError>,
}

/// The kind of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A prompt joined the running turn.
    Steering,
    /// A background task ended during the turn.
    Notified(Notification),
    /// A model call failed finally.
    ApiError,
    /// A model call failed and was retried.
    ApiRetry,
    /// Another model than the chosen one was asked.
    Fallback,
    /// The person stopped the turn.
    Interrupted,
    /// A Stop hook made the model continue.
    StopBlocked,
    /// A command made a commit.
    Commit,
    /// A pull request was opened.
    PullRequest,
}

impl Generation {
    pub(super) fn new(
        key: String,
        place: String,
        answer: &AssistantMessage,
        started_at: Timestamp,
        at: Timestamp,
        input: Vec<InputItem>,
    ) -> Self {
        Self {
            key,
            place,
            message_id: answer.message_id.clone(),
            model: answer.model.clone(),
            requested_model: answer.requested_model.clone(),
            started_at: started_at.min(at),
            first_block_at: at,
            ended_at: at,
            input,
            service_tier: answer.service_tier.clone(),
            speed: answer.speed.clone(),
            effort: answer.effort.clone(),
            skill: answer.skill.clone(),
            request_id: answer.request_id.clone(),
            request_ref: answer.request_ref.clone(),
            ..Self::default()
        }
    }

    pub(super) fn take_request(&mut self, request: Request) {
        self.parameters = request.params;
        self.shape = request.shape;
        self.has_request = true;
    }

    /// Whether the answer has another block at a known position: then it belongs to another call.
    pub(super) fn has_other_block(&self, answer: &AssistantMessage) -> bool {
        let mut known = self.parts.iter().filter(|part| part.index == answer.block_index);
        answer.block_index.is_some() && known.any(|part| self.blocks_of(part) != answer.blocks)
    }

    /// Whether the row repeats one of the call's rows. `is_next`: no other row is between it and the last one.
    pub(super) fn has_row(&self, answer: &AssistantMessage, uuid: &str, is_next: bool) -> bool {
        let is_equal = |part: &RowPart| {
            part.index == answer.block_index && self.blocks_of(part) == answer.blocks
        };
        let mut known = self.parts.iter();
        let is_there = match answer.block_index {
            Some(_) => known.any(is_equal),
            None => is_next && known.next_back().is_some_and(is_equal),
        };
        is_there || !uuid.is_empty() && self.row_uuids.iter().any(|known| known == uuid)
    }

    fn blocks_of(&self, part: &RowPart) -> &[Block] {
        self.output.get(part.blocks.clone()).unwrap_or_default()
    }

    pub(super) fn add(&mut self, answer: AssistantMessage, at: Timestamp, uuid: &str) {
        self.ended_at = self.ended_at.max(at);
        self.usage = self.usage.maximum(answer.usage);
        if answer.advice.len() >= self.advice.len() {
            self.advice = answer.advice;
        }
        self.stop_reason = answer.stop_reason.or(self.stop_reason.take());
        self.aborted |= answer.aborted;
        let start = self.output.len();
        self.output.extend(answer.blocks);
        self.parts.push(RowPart { index: answer.block_index, blocks: start..self.output.len() });
        self.row_uuids.push(uuid.to_owned());
        self.rows += 1;
    }
}
