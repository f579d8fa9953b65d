//! The place of a session's title in its file.

use serde::{Deserialize, Serialize};

use super::cursor::plausible;

/// The row of a session's title. Its text is conversation, and is read from there when needed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TitlePlace {
    /// The offset up to which titles were searched.
    #[serde(deserialize_with = "plausible")]
    pub until: u64,
    /// The offset of the row whose title applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<u64>,
}

impl TitlePlace {
    /// No search has been made.
    pub(super) fn is_unsought(&self) -> bool {
        self.until == 0
    }
}
