//! The edge where configuration files are read: each at most once, however many sessions ask for it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};

use super::env::Env;
use super::file::ConfigFile;
use super::json_file::Reading;
use super::settings::SettingsFile;

/// The files read so far. One serves a whole run: `replay --all` resolves thousands of sessions from it.
#[derive(Default)]
pub struct Files {
    ours: Memo<ConfigFile>,
    settings: Memo<SettingsFile>,
    managed: Memo<Vec<PathBuf>>,
}

impl Files {
    pub fn new() -> Self {
        Self::default()
    }

    /// With this content in place of the configuration file's.
    pub fn assuming(path: &Path, content: Map<String, Value>, env: &Env) -> Self {
        let files = Self::new();
        files.ours.get(path, || ConfigFile::of(path, Reading::Object(content), env));
        files
    }

    pub(super) fn config_file(&self, path: &Path, env: &Env) -> Arc<ConfigFile> {
        self.ours.get(path, || ConfigFile::read(path, env))
    }

    pub(super) fn settings_file(&self, path: &Path) -> Arc<SettingsFile> {
        self.settings.get(path, || SettingsFile::read(path))
    }

    /// Whether the configuration file itself traces sessions that start in a directory.
    pub fn is_traced(&self, env: &Env, start: Option<&Path>) -> bool {
        let file = env.config_file().map(|path| self.config_file(&path, env));
        file.is_some_and(|file| file.is_traced(start))
    }

    /// The projects for which the configuration file says that they are traced.
    pub fn traced_projects(&self, env: &Env) -> Vec<PathBuf> {
        let file = env.config_file().map(|path| self.config_file(&path, env));
        file.iter().flat_map(|file| file.traced_projects()).map(Path::to_path_buf).collect()
    }

    /// The folders that the configuration file names as projects.
    pub fn projects(&self, env: &Env) -> Vec<PathBuf> {
        let file = env.config_file().map(|path| self.config_file(&path, env));
        let projects = file.iter().flat_map(|file| &file.projects);
        projects.map(|project| project.path.clone()).collect()
    }

    /// An administrator's settings files in the order in which Claude Code applies them.
    pub(super) fn managed(&self, folder: &Path) -> Arc<Vec<PathBuf>> {
        self.managed.get(folder, || {
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

/// Values by path. A mutex rather than a cell, so that threads may share one run's configuration.
struct Memo<T>(Mutex<BTreeMap<PathBuf, Arc<T>>>);

impl<T> Default for Memo<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Memo<T> {
    fn get(&self, path: &Path, read: impl FnOnce() -> T) -> Arc<T> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = known.get(path) {
            return Arc::clone(value);
        }
        let value = Arc::new(read());
        known.insert(path.to_path_buf(), Arc::clone(&value));
        value
    }
}
