//! The plan of `setup`: the files that the answers lead to. It can be shown before it is carried out.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::ValueEnum;

use super::answers::{Answers, Keys, Projects, SecretSource};
use super::key_file;
use crate::claude_settings::{Action, EVENTS, SettingsChange, Surveyed, survey};
use crate::commands::config_edit::{ConfigEdit, NewValue, home_path};
use crate::commands::delivery_context::DeliveryContext;
use crate::commands::exit_status::misconfigured;
use crate::commands::install;
use crate::commands::output::shorten_home;
use crate::config::{Config, Env, Secret};

/// The files to write, and the session to send.
#[derive(Debug)]
pub(super) struct Plan {
    /// A secret key and its new file.
    pub(super) key_file: Option<(PathBuf, Secret)>,
    pub(super) config: ConfigEdit,
    pub(super) hook: HookPlan,
    /// The transcript of a session to send.
    pub(super) newest: Option<PathBuf>,
}

/// The way of the hook into Claude Code's settings.
#[derive(Debug)]
pub(super) enum HookPlan {
    /// The settings stay unchanged.
    Skip,
    /// It is registered already, in this file.
    Registered(PathBuf),
    Register(SettingsChange),
    /// The settings are a link into the Nix store.
    Generated(PathBuf),
}

impl Plan {
    /// Makes a plan from the answers.
    ///
    /// # Errors
    /// If a file can't be parsed, or an answer is invalid.
    pub(super) fn of(
        answers: Answers,
        context: &DeliveryContext,
        config: &Config,
        hook: HookPlan,
    ) -> Result<Self> {
        let env = &context.env;
        let mut values = Vec::new();
        let key_file = keys(answers.keys, env, &mut values)?;
        let capture = answers.capture.filter(|capture| *capture != config.capture);
        if let Some(mode) = capture.and_then(|capture| capture.to_possible_value()) {
            values.push(global("CC_LANGFUSE_CAPTURE", mode.get_name()));
        }
        projects(&answers.projects, &mut values);
        let edit = ConfigEdit::plan(env, values)?;
        if let Some(problem) = edit.new_problems(env).first() {
            return Err(misconfigured(format!("nothing was changed: {problem}")));
        }
        Ok(Self { key_file, config: edit, hook, newest: answers.newest })
    }

    /// Prints the plan.
    pub(super) fn show(&self, env: &Env, out: &mut impl Write) -> Result<()> {
        let short = |path: &Path| shorten_home(env.home(), &path.display().to_string());
        if let Some((path, _)) = &self.key_file {
            writeln!(out, "  write  {}: the secret key, readable for you alone", short(path))?;
        }
        if self.config.is_change() {
            writeln!(out, "  write  {}:", short(self.config.path()))?;
            for line in self.config.lines(env) {
                writeln!(out, "           {line}")?;
            }
        } else {
            writeln!(out, "  keep   {}", short(self.config.path()))?
        }
        match &self.hook {
            HookPlan::Skip => {}
            HookPlan::Registered(path) => {
                writeln!(out, "  keep   the hook in {}", short(path))?;
            }
            HookPlan::Register(change) => {
                let path = short(change.file.path());
                writeln!(out, "  edit   {path}: the hook for Stop and SessionEnd")?;
            }
            HookPlan::Generated(path) => {
                writeln!(out, "  skip   the hook: {} is a link into the Nix store", short(path))?;
            }
        }
        if let Some(newest) = &self.newest {
            writeln!(out, "  send   {}", short(newest))?;
        }
        Ok(())
    }
}

fn global(name: &'static str, value: impl Into<String>) -> NewValue {
    NewValue { project: None, name, value: value.into() }
}

/// Adds the values of the keys. Returns the key file to write.
fn keys(keys: Keys, env: &Env, values: &mut Vec<NewValue>) -> Result<Option<(PathBuf, Secret)>> {
    let Keys::New { base_url, public_key, secret } = keys else {
        return Ok(None);
    };
    values.push(global("LANGFUSE_BASE_URL", base_url));
    values.push(global("LANGFUSE_PUBLIC_KEY", public_key));
    let (path, key) = match secret {
        SecretSource::File(path) => (path, None),
        SecretSource::Typed(key) => {
            let path = key_file::path(env).ok_or_else(|| {
                misconfigured("could not find a place for the key file: HOME is not set")
            })?;
            (path, Some(key))
        }
    };
    values.push(global("LANGFUSE_SECRET_KEY_FILE", home_path(env, &path)));
    Ok(key.map(|key| (path, key)))
}

fn projects(projects: &Projects, values: &mut Vec<NewValue>) {
    let on = |project| NewValue { project, name: "TRACE_TO_LANGFUSE", value: "true".to_owned() };
    match projects {
        Projects::Kept => {}
        Projects::All => values.push(on(None)),
        Projects::These(folders) => {
            values.extend(folders.iter().map(|folder| on(Some(folder.clone()))));
        }
    }
}

/// Plans the registration of the hook.
///
/// # Errors
/// If the settings can't be parsed, or this program has no lasting path.
pub(super) fn hook(context: &DeliveryContext, registers: bool) -> Result<HookPlan> {
    if !registers {
        return Ok(HookPlan::Skip);
    }
    let env = &context.env;
    let surveyed = survey(env, &context.files, None);
    if let Some(path) = registered_in(&surveyed) {
        return Ok(HookPlan::Registered(path));
    }
    let change = install::plan(env, None, &install::running_program(env)?)?;
    Ok(match change.action {
        Action::Nothing => HookPlan::Registered(change.file.path().to_path_buf()),
        _ if change.file.is_generated() => HookPlan::Generated(change.file.path().to_path_buf()),
        _ => HookPlan::Register(change),
    })
}

/// The file that registers the hook for all events.
fn registered_in(surveyed: &[Surveyed]) -> Option<PathBuf> {
    let has_all = |one: &&Surveyed| {
        one.hooks.as_ref().is_ok_and(|hooks| {
            EVENTS.iter().all(|event| hooks.ours.iter().any(|entry| entry.event == *event))
        })
    };
    Some(surveyed.iter().find(has_all)?.path.clone())
}
