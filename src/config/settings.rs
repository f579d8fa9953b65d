//! Claude Code's settings files, of which only `env` matters here. A session's own hook needs none of them:
//! Claude Code has put their `env` into its environment already.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::files::{Files, Reading, Values, read_object_tolerantly, values_of};
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
    /// Claude Code drops the file whole: consent or refusal may be in it.
    pub(super) unreadable: Option<Problem>,
}

impl SettingsFile {
    pub(super) fn read(path: &Path) -> Self {
        let mut file = Self {
            place: path.display().to_string(),
            ..Self::default()
        };
        match read_object_tolerantly(path) {
            Reading::Object(mut object) => {
                if let Some(env) = object.remove("env") {
                    let is_object = env.is_object();
                    let others = &mut file.others;
                    // Other names are other programs' business, but a slip is ours.
                    file.env = values_of(env, &file.place, &mut file.problems, |_, name| {
                        others.push(name.to_owned());
                    });
                    if !is_object {
                        file.unreadable = file.problems.first().cloned();
                    }
                }
            }
            Reading::Absent => {}
            Reading::Broken(reason) => {
                let problem = Problem {
                    variable: None,
                    place: file.place.clone(),
                    what: reason,
                    remedy: "fix the JSON; until then tracing is suspended".to_owned(),
                };
                file.problems.push(problem.clone());
                file.unreadable = Some(problem);
            }
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
    paths.extend(user_path(surroundings));
    if let Some(start) = start {
        paths.push(start.join(".claude/settings.json"));
        paths.push(start.join(".claude/settings.local.json"));
        // In the home folder the user's file is the project's too.
        paths.dedup();
    }
    paths.extend(managed_paths(surroundings, files));
    paths
}

fn user_path(surroundings: &Surroundings) -> Option<PathBuf> {
    Some(surroundings.claude_config_dir()?.join("settings.json"))
}

fn managed_paths(surroundings: &Surroundings, files: &Files) -> Vec<PathBuf> {
    let managed = surroundings.managed_dir.as_ref();
    managed.map_or_else(Vec::new, |folder| files.managed(folder).to_vec())
}

/// Why the settings of the user or of the organisation can't be read, if one of their files is there and can't be.
pub(super) fn unreadable(surroundings: &Surroundings, files: &Files) -> Option<Problem> {
    user_path(surroundings)
        .into_iter()
        .chain(managed_paths(surroundings, files))
        .find_map(|path| files.settings_file(&path).unreadable.clone())
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
