//! `install` and `uninstall`: our entry in and out of Claude Code's settings, where no Nix module does it.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::{Map, Value, json};

use super::diff::unified;
use super::{Outcome, told};
use crate::claude_settings::{
    Hooks, SettingsFile, guarded, register, stable_program, survey, switched_off, unregister,
};
use crate::cli::{Install, Registration};
use crate::config::{Env, Files, shown};

const GENERATED: &str = "it is a link into the Nix store, and what generates it must hold the entry
  help: with home-manager's programs.claude-code, set programs.claude-langfuse.hook.via = \"claude-code\"
  help: where you write the file yourself, put programs.claude-langfuse.hookSettings under its \"hooks\"
  help: or make it a file of your own, by config.lib.file.mkOutOfStoreSymlink, and run this again";

const NO_PROGRAM: &str =
    "could not find a path that stays: this program runs from the Nix store, and no profile has it
  help: install it first ('nix profile add', or home.packages), or name the path with --program";

/// Runs `install`.
///
/// # Errors
/// When the settings can't be read, understood or written.
pub fn install(arguments: &Install) -> Result<Outcome> {
    told(arguments.common.json, || add(arguments))
}

fn add(arguments: &Install) -> Result<Outcome> {
    let env = Env::of_process();
    let program = match &arguments.program {
        Some(program) => {
            ensure!(
                program.is_absolute(),
                "could not register {}: hooks run in other folders, so it must be a whole path",
                program.display()
            );
            program.clone()
        }
        None => {
            let running = std::env::current_exe().context("could not find this program")?;
            stable_program(&running, &env).context(NO_PROGRAM)?
        }
    };
    let command = guarded(&program);
    let paths = paths(&arguments.common, &env)?;
    // A project that has an entry keeps it where it is.
    let path = paths.iter().find(|path| has_ours(path)).or(paths.last());
    let file = SettingsFile::open(path.context("could not find settings")?)?;
    let mut content = file.content()?;
    register(&mut content, &command).map_err(|what| {
        anyhow!("{what}")
            .context(format!("could not understand settings: {}", file.path().display()))
    })?;
    let done = change(&file, &content, &arguments.common)?;
    tell(&done, &arguments.common, "registered for Stop and SessionEnd")?;
    warn(&env, arguments.common.project.as_deref());
    Ok(Outcome::Done)
}

/// Runs `uninstall`.
///
/// # Errors
/// When the settings can't be read, understood or written.
pub fn uninstall(arguments: &Registration) -> Result<Outcome> {
    told(arguments.json, || remove(arguments))
}

fn remove(arguments: &Registration) -> Result<Outcome> {
    let env = Env::of_process();
    for path in paths(arguments, &env)? {
        let file = SettingsFile::open(&path)?;
        let mut content = file.content()?;
        unregister(&mut content);
        let done = change(&file, &content, arguments)?;
        tell(&done, arguments, "not registered any more")?;
    }
    Ok(Outcome::Done)
}

/// What became of one file.
struct Done {
    path: PathBuf,
    /// What changed, as a diff; none when there was nothing to do.
    diff: Option<String>,
    /// What was there before.
    backup: Option<PathBuf>,
}

fn change(
    file: &SettingsFile,
    content: &Map<String, Value>,
    common: &Registration,
) -> Result<Done> {
    let mut done = Done { path: file.path().to_path_buf(), diff: None, backup: None };
    if file.content()? == *content {
        return Ok(done);
    }
    if file.is_generated() {
        bail!("could not change {}: {GENERATED}", file.path().display());
    }
    let text = file.with(content)?;
    if !common.dry_run {
        done.backup = file.replace(&text)?;
    }
    let name = file.path().display().to_string();
    done.diff = Some(unified(&name, file.text(), &text));
    Ok(done)
}

fn tell(done: &Done, common: &Registration, what: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let path = done.path.display();
    if common.json {
        let told = json!({
            "schema": 1, "settings": done.path, "changed": done.diff.is_some(), "backup": done.backup,
        });
        writeln!(out, "{told}")?;
        return Ok(());
    }
    match &done.diff {
        None => writeln!(out, "{what}, nothing to do: {path}")?,
        Some(diff) if common.dry_run => {
            for line in diff.lines() {
                // The lines around a change may hold keys.
                writeln!(out, "{}", shown(&line.replace('\t', "    ")))?;
            }
        }
        Some(_) => writeln!(out, "{what}: {path}")?,
    }
    if let Some(backup) = &done.backup {
        writeln!(out, "as it was before: {}", backup.display())?;
    }
    Ok(())
}

/// The settings files that may hold the entry; the last one is where a new one belongs. In a project that is the
/// personal file: the path in the command is one of this machine.
fn paths(common: &Registration, env: &Env) -> Result<Vec<PathBuf>> {
    let Some(project) = &common.project else {
        let folder = env.claude_config_dir().context(
            "could not find Claude Code's folder: neither CLAUDE_CONFIG_DIR nor HOME is set",
        )?;
        return Ok(vec![folder.join("settings.json")]);
    };
    ensure!(project.is_dir(), "could not find project: {} is no directory", project.display());
    let folder = std::path::absolute(project)?.join(".claude");
    Ok(vec![folder.join("settings.json"), folder.join("settings.local.json")])
}

fn has_ours(path: &Path) -> bool {
    let content = SettingsFile::open(path).and_then(|file| file.content());
    content.is_ok_and(|content| !Hooks::of(&content).ours.is_empty())
}

/// What keeps the entry from working as it should, elsewhere than in the file that was changed.
fn warn(env: &Env, project: Option<&Path>) {
    let surveyed = survey(env, &Files::new(), project);
    for one in &surveyed {
        for rival in one.hooks.iter().flat_map(|hooks| &hooks.other_exporters) {
            log::warn!(
                "{rival} in {} sends to Langfuse too, so each turn would arrive twice; take it out",
                one.path.display()
            );
        }
    }
    if let Some((path, switch)) = switched_off(&surveyed) {
        log::warn!("{switch} in {} switches the hook off", path.display());
    }
}
