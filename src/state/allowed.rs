//! Permissions of the user for values of a project, by digest and main repository, and the names that hooks saw in a
//! project's files. Both are always in the default state folder, because a project can name another folder and put
//! its own permission there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Result;
use base::Timestamp;
use serde::{Deserialize, Serialize};

use super::files;
use super::store::{Store, save};

/// All permissions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowed {
    /// Oldest first.
    #[serde(default)]
    pub entries: Vec<AllowedEntry>,
}

/// The permission for one project's values, as they were shown to the user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllowedEntry {
    /// The top folder of the main repository.
    #[serde(with = "base::path_text")]
    pub root: PathBuf,
    /// The digest of the [`Request`](crate::config::Request).
    pub digest: String,
    pub at: Timestamp,
    pub names: Vec<String>,
    pub base_url: String,
    pub public_key: String,
}

impl Allowed {
    /// The digests, each with the repository that it is for.
    pub fn digests(self) -> BTreeSet<(PathBuf, String)> {
        self.entries.into_iter().map(|entry| (entry.root, entry.digest)).collect()
    }

    /// Removes the permissions of a repository; returns their number.
    pub fn revoke(&mut self, root: &Path) -> usize {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.root != root);
        before - self.entries.len()
    }
}

impl Store {
    /// All permissions. Empty if the file can't be read.
    pub fn allowed(&self) -> Allowed {
        self.load(&self.allowed_path()).ok().flatten().unwrap_or_default()
    }

    /// Writes all permissions.
    ///
    /// # Errors
    /// When the folder or the file can't be written.
    pub fn save_allowed(&self, allowed: &Allowed) -> Result<()> {
        files::make_private_folder(self.root(), self.root())?;
        save(&self.allowed_path(), allowed)
    }

    /// The names that hooks of a session saw in files of its project.
    pub fn project_names(&self, session_id: &str) -> BTreeSet<String> {
        let content = files::read(self.root(), &self.project_names_path(session_id));
        let content = content.ok().flatten().unwrap_or_default();
        let text = String::from_utf8_lossy(&content);
        text.lines().map(str::to_owned).collect()
    }

    /// Writes the names that hooks of a session saw in files of its project.
    ///
    /// # Errors
    /// When the folder or the file can't be written.
    pub fn save_project_names(&self, session_id: &str, names: &BTreeSet<String>) -> Result<()> {
        let path = self.project_names_path(session_id);
        files::make_private_folder(self.root(), path.parent().unwrap_or(self.root()))?;
        let lines: Vec<&str> = names.iter().map(String::as_str).collect();
        files::write(&path, lines.join("\n").as_bytes())
    }

    fn allowed_path(&self) -> PathBuf {
        self.root().join("allowed.json")
    }

    /// Not JSON: every JSON file of a session's folder is a cursor.
    fn project_names_path(&self, session_id: &str) -> PathBuf {
        self.session_folder(session_id).join("project-names")
    }
}
