//! Claude Code's settings files, of which only `env` matters here. A session's own hook needs none of them:
//! Claude Code has put their `env` into its environment already.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::env::Env;
use super::files::{Files, Reading, Values, read_object_tolerantly, values_of};
use super::javascript::text_of;
use super::provenance::is_guarded;
use super::repository::main_checkout;
use super::source::Problem;
use super::variables;

/// One settings file as read.
#[derive(Debug, Default)]
pub(super) struct SettingsFile {
    pub(super) place: String,
    pub(super) env: Values,
    /// Names in `env` that are not ours, of which some may be meant to be.
    pub(super) others: Vec<String>,
    pub(super) problems: Vec<Problem>,
    /// The names in `env` whose values are no plain strings.
    pub(super) not_plain: Vec<&'static str>,
    /// Claude Code drops the file whole: consent or refusal may be in it.
    pub(super) unreadable: Option<Problem>,
}

impl SettingsFile {
    pub(super) fn read(path: &Path) -> Self {
        let mut file = Self { place: path.display().to_string(), ..Self::default() };
        match read_object_tolerantly(path) {
            Reading::Object(mut object) => {
                if let Some(env) = object.remove("env") {
                    let texts = file.texts_of_guarded(&env);
                    let is_object = env.is_object();
                    let others = &mut file.others;
                    // Other names are other programs' business, but a slip is ours.
                    file.env = values_of(env, &file.place, &mut file.problems, |_, name| {
                        others.push(name.to_owned());
                    });
                    let not_plain = &file.not_plain;
                    file.env.retain(|(name, _)| !not_plain.contains(name));
                    file.env.extend(texts);
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

    /// The keys and hosts that are no plain strings, as Claude Code makes text of them.
    fn texts_of_guarded(&mut self, env: &Value) -> Values {
        let mut texts = Values::new();
        for (name, value) in env.as_object().into_iter().flatten() {
            let Some((variable, spelling)) = variables::find(name) else {
                continue;
            };
            if is_guarded(variable) && !value.is_string() {
                self.not_plain.push(spelling);
                texts.push((spelling, text_of(value)));
            }
        }
        texts
    }
}

/// The settings files that count for a session, by whose they are; in each group the weakest first, whether or not they
/// exist.
#[derive(Debug, Default)]
pub(super) struct SettingsPaths {
    pub(super) user: Vec<PathBuf>,
    pub(super) project: Vec<PathBuf>,
    pub(super) managed: Vec<PathBuf>,
}

/// The name of a project's file that Claude Code defines as personal.
pub(super) const PERSONAL: &str = "settings.local.json";

impl SettingsPaths {
    /// Those of a session started in the first of `folders`; of the others the project's files are the session's too.
    pub(super) fn of(env: &Env, files: &Files, folders: &[&Path]) -> Self {
        let mut paths = Self::default();
        let config = env.claude_config_dir();
        paths.user.extend(config.as_ref().map(|folder| folder.join("settings.json")));
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

    /// What lies in Claude Code's own folder is the user's, though it may be a project's too: that of the home folder.
    fn add(&mut self, path: PathBuf, config: Option<&Path>) {
        let folder = path.parent().and_then(|folder| folder.canonicalize().ok());
        let is_users = folder.is_some() && folder.as_deref() == config;
        let name = path.file_name();
        match is_users {
            true if self.user.iter().all(|known| known.file_name() != name) => self.user.push(path),
            true => {}
            false if self.project.contains(&path) => {}
            false => self.project.push(path),
        }
    }

    fn all(self) -> impl Iterator<Item = PathBuf> {
        let Self { user, project, managed } = self;
        user.into_iter().chain(project).chain(managed)
    }
}

/// The settings files of a session started in `start`, weakest first, whether or not they exist.
pub fn settings_paths(env: &Env, files: &Files, start: Option<&Path>) -> Vec<PathBuf> {
    let folders: Vec<&Path> = start.into_iter().collect();
    SettingsPaths::of(env, files, &folders).all().collect()
}

/// Why the settings of the user or of the organisation can't be read, if one of their files is there and can't be.
pub(super) fn unreadable(env: &Env, files: &Files) -> Option<Problem> {
    SettingsPaths::of(env, files, &[])
        .all()
        .find_map(|path| files.settings_file(&path).unreadable.clone())
}

/// The same files as read.
pub(super) fn files_for(env: &Env, files: &Files, start: Option<&Path>) -> Vec<Arc<SettingsFile>> {
    settings_paths(env, files, start).iter().map(|path| files.settings_file(path)).collect()
}
