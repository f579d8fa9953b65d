//! Placeholders for a missing input or output. Langfuse's lists and session page hide an observation that lacks one.

use std::borrow::Cow;

use super::span_name::SpanName;

/// A word in brackets, from a closed vocabulary: never text of the transcript, so that every capture mode keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placeholder {
    /// A model call failed finally, with the status of the API's answer.
    ApiError(Option<u64>),
    /// The context was full.
    ContextFull,
    /// An event, by its name.
    Event(SpanName),
    Failed,
    Interrupted,
    Killed,
    /// The compaction that a person asked for.
    Manual,
    /// A turn without a text of the model.
    NoAnswer,
    /// Nothing is new since the last call, or no row has it.
    NoInput,
    /// A tool that ran without output.
    NoOutput,
    /// A tool or an agent that ended without a result, or was left.
    NoResult,
    Stopped,
}

impl Placeholder {
    /// The text that is sent.
    pub fn text(&self) -> String {
        format!("[{}]", self.word())
    }

    /// The text without its brackets.
    pub fn word(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::ApiError(Some(status)) => return format!("API error {status}").into(),
            Self::ApiError(None) => "API error",
            Self::ContextFull => "context full",
            Self::Event(name) => return name.as_str().to_owned().into(),
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Killed => "killed",
            Self::Manual => "manual",
            Self::NoAnswer => "no answer",
            Self::NoInput => "no input",
            Self::NoOutput => "no output",
            Self::NoResult => "no result",
            Self::Stopped => "stopped",
        })
    }
}
