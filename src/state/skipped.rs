//! Ranges of a file whose turns were not sent, with the reason.

use base::Timestamp;
use serde::{Deserialize, Serialize};

use super::cursor::plausible;

/// Why a range was passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SkipReason {
    /// It lies before the first contact.
    BeforeFirstContact,
    /// Tracing was off.
    Declined,
    /// What was agreed about its content could not be kept any more.
    PolicyNotMet,
    /// A person had it deleted in Langfuse.
    Forgotten,
}

/// A range of the file that was not sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedRange {
    /// Where its first turn starts.
    #[serde(deserialize_with = "plausible")]
    pub start: u64,
    /// Where the turn after it starts; `None` while that turn is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<u64>,
    /// How many own turns lie before it.
    #[serde(deserialize_with = "plausible")]
    pub turns_before: u64,
    /// Why it was passed over.
    pub why: SkipReason,
    /// Its first and its last turn, to find its place again in a rewritten file; earlier builds kept none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turns: Option<[TurnIdentity; 2]>,
}

/// A turn by its opening row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnIdentity {
    /// The opening row's uuid.
    pub uuid: String,
    /// The opening row's time.
    pub at: Timestamp,
}

impl SkippedRange {
    /// Whether a turn that starts there is in it.
    pub fn covers(&self, start: u64) -> bool {
        (self.start..self.end.unwrap_or(u64::MAX)).contains(&start)
    }
}
