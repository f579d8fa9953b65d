//! `forget`: deletes turns in Langfuse, and notes that nothing may send them again.

mod output;
mod plan;
mod server;

use std::time::Duration;

use anyhow::{Result, bail};
use base::Timestamp;
use clap::Args;

use crate::commands::delivery_context::{DeliveryContext, SessionTarget};
use crate::commands::exit_status::{ExitStatus, misconfigured, status_error, wrong_usage};
use crate::commands::global_args::GlobalArgs;
use crate::commands::output::{ask_yes, can_ask, plural};
use crate::commands::remedy::failure;
use crate::commands::session_args;
use crate::commands::session_ref::{self, SessionRef};
use crate::config::{Config, Destination};
use crate::delivery::{Forgotten, note_forgotten};
use crate::langfuse::Verdict;
use output::{Outcome, print_outcome, print_plan};
use plan::ForgetPlan;
use server::RemoteSession;

const EXAMPLES: &str = "Examples:
  claude-langfuse forget 3f2a#2              one turn, after a question
  claude-langfuse forget 3f2a#2..5 --yes     without a question
  claude-langfuse forget 3f2a                all traces of a session, and its scores
  claude-langfuse forget 3f2a --dry-run      print what would be deleted

Exit codes: 0 gone, 1 session or turn not found or something stays, 2 wrong usage,
3 configuration missing or invalid, 4 server unreachable, 5 keys rejected.";

/// Langfuse stores spans within this time. A trace that is deleted earlier would come back.
const STORED_WITHIN: Duration = Duration::from_secs(10);

/// Delete turns in Langfuse, and never send them again
///
/// Deletes the traces of these turns with their observations, scores and media, and waits until Langfuse shows none of
/// them. Only 'replay --again' sends them again, after a question. Dataset items stay. The transcript is not changed.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ForgetArgs {
    /// Transcript or session id prefix, with #N or #A..B for turns
    #[arg(value_name = "PATH|SESSION[#TURN]", value_parser = session_ref::parser())]
    session: SessionRef,
    /// Print the traces, and delete nothing
    #[arg(long)]
    dry_run: bool,
    /// Delete without a question
    #[arg(long)]
    yes: bool,
    /// Seconds to wait until Langfuse has deleted everything
    #[arg(long, value_name = "SECONDS", default_value_t = 180)]
    wait: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When the session or its turn can't be found, it is not agreed to, or the server fails.
pub(super) fn run(args: &ForgetArgs, global: &GlobalArgs) -> Result<ExitStatus> {
    let mut context = DeliveryContext::new(global.config.clone())?;
    let reference = &args.session;
    let (session, config) = session_args::open_named(&mut context, &reference.session)?;
    let plan = ForgetPlan::of(&session, &config, reference)?;
    let destination = config.destination.as_ref().map_err(misconfigured)?;
    if plan.traces.is_empty() {
        bail!(
            "could not forget {}: its turns are part of another application's trace; delete them there",
            plan.named()
        );
    }
    if args.dry_run {
        print_plan(&plan, destination, args.json)?;
        return Ok(ExitStatus::Done);
    }
    if !args.yes && !is_agreed(args, &plan, destination)? {
        bail!("cancelled: nothing was deleted");
    }
    let outcome = carry_out(args, &context, &plan, (&session, &config), destination)?;
    print_outcome(&plan, &outcome, destination, args.json)?;
    Ok(if outcome.remaining.is_empty() && plan.attached.is_empty() {
        ExitStatus::Done
    } else {
        ExitStatus::Failed
    })
}

fn is_agreed(args: &ForgetArgs, plan: &ForgetPlan, destination: &Destination) -> Result<bool> {
    if args.json || !can_ask() {
        return Err(wrong_usage("could not ask whether to delete: give --yes, or --dry-run"));
    }
    let traces = plural(plan.traces.len(), "trace");
    let question = format!(
        "Delete {} ({traces}) from {}? This can't be undone.",
        plan.named(),
        destination.base_url
    );
    ask_yes(&question, false)
}

/// The note comes first: nothing sends the turns meanwhile, and a failed deletion can be repeated.
fn carry_out(
    args: &ForgetArgs,
    context: &DeliveryContext,
    plan: &ForgetPlan,
    (session, config): (&SessionTarget, &Config),
    destination: &Destination,
) -> Result<Outcome> {
    let client = context.client(config, destination)?;
    let mut server = RemoteSession::new(client, config, plan);
    let delivered_at = note(plan, session, config, destination)?;
    let ago = delivered_at.map(|at| Timestamp::now().since(at));
    if let Some(left) = ago.and_then(|ago| STORED_WITHIN.checked_sub(ago)) {
        std::thread::sleep(left.min(Duration::from_secs(args.wait)));
    }
    let mut delete = || -> Result<Outcome, Verdict> {
        let stored = server.stored()?;
        server.delete_traces()?;
        let scores = if plan.is_whole { server.delete_scores()? } else { Some(0) };
        let remaining = server.wait_until_gone(Duration::from_secs(args.wait))?;
        Ok(Outcome { stored, remaining, scores })
    };
    delete().map_err(|reply| {
        let (reason, status) = failure(&reply, destination);
        let typed = args.session.session.display();
        let hint = "nothing of it is sent again; run the command again to delete it";
        status_error(status, format!("could not delete {typed}: {reason}; {hint}"))
    })
}

/// Notes the turns as forgotten. Returns the time of the session's last delivery.
fn note(
    plan: &ForgetPlan,
    session: &SessionTarget,
    config: &Config,
    destination: &Destination,
) -> Result<Option<Timestamp>> {
    let store = session.store(config);
    let _lock = session.lock(&store)?;
    let id = destination.id();
    let known = store.cursor(&session.id, &id)?;
    let forgotten = Forgotten {
        session_id: &session.id,
        transcript: &session.transcript,
        destination: &id,
        traces: &plan.trace_ids(),
        spans: &plan.spans,
    };
    note_forgotten(&store, &forgotten)?;
    Ok(known.and_then(|cursor| cursor.delivered_at))
}
