//! One run: checkout, Claude Code, check, figures. It has a thread of its own.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;

use anyhow::Result;
use base::Timestamp;

use crate::commands::experiment::checkout::Checkout;
use crate::commands::experiment::claude::{Answer, ClaudeCode, Launch, new_session_id};
use crate::commands::experiment::item::Item;
use crate::commands::experiment::measure::{CHECK, Measured, measure};
use crate::commands::experiment::plan::{Experiment, Plan};
use crate::commands::experiment::process::{End, run};
use crate::commands::experiment::record::{COST, Outcome};
use crate::commands::experiment::temporary::Temporary;
use crate::score::number;

/// Values shared by all runs of a command.
pub(super) struct Shared<'a> {
    pub plan: &'a Plan<'a>,
    pub temporary: Temporary,
    pub claude_config: PathBuf,
    /// The user wants to stop.
    pub stop: &'a AtomicBool,
}

/// A run to execute.
#[derive(Clone, Copy)]
pub(super) struct Job<'a> {
    pub experiment: &'a Experiment,
    pub item: &'a Item,
    pub repeat: usize,
    /// The folder of its checkout. No two runs have one at the same time.
    pub slot: usize,
    /// The rest of the budget.
    pub max_usd: Option<f64>,
}

/// A finished run.
pub(super) struct Finished<'a> {
    pub job: Job<'a>,
    pub session: String,
    pub outcome: Outcome,
    pub reason: Option<String>,
    pub measured: Measured,
    /// Removed when this is dropped, after the run was sent.
    pub _checkout: Checkout,
}

/// Executes a run.
///
/// # Errors
/// When the checkout can't be made, or Claude Code not be started.
pub(super) fn execute<'a>(shared: &Shared<'a>, job: Job<'a>) -> Result<Finished<'a>> {
    let Shared { plan, temporary, claude_config, stop } = shared;
    let Job { experiment, item, repeat, slot, max_usd } = job;
    let instructions = plan.instructions.as_ref();
    let checkout = Checkout::create(temporary, slot, &plan.repository, item, instructions)?;
    let now = Timestamp::now().unix_nanos();
    let session = new_session_id(&format!("{now} {} {} {repeat}", experiment.name, item.id));
    let directory = checkout.directory.display().to_string();
    let mode = plan.permission_mode(item);
    let command = plan.claude.command(&Launch {
        session: &session,
        model: experiment.setup.model.as_deref().or(item.rerun.model.as_deref()),
        effort: item.rerun.effort.as_deref(),
        permission_mode: Some(mode).filter(|mode| *mode != "default"),
        max_usd,
        prompt: &item.prompt_in(&directory),
        directory: &checkout.directory,
        place: &checkout.place,
        protected: &plan.repository.top,
        environment: &environment(&experiment.name, item, &checkout),
    });
    let end = run(&mut command?, &session, plan.args.timeout, stop)?;
    let answer = ClaudeCode::answer(&checkout.place);
    let (mut outcome, reason) = match end {
        End::Interrupt => (Outcome::Stopped, None),
        End::Timeout => (Outcome::TimedOut, None),
        End::Exit(code) => outcome(code, answer.as_ref()),
    };
    let mut measured = measure(&session, claude_config, answer.as_ref())?;
    if outcome == Outcome::Answered {
        add_diff(shared, item, &checkout, &mut measured)?;
        if let Some(check) = &plan.args.check {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", check]).current_dir(&checkout.directory);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command.envs(environment(&experiment.name, item, &checkout));
            let end = run(&mut command, &session, plan.args.timeout, stop)?;
            match end {
                End::Interrupt => outcome = Outcome::Stopped,
                end => {
                    let passed = f64::from(u8::from(end == End::Exit(Some(0))));
                    measured.figures.insert(CHECK.to_owned(), passed);
                }
            }
        }
    }
    if measured.cost_is_unknown
        && let Some(max_usd) = max_usd
    {
        // The run may have cost that much.
        measured.figures.insert(COST.to_owned(), max_usd);
    }
    Ok(Finished { job, session, outcome, reason, measured, _checkout: checkout })
}

fn outcome(code: Option<i32>, answer: Option<&Answer>) -> (Outcome, Option<String>) {
    match answer {
        Some(answer) if !answer.is_error && code == Some(0) => (Outcome::Answered, None),
        Some(answer) => {
            let reason = answer.terminal_reason.as_ref().unwrap_or(&answer.subtype);
            (Outcome::Failed, Some(reason.clone()).filter(|reason| !reason.is_empty()))
        }
        None => {
            let code =
                code.map_or_else(|| "a signal".to_owned(), |code| format!("exit code {code}"));
            (Outcome::Failed, Some(format!("no result, {code}")))
        }
    }
}

/// Adds the changes of the run, and their similarity to the changes of the turn's own commits.
fn add_diff(
    shared: &Shared<'_>,
    item: &Item,
    checkout: &Checkout,
    measured: &mut Measured,
) -> Result<()> {
    let diff = checkout.diff()?;
    let mut add = |name: &str, figure: f64| measured.figures.insert(name.to_owned(), figure);
    add("diff_files", number(diff.files as u64));
    add("diff_lines", number(diff.size()));
    let real = shared.plan.repository.real_diff(item);
    if let Some(overlap) = real.and_then(|real| diff.overlap(&real)) {
        add("diff_overlap", overlap);
    }
    Ok(())
}

/// The variables that assign a run to its experiment and to its folder.
fn environment(experiment: &str, item: &Item, checkout: &Checkout) -> Vec<(&'static str, String)> {
    let mut variables = vec![
        ("TMPDIR", checkout.temporary.display().to_string()),
        ("CC_LANGFUSE_EXPERIMENT_ID", experiment.to_owned()),
        ("CC_LANGFUSE_EXPERIMENT_ITEM_ID", item.id.clone()),
    ];
    let dataset = item.dataset_id.clone();
    variables.extend(dataset.map(|dataset| ("CC_LANGFUSE_EXPERIMENT_DATASET_ID", dataset)));
    variables
}
