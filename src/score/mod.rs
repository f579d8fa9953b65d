//! Scores of turns and sessions, by the user or computed from the transcript. Pure.

mod outcome;
mod test_run;

use crate::trace::{SpanId, TraceId};

use base::Timestamp;
use base::sha256::hex;
pub use outcome::{FIGURES, figure_of_nothing, figures, has_failed, number, outcomes, share};

/// One score.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// A score with the same id replaces this one.
    pub id: String,
    pub subject: Subject,
    pub name: String,
    pub value: Value,
    pub comment: Comment,
    /// The environment of the trace.
    pub environment: Option<String>,
    /// Never changes: on another day Langfuse keeps a second row forever.
    pub filed: Timestamp,
    /// The later of two scores with one id applies.
    pub judged: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A session, by Claude Code's id.
    Session(String),
    /// The trace of a turn.
    Trace(TraceId),
    /// A turn in a foreign trace, or of an experiment: its results page shows the scores of root observations.
    Observation(TraceId, SpanId),
}

/// Longest text score that Langfuse accepts, in UTF-16 code units.
pub const MAX_TEXT_UTF16: usize = 500;

/// Langfuse's types of values.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A finite number.
    Numeric(f64),
    /// One of a few words.
    Boolean(bool),
    /// One of some words.
    Categorical(String),
    /// Free text.
    Text(String),
    /// The expected answer of the turn.
    Correction(String),
}

/// The comment of a score that may replace another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comment {
    /// An existing comment stays.
    Kept,
    /// An existing comment is removed.
    Cleared,
    Text(String),
}

/// Part of the id, so that a user's score never replaces a computed one of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judge {
    /// The user, by `claude-langfuse score`.
    Person,
    /// Computed from the transcript.
    Transcript,
}

impl Score {
    /// The id of a score: 32 hex digits.
    pub fn id(judge: Judge, subject: &Subject, name: &str) -> String {
        let judge = match judge {
            Judge::Person => "score",
            Judge::Transcript => "outcome",
        };
        let subject = match subject {
            Subject::Session(session) => format!("session:{session}"),
            Subject::Trace(trace) => trace.as_str().to_owned(),
            Subject::Observation(trace, span) => format!("{}:{}", trace.as_str(), span.as_str()),
        };
        hex(format!("{judge}:{subject}:{name}").as_bytes(), 16)
    }
}

#[cfg(test)]
mod tests {
    use super::{Judge, Score, Subject};
    use crate::trace::{SpanId, TraceId};

    #[test]
    fn an_id_depends_on_judge_subject_and_name() {
        let trace = || TraceId::of_seed("uuid");
        let subjects = [
            Subject::Trace(trace()),
            Subject::Observation(trace(), SpanId::given("uuid")),
            Subject::Session("uuid".to_owned()),
        ];
        let mut ids: Vec<String> = Vec::new();
        for subject in &subjects {
            for judge in [Judge::Person, Judge::Transcript] {
                ids.extend(["quality", "tone"].map(|name| Score::id(judge, subject, name)));
            }
        }
        assert!(ids.iter().all(|id| id.len() == 32));
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 12);
    }

    #[test]
    fn an_id_can_be_computed_by_anybody() {
        // printf 'score:%s:quality' 0af7651916cd43dd8448eb211c80319c | sha256sum | head -c 32
        let subject = Subject::Trace(TraceId::given("0af7651916cd43dd8448eb211c80319c"));
        assert_eq!(
            Score::id(Judge::Person, &subject, "quality"),
            "32f6239e80b5bb549638b45877056298"
        );
    }
}
