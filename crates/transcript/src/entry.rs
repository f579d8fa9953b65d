//! Rows as domain types, the same for all releases.

use std::time::Duration;

use base::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::rows;
use super::{Block, ToolResult, text_of};

/// One row that some span needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The offset of the row in its file.
    pub offset: u64,
    /// The offset of the next row.
    pub end: u64,
    /// The time of the row; `None` if it has no readable time.
    pub at: Option<Timestamp>,
    /// The row's uuid.
    pub uuid: Option<String>,
    /// The session, the directory and the release of the row.
    pub header: Header,
    /// The content of the row.
    pub record: Record,
}

/// The fields that all rows of messages share.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Header {
    /// The session named by the row (rewritten in forks).
    pub session_id: Option<String>,
    /// The session that made the request (2.1.330: set on copies in a fork).
    pub(crate) request_session_id: Option<String>,
    /// The row is marked as a copy from another session.
    pub forked: bool,
    /// The session continues in the background, in a file of its own (`sessionKind`).
    pub(crate) background: bool,
    /// The CLI's working directory.
    pub cwd: Option<String>,
    /// The CLI's release.
    pub version: Option<String>,
    /// The git branch.
    pub branch: Option<String>,
    /// `cli`, `sdk-cli`, `sdk-py` …
    pub entrypoint: Option<String>,
    /// The prompt that the row belongs to (rewritten in forks).
    pub prompt_id: Option<String>,
    /// The row belongs to an agent.
    pub sidechain: bool,
    /// The parent row in the conversation.
    pub parent: Option<String>,
}

/// The content of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// A prompt that opens a turn (in an agent's file: a task).
    Prompt(Prompt),
    /// Results of tools, and the blocks that the CLI added to them.
    Results {
        /// The results.
        results: Vec<ToolResult>,
        /// The other blocks of the row.
        beside: Vec<Block>,
        /// The uuid of the asking answer's row, if this row names it.
        asked_by: Option<String>,
    },
    /// Text from the CLI to the model: skills, command bodies, reminders.
    Injected(Vec<Block>),
    /// A Stop hook asked the model to continue.
    StopFeedback(Vec<Block>),
    /// A prompt or a notification that joined the running turn.
    Steering {
        /// Its text.
        content: Vec<Block>,
        /// The ended task that it announces.
        notification: Option<Notification>,
    },
    /// A person stopped the turn.
    Interrupt(String),
    /// The rows up to the first user row are copies from the file of the agent's parent (fork agents, 2.1.332).
    ForkContext,
    /// The output of a command: the answer of a typed command that ran in an agent (2.1.330 and later; in older
    /// releases a user row).
    CommandOutput {
        /// The output.
        text: String,
        /// The agent that runs the command in the background.
        agent_id: Option<String>,
    },
    /// A person's command started this agent (`/subtask`).
    AgentStarted(String),
    /// The output of a local command or a shell line: no turn, but input of the next model call.
    Local(Vec<Block>),
    /// One or more blocks of an answer.
    Assistant(AssistantMessage),
    /// A request before it is made (2.1.330 and later).
    Request(Request),
    /// A failed attempt, or the final failure of a call.
    ApiError(ApiError),
    /// Another model than the chosen one was asked; the text has the reason.
    Fallback(String),
    /// The CLI ran the Stop hooks of the turn.
    StopHooks,
    /// The duration of the turn without its waits for the person. Only the terminal writes it.
    TurnTook(Duration),
    /// The process of the session ended.
    SessionCost,
    /// A background task ended, and its notification waits for a turn.
    Notified(Notification),
    /// The conversation was replaced by its summary.
    Compacted(Boundary),
    /// That summary.
    Summary {
        /// Its text.
        text: String,
        /// The uuid of the opening row of the turn that continues after it.
        turn: Option<String>,
    },
    /// The turn was ended at its limit of model calls.
    MaxTurns(u64),
    /// A text was queued or taken from the queue. It distinguishes own prompts from copied ones.
    Queued(Option<String>),
    /// The session continues in another file (`/background`).
    ContinuedElsewhere,
    /// The turn ended with structured output instead of text.
    StructuredOutput,
    /// A new title of the session.
    Title {
        /// The title.
        text: String,
        /// A person chose it, not the model.
        by_person: bool,
    },
    /// A pull request of the session. Written when it is opened, and again when the process ends.
    PullRequest(String),
}

