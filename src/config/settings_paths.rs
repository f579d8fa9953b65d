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

/// Settings files by owner, in each group the weakest first, existing or not.
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
    fn of(env: &Env, files: &Files, folders: &[&Path]) -> Arc<Self> {
        let config = env.claude_config_dir();
        files.by_owner(config.as_deref(), folders, || {
            let mut paths = Self::of_project(config.as_deref(), folders);
            if let Some(folder) = &env.managed_dir {
                paths.managed.extend(files.managed(folder).iter().cloned());
            }
            paths
        })
    }

    /// The same without those of an administrator. `config`: Claude Code's folder.
    fn of_project(config: Option<&Path>, folders: &[&Path]) -> Self {
        let mut paths = Self {
            user: config.iter().map(|folder| folder.join("settings.json")).collect(),
            project: Vec::new(),
            managed: Vec::new(),
        };
        for start in folders {
            let own = start.join(".claude");
            paths.add(&own, &["settings.json", PERSONAL], config);
            let main = main_checkout(start).map(|top| top.join(".claude"));
            if let Some(main) = main.filter(|main| *main != own) {
                paths.add(&main, &[PERSONAL], config);
            }
        }
        paths
    }

    /// Files in Claude Code's own folder are the user's, even if the home folder is a project too, or a repository
    /// has the file to which Claude Code's folder links.
    fn add(&mut self, folder: &Path, names: &[&str], config: Option<&Path>) {
        let real = folder.canonicalize().ok();
        let users = || config.and_then(|folder| folder.canonicalize().ok());
        let is_users = real.is_some() && real == users();
        for path in names.iter().map(|name| folder.join(name)) {
            let (group, is_known) = if is_users {
                let is_known = self.user.iter().any(|known| known.file_name() == path.file_name());
                (&mut self.user, is_known)
            } else {
                let is_linked =
                    real.is_some() && self.user.iter().any(|known| leads_to(known, &path));
                (&mut self.project, is_linked)
            };
            if !is_known && !group.contains(&path) {
                group.push(path);
            }
        }
    }
}

/// Whether one of two paths in different folders is a link to the other's file. Only links are followed: that takes a look at
/// each folder above.
fn leads_to(one: &Path, other: &Path) -> bool {
    let file = |path: &Path| path.canonicalize().ok();
    (one.is_symlink() || other.is_symlink()) && file(one).is_some() && file(one) == file(other)
}

/// The settings files, read, of a session started in the first of `folders`. Project files of the others count as
/// well.
pub(super) fn settings_by_owner(
    env: &Env,
    files: &Files,
    folders: &[&Path],
) -> ByOwner<Arc<SettingsFile>> {
    let paths = ByOwner::of(env, files, folders);
    let read = |paths: &[PathBuf]| paths.iter().map(|path| files.settings_file(path)).collect();
    ByOwner {
        user: read(&paths.user),
        project: read(&paths.project),
        managed: read(&paths.managed),
    }
}

/// The settings files of a session started in `start`, weakest first, whether or not they exist.
pub fn settings_paths(env: &Env, files: &Files, start: Option<&Path>) -> Vec<PathBuf> {
    ByOwner::of(env, files, start.as_slice()).all().cloned().collect()
}

/// The problem of the first file of the user or the organisation that exists and can't be read.
pub(super) fn unreadable(env: &Env, files: &Files) -> Option<Problem> {
    settings_by_owner(env, files, &[]).all().find_map(|file| file.unreadable.clone())
}
