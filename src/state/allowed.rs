//! Permissions of the user for keys and hosts of a project, by digest and main repository. And the names that hooks of a session
//! saw in files of its project.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Result;
use base::Timestamp;
use serde::{Deserialize, Serialize};

use super::files;
use super::store::{Store, load, save};
use crate::config::{Config, DestinationProblem, Env, Request};

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
    pub root: PathBuf,
    /// The digest of the [`Request`].
    pub digest: String,
    pub at: Timestamp,
    pub names: Vec<String>,
    pub base_url: String,
    pub public_key: String,
}

impl Allowed {
    /// Whether the user allowed this request.
    pub fn has(&self, request: &Request) -> bool {
        let is_it =
            |entry: &AllowedEntry| entry.root == request.root && entry.digest == request.digest;
        request.doubt.is_none() && self.entries.iter().any(is_it)
    }

    /// Removes the permissions of a repository; returns their number.
    pub fn revoke(&mut self, root: &Path) -> usize {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.root != root);
        before - self.entries.len()
    }
}

impl Store {
    /// All permissions; none when the file can't be read.
    pub fn allowed(&self) -> Allowed {
        load(&self.allowed_path()).ok().flatten().unwrap_or_default()
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
        let content = files::read(&self.project_names_path(session_id));
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

/// Grants the request of a configuration's project if the user allowed it. Permissions are always in the default state folder: a
/// project can name another one, and bring its own permission in it.
pub fn grant(config: &mut Config, env: &Env) {
    if let Err(DestinationProblem::NotAllowed(request)) = &config.destination {
        let folder = env.default_state_dir();
        let store = folder.map(|folder| Store::new(&folder));
        if store.is_some_and(|store| store.allowed().has(request)) {
            config.destination = request.granted.clone();
        }
    }
}
