//! Facts of sessions for `usage` and `tools`: sums and digests, so that ten thousand sessions need not be read again.
//! They hold no path, no command and no text.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::files;
use super::store::{Store, save};
use crate::trace::private_digest;

impl Store {
    /// The cached facts of a transcript; `None` if there are none, or if they can't be read.
    pub fn cached_facts<T: DeserializeOwned>(&self, transcript: &Path) -> Option<T> {
        self.load(&self.facts_path(transcript)).ok().flatten()
    }

    /// Stores the facts of a transcript.
    ///
    /// # Errors
    /// If the folder or the file can't be written.
    pub fn cache_facts(&self, transcript: &Path, facts: &impl Serialize) -> Result<()> {
        files::make_private_folder(self.root(), &self.root().join("usage"))?;
        save(&self.facts_path(transcript), facts)
    }

    /// The file name of a transcript's facts.
    pub fn facts_name(transcript: &Path) -> String {
        format!("{}.json", private_digest(transcript.as_os_str().as_bytes()))
    }

    /// Removes the facts of transcripts that are gone.
    pub fn forget_facts_except(&self, names: &BTreeSet<String>) {
        let mut gone = files::entries(self.root(), &self.root().join("usage"));
        let name =
            |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        gone.retain(|path| !names.contains(&name(path)));
        gone.iter().for_each(|path| files::remove(self.root(), path));
    }

    fn facts_path(&self, transcript: &Path) -> PathBuf {
        self.root().join("usage").join(Self::facts_name(transcript))
    }
}
