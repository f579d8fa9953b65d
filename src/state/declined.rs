//! Sessions that hooks found untraced in folders that config.json traces. Without a note nothing would show later
//! that their turns were declined. Always in the default state folder, because a project can name another one.

use std::path::PathBuf;

use anyhow::Result;
use base::Timestamp;

use super::files;
use super::pause::PausedTime;
use super::store::{Store, file_name};

impl Store {
    /// Notes that the session's turns until now were declined.
    ///
    /// # Errors
    /// If the folder or the file can't be written.
    pub fn note_declined(&self, session_id: &str, now: Timestamp) -> Result<()> {
        let path = self.declined_path(session_id);
        files::make_private_folder(self.root(), path.parent().unwrap_or(self.root()))?;
        files::write(&path, now.rfc3339().as_bytes())
    }

    /// The time during which a session's turns were declined.
    pub fn declined_time(&self, session_id: &str) -> Option<PausedTime> {
        let content = files::read(self.root(), &self.declined_path(session_id)).ok()??;
        let until = Timestamp::parse(str::from_utf8(&content).ok()?)?;
        Some(PausedTime { from: Timestamp::from_millis(0), until: Some(until) })
    }

    fn declined_path(&self, session_id: &str) -> PathBuf {
        self.root().join("declined").join(file_name(session_id))
    }
}
