//! `config set`: one value in config.json.

use std::io::{Read, Write};
use std::path::Path;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::json;

use crate::commands::config_edit::{ConfigEdit, NewValue};
use crate::commands::delivery_context::DeliveryContext;
use crate::commands::exit_status::{ExitStatus, misconfigured};
use crate::commands::global_args::GlobalArgs;
use crate::commands::output::{ask_hidden, can_ask, print_json, shorten_home, stdout};
use crate::commands::start_directory::start_directory;
use crate::config::{Env, Scope, Variable, find_variable, normalise_url, shown_as, suggestion};

const EXAMPLES: &str = "Examples:
  claude-langfuse config set LANGFUSE_BASE_URL https://us.cloud.langfuse.com
  claude-langfuse config set CC_LANGFUSE_CAPTURE metadata --project ~/code/app
  claude-langfuse config set LANGFUSE_SECRET_KEY -    ask for it, or read standard input
  claude-langfuse config set LANGFUSE_USER_ID ''      remove it

Exit codes: 0 done, 1 not written, 2 wrong usage, 3 configuration missing or invalid.";

/// Set a variable in config.json
///
/// Changes only this value and keeps the rest of the file as it is. The value counts for all projects, with --project for
/// sessions that start in or below that directory. Where home-manager writes the file, prints the option to set instead.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct SetArgs {
    /// Variable, as in 'claude-langfuse --help'
    #[arg(value_name = "KEY", value_parser = parse_name)]
    name: &'static str,
    /// New value ('' = remove, - = ask or read standard input)
    #[arg(value_name = "VALUE", allow_hyphen_values = true)]
    value: String,
    /// Print what would change, and change nothing
    #[arg(long, conflicts_with = "json")]
    dry_run: bool,
}

fn parse_name(name: &str) -> Result<&'static str, String> {
    match find_variable(name) {
        Some((_, spelling)) => Ok(spelling),
        None => {
            let help = suggestion(name);
            let help =
                help.unwrap_or_else(|| "'claude-langfuse --help' lists the names".to_owned());
            Err(format!("unknown variable. help: {help}"))
        }
    }
}

/// Runs the command.
///
/// # Errors
/// When the value is invalid, or the file can't be written.
pub(super) fn run(
    args: &SetArgs,
    project: Option<&Path>,
    json: bool,
    global: &GlobalArgs,
) -> Result<ExitStatus> {
    let context = DeliveryContext::new(global.config.clone())?;
    let env = &context.env;
    let (variable, _) = find_variable(args.name).context("unknown variable")?;
    let project = project.map(|project| start_directory(Some(project))).transpose()?;
    let value = check(variable, args.name, read_value(args, variable)?)?;
    let shown_value = shown_as(args.name, &value);
    let value = NewValue { project: project.clone(), name: args.name, value };
    let is_removed = value.value.is_empty();
    let edit = ConfigEdit::plan(env, vec![value])?;
    if let Some(problem) = edit.new_problems(env).first() {
        return Err(misconfigured(format!("nothing was changed: {problem}")));
    }
    if let Some(status) = edit.apply_or_show(env, args.dry_run)? {
        return Ok(status);
    }
    if json {
        let object = json!({
            "file": edit.path().to_string_lossy(), "name": args.name, "project": project,
            "changed": edit.is_change(),
        });
        print_json("settings", object)?;
    } else {
        let place = place_text(env, project.as_deref());
        let path = edit.path().display();
        let text = match (edit.is_change(), is_removed) {
            (false, _) => format!("nothing to do: {path}"),
            (true, true) => format!("removed {} {place}: {path}", args.name),
            (true, false) => format!("set {}={shown_value} {place}: {path}", args.name),
        };
        writeln!(stdout(), "{}", shorten_home(env.home(), &text))?;
    }
    warn_if_hidden(&context, variable, project.as_deref(), &edit);
    Ok(ExitStatus::Done)
}

fn place_text(env: &Env, project: Option<&Path>) -> String {
    match project {
        None => "for all projects".to_owned(),
        Some(folder) => {
            let folder = folder.display().to_string();
            format!("for {}", shorten_home(env.home(), &folder))
        }
    }
}

fn is_secret(variable: &Variable, name: &str) -> bool {
    variable.secret && !variable.is_file_spelling(name)
}

fn read_value(args: &SetArgs, variable: &Variable) -> Result<String> {
    if args.value != "-" {
        return Ok(args.value.trim().to_owned());
    }
    if can_ask() && is_secret(variable, args.name) {
        return ask_hidden(args.name);
    }
    let mut text = String::new();
    std::io::stdin().lock().read_to_string(&mut text).context("could not read standard input")?;
    Ok(text.trim().to_owned())
}

/// The value in its stored form.
fn check(variable: &Variable, name: &str, value: String) -> Result<String> {
    let invalid = |what: &str| {
        let help = variable.accepts;
        misconfigured(format!("nothing was changed: {name} {what}\nhelp: use {help}"))
    };
    match variable.name {
        _ if value.is_empty() || variable.is_file_spelling(name) => Ok(value),
        "LANGFUSE_BASE_URL" => normalise_url(&value).map_err(|what| invalid(&what)),
        "LANGFUSE_PUBLIC_KEY" if value.starts_with("sk-lf-") => Err(invalid("is a secret key")),
        "LANGFUSE_SECRET_KEY" if value.starts_with("pk-lf-") => Err(invalid("is a public key")),
        _ => Ok(value),
    }
}

/// Warns where another place sets the variable, and wins.
fn warn_if_hidden(
    context: &DeliveryContext,
    variable: &Variable,
    project: Option<&Path>,
    edit: &ConfigEdit,
) {
    let config = context.config(project, Scope::Explicit);
    let Some(setting) = config.setting(variable.name) else {
        return;
    };
    let own = edit.path().display().to_string();
    let is_default = setting.source.layer == crate::config::Layer::Default;
    if !is_default && !setting.source.place.starts_with(&own) {
        log::warn!("{} wins over config.json", setting.source);
    }
}
