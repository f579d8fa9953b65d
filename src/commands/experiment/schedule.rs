//! Executes the runs of an experiment, some at the same time; sends, keeps and prints each as soon as it is over.

use std::io::Write;
use std::slice::Iter;
use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;
use std::thread;

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::commands::exit_status::ExitStatus;
use crate::commands::experiment::execute::{Finished, Job, Shared, execute};
use crate::commands::experiment::measure::CHECK;
use crate::commands::experiment::plan::Experiment;
use crate::commands::experiment::record::{COST, Kept, Line, Outcome, Run};
use crate::commands::experiment::run::RunArgs;
use crate::commands::experiment::send::Sender;
use crate::commands::output::{dollars, merged, print_json, stdout};
use crate::state::Store;

/// Runs the rest of an experiment.
///
/// # Errors
/// If a run can't be started, recorded or printed, or the budget is spent.
pub(super) fn run_experiment(
    shared: &Shared<'_>,
    experiment: &Experiment,
    store: &Store,
    sender: &mut Sender<'_>,
) -> Result<ExitStatus> {
    let (args, name) = (shared.plan.args, &experiment.name);
    if experiment.kept.setup.is_none() {
        store.add_to_experiment(name, &Line::Setup(experiment.setup.clone()))?;
    }
    let mut schedule = Schedule {
        shared,
        experiment,
        store,
        todo: experiment.todo.iter(),
        free: (1..=args.parallel).rev().collect(),
        kept: experiment.kept.clone(),
        failed: 0,
        problem: None,
    };
    let (report, finished) = channel();
    thread::scope(|scope| -> Result<()> {
        loop {
            while let Some(job) = schedule.next_job() {
                let report = report.clone();
                scope.spawn(move || drop(report.send((job.slot, execute(shared, job)))));
            }
            if schedule.free.len() == args.parallel {
                return Ok(());
            }
            let (slot, result) = finished.recv().context("could not wait for a run")?;
            let taken = schedule.take(result, sender);
            // The scope waits for all runs.
            taken.inspect_err(|_| shared.stop.store(true, Ordering::SeqCst))?;
            schedule.free.push(slot);
        }
    })?;
    if let Some(problem) = schedule.problem {
        bail!("stopped experiment {name}: {problem}");
    }
    if !args.json && !shared.stop.load(Ordering::SeqCst) {
        writeln!(stdout(), "'claude-langfuse experiment show {name}' sums it up")?;
    }
    Ok(if schedule.failed > 0 { ExitStatus::Failed } else { ExitStatus::Done })
}

struct Schedule<'a> {
    shared: &'a Shared<'a>,
    experiment: &'a Experiment,
    store: &'a Store,
    todo: Iter<'a, (usize, usize)>,
    /// Folders for checkouts.
    free: Vec<usize>,
    kept: Kept,
    /// Runs without an answer, or with spans that Langfuse lacks.
    failed: usize,
    /// Why no further run starts.
    problem: Option<String>,
}

impl<'a> Schedule<'a> {
    fn next_job(&mut self) -> Option<Job<'a>> {
        let Shared { plan, stop, .. } = self.shared;
        if stop.load(Ordering::SeqCst) || self.problem.is_some() || self.free.is_empty() {
            return None;
        }
        let (place, repeat) = self.todo.as_slice().first()?;
        let max_usd = plan.args.max_usd.map(|max| max - self.kept.cost);
        if let Some(max) = plan.args.max_usd.filter(|max| *max <= self.kept.cost) {
            self.problem = Some(format!("the budget of {} is spent", dollars(max)));
            return None;
        }
        let item = plan.items.get(*place)?;
        self.todo.next();
        let slot = self.free.pop()?;
        Some(Job { experiment: self.experiment, item, repeat: *repeat, slot, max_usd })
    }

    fn take(&mut self, result: Result<Finished<'_>>, sender: &mut Sender<'_>) -> Result<()> {
        match result {
            Ok(run) => {
                let run = self.send(run, sender)?;
                print_run(self.shared.plan.args, &self.experiment.name, &run)?;
                self.failed += usize::from(run.outcome != Outcome::Answered || !run.sent);
                self.kept.add(run);
            }
            // The next run would end in the same way.
            Err(error) => self.problem = Some(format!("{error:#}")),
        }
        Ok(())
    }

    /// Sends and records a run, then removes its checkout.
    fn send(&self, run: Finished<'_>, sender: &mut Sender<'_>) -> Result<Run> {
        // A user who stops it waits for no server. Its cost counts.
        let (link, sent) = match run.outcome {
            Outcome::Stopped => (None, false),
            _ => sender.send(&run),
        };
        let Finished { job, session, outcome, reason, measured, _checkout } = run;
        let run = Run {
            item: job.item.id.clone(),
            repeat: job.repeat,
            outcome,
            reason,
            session,
            link,
            sent,
            figures: measured.figures,
        };
        self.store.add_to_experiment(&self.experiment.name, &Line::Run(run.clone()))?;
        Ok(run)
    }
}

fn print_run(args: &RunArgs, experiment: &str, run: &Run) -> Result<()> {
    if args.json {
        let object = serde_json::to_value(run)?;
        print_json("experiment_run", merged(object, json!({"experiment": experiment})))?;
        return Ok(());
    }
    let repeat = if args.repeat > 1 { format!(" #{}", run.repeat) } else { String::new() };
    let mut line = format!("item {}{repeat}: {}", run.item, run.ending());
    if let Some(passed) = run.figures.get(CHECK) {
        line.push_str(if *passed > 0.5 { ", check passed" } else { ", check failed" });
    }
    if let Some(cost) = run.figures.get(COST) {
        line.push_str(&format!(", {}", dollars(*cost)));
    }
    let mut out = stdout();
    writeln!(out, "{line}")?;
    if let Some(link) = &run.link {
        writeln!(out, "{link}")?;
        if !run.sent {
            let session = &run.session;
            writeln!(out, "not all was sent: 'claude-langfuse replay {session}' sends the rest")?;
        }
    }
    Ok(())
}
