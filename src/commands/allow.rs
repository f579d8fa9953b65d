//! `allow` and `revoke`: the user's permission for keys, hosts and more in a project's own files.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use base::Timestamp;
use clap::Args;
use serde_json::json;

use crate::commands::delivery_context::DeliveryContext;
use crate::commands::exit_status::{ExitStatus, misconfigured};
use crate::commands::global_args::GlobalArgs;
use crate::commands::output::{ask_yes, can_ask, plural, shorten_home, stderr, stdout};
use crate::commands::start_directory::start_directory;
use crate::config::{
    Config, Destination, Doubt, Env, Request, Scope, resolve, root_of, unreadable_project_file,
};
use crate::state::{AllowedEntry, Store};

const EXAMPLES: &str = "Examples:
  claude-langfuse allow           show the values of this project, and ask
  claude-langfuse allow --print   print a declaration for config.json
  claude-langfuse allow --list    list allowed values of all projects
  claude-langfuse revoke          take back the values of this project

Exit codes: 0 done, 1 not allowed, 2 wrong usage, 3 configuration missing or invalid.";

/// Allow keys, host and more from a project's own settings
///
/// A project's .claude/settings.json and settings.local.json come with the repository, so keys, hosts and less protection in
/// them count only after you allow them. Shows the values and their destination, and asks. A changed value is asked about again.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct AllowArgs {
    /// Start directory of the sessions [default: current directory]
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
    /// List allowed values of all projects, and ask nothing
    #[arg(long, conflicts_with_all = ["directory", "print"])]
    list: bool,
    /// Print a declaration for config.json, and ask nothing
    #[arg(long)]
    print: bool,
}

/// Take back what 'allow' allowed
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct RevokeArgs {
    /// Directory of the repository [default: current directory]
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
}

/// Runs `allow`.
///
/// # Errors
/// When no user can be asked, a file can't be read, or the answer can't be saved.
pub(super) fn allow(args: &AllowArgs, global: &GlobalArgs) -> Result<ExitStatus> {
    let context = DeliveryContext::new(global.config.clone())?;
    let store = store(&context.env)?;
    if args.list {
        return list(&store, context.env.home());
    }
    let start = start_directory(args.directory.as_deref())?;
    let config = config(&context, &start)?;
    let Some(request) = &config.request else {
        writeln!(
            stdout(),
            "nothing to allow: the settings of {} need no permission",
            start.display()
        )?;
        return Ok(ExitStatus::Done);
    };
    if args.print {
        let root = json!(request.root.to_string_lossy());
        let digest = &request.digest;
        writeln!(stdout(), "{{\"projects\": {{{root}: {{\"allow\": [\"{digest}\"]}}}}}}")?;
        return Ok(ExitStatus::Done);
    }
    let granted = request.granted.as_ref().map_err(misconfigured)?;
    if config.is_request_allowed {
        writeln!(stdout(), "allowed already: {}", leads_to(granted))?;
        return Ok(ExitStatus::Done);
    }
    if !agrees(&context.env, request, granted)? {
        let effect = match config.destination {
            Ok(_) => "your own values count",
            Err(_) => "nothing is sent from here",
        };
        writeln!(stdout(), "not allowed: {effect}")?;
        return Ok(ExitStatus::Failed);
    }
    let mut allowed = store.allowed();
    allowed.entries.push(AllowedEntry {
        root: request.root.clone(),
        digest: request.digest.clone(),
        at: Timestamp::now(),
        names: request.values.iter().map(|value| value.name.to_owned()).collect(),
        base_url: granted.base_url.clone(),
        public_key: granted.public_key.clone(),
    });
    store.save_allowed(&allowed)?;
    writeln!(
        stdout(),
        "allowed: sessions of {} are sent from the next turn on",
        request.root.display()
    )?;
    Ok(ExitStatus::Done)
}

/// Runs `revoke`.
///
/// # Errors
/// When the directory does not exist, or the change can't be saved.
pub(super) fn revoke(args: &RevokeArgs, global: &GlobalArgs) -> Result<ExitStatus> {
    let context = DeliveryContext::new(global.config.clone())?;
    let store = store(&context.env)?;
    let root = root_of(&start_directory(args.directory.as_deref())?);
    let mut allowed = store.allowed();
    let count = allowed.revoke(&root);
    let mut out = stdout();
    if count == 0 {
        writeln!(out, "nothing was allowed for {}", root.display())?;
        return Ok(ExitStatus::Done);
    }
    store.save_allowed(&allowed)?;
    writeln!(out, "revoked for {}: {}", root.display(), plural(count, "digest"))?;
    Ok(ExitStatus::Done)
}

fn store(env: &Env) -> Result<Store> {
    let folder = env
        .default_state_dir()
        .context("could not find the state folder: neither CLAUDE_CONFIG_DIR nor HOME is set")?;
    Ok(Store::new(&folder))
}

fn list(store: &Store, home: Option<&Path>) -> Result<ExitStatus> {
    let mut out = stdout();
    let allowed = store.allowed();
    if allowed.entries.is_empty() {
        writeln!(out, "nothing is allowed")?;
    }
    for entry in &allowed.entries {
        writeln!(out, "{}", shorten_home(home, &entry.root.display().to_string()))?;
        writeln!(out, "  {} at {}", entry.public_key, entry.base_url)?;
        writeln!(
            out,
            "  {}, {}, allowed {}",
            entry.names.join(", "),
            entry.digest,
            entry.at.local_minute()
        )?;
    }
    Ok(ExitStatus::Done)
}

/// The configuration of sessions that start in `start`, with the request of the project's own files.
fn config(context: &DeliveryContext, start: &Path) -> Result<Config> {
    let (env, files) = (&context.env, &context.files);
    if let Some(Doubt::Unreadable { place, reason }) = unreadable_project_file(env, files, start) {
        return Err(misconfigured(format!("could not read {place}: {reason}; fix the file")));
    }
    let config = resolve(env, files, Some(start), Scope::Explicit);
    match &config.destination {
        Err(problem) if config.request.is_none() => Err(misconfigured(problem)),
        _ => Ok(config),
    }
}

/// Asks the user at a terminal.
fn agrees(env: &Env, request: &Request, granted: &Destination) -> Result<bool> {
    if env.variable("CLAUDECODE").is_some() {
        bail!("could not ask: Claude Code runs this command; run it in a terminal of your own");
    }
    if !can_ask() {
        bail!(
            "could not ask: there is no terminal; run it in one, or declare what 'claude-langfuse allow --print' prints in config.json"
        );
    }
    let mut out = stderr();
    writeln!(out, "The settings of {} say:", request.root.display())?;
    for value in &request.values {
        match value.instead_of.as_deref() {
            None => writeln!(out, "  {}={}", value.name, value.shown)?,
            Some("") => writeln!(out, "  {}={} (now not set)", value.name, value.shown)?,
            Some(now) => writeln!(out, "  {}={} (now {now})", value.name, value.shown)?,
        }
        writeln!(out, "    in {}", value.place)?;
    }
    writeln!(out, "With them sessions are sent to {}.", leads_to(granted))?;
    writeln!(out, "The keys are of {}.", granted.keys_source)?;
    ask_yes("Allow this?", false)
}

fn leads_to(granted: &Destination) -> String {
    format!("{} with {}", granted.base_url, granted.public_key)
}
