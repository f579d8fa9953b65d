//! Files that the program writes, and changes that a test makes to them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Sandbox;

impl Sandbox {
    /// Every file and folder below the state folder.
    pub(crate) fn state(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.state_folder()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path.clone());
                }
                found.push(path);
            }
        }
        found.sort();
        found
    }

    /// The files below the state folder with their content and the time of their last change.
    pub(crate) fn state_files(&self) -> Vec<(PathBuf, Vec<u8>, std::time::SystemTime)> {
        let files = self.state().into_iter().filter(|path| path.is_file());
        files
            .map(|path| {
                let changed = path.metadata().unwrap().modified().unwrap();
                (path.clone(), fs::read(&path).unwrap(), changed)
            })
            .collect()
    }

    pub(crate) fn state_folder(&self) -> PathBuf {
        self.path(".claude/state")
    }

    /// The log of hooks.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.state_folder().join("langfuse_hook.log")).unwrap_or_default()
    }

    /// The only cursor.
    pub(crate) fn cursor(&self) -> PathBuf {
        let cursors = self.state().into_iter().filter(|path| {
            let is_json = path.extension().is_some_and(|extension| extension == "json");
            is_json && path.components().any(|part| part.as_os_str() == "sessions")
        });
        only(cursors)
    }

    /// Removes the server's state, and with it the back-off.
    pub(crate) fn end_backoff(&self) {
        fs::remove_file(self.destination()).unwrap();
    }

    /// Ends the back-off; the server's other state stays.
    pub(crate) fn forget_backoff_time(&self) {
        let mut known = self.known_of_destination();
        known.as_object_mut().unwrap().remove("not_before");
        fs::write(self.destination(), known.to_string()).unwrap();
    }

    /// Sets the end of the back-off.
    pub(crate) fn hold_until(&self, time: &str) {
        let time = OffsetDateTime::parse(time, &Rfc3339).unwrap();
        let mut known = self.known_of_destination();
        known["not_before"] = match known["not_before"].is_string() {
            true => time.format(&Rfc3339).unwrap().into(),
            false => (time.unix_timestamp() * 1000).into(),
        };
        fs::write(self.destination(), known.to_string()).unwrap();
    }

    /// The remaining time of the back-off.
    pub(crate) fn backoff_left(&self) -> Duration {
        let until = self.known_of_destination()["not_before"].clone();
        let until = match until.as_str() {
            Some(text) => OffsetDateTime::parse(text, &Rfc3339).unwrap(),
            None => {
                let milliseconds = until.as_i64().expect("a time to wait for");
                OffsetDateTime::from_unix_timestamp(milliseconds / 1000).unwrap()
            }
        };
        (until - OffsetDateTime::now_utc()).try_into().unwrap_or_default()
    }

    /// The notes of shown notices, with their times.
    pub(crate) fn notices(&self) -> Vec<PathBuf> {
        let mut state = self.state();
        state.retain(|path| path.parent().is_some_and(|folder| folder.ends_with("told")));
        state
    }

    /// Moves the times of all shown notices back by this long.
    pub(crate) fn age_notices(&self, time: Duration) {
        for note in self.notices() {
            let told = OffsetDateTime::now_utc() - time;
            fs::write(note, told.format(&Rfc3339).unwrap()).unwrap();
        }
    }

    fn known_of_destination(&self) -> Value {
        let mut known: Value =
            serde_json::from_slice(&fs::read(self.destination()).unwrap()).unwrap();
        // A change by the test must not look like damage.
        known.as_object_mut().unwrap().remove("checksum");
        known
    }

    fn destination(&self) -> PathBuf {
        let folder = self.state_folder().join("claude-langfuse/destinations");
        only(fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()))
    }
}

fn only(mut paths: impl Iterator<Item = PathBuf>) -> PathBuf {
    let path = paths.next().expect("one file");
    assert_eq!(paths.next(), None, "more than one file");
    path
}

/// The permission bits of a file or folder.
pub(crate) fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}