impl Record {
    /// Whether the row has the type `user`: Claude Code uses it for prompts, results of tools and its own notes.
    pub(crate) fn is_user_row(&self) -> bool {
        matches!(
            self,
            Self::Prompt(_)
                | Self::Results { .. }
                | Self::Injected(_)
                | Self::Local(_)
                | Self::StopFeedback(_)
                | Self::Interrupt(_)
                | Self::Summary { .. }
        )
    }
}

/// A prompt that opens a turn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prompt {
    /// The prompt.
    pub content: Vec<Block>,
    /// The slash command, with its slash.
    pub command: Option<String>,
    /// The skill that this command runs, if the row shows it.
    pub skill: Option<String>,
    /// `human`, `sdk`, `task_notification`, `scheduled` … (2.1.330 and later).
    pub origin: Option<String>,
    /// `typed`, `queued`, `sdk` …
    pub source: Option<String>,
    /// The permission mode at the time.
    pub permission_mode: Option<String>,
    /// The 1-based position of its turn in its branch (2.1.330 and later).
    pub turn_index: Option<u64>,
    /// The ended task that it announces.
    pub notification: Option<Notification>,
    /// It may be a local command that no model sees. It opens a turn only if a model answers.
    pub tentative: bool,
    /// The row is marked as opening a turn (`turnOrigin`, 2.1.330 and later).
    pub marked: bool,
}

impl Prompt {
    /// A person typed the command, and it has no `turnOrigin`: its answer may be the output of an agent's run.
    pub(crate) fn may_run_in_agent(&self) -> bool {
        let is_command = self.command.is_some() || text_of(&self.content).starts_with('/');
        is_command && !self.marked
    }
}

/// A background task that ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notification {
    /// The task; for an agent its id.
    pub task_id: Option<String>,
    /// The tool call that launched it.
    pub tool_use_id: Option<String>,
    /// `completed`, `failed`, `killed` …
    pub status: Option<String>,
    /// One line for people. For a shell it is the only place of the exit code.
    pub summary: Option<String>,
}

impl Notification {
    /// The exit code of a shell.
    pub fn exit_code(&self) -> Option<&str> {
        let (_, code) = self.summary.as_ref()?.rsplit_once("exit code ")?;
        code.split(|character: char| !character.is_ascii_digit())
            .next()
            .filter(|code| !code.is_empty())
    }
}

/// One row of an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AssistantMessage {
    /// `message.id` of the provider; `None` if it is missing or empty.
    pub message_id: Option<String>,
    /// The position of the row's block in the answer (2.1.330 and later).
    pub block_index: Option<u64>,
    /// The model that answered.
    pub model: String,
    /// The row's blocks.
    pub blocks: Vec<Block>,
    /// Why the model stopped. Unknown up to 2.1.50, and for answers that were cut off.
    pub stop_reason: Option<String>,
    /// The tokens in this row.
    pub usage: Usage,
    /// The contributions of other models, which those tokens leave out.
    pub advice: Vec<Advice>,
    /// The served tier.
    pub service_tier: Option<String>,
    /// `standard` or `fast`.
    pub speed: Option<String>,
    /// The API's request id.
    pub request_id: Option<String>,
    /// The `api-request` row of the call.
    pub(crate) request_ref: Option<String>,
    /// The requested model.
    pub requested_model: Option<String>,
    /// Reasoning effort.
    pub effort: Option<String>,
    /// The skill that made the call.
    pub skill: Option<String>,
    /// The stream was cut off.
    pub aborted: bool,
}

/// The contribution of an adviser to an answer: a model call within it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advice {
    /// Its 1-based position among the parts of the answer.
    pub iteration: usize,
    /// The advising model.
    pub model: String,
    /// Its tokens.
    pub usage: Usage,
}

