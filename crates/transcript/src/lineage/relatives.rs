//! Finds the file that had a session's first prompt before, among the other files of its folder.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Result;
use base::regular_file;

use super::ids::Ids;
use crate::{locate, scan};

/// A folder may hold any number of sessions.
const MAX_FILES: usize = 2000;
/// The searched part of each file: a first prompt is near the beginning.
const HEAD_BYTES: u64 = 64 * 1024;

/// The other files of a session's folder. They are read only when needed.
#[derive(Debug, Default)]
pub(super) struct Relatives {
    transcript: PathBuf,
    /// The uuid of the file's first prompt, and whether the session runs in the background.
    first_prompt: Option<(String, bool)>,
    /// The file that had that prompt first; `Some(None)` if none has it.
    parent: Option<Option<Parent>>,
}

#[derive(Debug)]
struct Parent {
    session: String,
    ids: Ids,
}

impl Relatives {
    pub(super) fn of(transcript: &Path) -> Self {
        Self { transcript: transcript.to_owned(), ..Self::default() }
    }

    pub(super) fn transcript(&self) -> &Path {
        &self.transcript
    }

    pub(super) fn note_first_prompt(&mut self, uuid: &str, is_background: bool) {
        self.first_prompt.get_or_insert_with(|| (uuid.to_owned(), is_background));
    }

    pub(super) fn is_background(&self) -> bool {
        self.first_prompt.as_ref().is_some_and(|(_, is_background)| *is_background)
    }

    /// Whether the file that had the first prompt has this row too.
    pub(super) fn have(&mut self, uuid: &str) -> bool {
        let Some((first, is_background)) = &self.first_prompt else {
            return false;
        };
        let parent =
            self.parent.get_or_insert_with(|| find(&self.transcript, first, *is_background));
        parent.as_ref().is_some_and(|parent| parent.ids.contain(uuid))
    }

    /// The session that had the copied rows first, if it was searched for.
    pub(super) fn parent(&self) -> Option<String> {
        Some(self.parent.as_ref()?.as_ref()?.session.clone())
    }
}

/// For a session that continues in the background, its first file has the row without `sessionKind`.
fn find(transcript: &Path, uuid: &str, is_background: bool) -> Option<Parent> {
    let folder = fs::read_dir(transcript.parent()?).ok()?;
    let files = folder.flatten().map(|entry| entry.path()).filter(|path| {
        path.extension().is_some_and(|extension| extension == "jsonl")
            && path.file_name() != transcript.file_name()
    });
    let mut files = files.take(MAX_FILES);
    let had_first = |path: &PathBuf| has_row(path, uuid, is_background).unwrap_or(false);
    let path = files.find(had_first)?;
    let ids = Ids::read(&path, u64::MAX).ok()?;
    Some(Parent { session: locate::session_id(&path), ids })
}

fn has_row(path: &Path, uuid: &str, is_background: bool) -> Result<bool> {
    let mut head = Vec::new();
    regular_file::open(path)?.take(HEAD_BYTES).read_to_end(&mut head)?;
    let mut rows = scan::rows_with_uuid(&head, uuid);
    Ok(rows.any(|row| !is_background || !scan::is_of_background(row)))
}
