//! Ranges of a file whose turns were not sent, with the reason.

use base::Timestamp;
use serde::{Deserialize, Serialize};

use super::cursor::plausible;

/// The reason for skipping a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SkipReason {
    /// Its turns are older than the first contact.
    BeforeFirstContact,
    /// Tracing was off.
    Declined,
    /// The agreement about its content could not be kept any more.
    PolicyNotMet,
    /// A person deleted it in Langfuse.
    Forgotten,
}

/// A range of the file that was not sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedRange {
    /// The offset of its first turn.
    #[serde(deserialize_with = "plausible")]
    pub start: u64,
    /// The offset of the turn after it; `None` until there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<u64>,
    /// The number of own turns before it.
    #[serde(deserialize_with = "plausible")]
    pub turns_before: u64,
    /// The reason for skipping it.
    pub why: SkipReason,
    /// Its first and last turn, to locate it in a rewritten file. Earlier builds stored none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turns: Option<[TurnIdentity; 2]>,
}

/// A turn by its opening row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnIdentity {
    /// The uuid of the opening row.
    pub uuid: String,
    /// The time of the opening row.
    pub at: Timestamp,
}

impl SkippedRange {
    /// Whether a turn at this offset is in the range.
    pub fn covers(&self, start: u64) -> bool {
        (self.start..self.end.unwrap_or(u64::MAX)).contains(&start)
    }
}
