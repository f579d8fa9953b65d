//! The hooks in all settings files of a session.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::EVENTS;
use super::hooks::Hooks;
use crate::config::{Env, Files, settings_paths};
use crate::user_file::{Kind, UserFile};

/// One existing settings file.
#[derive(Debug)]
pub struct Surveyed {
    pub path: PathBuf,
    /// Whether the file is an administrator's.
    pub managed: bool,
    /// The hooks, or why they can't be read.
    pub hooks: Result<Hooks, String>,
}

/// The settings files of a session that was started in `start`, weakest first, after the plugin that the Nix module
/// can create. Missing files are left out.
pub fn survey(env: &Env, files: &Files, start: Option<&Path>) -> Vec<Surveyed> {
    let plugin = env
        .claude_config_dir()
        .map(|folder| folder.join("skills/langfuse-traces/hooks/hooks.json"));
    plugin
        .into_iter()
        .chain(settings_paths(env, files, start))
        .filter_map(|path| {
            let hooks = match content(&path) {
                Ok(None) => return None,
                Ok(Some(settings)) => Ok(Hooks::of(&settings)),
                Err(error) => Err(format!("{error:#}")),
            };
            let managed = env.managed_dir.as_ref().is_some_and(|folder| path.starts_with(folder));
            Some(Surveyed { path, managed, hooks })
        })
        .collect()
}

/// Whether an administrator's settings call a hook for our events: us, or a script that may call us.
pub fn may_be_called_by_administrator(env: &Env, files: &Files) -> bool {
    let Some(managed) = env.managed_dir.as_ref().filter(|folder| folder.is_dir()) else {
        return false;
    };
    let paths = settings_paths(env, files, None);
    let mut paths = paths.iter().filter(|path| path.starts_with(managed));
    paths.any(|path| {
        let settings = content(path).ok().flatten().unwrap_or_default();
        let hooks = settings.get("hooks");
        hooks.is_some_and(|hooks| EVENTS.iter().any(|event| hooks.get(event).is_some()))
    })
}

fn content(path: &Path) -> anyhow::Result<Option<Map<String, Value>>> {
    let file = UserFile::open(path, Kind::Settings)?;
    if !file.exists() {
        return Ok(None);
    }
    file.content().map(Some)
}

/// The file and its switch that keep Claude Code from calling us. The strongest file decides, as for every setting,
/// but only an administrator can stop an administrator's hooks.
pub fn switched_off(surveyed: &[Surveyed]) -> Option<(&Path, &'static str)> {
    let ours_is_managed = surveyed
        .iter()
        .any(|one| one.managed && one.hooks.as_ref().is_ok_and(|hooks| !hooks.ours.is_empty()));
    let mut off = None;
    for one in surveyed {
        let Ok(hooks) = &one.hooks else {
            continue;
        };
        match hooks.disable_all {
            Some(true) if one.managed || !ours_is_managed => {
                off = Some((one.path.as_path(), "disableAllHooks"));
            }
            Some(false) => off = None,
            _ => {}
        }
    }
    off.or_else(|| {
        let only = surveyed
            .iter()
            .find(|one| one.managed && one.hooks.as_ref().is_ok_and(|hooks| hooks.managed_only))?;
        (!ours_is_managed).then_some((only.path.as_path(), "allowManagedHooksOnly"))
    })
}
