//! Claude Code's settings files that count for a session.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::env::Env;
use super::files::Files;
use super::repository::main_checkout;
use super::settings::SettingsFile;
use super::source::Problem;

/// The name of a project's file that Claude Code defines as personal.
pub(super) const PERSONAL: &str = "settings.local.json";

/// Settings files by their owner; in each group the weakest first, whether or not they exist.
#[derive(Debug)]
pub(super) struct ByOwner<T> {
    pub(super) user: Vec<T>,
    pub(super) project: Vec<T>,
    pub(super) managed: Vec<T>,
}

impl<T> ByOwner<T> {
    /// All files, weakest first.
    pub(super) fn all(&self) -> impl Iterator<Item = &T> {
        self.user.iter().chain(&self.project).chain(&self.managed)
    }
}

impl ByOwner<PathBuf> {
    /// The files of a session started in the first of `folders`. Project files of the others count as well.
    fn of(env: &Env, files: &Files, folders: &[&Path]) -> Self {
        let config = env.claude_config_dir();
        let mut paths = Self {
            user: config.iter().map(|folder| folder.join("settings.json")).collect(),
            project: Vec::new(),
            managed: Vec::new(),
        };
        let config = config.map(|folder| folder.canonicalize().unwrap_or(folder));
        for start in folders {
            let own = start.join(".claude");
            let main = main_checkout(start).map(|top| top.join(".claude"));
            let mut candidates = vec![own.join("settings.json"), own.join(PERSONAL)];
            candidates.extend(main.map(|folder| folder.join(PERSONAL)));
            for path in candidates {
                paths.add(path, config.as_deref());
            }
        }
        if let Some(folder) = &env.managed_dir {
            paths.managed.extend(files.managed(folder).iter().cloned());
        }
        paths
    }

    /// Files in Claude Code's own folder are the user's, even where the home folder is a project too, or a repository has the
    /// file that Claude Code's folder links.
    fn add(&mut self, path: PathBuf, config: Option<&Path>) {
        let folder = path.parent().and_then(|folder| folder.canonicalize().ok());
        let file = path.canonicalize().ok();
        let is_linked =
            || file.is_some() && self.user.iter().any(|known| known.canonicalize().ok() == file);
        let (group, is_known) = if folder.is_some() && folder.as_deref() == config {
            let is_known = self.user.iter().any(|known| known.file_name() == path.file_name());
            (&mut self.user, is_known)
        } else {
            let is_known = self.project.contains(&path) || is_linked();
            (&mut self.project, is_known)
        };
        if !is_known {
            group.push(path);
        }
    }
}

/// The settings files as read of a session started in the first of `folders`. Project files of the others count as well.
pub(super) fn settings_by_owner(
    env: &Env,
    files: &Files,
    folders: &[&Path],
) -> ByOwner<Arc<SettingsFile>> {
    let paths = ByOwner::of(env, files, folders);
    let read = |paths: Vec<PathBuf>| paths.iter().map(|path| files.settings_file(path)).collect();
    ByOwner { user: read(paths.user), project: read(paths.project), managed: read(paths.managed) }
}

/// The settings files of a session started in `start`, weakest first, whether or not they exist.
pub fn settings_paths(env: &Env, files: &Files, start: Option<&Path>) -> Vec<PathBuf> {
    ByOwner::of(env, files, start.as_slice()).all().cloned().collect()
}

/// The problem of the first file of the user or the organisation that exists and can't be read.
pub(super) fn unreadable(env: &Env, files: &Files) -> Option<Problem> {
    settings_by_owner(env, files, &[]).all().find_map(|file| file.unreadable.clone())
}
