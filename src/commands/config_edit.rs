//! Changes of config.json. They are planned first, so that they can be checked and shown, then written in place.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::commands::exit_status::{ExitStatus, misconfigured};
use crate::commands::nix_options::nix_options;
use crate::commands::output::{print_masked_diff, shorten_home, stderr, stdout};
use crate::config::{Env, Files, Problem, Scope, find_variable, resolve, shown_as};
use crate::user_file::{Kind, UserFile};

/// A value for a variable, in all projects or in one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NewValue {
    /// The folder of the project; `None` for all projects.
    pub project: Option<PathBuf>,
    /// The spelling of the variable.
    pub name: &'static str,
    /// An empty value removes the variable.
    pub value: String,
}

/// The configuration file with its planned content.
#[derive(Debug)]
pub(super) struct ConfigEdit {
    file: UserFile,
    before: Map<String, Value>,
    after: Map<String, Value>,
    values: Vec<NewValue>,
}

impl ConfigEdit {
    /// Plans values for the user's configuration file.
    ///
    /// # Errors
    /// If the file can't be read or parsed.
    pub(super) fn plan(env: &Env, values: Vec<NewValue>) -> Result<Self> {
        let path = env.config_file().context(
            "could not find the configuration file: neither XDG_CONFIG_HOME nor HOME is set",
        )?;
        let file = UserFile::open(&path, Kind::Configuration)?;
        let before = file.content().map_err(|error| misconfigured(format!("{error:#}")))?;
        let mut after = before.clone();
        for value in &values {
            set(&mut after, env, value).map_err(|what| {
                misconfigured(format!("could not change {}: {what}", path.display()))
            })?;
        }
        Ok(Self { file, before, after, values })
    }

    pub(super) fn path(&self) -> &Path {
        self.file.path()
    }

    pub(super) fn is_change(&self) -> bool {
        self.before != self.after
    }

    /// Whether the file is a link into the Nix store.
    pub(super) fn is_generated(&self) -> bool {
        self.file.is_generated()
    }

    /// The equivalent options of the home-manager module.
    pub(super) fn nix_options(&self, env: &Env) -> String {
        nix_options(&self.values, env)
    }

    /// The problems of the new content.
    pub(super) fn new_problems(&self, env: &Env) -> Vec<Problem> {
        let known = problems(env, self.path(), &self.before, &self.values);
        let mut new = problems(env, self.path(), &self.after, &self.values);
        new.retain(|problem| !known.contains(problem));
        new
    }

    /// The values as lines for people.
    pub(super) fn lines(&self, env: &Env) -> impl Iterator<Item = String> {
        self.values.iter().map(|value| {
            let text = shown_as(value.name, &value.value);
            let place = value.project.as_deref().map(|folder| home_path(env, folder));
            match place {
                Some(place) => format!("{place}: {}={text}", value.name),
                None => format!("{}={text}", value.name),
            }
        })
    }

    /// Prints the change as a diff.
    pub(super) fn print_diff(&self, out: &mut impl Write) -> Result<()> {
        let after = self.file.with(&self.after)?;
        Ok(print_masked_diff(out, self.path(), self.file.bytes(), &after)?)
    }

    /// Writes the change, unless this is a dry run or the file is generated. Returns the exit status.
    ///
    /// # Errors
    /// If the file can't be written.
    pub(super) fn apply_or_show(&self, env: &Env, dry_run: bool) -> Result<Option<ExitStatus>> {
        if self.is_generated() {
            print_nix_options(self, env)?;
            return Ok(Some(ExitStatus::Failed));
        }
        if dry_run {
            self.print_diff(&mut stdout())?;
            return Ok(Some(ExitStatus::Done));
        }
        self.apply()?;
        Ok(None)
    }

    /// Writes the change.
    ///
    /// # Errors
    /// When the file can't be written.
    pub(super) fn apply(&self) -> Result<()> {
        if !self.is_change() {
            return Ok(());
        }
        self.file.replace(&self.file.with(&self.after)?)
    }
}

/// Sets a value in the content. Other spellings of the variable go: one of them might win.
fn set(content: &mut Map<String, Value>, env: &Env, new: &NewValue) -> Result<(), &'static str> {
    let place = match &new.project {
        None => content,
        Some(folder) if folder.to_str().is_none() => {
            return Err("the path of the project is not UTF-8, which JSON can't hold");
        }
        Some(folder) => {
            let projects = content.entry("projects").or_insert_with(|| json!({}));
            let projects = projects.as_object_mut().ok_or("\"projects\" is not a JSON object")?;
            let key = project_key(projects, env, folder);
            let project = projects.entry(key).or_insert_with(|| json!({}));
            project.as_object_mut().ok_or("the project is not a JSON object")?
        }
    };
    let values = place.entry("env").or_insert_with(|| json!({}));
    let values = values.as_object_mut().ok_or("\"env\" is not a JSON object")?;
    let spellings = find_variable(new.name).map(|(variable, _)| variable.spellings);
    for spelling in spellings.unwrap_or_default() {
        if *spelling != new.name || new.value.is_empty() {
            values.shift_remove(*spelling);
        }
    }
    if !new.value.is_empty() {
        values.insert(new.name.to_owned(), json!(new.value));
    }
    Ok(())
}

/// The name of a project in the file: the existing one, otherwise the folder's path.
fn project_key(projects: &Map<String, Value>, env: &Env, folder: &Path) -> String {
    let is_folder = |key: &&String| {
        let path = env.expand_home(key);
        path == folder || path.canonicalize().is_ok_and(|path| path == folder)
    };
    projects.keys().find(is_folder).cloned().unwrap_or_else(|| home_path(env, folder))
}

/// A path with `~/` for the home folder, as config.json may have it.
pub(super) fn home_path(env: &Env, path: &Path) -> String {
    let real_home = env.home().and_then(|home| home.canonicalize().ok());
    let homes = env.home().into_iter().chain(real_home.as_deref());
    let mut short = homes.filter_map(|home| path.strip_prefix(home).ok());
    match short.next() {
        Some(rest) if rest.as_os_str().is_empty() => "~".to_owned(),
        Some(rest) => format!("~/{}", rest.display()),
        None => path.display().to_string(),
    }
}

/// The problems of a content, from the file alone.
fn problems(
    env: &Env,
    path: &Path,
    content: &Map<String, Value>,
    values: &[NewValue],
) -> Vec<Problem> {
    let alone = Env {
        home: env.home.clone(),
        darwin_temp_dir: env.darwin_temp_dir,
        config_override: Some(path.to_path_buf()),
        // No settings of Claude Code.
        environment: [("CLAUDE_CONFIG_DIR".to_owned(), "/dev/null".to_owned())].into(),
        ..Env::default()
    };
    let files = Files::assuming(path, content.clone(), &alone);
    let start = values.iter().find_map(|value| value.project.as_deref());
    let config = resolve(&alone, &files, start, Scope::FilesOnly);
    config.problems.into_iter().chain(config.suspended).collect()
}

/// Prints the equivalent options for a generated file.
pub(super) fn print_nix_options(edit: &ConfigEdit, env: &Env) -> Result<()> {
    let path = shorten_home(env.home(), &edit.path().display().to_string());
    writeln!(stderr(), "nothing was changed: {path} is a link into the Nix store")?;
    writeln!(stderr(), "help: set these options of home-manager, and switch")?;
    write!(stdout(), "{}", edit.nix_options(env))?;
    Ok(())
}
