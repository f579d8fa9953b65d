//! Images and documents that spans name and Langfuse does not have yet. Their bytes stay in the transcript.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A medium that an observation names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingMedia {
    /// The file with its row.
    #[serde(with = "base::path_text")]
    pub file: PathBuf,
    /// The offset of its row.
    pub row: u64,
    /// In base64. It distinguishes several blocks of one row.
    pub sha256: String,
    pub content_type: String,
    pub trace: String,
    pub span: String,
    /// `input` or `output`.
    pub field: String,
    /// The number of runs in which the upload failed.
    #[serde(default)]
    pub failures: u8,
}
