//! `install` and `uninstall`: adds the hook to Claude Code's settings or removes it, without Nix.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::json;

use crate::claude_settings::{
    Action, Hooks, SettingsChange, add_slash_command, guarded, other_exporters,
    remove_slash_command, slash_commands, stable_program, survey, switched_off,
};
use crate::commands::output::{
    ask_yes, can_ask, for_people, print_json, print_masked_diff, stdout,
};

use crate::commands::delivery_context::DeliveryContext;
use crate::commands::doctor::hooks::sends_too;
use crate::commands::exit_status::ExitStatus;
use crate::commands::global_args::GlobalArgs;
use crate::commands::session_args::claude_config_dir;
use crate::commands::setup::{self, SetupArgs};
use crate::config::{DestinationProblem, Env, Files, Scope, resolve};
use crate::user_file::{Kind, UserFile};

const INSTALL_EXAMPLES: &str = "Examples:
  claude-langfuse install --dry-run     print what would change
  claude-langfuse install               for all projects
  claude-langfuse install --project .   for this project only
  claude-langfuse install --commands    with /langfuse-score and /langfuse-review";

const UNINSTALL_EXAMPLES: &str = "Examples:
  claude-langfuse uninstall --dry-run     print what would change
  claude-langfuse uninstall               for all projects; keeps the configuration
  claude-langfuse uninstall --project .   for this project only";

/// Register the hook in Claude Code's settings
///
/// Adds one entry each for Stop and SessionEnd to ~/.claude/settings.json, or repairs existing ones. No other byte of the
/// file changes, and a backup is kept beside it. An entry whose program was removed does nothing. With --commands, Claude
/// Code also gets /langfuse-score, which scores its last turn, and /langfuse-review, which reviews cost and failures.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = INSTALL_EXAMPLES)]
pub(super) struct InstallArgs {
    /// Program to register [default: this one]
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
    /// Also add /langfuse-score and /langfuse-review
    #[arg(long)]
    commands: bool,
    #[command(flatten)]
    settings: SettingsArgs,
}

/// Remove the hook from Claude Code's settings
///
/// Slash commands that 'install --commands' wrote are removed too, unless they were edited.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = UNINSTALL_EXAMPLES)]
pub(super) struct UninstallArgs {
    /// Remove only entries that 'install' made for this program
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
    #[command(flatten)]
    settings: SettingsArgs,
}

#[derive(Clone, Debug, Default, Args)]
struct SettingsArgs {
    /// Change this project's .claude/settings.local.json instead
    #[arg(long, value_name = "DIR")]
    project: Option<PathBuf>,
    /// Print what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON object per file
    #[arg(long, conflicts_with = "dry_run")]
    json: bool,
}

pub(super) const GENERATED: &str = "it is a link into the Nix store; add the hook where the file is generated
  help: with home-manager, set programs.claude-langfuse.hook.via = \"plugin\"
  help: where you write the file yourself, put programs.claude-langfuse.hookSettings under its \"hooks\"
  help: or link a file outside of the store with config.lib.file.mkOutOfStoreSymlink, and run this again";

const NO_PROGRAM: &str =
    "could not find a stable path: this program runs from the Nix store, and no profile has it
  help: install it first ('nix profile add', or home.packages), or name the path with --program";

/// Runs `install`.
///
/// # Errors
/// When the settings can't be read, understood or written.
pub(super) fn install(args: &InstallArgs, global: &GlobalArgs) -> Result<ExitStatus> {
    let env = Env::of_process();
    let program = match &args.program {
        Some(program) => {
            ensure!(
                program.is_absolute(),
                "could not register {}: hooks run in other folders, so the path must be absolute",
                program.display()
            );
            program.clone()
        }
        None => running_program(&env)?,
    };
    let change = plan(&env, args.settings.project.as_deref(), &program)?;
    finish(&change, &args.settings, global.quiet, "registered for Stop and SessionEnd")?;
    if args.commands {
        for file in command_files(args.settings.project.as_deref(), &env)? {
            let change = add_slash_command(file, &program)?;
            finish(&change, &args.settings, global.quiet, "slash command added")?;
        }
    }
    warn_about_conflicts(&env, args.settings.project.as_deref());
    if !global.quiet && offers_setup(&args.settings, global)? {
        return setup::run(&SetupArgs::default(), global);
    }
    Ok(ExitStatus::Done)
}

/// Whether the user wants to continue with `setup`, because there are no keys yet.
fn offers_setup(args: &SettingsArgs, global: &GlobalArgs) -> Result<bool> {
    let is_plain = args.project.is_none() && !args.dry_run && !args.json;
    if !is_plain || !can_ask() {
        return Ok(false);
    }
    let config = DeliveryContext::new(global.config.clone())?.config(None, Scope::Explicit);
    let is_missing = matches!(config.destination, Err(DestinationProblem::Missing { .. }));
    // The hook is registered, so that the end of input is no error.
    let wants =
        || ask_yes("There are no Langfuse keys yet. Set them up now?", true).unwrap_or(false);
    Ok(is_missing && wants())
}

