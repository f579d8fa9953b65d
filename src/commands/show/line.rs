//! One observation as a line of the tree: its request, its answer, and its outcome.

use base::Timestamp;
use serde_json::Value;
use transcript::Usage;

use crate::commands::output::{RED, Terminal, YELLOW, one_line, tokens, truncate};
use crate::langfuse::Span;
use crate::trace::{Kind, Level, MetadataKey, SpanName, Status};
use crate::usage::asked;

/// Width of a prompt in a heading.
const PROMPT_WIDTH: usize = 100;
/// Width of a request or an answer, if lines may have any length.
const DETAIL_WIDTH: usize = 100;
/// Minimum width of a request beside its outcome.
const MIN_DETAIL_WIDTH: usize = 16;

/// The part of an observation that its line shows.
pub(super) struct ObservationLine {
    pub span_id: String,
    pub parent: Option<String>,
    pub start: Timestamp,
    pub milliseconds: u64,
    pub heading: TurnHeading,
    /// Generations only.
    pub usage: Option<Usage>,
    /// In US dollars; generations that have a price only.
    pub cost: Option<f64>,
    /// Whether the number of output tokens is a lower bound.
    pub lower_bound: bool,
    pub level: Level,
    /// Input and output, if they are shown whole.
    pub whole: Vec<(&'static str, String)>,
    name: String,
    kind: Option<Kind>,
    /// The request of a tool, or the answer of a model or an agent.
    detail: String,
    pub status_message: String,
    model: Option<String>,
}

/// The heading above a root.
#[derive(Default)]
pub(super) struct TurnHeading {
    pub turn: Option<u64>,
    trace: String,
    pub prompt: String,
    /// The session that this one was forked from.
    pub parent_session: Option<String>,
}

impl ObservationLine {
    /// `start_directory`: its files are shown by relative paths.
    pub(super) fn of(span: &Span, start_directory: Option<&str>, is_full: bool) -> Self {
        let observation = |key: &str| span.attribute(&format!("langfuse.observation.{key}"));
        let kind = observation("type").and_then(Kind::from_name);
        let [input, output] = ["input", "output"].map(|key| observation(key).unwrap_or_default());
        let detail = match kind {
            Some(Kind::Tool | Kind::Retriever) => asked_text(span.name(), input, start_directory),
            Some(Kind::Event) => first_line(input),
            _ => first_line(&answer_text(output)),
        };
        let whole = [("input", input.to_owned()), ("output", answer_text(output))];
        let took = span.end().since(span.start()).as_millis();
        Self {
            span_id: span.span_id().to_owned(),
            parent: span.parent().map(str::to_owned),
            start: span.start(),
            milliseconds: u64::try_from(took).unwrap_or(u64::MAX),
            heading: TurnHeading::of(span),
            usage: (kind == Some(Kind::Generation))
                .then(|| tokens::from_usage_details(&span.usage())),
            cost: None,
            lower_bound: observation("metadata.output_tokens_estimated").is_some(),
            level: observation("level").and_then(Level::from_name).unwrap_or_default(),
            whole: whole.into_iter().filter(|(_, text)| is_full && !text.is_empty()).collect(),
            name: span.name().to_owned(),
            kind,
            detail: one_line(&detail),
            status_message: one_line(observation("status_message").unwrap_or_default()),
            model: observation("model.name").map(str::to_owned),
        }
    }

    pub(super) fn is_compaction(&self) -> bool {
        self.name == SpanName::COMPACTION.as_str()
    }

    /// Whether this is the root of a turn, in a trace of its own or in another application's.
    pub(super) fn is_turn_root(&self) -> bool {
        self.heading.turn.is_some() && self.name == SpanName::TURN.as_str()
    }

    /// Whether this is the root of a turn that was interrupted or has no answer.
    pub(super) fn is_unanswered_turn(&self) -> bool {
        self.heading.turn.is_some()
            && self.kind == Some(Kind::Agent)
            && self.level == Level::Warning
            && [Status::Interrupted, Status::NoAnswer]
                .iter()
                .any(|status| status.text() == self.status_message)
    }

