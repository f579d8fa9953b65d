//! One observation, before it is masked and encoded.

use std::collections::BTreeMap;

use base::Timestamp;
use serde_json::{Map, Value, json};
use transcript::RequestShape;

use super::{MetadataKey, Placeholder, PromptLink, SpanId, SpanName, Status, TraceId, WithMedia};

/// One span of a trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    /// `None` for the root of a trace.
    pub parent: Option<SpanId>,
    /// Never a prompt, a command or a description.
    pub name: SpanName,
    pub kind: Kind,
    pub role: Role,
    /// Never changes: with another start Langfuse keeps a second row forever.
    pub start: Timestamp,
    /// Not before `start`.
    pub end: Timestamp,
    /// Time of a generation's first block.
    pub completion_start: Option<Timestamp>,
    pub level: Level,
    pub status: Option<Status>,
    pub input: Option<Content>,
    pub output: Option<Content>,
    /// Input and output with images and documents, if these are wanted.
    pub with_media: Option<Box<WithMedia>>,
    /// A name that Langfuse can price. Generations only.
    pub model: Option<String>,
    /// The model that answered last, on the root of a turn. Not as its `model`, which Langfuse would price.
    pub answered_by: Option<String>,
    pub parameters: Map<String, Value>,
    /// The hash of the request's system prompt and tools, on the first generation of a turn or an agent's run that has it.
    pub shape: Option<String>,
    /// System prompt and tools, if they are wanted.
    pub request: Option<RequestContent>,
    /// The linked prompt. Generations only.
    pub prompt: Option<PromptLink>,
    /// Tokens by Langfuse's keys. Generations only.
    pub usage: BTreeMap<&'static str, u64>,
    /// Metadata of the observation alone.
    pub metadata: BTreeMap<MetadataKey, String>,
    /// Whether it can no longer change.
    pub complete: bool,
}

/// Langfuse's types of observations.
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
    /// A tool that looks up information.
    Retriever,
    /// Any other observation with a duration.
    Span,
    /// A point in time.
    Event,
}

impl Kind {
    /// Langfuse's name, in lower case: any other name is stored as a plain span.
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

    /// The type of a name on the wire.
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [
            Self::Agent,
            Self::Generation,
            Self::Tool,
            Self::Chain,
            Self::Retriever,
            Self::Span,
            Self::Event,
        ];
        all.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// The rules by which the delivery resends an observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The root of a turn or of an agent's run, sent again if a continuation changed it.
    Root,
    /// Sent again only for further rows: Langfuse counts usage twice until it merges.
    Generation {
        /// The number of its rows.
        rows: u32,
        /// Distinguishes calls with one id.
        place: u32,
    },
    /// Any other observation.
    Part,
}

/// Langfuse's levels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    #[default]
    Default,
    /// Interrupted, refused, cut off, retried.
    Warning,
    /// Failed.
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

    /// The level of a name on the wire.
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [Self::Default, Self::Warning, Self::Error];
        all.into_iter().find(|level| level.as_str() == name)
    }
}

/// Input or output.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Plain text.
    Text(String),
    /// Sent as JSON text.
    Json(Value),
    /// No text of the transcript.
    Placeholder(Placeholder),
}

impl Content {
    fn is_blank(&self) -> bool {
        match self {
            Self::Text(text) => text.trim().is_empty(),
            Self::Json(Value::Array(items)) => items.is_empty(),
            Self::Json(_) | Self::Placeholder(_) => false,
        }
    }
}

/// The part of a request that comes before its messages, in the form that Langfuse shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestContent {
    /// Messages of the role `system`.
    pub system: Vec<Value>,
    /// Definitions of tools, or only their names.
    pub tools: Vec<Value>,
}

impl RequestContent {
    /// The names of the tools.
    pub fn names(shape: &RequestShape) -> Self {
        let names = shape.tools.iter().filter_map(|tool| tool.get("name"));
        let tools = names.map(|name| json!({ "name": name })).collect();
        Self { system: Vec::new(), tools }
    }

    /// The whole request. Langfuse reads the schema of a tool's input from `parameters`, OpenAI's name for
    /// Anthropic's `input_schema`.
    pub fn full(shape: &RequestShape) -> Self {
        let message = |text: &str| json!({"role": "system", "content": text});
        let tool = |tool: &Value| match tool {
            Value::Object(fields) => {
                let renamed = |name: &String| match name.as_str() {
                    "input_schema" => "parameters".to_owned(),
                    _ => name.clone(),
                };
                let fields = fields.iter().map(|(name, value)| (renamed(name), value.clone()));
                Value::Object(fields.collect())
            }
            other => other.clone(),
        };
        Self {
            system: shape.system_texts().into_iter().map(message).collect(),
            tools: shape.tools.iter().map(tool).collect(),
        }
    }
}

impl Observation {
    pub fn new(
        name: SpanName,
        trace_id: &TraceId,
        span_id: SpanId,
        parent: Option<&SpanId>,
        start: Timestamp,
    ) -> Self {
        Self {
            trace_id: trace_id.clone(),
            span_id,
            parent: parent.cloned(),
            name,
            kind: Kind::Event,
            role: Role::Part,
            start,
            end: start,
            completion_start: None,
            level: Level::Default,
            status: None,
            input: None,
            output: None,
            with_media: None,
            model: None,
            answered_by: None,
            parameters: Map::new(),
            shape: None,
            request: None,
            prompt: None,
            usage: BTreeMap::new(),
            metadata: BTreeMap::new(),
            complete: true,
        }
    }

    /// Marks an observation that did not fail, but did not succeed either.
    pub fn warn(&mut self, status: Status) {
        self.level = Level::Warning;
        self.status = Some(status);
    }

    /// It has no output with content.
    pub(super) fn lacks_output(&self) -> bool {
        self.output.as_ref().is_none_or(Content::is_blank)
    }

    /// Sets the input and the output that are missing.
    pub(super) fn fill(&mut self, input: Placeholder, output: Placeholder) {
        if self.input.as_ref().is_none_or(Content::is_blank) {
            self.input = Some(Content::Placeholder(input));
        }
        if self.lacks_output() {
            self.output = Some(Content::Placeholder(output));
        }
    }

    /// Fills the gaps of a root that has ended. `ending`: why it ended without its answer. It is also noted beside an
    /// output, so that evaluators can leave the root out. `lacking`: the same for a root whose missing output no row
    /// explains.
    pub(super) fn end_root(&mut self, ending: Option<Placeholder>, lacking: (Placeholder, Status)) {
        let (placeholder, status) = lacking;
        let ending = ending.or_else(|| self.lacks_output().then_some(placeholder));
        if let Some(ending) = &ending {
            self.note(MetadataKey::Outcome, Some(ending.word()));
            if self.level == Level::Default {
                self.warn(status);
            }
        }
        self.fill(Placeholder::NoInput, ending.unwrap_or(Placeholder::NoOutput));
    }

    /// Adds metadata, unless the value is missing or empty.
    pub fn note(&mut self, key: MetadataKey, value: Option<impl ToString>) {
        if let Some(value) = value.map(|value| value.to_string()).filter(|value| !value.is_empty())
        {
            self.metadata.insert(key, value);
        }
    }
}
