//! Claude Code's settings files, of which only `env` matters here. A session's own hook needs none of them:
//! Claude Code has put their `env` into its environment already.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::files::{Files, Reading, Values, read_object, values_of};
use super::source::Problem;
use super::surroundings::Surroundings;

/// One settings file as read.
#[derive(Debug, Default)]
pub(super) struct SettingsFile {
    pub(super) place: String,
    pub(super) env: Values,
    /// Names in `env` that are not ours, of which some may be meant to be.
    pub(super) others: Vec<String>,
    pub(super) problems: Vec<Problem>,
}

impl SettingsFile {
    pub(super) fn read(path: &Path) -> Self {
        let mut file = Self {
            place: path.display().to_string(),
            ..Self::default()
        };
        match read_object(path) {
            Reading::Object(mut object) => {
                if let Some(env) = object.remove("env") {
                    let others = &mut file.others;
                    // Other names are other programs' business, but a slip is ours.
                    file.env = values_of(env, &file.place, &mut file.problems, |_, name| {
                        others.push(name.to_owned());
                    });
                }
            }
            Reading::Absent => {}
            Reading::Broken(reason) => file.problems.push(Problem {
                variable: None,
                place: file.place.clone(),
                what: reason,
                remedy: "mend it; until then its variables do not count".to_owned(),
            }),
        }
        file
    }
}

/// The settings files of a session started in `start`, weakest first, whether or not they exist.
pub fn settings_paths(
    surroundings: &Surroundings,
    files: &Files,
    start: Option<&Path>,
) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = Vec::new();
    if let Some(folder) = surroundings.claude_config_dir() {
        paths.push(folder.join("settings.json"));
    }
    if let Some(start) = start {
        paths.push(start.join(".claude/settings.json"));
        paths.push(start.join(".claude/settings.local.json"));
        // In the home folder the user's file is the project's too.
        paths.dedup();
    }
    if let Some(folder) = &surroundings.managed_dir {
        paths.extend(files.managed(folder).iter().cloned());
    }
    paths
}

/// The same files as read.
pub(super) fn files_for(
    surroundings: &Surroundings,
    files: &Files,
    start: Option<&Path>,
) -> Vec<Arc<SettingsFile>> {
    settings_paths(surroundings, files, start)
        .iter()
        .map(|path| files.settings_file(path))
        .collect()
}
