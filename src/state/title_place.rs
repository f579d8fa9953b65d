//! Where a session's title stands in its file.

use serde::{Deserialize, Serialize};

use super::cursor::plausible;

/// The row of a session's title. What it says is read there: it tells of the conversation, which is not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TitlePlace {
    /// Titles were looked for up to there.
    #[serde(deserialize_with = "plausible")]
    pub until: u64,
    /// Where the row of the one that counts starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<u64>,
}

impl TitlePlace {
    /// Nothing is known of it.
    pub(super) fn is_unsought(&self) -> bool {
        self.until == 0
    }
}
