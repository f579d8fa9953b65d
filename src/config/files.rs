//! Reads configuration files, each at most once per run, however many sessions need it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::env::Env;
use super::file::ConfigFile;
use super::json_file::Reading;
use super::memo::Memo;
use super::settings::SettingsFile;
use super::settings_paths::ByOwner;

/// The files read so far. One instance serves a whole run: `replay --all` resolves thousands of sessions from it.
#[derive(Default)]
pub struct Files {
    /// Also by the home folder, which paths in the file may begin with: a project may have named another one.
    ours: Memo<(PathBuf, Option<PathBuf>), ConfigFile>,
    settings: Memo<PathBuf, SettingsFile>,
    managed: Memo<PathBuf, Vec<PathBuf>>,
    by_owner: Memo<(Option<PathBuf>, Vec<PathBuf>), ByOwner<PathBuf>>,
}

impl Files {
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces the content of the configuration file.
    pub fn assuming(path: &Path, content: Map<String, Value>, env: &Env) -> Self {
        let files = Self::new();
        let key = (path.to_owned(), env.home.clone());
        files.ours.get(key, || ConfigFile::of(path, Reading::Object(content), env));
        files
    }

    pub(super) fn config_file(&self, path: &Path, env: &Env) -> Arc<ConfigFile> {
        let key = (path.to_owned(), env.home.clone());
        self.ours.get(key, || ConfigFile::read(path, env))
    }

    pub(super) fn settings_file(&self, path: &Path) -> Arc<SettingsFile> {
        self.settings.get(path.to_owned(), || SettingsFile::read(path))
    }

    /// The settings files of a session started in the first of `folders`, as `find` finds them. `config`: Claude Code's folder.
    pub(super) fn by_owner(
        &self,
        config: Option<&Path>,
        folders: &[&Path],
        find: impl FnOnce() -> ByOwner<PathBuf>,
    ) -> Arc<ByOwner<PathBuf>> {
        let folders = folders.iter().map(|folder| folder.to_path_buf()).collect();
        self.by_owner.get((config.map(Path::to_path_buf), folders), find)
    }

    /// Whether the configuration file itself traces sessions that start in a directory.
    pub fn is_traced(&self, env: &Env, start: Option<&Path>) -> bool {
        let file = env.config_file().map(|path| self.config_file(&path, env));
        file.is_some_and(|file| file.is_traced(start))
    }

    /// The projects that the configuration file traces.
    pub fn traced_projects(&self, env: &Env) -> Vec<PathBuf> {
        let file = env.config_file().map(|path| self.config_file(&path, env));
        file.iter().flat_map(|file| file.traced_projects()).map(Path::to_path_buf).collect()
    }

    /// The folders in `projects` of the configuration file.
    pub fn projects(&self, env: &Env) -> Vec<PathBuf> {
        let file = env.config_file().map(|path| self.config_file(&path, env));
        let projects = file.iter().flat_map(|file| &file.projects);
        projects.map(|project| project.path.clone()).collect()
    }

    /// An administrator's settings files in the order in which Claude Code applies them.
    pub(super) fn managed(&self, folder: &Path) -> Arc<Vec<PathBuf>> {
        self.managed.get(folder.to_owned(), || {
            let mut drop_ins: Vec<PathBuf> = std::fs::read_dir(folder.join("managed-settings.d"))
                .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
                .unwrap_or_default();
            drop_ins.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
            drop_ins.sort_unstable();
            drop_ins.insert(0, folder.join("managed-settings.json"));
            drop_ins
        })
    }
}