impl Advice {
    /// The advice in the parts of an answer. Parts of the answering model are already in its own tokens.
    pub(super) fn of(usage: &rows::Usage) -> Vec<Self> {
        let parts = (1..).zip(usage.iterations.iter().flatten());
        let advice = parts.filter(|(_, part)| part.kind.as_deref() == Some("advisor_message"));
        let one = |(iteration, part): (usize, &rows::Usage)| Self {
            iteration,
            model: part.model.0.clone().unwrap_or_default(),
            usage: part.into(),
        };
        advice.map(one).collect()
    }
}

/// Tokens by kind, and tools that the API ran. Each field is the maximum over the rows of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Input outside both caches.
    pub input: u64,
    /// Output, thinking included.
    pub output: u64,
    /// Input read from the cache.
    pub cache_read: u64,
    /// Input written to the cache, of any lifetime.
    pub cache_write: u64,
    /// The part of it for five minutes; `None` in releases without this field.
    pub cache_write_5m: Option<u64>,
    /// The part of it for an hour.
    pub cache_write_1h: Option<u64>,
    /// The part of the output that is thinking.
    pub thinking: Option<u64>,
    /// Searches that the API made itself.
    pub web_searches: u64,
    /// Pages that the API fetched itself.
    pub web_fetches: u64,
}

impl Usage {
    /// The larger of each field: up to 2.1.50 rows hold the stubs of a stream, later ones repeat the final count.
    pub fn maximum(self, other: Self) -> Self {
        Self {
            input: self.input.max(other.input),
            output: self.output.max(other.output),
            cache_read: self.cache_read.max(other.cache_read),
            cache_write: self.cache_write.max(other.cache_write),
            cache_write_5m: self.cache_write_5m.max(other.cache_write_5m),
            cache_write_1h: self.cache_write_1h.max(other.cache_write_1h),
            thinking: self.thinking.max(other.thinking),
            web_searches: self.web_searches.max(other.web_searches),
            web_fetches: self.web_fetches.max(other.web_fetches),
        }
    }

    /// The sum of each field that every release has.
    pub fn plus(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_add(other.input),
            output: self.output.saturating_add(other.output),
            cache_read: self.cache_read.saturating_add(other.cache_read),
            cache_write: self.cache_write.saturating_add(other.cache_write),
            ..self
        }
    }
}

impl From<&rows::Usage> for Usage {
    fn from(usage: &rows::Usage) -> Self {
        let lives = usage.cache_creation.as_ref();
        let tools = usage.server_tool_use.as_ref();
        Self {
            input: usage.input_tokens.unwrap_or(0),
            output: usage.output_tokens.unwrap_or(0),
            cache_read: usage.cache_read_input_tokens.unwrap_or(0),
            cache_write: usage.cache_creation_input_tokens.unwrap_or(0),
            cache_write_5m: lives.and_then(|lives| lives.ephemeral_5m_input_tokens),
            cache_write_1h: lives.and_then(|lives| lives.ephemeral_1h_input_tokens),
            thinking: usage
                .output_tokens_details
                .as_ref()
                .and_then(|details| details.thinking_tokens),
            web_searches: tools.and_then(|it| it.web_search_requests).unwrap_or(0),
            web_fetches: tools.and_then(|it| it.web_fetch_requests).unwrap_or(0),
        }
    }
}

/// A request before it is made.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The id in `requestRef` of the answer's rows.
    pub id: String,
    /// The request's parameters.
    pub params: Value,
    /// The hash of its system prompt and tools.
    pub shape: Option<String>,
}

/// The row at the end of a compaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Boundary {
    /// A person asked for it (`/compact`). Otherwise the context was full during a turn.
    pub manual: bool,
    /// Tokens of the conversation before.
    pub tokens_before: Option<u64>,
    /// Tokens after it.
    pub tokens_after: Option<u64>,
    /// Its duration.
    pub(crate) duration: Duration,
}

/// A failed model call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiError {
    /// The message for the person.
    pub message: String,
    /// The CLI retries the call.
    pub retried: bool,
    /// The connection was lost after the preceding answer had begun (2.1.330): that answer is not whole.
    pub cut: bool,
    /// The HTTP status, if there was a response.
    pub status: Option<u64>,
    /// `overloaded_error`, `max_output_tokens` …
    pub kind: Option<String>,
    /// The 1-based number of the failed attempt.
    pub attempt: Option<u64>,
}
