//! The instructions that the cursor keeps.

use serde::{Deserialize, Serialize};
use transcript::Instructions;

use super::cursor::plausible;

/// The instructions that rows before an offset name. Digests, no texts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownInstructions {
    /// The end of the last row that was read for them.
    #[serde(deserialize_with = "plausible")]
    pub until: u64,
    #[serde(default)]
    pub named: Instructions,
}
