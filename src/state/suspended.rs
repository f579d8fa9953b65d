//! The first suspended turn of a session, where delivery begins after the repair. While the configuration can't be used,
//! nothing is sent and nothing is declined, and a session without a cursor would lose its turns of that time.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Result;
use base::Timestamp;
use serde::{Deserialize, Serialize};

use super::files;
use super::store::{Store, file_name, save};

/// Sessions without any later hook leave a note behind. The oldest notes are removed first.
const MAX_NOTES: usize = 1000;

/// The first turn of a session that a hook could not deliver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspension {
    pub session_id: String,
    #[serde(with = "base::path_text")]
    pub transcript: PathBuf,
    pub noted_at: Timestamp,
    /// The prompt of the hook's turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_id: Option<String>,
    /// `None` if the hook ended before the row was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opening: Option<SuspendedOpening>,
}

/// The opening row of a suspended turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuspendedOpening {
    pub uuid: String,
    pub at: Timestamp,
}

impl Suspension {
    /// A note of a turn whose opening row is unknown.
    pub fn new(session_id: &str, transcript: &Path, prompt_id: Option<&str>) -> Self {
        Self {
            session_id: session_id.to_owned(),
            transcript: transcript.to_owned(),
            noted_at: Timestamp::now(),
            prompt_id: prompt_id.map(str::to_owned),
            opening: None,
        }
    }

    fn at(&self) -> Timestamp {
        self.opening.as_ref().map_or(self.noted_at, |opening| opening.at)
    }
}

impl Store {
    /// Notes a session's suspended turn, unless an earlier one is noted.
    ///
    /// # Errors
    /// When the folder or the file can't be written.
    pub fn note_suspended(&self, note: &Suspension) -> Result<()> {
        let known = self.suspended(&note.session_id);
        if known.as_ref().is_some_and(|known| known.at() <= note.at()) {
            return Ok(());
        }
        let folder = self.suspended_folder();
        files::make_private_folder(self.root(), &folder)?;
        if known.is_none() {
            files::sweep(self.root(), &folder);
            remove_oldest(files::entries(self.root(), &folder));
        }
        save(&self.suspended_path(&note.session_id), note)
    }

    /// The first suspended turn of a session; `None` if there is no readable note.
    pub fn suspended(&self, session_id: &str) -> Option<Suspension> {
        let note: Suspension = self.load(&self.suspended_path(session_id)).ok().flatten()?;
        (note.session_id == session_id).then_some(note)
    }

    /// Removes a session's note: a cursor has taken its place, or the turn was declined.
    pub fn clear_suspended(&self, session_id: &str) {
        files::remove(self.root(), &self.suspended_path(session_id));
    }

    fn suspended_folder(&self) -> PathBuf {
        self.root().join("suspended")
    }

    fn suspended_path(&self, session_id: &str) -> PathBuf {
        let name = format!("{}.json", file_name(session_id));
        self.suspended_folder().join(name)
    }
}

/// Makes room for one more note.
fn remove_oldest(paths: Vec<PathBuf>) {
    if paths.len() < MAX_NOTES {
        return;
    }
    let written = |path: &Path| path.metadata().and_then(|file| file.modified()).ok();
    let mut notes: Vec<(Option<SystemTime>, PathBuf)> =
        paths.into_iter().map(|path| (written(&path), path)).collect();
    notes.sort_unstable();
    let surplus = (notes.len() + 1).saturating_sub(MAX_NOTES);
    for (_, path) in notes.iter().take(surplus) {
        // Best effort: the next note tries again.
        let _ = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use base::Timestamp;

    use super::{MAX_NOTES, SuspendedOpening, Suspension};
    use crate::state::Store;

    fn note(session: &str, at: u64) -> Suspension {
        let mut note = Suspension::new(session, "/t.jsonl".as_ref(), Some("prompt"));
        note.opening =
            Some(SuspendedOpening { uuid: format!("row-{at}"), at: Timestamp::from_millis(at) });
        note
    }

    #[test]
    fn keeps_the_earliest_turn_until_it_is_cleared() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let without_opening = Suspension::new("s", "/t.jsonl".as_ref(), None);
        for (noted, expected) in [
            (&without_opening, &without_opening),
            (&note("s", 20), &note("s", 20)),
            (&note("s", 30), &note("s", 20)),
            (&note("s", 10), &note("s", 10)),
        ] {
            store.note_suspended(noted).unwrap();
            let kept = store.suspended("s").unwrap();
            assert_eq!(kept.opening, expected.opening);
        }
        assert_eq!(store.suspended("other"), None);
        assert!(!store.knows("s"), "a note is no cursor");
        store.clear_suspended("s");
        store.clear_suspended("s");
        assert_eq!(store.suspended("s"), None);
    }

    #[test]
    fn is_readable_by_its_owner_only_and_never_follows_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        store.note_suspended(&note("s", 10)).unwrap();
        let notes = folder.path().join("claude-langfuse/suspended");
        let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&notes), mode(&notes.join("s.json"))), (0o700, 0o600));
        let elsewhere = folder.path().join("elsewhere.json");
        fs::rename(notes.join("s.json"), &elsewhere).unwrap();
        symlink(&elsewhere, notes.join("s.json")).unwrap();
        assert_eq!(store.suspended("s"), None);
        store.note_suspended(&note("s", 5)).unwrap();
        let kept = fs::read_to_string(&elsewhere).unwrap();
        assert!(kept.contains("row-10"), "written through a link: {kept}");
    }

    #[test]
    fn a_damaged_note_is_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        store.note_suspended(&note("s", 10)).unwrap();
        let path = folder.path().join("claude-langfuse/suspended/s.json");
        for damage in ["", "{", "[]", r#"{"session_id":"other","transcript":"/t","noted_at":1}"#] {
            fs::write(&path, damage).unwrap();
            assert_eq!(store.suspended("s"), None, "{damage:?}");
        }
    }

    #[test]
    fn the_oldest_notes_make_room_for_new_ones() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        for number in 0..MAX_NOTES + 3 {
            store.note_suspended(&note(&format!("s{number}"), 10)).unwrap();
        }
        let notes = fs::read_dir(folder.path().join("claude-langfuse/suspended")).unwrap();
        assert_eq!(notes.count(), MAX_NOTES);
        assert!(store.suspended(&format!("s{}", MAX_NOTES + 2)).is_some());
    }
}
