//! Whose a value is: the user's, the organisation's or the project's. A repository comes with settings files of Claude Code, and
//! Claude Code merges them into the environment before a hook starts. So the environment has the values, and the files tell whose
//! they are.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::base_url::normalise;
use super::env::Env;
use super::file::ConfigFile;
use super::files::{Files, Values};
use super::project::{self, Allow};
use super::settings::{PERSONAL, SettingsFile, SettingsPaths};
use super::variables::{self, BASE_URL, PUBLIC_KEY, SECRET_KEY, Variable};

/// Whether two values of a variable are the same.
type Same = fn(&str, &str) -> bool;

/// The variables about which a repository has no say until its user was asked, and when two of their values are the same.
static GUARDED: [(Variable, Same); 3] =
    [(PUBLIC_KEY, is_same_text), (SECRET_KEY, is_same_text), (BASE_URL, is_same_url)];

/// Whose word a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// A file of the user has it, or a flag.
    User,
    /// The environment has it and no file does: the shell, or `--settings`.
    Shell,
    /// The organisation's settings have it.
    Managed,
    /// A file of the project has it, and no file of the user.
    Project,
}

/// Why it can't be told whose the values of the environment are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// A file of the project can't be read.
    Unreadable {
        /// The file.
        place: String,
        /// Why.
        reason: String,
    },
    /// Claude Code runs this command, and the transcript of its session was not found.
    UnknownSession,
}

/// What Claude Code merged into the environment of a hook, or of a command that it runs.
#[derive(Debug, Clone, Default)]
pub struct MergedSettings {
    /// The folders whose settings files were merged, besides the start directory that is asked about.
    pub folders: Vec<PathBuf>,
    /// The names that earlier hooks of the session saw in files of the project: Claude Code keeps a value whose name was removed.
    pub seen: BTreeSet<String>,
    /// Which session it is of is not known.
    pub is_unknown: bool,
}

/// The files that tell whose a value is.
#[derive(Debug)]
pub(super) struct Provenance {
    pub(super) user: Vec<Arc<SettingsFile>>,
    pub(super) project: Vec<Arc<SettingsFile>>,
    pub(super) managed: Vec<Arc<SettingsFile>>,
    config: Option<Arc<ConfigFile>>,
    start: Option<PathBuf>,
    seen: BTreeSet<String>,
    doubt: Option<Doubt>,
}

impl Provenance {
    /// For a session started in `start`. `merged`: the environment counts, and Claude Code made it.
    pub(super) fn of(
        env: &Env,
        files: &Files,
        start: Option<&Path>,
        merged: Option<&MergedSettings>,
    ) -> Self {
        let more = merged.map(|merged| merged.folders.as_slice());
        let more = more.unwrap_or_default().iter().map(PathBuf::as_path);
        let folders: Vec<&Path> = start.into_iter().chain(more).collect();
        let paths = SettingsPaths::of(env, files, &folders);
        let read = |paths: &[PathBuf]| -> Vec<Arc<SettingsFile>> {
            paths.iter().map(|path| files.settings_file(path)).collect()
        };
        let mut provenance = Self {
            user: read(&paths.user),
            project: read(&paths.project),
            managed: read(&paths.managed),
            config: env.config_file().map(|path| files.config_file(&path, env)),
            start: start.map(Path::to_path_buf),
            seen: merged.map(|merged| merged.seen.clone()).unwrap_or_default(),
            doubt: None,
        };
        provenance.doubt = merged.and_then(|merged| match merged.is_unknown {
            true => Some(Doubt::UnknownSession),
            false => provenance.unreadable(),
        });
        provenance
    }

    /// The folder in which the session was started.
    pub(super) fn start(&self) -> Option<&Path> {
        self.start.as_deref()
    }

    /// Why it can't be told whose values are.
    pub(super) fn doubt(&self) -> Option<&Doubt> {
        self.doubt.as_ref()
    }

    /// The first file of the project that is there and can't be read.
    fn unreadable(&self) -> Option<Doubt> {
        self.project.iter().find_map(|file| {
            Some(Doubt::Unreadable {
                place: file.place.clone(),
                reason: file.unreadable.as_ref()?.what.clone(),
            })
        })
    }

