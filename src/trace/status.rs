//! The reason for an observation's level: a fixed message of this program, or text of the transcript.

use std::borrow::Cow;

use super::placeholder::Placeholder;

/// Length of a quotation, in characters. Input or output have the whole text.
const MAX_CHARS: usize = 300;

/// A status message. Capture modes keep the fixed ones, which quote nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// The stream of a model call was stopped.
    CutOff,
    /// The model reached the maximum of output tokens.
    MaxTokens,
    /// A run ended after this many model calls (`--max-turns`).
    MaxTurns(u64),
    /// An agent or a workflow failed without a reason.
    Failed,
    /// The user stopped it.
    Interrupted,
    /// The user ended it.
    Killed,
    /// A turn has no model call.
    NoAnswer,
    /// A call or a run has no result.
    NoResult,
    /// A tool was not permitted to run.
    Denied,
    /// The model refused to answer.
    RefusedByModel,
    /// It ended with the process or the turn that ran it.
    Stopped,
    /// The beginning of a text in the transcript.
    Quoted(String),
}

impl Status {
    /// The beginning of a text.
    pub fn quoting(text: &str) -> Self {
        let text = text.trim();
        Self::Quoted(match text.char_indices().nth(MAX_CHARS) {
            Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
            None => text.to_owned(),
        })
    }

    /// The outcome of a background task, an agent or a workflow in Claude Code's words; `None` if it completed.
    pub(crate) fn of_outcome(outcome: &str) -> Option<Self> {
        match outcome {
            "completed" => None,
            "failed" => Some(Self::Failed),
            "killed" => Some(Self::Killed),
            "stopped" => Some(Self::Stopped),
            other => Some(Self::quoting(other)),
        }
    }

    /// The placeholder for the output of a run with this status.
    pub(super) fn placeholder(&self) -> Placeholder {
        match self {
            Self::Failed => Placeholder::Failed,
            Self::Killed => Placeholder::Killed,
            Self::Stopped => Placeholder::Stopped,
            _ => Placeholder::NoResult,
        }
    }

    /// The message that is sent.
    pub fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::CutOff => "cut off",
            Self::MaxTokens => "cut off at the maximum of tokens",
            Self::MaxTurns(count) => {
                return format!("ended after {count} model calls (--max-turns)").into();
            }
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Killed => "killed",
            Self::NoAnswer => "no answer",
            Self::NoResult => "no result",
            Self::Denied => "denied",
            Self::RefusedByModel => "refused by the model",
            Self::Stopped => "stopped",
            Self::Quoted(text) => text,
        })
    }

    /// Changes the text. An unchanged fixed message stays fixed.
    pub(crate) fn edit(&mut self, edit: impl FnOnce(&mut String)) {
        let mut text = self.text().into_owned();
        edit(&mut text);
        if text != self.text() {
            *self = Self::Quoted(text);
        }
    }
}
