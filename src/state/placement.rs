//! The placement of turns by the environment of a run: seed, parent and experiment. It is in a file of its own beside
//! the cursor, so that turns are found long after the cursor moved past them, and after the cursor is gone.

use std::path::PathBuf;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::files;
use super::runs::Runs;
use super::store::{Store, save};
use crate::config::{Experiment, ParentSpan};

/// The placement of turns by the environment of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// `CC_LANGFUSE_TRACE_SEED`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<String>,
    /// `CC_LANGFUSE_TRACEPARENT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ParentSpan>,
    /// `CC_LANGFUSE_EXPERIMENT_…`, masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experiment: Option<Experiment>,
}

impl Store {
    /// The placements of a session's turns at a destination. Empty if they can't be read.
    ///
    /// # Errors
    /// If a newer release wrote them.
    pub fn placements(&self, session_id: &str, destination: &str) -> Result<Runs<Placement>> {
        let kept: Option<Kept> = self.load(&self.placements_path(session_id, destination))?;
        Ok(kept.unwrap_or_default().runs)
    }

    /// Writes the placements of a session's turns at a destination.
    ///
    /// # Errors
    /// When the folder or the file can't be written.
    pub fn save_placements(
        &self,
        session_id: &str,
        destination: &str,
        runs: &Runs<Placement>,
    ) -> Result<()> {
        let path = self.placements_path(session_id, destination);
        files::make_private_folder(self.root(), &self.session_folder(session_id))?;
        save(&path, &KeptRef { schema: 1, runs })
    }

    fn placements_path(&self, session_id: &str, destination: &str) -> PathBuf {
        self.cursor_path(session_id, destination).with_extension("placements")
    }
}

#[derive(Default, Deserialize)]
struct Kept {
    runs: Runs<Placement>,
}

#[derive(Serialize)]
struct KeptRef<'a> {
    schema: u32,
    runs: &'a Runs<Placement>,
}
