//! Images and documents that spans name and Langfuse does not have yet. Their bytes stay in the transcript.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A medium that an observation names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingMedia {
    /// The file that has it.
    #[serde(with = "base::path_text")]
    pub file: PathBuf,
    /// Where its row starts.
    pub row: u64,
    /// In base64: the row may have several blocks, and this one tells them apart.
    pub sha256: String,
    pub content_type: String,
    pub trace: String,
    pub span: String,
    /// `input` or `output`.
    pub field: String,
    /// In how many runs the upload has failed.
    #[serde(default)]
    pub failures: u8,
}
