//! The owner of a value: the user, the organisation or the project. A repository brings settings files of Claude
//! Code, and Claude Code merges them into the environment before a hook starts. The environment has the values, and
//! the files show their owners.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::destination::Doubt;
use super::env::{Env, MergedSettings};
use super::file::ConfigFile;
use super::files::Files;
use super::json_file::Values;
use super::project::{Allow, Project};
use super::settings::SettingsFile;
use super::settings_paths::{ByOwner, PERSONAL, settings_by_owner};
use super::variables::{self, BASE_URL, HOOK_BUDGET, PUBLIC_KEY, ProjectMay, SECRET_KEY, Variable};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// A file of the user has the value.
    User,
    /// The environment has it and no file does: the shell, or `--settings`.
    Shell,
    /// The organisation's settings have it.
    Managed,
    /// A file of the project has it, and no file of the user.
    Project,
}

/// The files that show the owner of a value.
#[derive(Debug)]
pub(super) struct Provenance {
    pub(super) settings: ByOwner<Arc<SettingsFile>>,
    config: Option<Arc<ConfigFile>>,
    /// The folder in which the session was started.
    pub(super) start: Option<PathBuf>,
    seen: BTreeSet<String>,
    /// Why owners are unknown.
    pub(super) doubt: Option<Doubt>,
    /// A layer above the project's files has keys and a host.
    is_overridden: bool,
}

impl Provenance {
    /// The files for a session started in `start`. `merged`: the environment counts, and Claude Code made it.
    pub(super) fn of(
        env: &Env,
        files: &Files,
        start: Option<&Path>,
        merged: Option<&MergedSettings>,
    ) -> Self {
        let more = merged.iter().flat_map(|merged| &merged.folders).map(PathBuf::as_path);
        let more = more.filter(|folder| Some(*folder) != start);
        let folders: Vec<&Path> = start.into_iter().chain(more).collect();
        let settings = settings_by_owner(env, files, &folders);
        let doubt = merged.and_then(|merged| {
            if merged.is_unknown { Some(Doubt::UnknownSession) } else { unreadable(&settings) }
        });
        let mut provenance = Self {
            settings,
            config: env.config_file().map(|path| files.config_file(&path, env)),
            start: start.map(Path::to_path_buf),
            seen: merged.map(|merged| merged.seen.clone()).unwrap_or_default(),
            doubt,
            is_overridden: false,
        };
        provenance.is_overridden =
            merged.is_some() && provenance.overrides_project(&env.environment);
        provenance
    }

    /// The owner of a value of the session.
    pub(super) fn owner(&self, variable: &Variable, spelling: &str, text: &str) -> Owner {
        let has_it = |file: &Arc<SettingsFile>| {
            let mut values = file.env.iter();
            values.any(|(name, value)| *name == spelling && variable.is_same(value.trim(), text))
        };
        if self.settings.managed.iter().any(has_it) {
            return Owner::Managed;
        }
        let is_brought = self.place(spelling, text).is_some();
        let may_be_projects = is_brought
            || self.doubt.is_some()
            || self.seen.contains(spelling)
            || self.was_changed(variable, spelling);
        let is_users = self.settings.user.iter().any(has_it);
        if may_be_projects {
            // A key or a host that the user names too goes where the user wants. Any other value of the user replaces
            // the project's. If no file of the project has the value now, it is the user's.
            let is_own = if variable.leads() {
                self.is_named_by_user(variable, spelling, text)
            } else {
                is_users && !is_brought
            };
            return if is_own { Owner::User } else { Owner::Project };
        }
        if is_users { Owner::User } else { Owner::Shell }
    }

    /// Whether a file of the project has the name, and may have had another value when Claude Code read it. Values
    /// that a project may set or switch don't matter.
    fn was_changed(&self, variable: &Variable, spelling: &str) -> bool {
        is_restricted(variable)
            && variable.project_may != ProjectMay::Switch
            && !self.is_overridden
            && self.names_by_project(spelling)
    }

    fn names_by_project(&self, spelling: &str) -> bool {
        let mut values = self.settings.project.iter().flat_map(|file| &file.env);
        values.any(|(name, _)| *name == spelling)
    }

    /// Whether the environment has a key pair and a host, all under names of the project's files with other values:
    /// `--settings` and an SDK's `settings=` beat these files.
    fn overrides_project(&self, environment: &BTreeMap<String, String>) -> bool {
        [&PUBLIC_KEY, &SECRET_KEY, &BASE_URL].iter().all(|variable| {
            let mut spellings = variable.spellings.iter();
            spellings.any(|spelling| {
                let text = environment.get(*spelling).map(|text| text.trim());
                self.names_by_project(spelling)
                    && text.is_some_and(|text| self.place(spelling, text).is_none())
            })
        })
    }