    /// The request of a tool, or the answer of a model or an agent. Empty if the status says it.
    pub(super) fn detail(&self) -> &str {
        if self.detail == self.status_message { "" } else { &self.detail }
    }

    pub(super) fn kind_name(&self) -> &'static str {
        self.kind.map(Kind::as_str).unwrap_or_default()
    }

    /// Name, detail, and the outcome unless it ended well.
    pub(super) fn text(&self, terminal: Terminal, columns: Option<usize>) -> String {
        let mut text = self.label();
        let is_tool = matches!(self.kind, Some(Kind::Tool | Kind::Retriever));
        let columns = columns.unwrap_or(usize::MAX);
        let width = match self.level {
            Level::Default => DETAIL_WIDTH.min(columns),
            // A long command must not hide its outcome.
            _ => DETAIL_WIDTH.min((columns / 2).saturating_sub(text.len()).max(MIN_DETAIL_WIDTH)),
        };
        if !self.detail().is_empty() {
            text.push_str(if is_tool { " " } else { "  " });
            text.push_str(&truncate(self.detail(), width));
        }
        if self.level != Level::Default {
            text = format!("{text}  {}: {}", self.level.as_str(), self.status_message);
        }
        let text = truncate(&text, columns);
        match self.level {
            Level::Error => terminal.styled(RED, &text),
            Level::Warning => terminal.styled(YELLOW, &text),
            Level::Default => text,
        }
    }

    /// The name of a tool, or the model of a model call.
    pub(super) fn label(&self) -> String {
        let name = one_line(&self.name);
        match (self.kind, &self.model) {
            (Some(Kind::Tool | Kind::Retriever), _) => name,
            (Some(Kind::Generation), Some(model)) => format!("{name} {model}"),
            (kind, _) => format!("{} {name}", kind.map(Kind::as_str).unwrap_or_default()),
        }
    }
}

/// The request of a tool. Its input is as it would be sent: masked, or left out.
fn asked_text(tool: &str, input: &str, start_directory: Option<&str>) -> String {
    let input: Value = serde_json::from_str(input).unwrap_or_default();
    let text = asked(tool, &input).unwrap_or_default();
    let below = start_directory.and_then(|start| text.strip_prefix(start)?.strip_prefix('/'));
    below.unwrap_or(text).to_owned()
}

/// The text of an answer: the content of a message, otherwise the whole output.
fn answer_text(output: &str) -> String {
    match serde_json::from_str::<Value>(output) {
        Ok(Value::Object(message)) if message.contains_key("role") => {
            message.get("content").and_then(Value::as_str).unwrap_or_default().to_owned()
        }
        _ => output.to_owned(),
    }
}

fn first_line(text: &str) -> String {
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().to_owned()
}

impl TurnHeading {
    fn of(span: &Span) -> Self {
        // A turn whose root is missing has no prompt below it.
        let is_root = span.parent().is_none() || span.name() == SpanName::TURN.as_str();
        let prompt = span.attribute("langfuse.observation.input").filter(|_| is_root);
        let prompt = prompt.unwrap_or_default();
        Self {
            turn: span.metadata(MetadataKey::TurnNumber).and_then(|number| number.parse().ok()),
            trace: span.attribute("langfuse.trace.name").unwrap_or_default().to_owned(),
            prompt: truncate(&one_line(prompt), PROMPT_WIDTH),
            parent_session: span.metadata(MetadataKey::ParentSession).map(str::to_owned),
        }
    }

    pub(super) fn text(&self, start: Timestamp) -> String {
        format!("{}  {}  {}", self.name(), start.local_second(), self.prompt)
    }

    pub(super) fn name(&self) -> String {
        self.turn.map_or_else(|| self.trace.clone(), |turn| format!("turn {turn}"))
    }
}
