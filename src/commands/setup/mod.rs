//! `setup`: from nothing to the first trace. Answers come first, then a plan, then all writes: a run that is stopped
//! earlier changes nothing.

mod answers;
mod args;
mod carry_out;
mod history;
mod key_file;
mod keys;
mod plan;
mod questions;

use std::io::Write;

use anyhow::Result;
use serde_json::json;

use crate::commands::config_edit::{ConfigEdit, print_nix_options};
use crate::commands::delivery_context::DeliveryContext;
use crate::commands::exit_status::{ExitStatus, misconfigured, wrong_usage};
use crate::commands::global_args::GlobalArgs;
use crate::commands::output::{ask_yes, can_ask, print_json, shorten_home, show, stderr, stdout};
use crate::commands::session_args::claude_config_dir;
use crate::config::{Config, Scope};
use crate::langfuse::Project;
use answers::Answers;
pub(super) use args::SetupArgs;
use plan::Plan;

const GENERATED: &str = "config.json is a link into the Nix store: this prints the options to set, and writes nothing.\n\n";

/// Runs the command.
///
/// # Errors
/// When an answer is missing or invalid, the keys are rejected, or a file can't be written.
pub(super) fn run(args: &SetupArgs, global: &GlobalArgs) -> Result<ExitStatus> {
    let asks = !args.non_interactive;
    if asks && !can_ask() {
        return Err(wrong_usage(
            "could not ask: there is no terminal\n  help: use --non-interactive, with a flag for each answer",
        ));
    }
    let context = DeliveryContext::new(global.config.clone())?;
    let config = context.config(None, Scope::Explicit);
    // Obstacles are found before anything is asked.
    let hook = plan::hook(&context, !args.no_hook)?;
    let is_generated = ConfigEdit::plan(&context.env, Vec::new())?.is_generated();
    match &config.suspended {
        _ if is_generated && asks => show(GENERATED)?,
        Some(problem) if !is_generated => return Err(misconfigured(problem)),
        _ => {}
    }
    let plan = Plan::of(answers(args, &context, &config, asks)?, &context, &config, hook)?;
    if is_generated {
        print_nix_options(&plan.config, &context.env)?;
        if let Some((path, _)) = &plan.key_file {
            let path = shorten_home(context.env.home(), &path.display().to_string());
            show(&format!(
                "help: put the secret key into that file: install -m 600 /dev/stdin {path}\n"
            ))?;
        }
        return Ok(ExitStatus::Failed);
    }
    if args.dry_run {
        plan.show(&context.env, &mut stdout())?;
        return Ok(ExitStatus::Done);
    }
    if asks {
        show("This will be done:\n")?;
        plan.show(&context.env, &mut stderr())?;
        if !args.yes && !ask_yes("Do it?", true)? {
            show("nothing was changed\n")?;
            return Ok(ExitStatus::Failed);
        }
    }
    let outcome = carry_out::run(&plan, context)?;
    if args.json {
        let object = json!({
            "config_file": plan.config.path().to_string_lossy(),
            "key_file": plan.key_file.as_ref().map(|(path, _)| path.to_string_lossy()),
            "hook": outcome.hook, "trace": outcome.link,
        });
        print_json("setup", object)?;
        return Ok(outcome.status);
    }
    let mut out = stdout();
    for line in outcome.lines {
        writeln!(out, "{line}")?;
    }
    Ok(outcome.status)
}

fn answers(
    args: &SetupArgs,
    context: &DeliveryContext,
    config: &Config,
    asks: bool,
) -> Result<Answers> {
    let env = &context.env;
    let tried = keys::tried_keys(args, config, asks)?;
    if asks {
        show(&format!(
            "{}\n\n",
            project_text(&tried.destination.base_url, tried.project.as_ref())
        ))?;
    }
    let history = history::projects(&claude_config_dir(&context.env)?);
    let traced = context.files.traced_projects(env);
    let projects = questions::projects(args, env, &history, &traced, asks)?;
    Ok(Answers {
        capture: questions::capture(args, config, asks)?,
        newest: questions::newest(args, &history, &projects, &traced, asks)?,
        keys: tried.keys,
        projects,
    })
}

fn project_text(base_url: &str, project: Option<&Project>) -> String {
    match project {
        Some(Project { name, organisation: Some(organisation) }) => {
            format!("The keys are for the project \"{name}\" of \"{organisation}\" at {base_url}.")
        }
        Some(Project { name, .. }) => {
            format!("The keys are for the project \"{name}\" at {base_url}.")
        }
        None => format!("The keys are for {base_url}."),
    }
}