    /// Whether a file of the user or of the organisation has this value in any spelling.
    fn is_named_by_user(&self, variable: &Variable, spelling: &str, text: &str) -> bool {
        let is_file = variable.is_file_spelling(spelling);
        let names_it = |values: &Values| {
            values.iter().any(|(name, value)| {
                variable.spellings.contains(name)
                    && variable.is_file_spelling(name) == is_file
                    && variable.is_same(value.trim(), text)
            })
        };
        let settings = self.settings.user.iter().chain(&self.settings.managed);
        !text.is_empty()
            && (settings.map(|file| &file.env).any(names_it)
                || self.config.as_ref().is_some_and(|file| names_it(&file.env))
                || self.entries().iter().any(|entry| names_it(&entry.env)))
    }

    /// Whether the value comes from a file that Claude Code defines as personal.
    pub(super) fn is_personal(&self, spelling: &str, text: &str) -> bool {
        let place = self.place(spelling, text);
        place.is_some_and(|place| Path::new(place).ends_with(PERSONAL))
    }

    /// The project's file that brought a value into the session, strongest first.
    pub(super) fn place(&self, spelling: &str, text: &str) -> Option<&str> {
        let brought = |file: &&Arc<SettingsFile>| {
            let mut values = file.env.iter();
            values.any(|(name, value)| {
                *name == spelling && (value.trim() == text || file.not_plain.contains(name))
            })
        };
        Some(&self.settings.project.iter().rev().find(brought)?.place)
    }

    /// Whether one personal file of the project has all these values literally, each as a plain string.
    pub(super) fn is_in_personal_file(&self, values: &[(&str, &str)]) -> bool {
        let has = |file: &SettingsFile, name: &str, text: &str| {
            let mut own = file.env.iter();
            !file.not_plain.contains(&name)
                && own.any(|(one, value)| *one == name && value.trim() == text)
        };
        let mut personal =
            self.settings.project.iter().filter(|file| Path::new(&file.place).ends_with(PERSONAL));
        personal.any(|file| values.iter().all(|(name, text)| has(file, name, text)))
    }

    /// The permission declared in the config file: that of the longest entry with one.
    pub(super) fn declared(&self) -> Option<&Allow> {
        self.entries().into_iter().find_map(|entry| entry.allow.as_ref())
    }

    /// The matching entries of `projects`, longest first.
    fn entries(&self) -> Vec<&Project> {
        match (&self.config, &self.start) {
            (Some(file), Some(start)) => file.matches(start),
            _ => Vec::new(),
        }
    }
}

/// The first file of the project that exists and can't be read.
fn unreadable(settings: &ByOwner<Arc<SettingsFile>>) -> Option<Doubt> {
    settings.project.iter().find_map(|file| {
        let reason = file.unreadable.as_ref()?.what.clone();
        Some(Doubt::Unreadable { place: file.place.clone(), reason })
    })
}

/// The names of variables that files of the project brought into the environment of a session started in `start`, for
/// [`MergedSettings::seen`].
pub fn names_brought_by_project(
    env: &Env,
    files: &Files,
    start: Option<&Path>,
) -> BTreeSet<String> {
    let provenance = Provenance::of(env, files, start, env.merged.as_ref());
    let is_brought = |(name, text): &(&String, &String)| {
        let found = variables::find_in_settings(name);
        provenance.place(name, text.trim()).is_some()
            || found.is_some_and(|(variable, _)| provenance.was_changed(variable, name))
    };
    restricted(env).filter(is_brought).map(|(name, _)| name.clone()).collect()
}

/// Whether the environment has restricted variables without a file that shows their owner. The budget is exempt: a
/// slow hook reveals nothing.
pub fn has_unexplained(env: &Env, files: &Files, start: Option<&Path>) -> bool {
    let provenance = Provenance::of(env, files, start, env.merged.as_ref());
    let is_unexplained = |(name, text): (&String, &String)| {
        let found = variables::find_in_settings(name);
        found.is_some_and(|(variable, spelling)| {
            *variable != HOOK_BUDGET
                && provenance.owner(variable, spelling, text.trim()) == Owner::Shell
        })
    };
    restricted(env).any(is_unexplained)
}

fn restricted(env: &Env) -> impl Iterator<Item = (&String, &String)> {
    let is_asked_for = |name: &str| {
        variables::find_in_settings(name).is_some_and(|(variable, _)| is_restricted(variable))
    };
    env.environment.iter().filter(move |(name, _)| is_asked_for(name))
}

/// Whether a project needs permission to set it.
fn is_restricted(variable: &Variable) -> bool {
    variable.project_may != ProjectMay::Set || variables::is_plain_proxy(variable)
}

/// The first settings file of a project that exists and can't be read.
pub fn unreadable_project_file(env: &Env, files: &Files, start: &Path) -> Option<Doubt> {
    unreadable(&settings_by_owner(env, files, &[start]))
}