    /// Whose a value of the session is.
    pub(super) fn owner(&self, variable: &Variable, spelling: &str, text: &str) -> Owner {
        let Some((_, is_same)) = guard(variable) else {
            return Owner::User;
        };
        let has_it = |file: &Arc<SettingsFile>| {
            let mut values = file.env.iter();
            values.any(|(name, value)| *name == spelling && is_same(value.trim(), text))
        };
        if self.managed.iter().any(has_it) {
            return Owner::Managed;
        }
        let is_projects = self.doubt.is_some()
            || self.seen.contains(spelling)
            || self.place(spelling, text).is_some();
        match is_projects {
            true if self.is_named_by_user(variable, spelling, text, *is_same) => Owner::User,
            true => Owner::Project,
            false if self.user.iter().any(has_it) => Owner::User,
            false => Owner::Shell,
        }
    }

    /// Whether a file of the user or of the organisation has this value in any spelling.
    fn is_named_by_user(
        &self,
        variable: &Variable,
        spelling: &str,
        text: &str,
        is_same: Same,
    ) -> bool {
        let is_file = variable.is_file_spelling(spelling);
        let names_it = |values: &Values| {
            values.iter().any(|(name, value)| {
                variable.spellings.contains(name)
                    && variable.is_file_spelling(name) == is_file
                    && is_same(value.trim(), text)
            })
        };
        let settings = self.user.iter().chain(&self.managed);
        !text.is_empty()
            && (settings.map(|file| &file.env).any(names_it)
                || self.config.as_ref().is_some_and(|file| names_it(&file.env))
                || self.entries().iter().any(|entry| names_it(&entry.env)))
    }

    /// The project's file that brought a value into the session, the strongest first.
    pub(super) fn place(&self, spelling: &str, text: &str) -> Option<&str> {
        let brought = |file: &&Arc<SettingsFile>| {
            let is_it = |(name, value): &(&str, String)| {
                *name == spelling && (value.trim() == text || file.not_plain.contains(name))
            };
            file.env.iter().any(is_it)
        };
        let file = self.project.iter().rev().find(brought)?;
        Some(&file.place)
    }

    /// The personal file of the project that has these values literally, each as a plain string.
    pub(super) fn personal_file_with(&self, values: &[(&str, &str)]) -> Option<&SettingsFile> {
        let has = |file: &SettingsFile, name: &str, text: &str| {
            let mut own = file.env.iter();
            !file.not_plain.contains(&name)
                && own.any(|(one, value)| *one == name && value.trim() == text)
        };
        self.project
            .iter()
            .map(Arc::as_ref)
            .filter(|file| Path::new(&file.place).ends_with(PERSONAL))
            .find(|file| values.iter().all(|(name, text)| has(file, name, text)))
    }

    /// What the config file declares about values of the project: the longest entry that says something.
    pub(super) fn declared(&self) -> Option<&Allow> {
        self.entries().into_iter().find_map(|entry| entry.allow.as_ref())
    }

    /// The entries of `projects` that match, the longest first.
    fn entries(&self) -> Vec<&project::Project> {
        match (&self.config, &self.start) {
            (Some(file), Some(start)) => project::matches(&file.projects, start),
            _ => Vec::new(),
        }
    }
}

/// The names of keys and hosts that files of the project brought into the environment of a session started in `start`, for
/// [`MergedSettings::seen`].
pub fn names_brought_by_project(
    env: &Env,
    files: &Files,
    start: Option<&Path>,
) -> BTreeSet<String> {
    let provenance = Provenance::of(env, files, start, env.merged.as_ref());
    let is_brought = |(name, text): &(&String, &String)| {
        variables::find(name).is_some_and(|(variable, _)| is_guarded(variable))
            && provenance.place(name, text.trim()).is_some()
    };
    let brought = env.environment.iter().filter(is_brought);
    brought.map(|(name, _)| name.clone()).collect()
}

/// Whether the environment has keys or a host.
pub fn has_guarded(env: &Env) -> bool {
    let mut names = env.environment.keys();
    names.any(|name| variables::find(name).is_some_and(|(variable, _)| is_guarded(variable)))
}

/// The first settings file of a project that is there and can't be read.
pub fn unreadable_project_file(env: &Env, files: &Files, start: &Path) -> Option<Doubt> {
    Provenance::of(env, files, Some(start), None).unreadable()
}

/// Whether a repository has no say about a variable.
pub(super) fn is_guarded(variable: &Variable) -> bool {
    guard(variable).is_some()
}

fn guard(variable: &Variable) -> Option<&'static (Variable, Same)> {
    GUARDED.iter().find(|(one, _)| one.name == variable.name)
}

fn is_same_text(left: &str, right: &str) -> bool {
    left == right
}

fn is_same_url(left: &str, right: &str) -> bool {
    left == right
        || match (normalise(left), normalise(right)) {
            (Ok(left), Ok(right)) => left == right,
            _ => false,
        }
}
