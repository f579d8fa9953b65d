//! One observation, before it is masked and encoded.

use std::collections::BTreeMap;

use base::Timestamp;
use serde_json::{Map, Value};

use super::ids::{SpanId, TraceId};
use super::metadata::MetadataKey;
use super::span_name::SpanName;
use super::status::Status;

/// One span of a trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// Its own id.
    pub span_id: SpanId,
    /// The span it lies under; `None` for the root of a trace.
    pub parent: Option<SpanId>,
    /// Never a prompt, a command or a description.
    pub name: SpanName,
    /// What it is to Langfuse.
    pub kind: Kind,
    /// What it is to the delivery.
    pub role: Role,
    /// When it began. Never changes: with another start Langfuse keeps a second row for ever.
    pub start: Timestamp,
    /// When it ended; not before `start`.
    pub end: Timestamp,
    /// A generation's first block.
    pub completion_start: Option<Timestamp>,
    /// How it went.
    pub level: Level,
    /// Why it went so.
    pub status: Option<Status>,
    /// What it was given.
    pub input: Option<Content>,
    /// What it gave.
    pub output: Option<Content>,
    /// The model, in a form that Langfuse can price. Generations only.
    pub model: Option<String>,
    /// Parameters of the request.
    pub parameters: Map<String, Value>,
    /// Tokens by Langfuse's keys. Generations only.
    pub usage: BTreeMap<&'static str, u64>,
    /// Metadata of the observation alone.
    pub metadata: BTreeMap<MetadataKey, String>,
    /// It can't change any more.
    pub complete: bool,
}

/// Types of observations in Langfuse that are used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A turn, or an agent's run.
    Agent,
    /// A model call.
    Generation,
    /// A tool.
    Tool,
    /// A workflow: its agents as steps.
    Chain,
    /// A tool that looks things up.
    Retriever,
    /// Something that took time and is none of the others.
    Span,
    /// A point in time.
    Event,
}

impl Kind {
    /// Langfuse's name; lower case, else it is stored as a plain span.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Generation => "generation",
            Self::Tool => "tool",
            Self::Chain => "chain",
            Self::Retriever => "retriever",
            Self::Span => "span",
            Self::Event => "event",
        }
    }
}

/// What an observation is to the delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The root of a turn or of an agent's run: may go out again when a continuation changed it.
    Root,
    /// Carries usage, which Langfuse counts twice until it merges: never sent again, but for further rows.
    Generation {
        /// Rows that it was read from.
        rows: u32,
    },
    /// Anything else.
    Part,
}

/// Langfuse's levels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// It went well.
    #[default]
    Default,
    /// Interrupted, refused, cut off, retried.
    Warning,
    /// It failed.
    Error,
}

impl Level {
    /// Langfuse's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Default => "DEFAULT",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
        }
    }
}

/// Input or output.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Plain text.
    Text(String),
    /// Structured; becomes JSON text on the wire.
    Json(Value),
}

impl Observation {
    /// An observation with nothing but its place.
    pub fn new(
        trace_id: TraceId,
        span_id: SpanId,
        parent: Option<SpanId>,
        start: Timestamp,
    ) -> Self {
        Self {
            trace_id,
            span_id,
            parent,
            name: SpanName::default(),
            kind: Kind::Event,
            role: Role::Part,
            start,
            end: start,
            completion_start: None,
            level: Level::Default,
            status: None,
            input: None,
            output: None,
            model: None,
            parameters: Map::new(),
            usage: BTreeMap::new(),
            metadata: BTreeMap::new(),
            complete: true,
        }
    }

    /// Marks an observation that did not fail, but did not go as it should.
    pub fn warn(&mut self, status: Status) {
        self.level = Level::Warning;
        self.status = Some(status);
    }

    /// Adds metadata if there is a value.
    pub fn note(&mut self, key: MetadataKey, value: Option<impl ToString>) {
        if let Some(value) = value.map(|value| value.to_string()).filter(|value| !value.is_empty())
        {
            self.metadata.insert(key, value);
        }
    }
}