/// Runs `uninstall`.
///
/// # Errors
/// When the settings can't be read, understood or written.
pub(super) fn uninstall(args: &UninstallArgs, global: &GlobalArgs) -> Result<ExitStatus> {
    let env = Env::of_process();
    let command = args.program.as_deref().map(guarded);
    for path in settings_paths(args.settings.project.as_deref(), &env)? {
        let file = UserFile::open(&path, Kind::Settings)?;
        let change = SettingsChange::unregister(file, command.as_deref())?;
        finish(&change, &args.settings, global.quiet, "no longer registered")?;
    }
    for file in command_files(args.settings.project.as_deref(), &env)? {
        if let Some(change) = remove_slash_command(file, args.program.as_deref()) {
            finish(&change, &args.settings, global.quiet, "slash command removed")?;
        }
    }
    Ok(ExitStatus::Done)
}

/// This program's path for the hook's command.
pub(super) fn running_program(env: &Env) -> Result<PathBuf> {
    let running = std::env::current_exe().context("could not find this program")?;
    stable_program(&running, env).context(NO_PROGRAM)
}

/// The change that registers a program.
pub(super) fn plan(env: &Env, project: Option<&Path>, program: &Path) -> Result<SettingsChange> {
    let paths = settings_paths(project, env)?;
    // An existing entry stays in its file.
    let path = paths.iter().find(|path| has_our_hook(path)).or(paths.last());
    let file = UserFile::open(path.context("could not find settings")?, Kind::Settings)?;
    SettingsChange::register(file, &guarded(program))
}

/// Makes a change and reports it, or shows it.
fn finish(change: &SettingsChange, args: &SettingsArgs, quiet: bool, state: &str) -> Result<()> {
    let file = &change.file;
    let path = for_people(&file.path().display().to_string());
    let is_changed = change.action != Action::Nothing;
    if is_changed && file.is_generated() {
        bail!("could not change {path}: {GENERATED}");
    }
    let backup = if args.dry_run { None } else { change.apply()? };
    let mut out = stdout();
    if args.json {
        let object = json!({
            "settings": file.path().to_string_lossy(), "changed": is_changed,
            "backup": backup.as_deref().map(Path::to_string_lossy),
        });
        return Ok(print_json("settings", object)?);
    }
    // A dry run was started for its diff.
    if quiet && !(args.dry_run && is_changed) {
        return Ok(());
    }
    match change.action {
        Action::Nothing => writeln!(out, "{state}, nothing to do: {path}")?,
        _ if args.dry_run => {
            print_masked_diff(&mut out, file.path(), file.bytes(), change.new_bytes())?;
        }
        Action::Register(_) | Action::Rewrite(_) => writeln!(out, "{state}: {path}")?,
        Action::Remove => writeln!(out, "{state}, file removed: {path}")?,
    }
    if let Some(backup) = backup {
        writeln!(out, "backup: {}", for_people(&backup.display().to_string()))?;
    }
    Ok(())
}

/// The settings files that may have the entry. A new one goes into the last. In a project that is the personal file,
/// because the command holds a path of this machine.
fn settings_paths(project: Option<&Path>, env: &Env) -> Result<Vec<PathBuf>> {
    let Some(project) = project else {
        return Ok(vec![claude_config_dir(env)?.join("settings.json")]);
    };
    ensure!(project.is_dir(), "could not find project: {} is not a directory", project.display());
    let folder = std::path::absolute(project)?.join(".claude");
    Ok(vec![folder.join("settings.json"), folder.join("settings.local.json")])
}

/// The files of our slash commands, beside the settings.
fn command_files(project: Option<&Path>, env: &Env) -> Result<Vec<UserFile>> {
    let settings = settings_paths(project, env)?;
    let folder = settings.first().and_then(|path| path.parent());
    let folder = folder.context("could not find settings")?.join("commands");
    slash_commands().map(|name| UserFile::open(&folder.join(name), Kind::SlashCommand)).collect()
}

fn has_our_hook(path: &Path) -> bool {
    let content = UserFile::open(path, Kind::Settings).and_then(|file| file.content());
    content.is_ok_and(|content| !Hooks::of(&content).ours.is_empty())
}

/// Warns about conflicts with the hook.
pub(super) fn warn_about_conflicts(env: &Env, project: Option<&Path>) {
    let files = Files::new();
    let surveyed = survey(env, &files, project);
    let config = resolve(env, &files, project, Scope::Explicit);
    let destination = config.destination.as_ref().ok();
    for exporter in other_exporters(env, &files, project, &surveyed, destination) {
        log::warn!("{}. {}", sends_too(&exporter), exporter.remedy);
    }
    if let Some((path, switch)) = switched_off(&surveyed) {
        log::warn!("{switch} in {} turns hooks off", path.display());
    }
}
