//! `experiment show`: the runs of an experiment, and their medians.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use serde_json::{Map, Value, json};

use crate::commands::delivery_context::DeliveryContext;
use crate::commands::exit_status::ExitStatus;
use crate::commands::experiment::record::{Kept, Run};
use crate::commands::experiment::table::{FIGURES, Figure, answered, by_item, setup_line};
use crate::commands::global_args::GlobalArgs;
use crate::commands::output::{Grid, Terminal, dollars, merged, plural, print_json, stdout};
use crate::commands::start_directory::start_directory;
use crate::config::Scope;
use crate::state::Store;

const EXAMPLES: &str = "Examples:
  claude-langfuse experiment show new-rules
  claude-langfuse experiment show new-rules --json | jq 'select(.outcome != \"answered\")'";

/// Show the runs of an experiment
///
/// One line per run, then the share of passed checks and the medians, each with the number of items that have the figure.
/// Knows the experiments that were run on this machine.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ShowArgs {
    /// Name of the experiment
    #[arg(value_name = "NAME")]
    name: String,
    /// Repository of the items [default: .]
    #[arg(long, value_name = "DIR")]
    project: Option<PathBuf>,
    /// Print one JSON object per run
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
///
/// # Errors
/// When there is no such experiment, or nothing can be printed.
pub(super) fn run(args: &ShowArgs, global: &GlobalArgs) -> Result<ExitStatus> {
    let context = DeliveryContext::new(global.config.clone())?;
    let kept = open(&context, args.project.as_ref(), &args.name)?;
    if args.json {
        for run in kept.runs.values() {
            let object = json!({"experiment": args.name, "setup": kept.setup});
            print_json("experiment_run", merged(object, serde_json::to_value(run)?))?;
        }
        print_json("summary", json!({"experiment": args.name, "figures": sums(&kept)}))?;
        return Ok(ExitStatus::Done);
    }
    let terminal = Terminal::of_stdout(&context.env);
    let count = answered(&kept).count();
    let mut out = stdout();
    writeln!(
        out,
        "experiment {}: {count} of {} answered, {}",
        args.name,
        plural(kept.runs.len(), "run"),
        dollars(kept.cost)
    )?;
    writeln!(out, "{}\n", setup_line(&kept))?;
    let shown: Vec<&Figure> =
        FIGURES.iter().filter(|figure| !by_item(&kept, figure).is_empty()).collect();
    let headings: Vec<&str> = shown.iter().map(|figure| figure.heading).collect();
    let mut grid = Grid::new(vec!["ITEM".to_owned(), "RUN".to_owned()], &headings);
    for run in kept.runs.values() {
        grid.push(vec![short(&run.item), label(run)], cells(run, &shown));
    }
    let sum = |figure: &&Figure| {
        let values: Vec<f64> = by_item(&kept, figure).into_values().collect();
        (
            figure.sum(&values).map_or_else(String::new, |sum| figure.sum_text(sum)),
            values.len().to_string(),
        )
    };
    let (sums, counts) = shown.iter().map(sum).unzip();
    grid.push(vec!["median".to_owned(), String::new()], sums);
    grid.push(vec!["items".to_owned(), String::new()], counts);
    grid.print(&mut out, terminal)?;
    writeln!(out)?;
    for run in kept.runs.values() {
        if let Some(link) = &run.link {
            writeln!(out, "{}  {link}", short(&run.item))?;
        }
    }
    Ok(ExitStatus::Done)
}

/// Reads an experiment of the repository.
///
/// # Errors
/// When there is none of this name.
pub(super) fn open(
    context: &DeliveryContext,
    project: Option<&PathBuf>,
    name: &str,
) -> Result<Kept> {
    let project = start_directory(project.map(PathBuf::as_path))?;
    let config = context.config(Some(&project), Scope::Explicit);
    let kept = Kept::read(&Store::new(&config.state_dir), name)?;
    if kept.runs.is_empty() {
        bail!("could not find experiment {name}: no run of it is kept on this machine");
    }
    Ok(kept)
}

/// The part of an item's id that `--items` needs.
pub(super) fn short(item: &str) -> String {
    item.chars().take(12).collect()
}

fn label(run: &Run) -> String {
    let repeat = if run.repeat > 1 { format!("#{} ", run.repeat) } else { String::new() };
    format!("{repeat}{}", run.ending())
}

fn cells(run: &Run, shown: &[&Figure]) -> Vec<String> {
    let cell = |figure: &&Figure| {
        run.figures.get(figure.name).map_or_else(String::new, |value| figure.text(*value))
    };
    shown.iter().map(cell).collect()
}

fn sums(kept: &Kept) -> Map<String, Value> {
    let sum = |figure: &Figure| {
        let values: Vec<f64> = by_item(kept, figure).into_values().collect();
        Some((
            figure.name.to_owned(),
            json!({"value": figure.sum(&values)?, "items": values.len()}),
        ))
    };
    FIGURES.iter().filter_map(sum).collect()
}
