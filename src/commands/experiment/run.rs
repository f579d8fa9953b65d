//! `experiment run`: plans, asks, runs the remaining items, and sums up.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::commands::delivery_context::DeliveryContext;
use crate::commands::exit_status::{ExitStatus, misconfigured, status_error, wrong_usage};
use crate::commands::experiment::checkout::Repository;
use crate::commands::experiment::claude::ClaudeCode;
use crate::commands::experiment::execute::Shared;
use crate::commands::experiment::plan::{Experiment, Plan, usable_items};
use crate::commands::experiment::record::{Kept, Setup};
use crate::commands::experiment::schedule::run_experiment;
use crate::commands::experiment::send::Sender;
use crate::commands::experiment::temporary::Temporary;
use crate::commands::export::metadata_only;
use crate::commands::global_args::GlobalArgs;
use crate::commands::output::{ask_yes, can_ask, plural, print_json, print_note, stderr, stdout};
use crate::commands::remedy::failure;
use crate::commands::retry_after::with_retry_after;
use crate::commands::session_args;
use crate::commands::start_directory::start_directory;
use crate::commands::time_arg;
use crate::config::{Config, Destination, Scope};
use crate::langfuse::{Client, Deadline};
use crate::privacy::invalid_patterns;
use crate::state::Store;

const EXAMPLES: &str = "Examples:
  claude-langfuse experiment run bugs --dry-run
  claude-langfuse experiment run bugs --check 'cargo test' --max-usd 5
  claude-langfuse experiment run bugs --instructions new-rules --name new-rules
  claude-langfuse experiment run bugs --model sonnet,opus --repeat 3 --parallel 4
  claude-langfuse experiment run bugs --cli 2.1.332 --items 3f2a,77c0 --yes";

/// Run the items of a dataset again
///
/// Runs Claude Code with each item's prompt, in a new checkout of the item's commit in a temporary folder, and sends each
/// run to Langfuse as an item of the experiment, with scores. Says before what it will run, and asks. Called again, it runs
/// the items that have no answer yet.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct RunArgs {
    /// Name of the dataset
    #[arg(value_name = "DATASET")]
    pub dataset: String,
    /// Name of the experiment [default: dataset, instructions, model]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Models to run, an experiment each [default: each item's]
    #[arg(long, value_name = "MODEL,…", value_delimiter = ',')]
    model: Vec<String>,
    /// Revision whose CLAUDE.md and .claude/ replace the item's
    #[arg(long, value_name = "REV")]
    instructions: Option<String>,
    /// Claude Code: path, or installed version [default: claude]
    #[arg(long, value_name = "PATH|VERSION")]
    cli: Option<String>,
    /// Only these items, by the beginnings of their ids
    #[arg(long, value_name = "ID,…", value_delimiter = ',')]
    pub items: Vec<String>,
    /// Runs per item
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = count)]
    pub repeat: usize,
    /// Runs at the same time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = count)]
    pub parallel: usize,
    /// Stop at this cost in US dollars; one run at a time
    #[arg(long, value_name = "X", value_parser = amount)]
    pub max_usd: Option<f64>,
    /// Time limit of a run: 90s, 30m, 2h
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = time_arg::parse_duration)]
    pub timeout: Duration,
    /// Permission mode of all runs [default: each item's]
    #[arg(long, value_name = "MODE")]
    pub permission_mode: Option<String>,
    /// Command that exits with 0 if the result is right
    #[arg(long, value_name = "COMMAND")]
    pub check: Option<String>,
    /// Repository of the items [default: .]
    #[arg(long, value_name = "DIR")]
    project: Option<PathBuf>,
    /// Print what would be run, and run nothing
    #[arg(long)]
    dry_run: bool,
    /// Don't ask
    #[arg(long, short)]
    yes: bool,
    /// Print one JSON object per run
    #[arg(long)]
    pub json: bool,
}

fn count(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|count| (1..=100).contains(count));
    count.ok_or_else(|| "give a number from 1 to 100".to_owned())
}

fn amount(text: &str) -> Result<f64, String> {
    let amount = text.parse().ok().filter(|amount: &f64| amount.is_finite() && *amount > 0.0);
    amount.ok_or_else(|| "give an amount above 0".to_owned())
}

