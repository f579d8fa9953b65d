//! Carries out the plan, sends the newest session, and names the next step.

use std::path::Path;

use anyhow::Result;
use transcript::locate;

use super::key_file;
use super::plan::{HookPlan, Plan};
use crate::commands::delivery_context::{DeliveryContext, exit_status};
use crate::commands::doctor::claude_code::{parse_version, version_of};
use crate::commands::exit_status::ExitStatus;
use crate::commands::install::{GENERATED, warn_about_conflicts};
use crate::commands::newest_first::NewestFirst;
use crate::commands::output::{print_error, shorten_home};
use crate::commands::session_args;
use crate::config::{Files, Scope};
use crate::delivery::Extent;

/// The first release of Claude Code that calls hooks which are registered while it runs.
const PICKS_UP: (u32, u32, u32) = (2, 1, 332);

/// The outcome of `setup`.
pub(super) struct Outcome {
    pub(super) status: ExitStatus,
    pub(super) hook: &'static str,
    /// The trace of the session that was sent.
    pub(super) link: Option<String>,
    /// For people.
    pub(super) lines: Vec<String>,
}

pub(super) fn run(plan: &Plan, mut context: DeliveryContext) -> Result<Outcome> {
    // The key first: a configuration that names a missing file would stop deliveries.
    if let Some((path, key)) = &plan.key_file {
        key_file::write(path, key)?;
    }
    plan.config.apply()?;
    let home = context.env.home().map(Path::to_path_buf);
    let short = |path: &Path| shorten_home(home.as_deref(), &path.display().to_string());
    let mut outcome = Outcome {
        status: ExitStatus::Done,
        hook: "registered",
        link: None,
        lines: vec![format!("configured: {}", short(plan.config.path()))],
    };
    match &plan.hook {
        HookPlan::Skip => outcome.hook = "skipped",
        HookPlan::Registered(path) => {
            outcome.lines.push(format!("hook: already registered in {}", short(path)));
        }
        HookPlan::Register(change) => {
            let backup = change.apply()?;
            outcome.lines.push(format!("hook: registered in {}", short(change.file.path())));
            outcome.lines.extend(backup.map(|backup| format!("backup: {}", short(&backup))));
            outcome.lines.push(restart_text(&context));
        }
        HookPlan::Generated(path) => {
            outcome.hook = "generated";
            outcome.status = ExitStatus::Failed;
            print_error(&format!("could not change {}: {GENERATED}", path.display()));
        }
    }
    // Files that were read before are out of date.
    context.files = Files::new();
    warn_about_conflicts(&context.env, None);
    if let Some(newest) = &plan.newest {
        send(newest, &mut context, &mut outcome);
    }
    outcome.lines.push("'claude-langfuse status' shows what is delivered".to_owned());
    Ok(outcome)
}

/// Whether open sessions call the hook.
fn restart_text(context: &DeliveryContext) -> String {
    let newest = session_args::claude_config_dir(&context.env).ok().and_then(|folder| {
        NewestFirst::new(locate::sessions(&folder)).find_map(|path| version_of(&path))
    });
    match newest.as_deref().and_then(parse_version) {
        Some(version) if version >= PICKS_UP => {
            "open sessions are traced from their next turn on".to_owned()
        }
        Some(_) => "restart open sessions of Claude Code: their release reads hooks at its start"
            .to_owned(),
        None => "restart sessions of Claude Code before 2.1.332 that are open".to_owned(),
    }
}

fn send(transcript: &Path, context: &mut DeliveryContext, outcome: &mut Outcome) {
    let mut deliver = || {
        let (session, config) =
            session_args::open(context, transcript, Extent::Backfill, Scope::Explicit)?;
        let destination = config.destination.clone()?;
        let report = context.deliver(&session, &config, &destination)?;
        let last = report.traces.last().map(|trace| destination.trace_link(trace.as_str()));
        anyhow::Ok((report, last))
    };
    match deliver() {
        Ok((report, link)) => {
            outcome.status = outcome.status.max(exit_status(&report));
            match (&report.stopped, &link) {
                (Some(stopped), _) => print_error(&format!("could not send: {}", stopped.reason)),
                (None, Some(link)) => outcome.lines.push(format!("sent: {link}")),
                (None, None) => outcome.lines.push("nothing new to send".to_owned()),
            }
            outcome.link = link;
        }
        Err(error) => {
            outcome.status = outcome.status.max(ExitStatus::of_error(&error));
            print_error(&format!("{error:#}"));
        }
    }
}
