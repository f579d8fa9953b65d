//! `allow` and `revoke`: keys and hosts that a project's own files bring count once the user has seen them.

use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};
use base::Timestamp;
use serde_json::json;

use super::env::start_directory;
use super::post::Post;
use super::report::tilde;
use super::{Misconfigured, Outcome, many};
use crate::cli::{Allow, Global, Revoke};
use crate::config::{
    Destination, DestinationProblem, Doubt, Env, Request, Scope, resolve, root_of,
    unreadable_project_file,
};
use crate::state::{AllowedEntry, Store};

/// Runs `allow`.
///
/// # Errors
/// When there is nobody to ask, a file can't be read, or the answer can't be kept.
pub fn allow(arguments: &Allow, global: &Global) -> Result<Outcome> {
    let post = Post::new(global.config.clone())?;
    let store = store(&post.env)?;
    if arguments.list {
        return list(&store, post.env.home());
    }
    let start = start_directory(arguments.directory.as_deref())?;
    let Some(request) = request(&post, &start)? else {
        writeln!(
            std::io::stdout(),
            "nothing to allow: keys and host of {} are your own",
            start.display()
        )?;
        return Ok(Outcome::Done);
    };
    if arguments.print {
        let root = json!(request.root);
        let digest = &request.digest;
        writeln!(std::io::stdout(), "{{\"projects\": {{{root}: {{\"allow\": [\"{digest}\"]}}}}}}")?;
        return Ok(Outcome::Done);
    }
    let granted = match &request.granted {
        Ok(granted) => granted,
        Err(problem) => return Err(Misconfigured(problem.to_string()).into()),
    };
    let mut allowed = store.allowed();
    if allowed.has(&request) {
        writeln!(std::io::stdout(), "allowed already: {}", leads_to(granted))?;
        return Ok(Outcome::Done);
    }
    if !agrees(&post.env, &request, granted)? {
        writeln!(std::io::stdout(), "not allowed: nothing is sent from here")?;
        return Ok(Outcome::Failed);
    }
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
        std::io::stdout(),
        "allowed: sessions of {} are sent from the next turn on",
        request.root.display()
    )?;
    Ok(Outcome::Done)
}

/// Runs `revoke`.
///
/// # Errors
/// When the folder does not exist, or the change can't be kept.
pub fn revoke(arguments: &Revoke, global: &Global) -> Result<Outcome> {
    let post = Post::new(global.config.clone())?;
    let store = store(&post.env)?;
    let root = root_of(&start_directory(arguments.directory.as_deref())?);
    let mut allowed = store.allowed();
    let count = allowed.revoke(&root);
    let mut out = std::io::stdout().lock();
    if count == 0 {
        writeln!(out, "nothing was allowed for {}", root.display())?;
        return Ok(Outcome::Done);
    }
    store.save_allowed(&allowed)?;
    writeln!(out, "revoked for {}: {}", root.display(), many(count, "digest"))?;
    Ok(Outcome::Done)
}

fn store(env: &Env) -> Result<Store> {
    let folder = env
        .default_state_dir()
        .context("could not find the state folder: neither CLAUDE_CONFIG_DIR nor HOME is set")?;
    Ok(Store::new(&folder))
}

fn list(store: &Store, home: Option<&Path>) -> Result<Outcome> {
    let mut out = std::io::stdout().lock();
    let allowed = store.allowed();
    if allowed.entries.is_empty() {
        writeln!(out, "nothing is allowed")?;
    }
    for entry in &allowed.entries {
        writeln!(out, "{}", tilde(home, &entry.root.display().to_string()))?;
        writeln!(out, "  {} at {}", entry.public_key, entry.base_url)?;
        writeln!(
            out,
            "  {}, {}, allowed {}",
            entry.names.join(", "),
            entry.digest,
            entry.at.rfc3339()
        )?;
    }
    Ok(Outcome::Done)
}

/// What the project asks for; `None` when that is nothing.
fn request(post: &Post, start: &Path) -> Result<Option<Box<Request>>> {
    let (env, files) = (&post.env, &post.files);
    if let Some(Doubt::Unreadable { place, reason }) = unreadable_project_file(env, files, start) {
        let what = format!("could not ask: {place} can't be read: {reason}; fix the file");
        return Err(Misconfigured(what).into());
    }
    let config = resolve(env, files, Some(start), Scope::Explicit);
    match config.destination {
        Ok(_) => Ok(None),
        Err(DestinationProblem::NotAllowed(request)) => Ok(Some(request)),
        Err(problem) => Err(Misconfigured(problem.to_string()).into()),
    }
}

/// Asks the user, who must be a person at a terminal.
fn agrees(env: &Env, request: &Request, granted: &Destination) -> Result<bool> {
    if env.variable("CLAUDECODE").is_some() {
        bail!("could not ask: Claude Code runs this command; run it in a terminal of your own");
    }
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        bail!(
            "could not ask: there is no terminal; run it in one, or declare what 'claude-langfuse allow --print' prints in config.json"
        );
    }
    let mut out = std::io::stderr().lock();
    writeln!(out, "The settings of {} say:", request.root.display())?;
    for value in &request.values {
        writeln!(out, "  {}={}", value.name, value.shown)?;
        writeln!(out, "    in {}", value.place)?;
    }
    writeln!(out, "With them sessions are sent to {}.", leads_to(granted))?;
    writeln!(out, "The keys are of {}.", granted.keys_source)?;
    write!(out, "Allow this? [y/N] ")?;
    out.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn leads_to(granted: &Destination) -> String {
    format!("{} with {}", granted.base_url, granted.public_key)
}