/// Runs the command.
///
/// # Errors
/// When nothing can be run, or nothing be printed.
pub(super) fn run(args: &RunArgs, global: &GlobalArgs) -> Result<ExitStatus> {
    if args.max_usd.is_some() && args.parallel > 1 {
        let reason = "could not use --max-usd with --parallel: runs at the same time would each spend the rest of the budget";
        return Err(wrong_usage(reason));
    }
    let mut context = DeliveryContext::new(global.config.clone())?;
    let repository = Repository::open(&start_directory(args.project.as_deref())?)?;
    let project = repository.top.clone();
    let config = context.config(Some(&project), Scope::Explicit);
    context.warn(&config);
    if let Some(problem) = &config.suspended {
        return Err(misconfigured(problem));
    }
    if let Some(reason) = invalid_patterns(&config).or_else(|| metadata_only(&config)) {
        return Err(misconfigured(format!("could not run dataset {}: {reason}", args.dataset)));
    }
    let destination = config.destination.as_ref().map_err(|problem| {
        misconfigured(format!("could not read dataset {}: {problem}", args.dataset))
    })?;
    let mut client = context.client(&config, destination)?;
    let store = Store::new(&config.state_dir);
    let plan = plan(args, &context, repository, &mut client, &store, (&config, destination))?;
    let claude_config = session_args::claude_config_dir(&context.env)?;
    let folder = std::env::temp_dir();
    if args.dry_run && args.json {
        print_json("experiment", plan.json())?;
        return Ok(ExitStatus::Done);
    }
    if args.json {
        plan.print(&mut stderr(), &folder, destination)?
    } else {
        plan.print(&mut stdout(), &folder, destination)?
    }
    if plan.runs() == 0 {
        print_note("nothing is left to run");
        return Ok(if plan.items.is_empty() { ExitStatus::Failed } else { ExitStatus::Done });
    }
    if args.dry_run || !is_agreed(args, plan.runs())? {
        return Ok(ExitStatus::Done);
    }
    let _locks = lock_all(&store, &plan)?;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&stop))
            .context("could not catch signals")?;
    }
    let shared =
        Shared { plan: &plan, temporary: Temporary::create()?, claude_config, stop: &stop };
    let mut sender =
        Sender { context: &mut context, config: &config, destination, client, project: &project };
    let mut status = ExitStatus::Done;
    for experiment in &plan.experiments {
        status = status.max(run_experiment(&shared, experiment, &store, &mut sender)?);
        if stop.load(Ordering::SeqCst) {
            print_note("stopped; the same command goes on with what is left");
            drop(shared);
            std::process::exit(128 + SIGINT);
        }
    }
    Ok(status)
}

fn plan<'a>(
    args: &'a RunArgs,
    context: &DeliveryContext,
    repository: Repository,
    client: &mut Client,
    store: &Store,
    (config, destination): (&Config, &Destination),
) -> Result<Plan<'a>> {
    let instructions =
        args.instructions.as_deref().map(|revision| repository.instructions(revision));
    let instructions = instructions.transpose()?;
    let claude = ClaudeCode::find(args.cli.as_deref(), &context.env)?;
    if args.max_usd.is_some() && !claude.has_option("--max-budget-usd") {
        bail!(
            "could not limit the cost: Claude Code {} has no --max-budget-usd; update it",
            claude.version
        );
    }
    let all =
        with_retry_after(|| client.dataset_items(&args.dataset, Deadline::after(config.timeout)));
    let all = all.map_err(|reply| {
        let (reason, status) = failure(&reply, destination);
        status_error(status, format!("could not read dataset {}: {reason}", args.dataset))
    })?;
    let Some(all) = all else {
        bail!(
            "could not find dataset {}: 'claude-langfuse dataset add … --create' makes one",
            args.dataset
        );
    };
    let (items, unusable) = usable_items(&all, args, &repository)?;
    let models: Vec<Option<&String>> =
        if args.model.is_empty() { vec![None] } else { args.model.iter().map(Some).collect() };
    let mut experiments = Vec::new();
    for model in &models {
        let name = experiment_name(args, *model, models.len() > 1);
        let setup = Setup {
            dataset: args.dataset.clone(),
            model: model.cloned(),
            permission_mode: args.permission_mode.clone(),
            instructions: instructions.as_ref().map(|of| (of.revision.clone(), of.commit.clone())),
            claude_code: claude.version.clone(),
            check: args.check.clone(),
        };
        let kept = Kept::read(store, &name)?;
        experiments.push(Experiment::new(name, setup, kept, &items, args.repeat)?);
    }
    Ok(Plan { args, repository, claude, instructions, items, unusable, experiments })
}

/// The same options give the same name, so that a repeated command continues.
fn experiment_name(args: &RunArgs, model: Option<&String>, several: bool) -> String {
    let parts = match &args.name {
        Some(name) => vec![Some(name), model.filter(|_| several)],
        None => vec![Some(&args.dataset), args.instructions.as_ref(), model],
    };
    parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(".")
}

fn is_agreed(args: &RunArgs, runs: usize) -> Result<bool> {
    if args.yes {
        return Ok(true);
    }
    if !can_ask() {
        return Err(wrong_usage("could not ask whether to run this: no terminal; --yes agrees"));
    }
    ask_yes(&format!("Start {}?", plural(runs, "run")), false)
}

fn lock_all(store: &Store, plan: &Plan<'_>) -> Result<Vec<crate::state::Lock>> {
    let lock = |experiment: &Experiment| {
        let name = &experiment.name;
        let lock = store.lock_experiment(name)?;
        lock.with_context(|| format!("could not run experiment {name}: another process runs it"))
    };
    plan.experiments.iter().map(lock).collect()
}
