//! What the program leaves on disk, and what a test may do to it.

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

    /// The one cursor that there is.
    pub(crate) fn cursor(&self) -> PathBuf {
        let cursors = self.state().into_iter().filter(|path| {
            let is_json = path.extension().is_some_and(|extension| extension == "json");
            is_json && path.components().any(|part| part.as_os_str() == "sessions")
        });
        only(cursors)
    }

    /// What is known of the one server is forgotten, and with it the time until which hooks open no socket.
    pub(crate) fn end_backoff(&self) {
        fs::remove_file(self.destination()).unwrap();
    }

    /// The time until which hooks open no socket is over; what else is known of the one server stays.
    pub(crate) fn forget_backoff_time(&self) {
        let mut known = self.known_of_destination();
        known.as_object_mut().unwrap().remove("not_before");
        fs::write(self.destination(), known.to_string()).unwrap();
    }

    /// Hooks open no socket until this time.
    pub(crate) fn hold_until(&self, time: &str) {
        let time = OffsetDateTime::parse(time, &Rfc3339).unwrap();
        let mut known = self.known_of_destination();
        known["not_before"] = match known["not_before"].is_string() {
            true => time.format(&Rfc3339).unwrap().into(),
            false => (time.unix_timestamp() * 1000).into(),
        };
        fs::write(self.destination(), known.to_string()).unwrap();
    }

    /// How long hooks will open no socket to the one server.
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

    /// The notes of what the user was told, and when.
    pub(crate) fn told(&self) -> Vec<PathBuf> {
        let mut state = self.state();
        state.retain(|path| path.parent().is_some_and(|folder| folder.ends_with("told")));
        state
    }

    /// All that the user was told was told so long ago.
    pub(crate) fn told_before(&self, time: Duration) {
        for note in self.told() {
            let told = OffsetDateTime::now_utc() - time;
            fs::write(note, told.format(&Rfc3339).unwrap()).unwrap();
        }
    }

    fn known_of_destination(&self) -> Value {
        let mut known: Value =
            serde_json::from_slice(&fs::read(self.destination()).unwrap()).unwrap();
        // What a test changes is no damage.
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
