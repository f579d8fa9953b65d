//! `experiment compare`: two experiments item by item, and whether the difference may be chance.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::{Map, Value, json};

use crate::commands::delivery_context::DeliveryContext;
use crate::commands::exit_status::ExitStatus;
use crate::commands::experiment::record::Kept;
use crate::commands::experiment::show::{open, short};
use crate::commands::experiment::table::{Better, FIGURES, Figure, answered, by_item, setup_line};
use crate::commands::global_args::GlobalArgs;
use crate::commands::output::{Grid, Terminal, plural, print_json, print_note, stdout};

/// A smaller probability counts as a difference.
const CHANCE_LIMIT: f64 = 0.05;
/// With fewer differing items, even if all differ in one direction, the probability is not below the limit.
const MIN_DIFFERENT: u32 = 6;

const EXAMPLES: &str = "Examples:
  claude-langfuse experiment compare before after
  claude-langfuse experiment compare before after --json";

/// Compare two experiments
///
/// Of the items that both have answered: share of passed checks and medians, on how many items the second is better or
/// worse, and how likely such a result is if there were no difference (sign test).
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CompareArgs {
    /// Name of the first experiment
    #[arg(value_name = "A")]
    first: String,
    /// Name of the second experiment
    #[arg(value_name = "B")]
    second: String,
    /// Repository of the items [default: .]
    #[arg(long, value_name = "DIR")]
    project: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
///
/// # Errors
/// When there is no such experiment, or nothing can be printed.
pub(super) fn run(args: &CompareArgs, global: &GlobalArgs) -> Result<ExitStatus> {
    let context = DeliveryContext::new(global.config.clone())?;
    let first = open(&context, args.project.as_ref(), &args.first)?;
    let second = open(&context, args.project.as_ref(), &args.second)?;
    let compared: Vec<(&Figure, Comparison)> = FIGURES
        .iter()
        .filter_map(|figure| Some((figure, Comparison::of(figure, &first, &second)?)))
        .collect();
    if args.json {
        let figures: Map<String, Value> = compared
            .iter()
            .map(|(figure, comparison)| (figure.name.to_owned(), comparison.json()))
            .collect();
        let object = json!({
            "first": {"experiment": args.first, "setup": first.setup, "answered": answered(&first).count()},
            "second": {"experiment": args.second, "setup": second.setup, "answered": answered(&second).count()},
            "figures": figures,
        });
        print_json("comparison", object)?;
        return Ok(ExitStatus::Done);
    }
    let terminal = Terminal::of_stdout(&context.env);
    let mut out = stdout();
    for (name, kept) in [(&args.first, &first), (&args.second, &second)] {
        let answered = answered(kept).count();
        writeln!(
            out,
            "{name}: {answered} of {} answered; {}",
            plural(kept.runs.len(), "run"),
            setup_line(kept)
        )?;
    }
    writeln!(out)?;
    let headings = [&args.first, &args.second].map(|name| name.as_str());
    let numbers = [&headings[..], &["ITEMS", "BETTER", "WORSE", "SAME", "CHANCE"]].concat();
    let mut grid = Grid::new(vec!["FIGURE".to_owned()], &numbers);
    for (figure, comparison) in &compared {
        grid.push(vec![figure.name.replace('_', " ")], comparison.cells(figure));
    }
    grid.print(&mut out, terminal)?;
    if let Some((_, check)) =
        compared.first().filter(|(figure, _)| figure.better == Some(Better::Higher))
    {
        for (item, verdict) in &check.changed {
            writeln!(out, "item {}: {verdict}", short(item))?;
        }
    }
    drop(out);
    print_verdict(&compared);
    Ok(ExitStatus::Done)
}

/// One figure of the items that both have.
struct Comparison {
    first: f64,
    second: f64,
    items: usize,
    better: u32,
    worse: u32,
    /// Items of which the second is better or worse.
    changed: Vec<(String, &'static str)>,
    has_direction: bool,
}

impl Comparison {
    fn of(figure: &Figure, first: &Kept, second: &Kept) -> Option<Self> {
        let (first, second) = (by_item(first, figure), by_item(second, figure));
        let pairs: Vec<(&String, f64, f64)> = first
            .iter()
            .filter_map(|(item, value)| Some((item, *value, *second.get(item)?)))
            .collect();
        let values =
            |of: fn(&(&String, f64, f64)) -> f64| pairs.iter().map(of).collect::<Vec<f64>>();
        let mut comparison = Self {
            first: figure.sum(&values(|pair| pair.1))?,
            second: figure.sum(&values(|pair| pair.2))?,
            items: pairs.len(),
            better: 0,
            worse: 0,
            changed: Vec::new(),
            has_direction: figure.better.is_some(),
        };
        for (item, one, other) in pairs {
            let is_better = match figure.better {
                Some(_) if one == other => continue,
                Some(Better::Higher) => other > one,
                Some(Better::Lower) => other < one,
                None => continue,
            };
            comparison.better += u32::from(is_better);
            comparison.worse += u32::from(!is_better);
            comparison.changed.push((item.clone(), if is_better { "better" } else { "worse" }));
        }
        Some(comparison)
    }

    fn different(&self) -> u32 {
        self.better + self.worse
    }

    /// The probability that at least this many items differ in one direction, if both directions are equally likely.
    fn chance(&self) -> Option<f64> {
        let different = self.different();
        (different > 0).then(|| {
            let fewer = self.better.min(self.worse);
            (2.0 * tail(different, fewer)).min(1.0)
        })
    }

    fn cells(&self, figure: &Figure) -> Vec<String> {
        let same = self.items.saturating_sub(usize::try_from(self.different()).unwrap_or_default());
        let mut cells =
            vec![figure.sum_text(self.first), figure.sum_text(self.second), self.items.to_string()];
        if self.has_direction {
            cells.extend([self.better.to_string(), self.worse.to_string(), same.to_string()])
        } else {
            cells.extend([const { String::new() }; 3])
        }
        cells.push(self.chance().map_or_else(String::new, |chance| format!("{chance:.3}")));
        cells
    }

    fn json(&self) -> Value {
        json!({
            "first": self.first, "second": self.second, "items": self.items,
            "better": self.has_direction.then_some(self.better), "worse": self.has_direction.then_some(self.worse),
            "chance": self.chance(),
            "items_changed": self.changed.iter().map(|(item, verdict)| json!({"item": item, "second_is": verdict})).collect::<Vec<_>>(),
        })
    }
}

/// The probability of at most `count` heads among `all` coins.
fn tail(all: u32, count: u32) -> f64 {
    let mut ways = 1.0;
    let mut sum = 0.0;
    for heads in 0..=count {
        sum += ways;
        ways *= f64::from(all - heads) / f64::from(heads + 1);
    }
    sum / 2f64.powi(i32::try_from(all).unwrap_or(i32::MAX))
}

/// Names the differences beyond chance, and numbers too small for a verdict.
fn print_verdict(compared: &[(&Figure, Comparison)]) {
    let clear: Vec<String> = compared
        .iter()
        .filter(|(_, comparison)| comparison.chance().is_some_and(|chance| chance < CHANCE_LIMIT))
        .map(|(figure, comparison)| {
            let is = if comparison.better > comparison.worse { "better" } else { "worse" };
            format!("{} {is}", figure.name.replace('_', " "))
        })
        .collect();
    if !clear.is_empty() {
        print_note(&format!("more than chance: {}", clear.join(", ")));
    }
    let largest = compared.iter().map(|(_, comparison)| comparison.different()).max();
    if clear.is_empty() && largest.unwrap_or_default() < MIN_DIFFERENT {
        print_note(&format!(
            "too few items to tell: less than {MIN_DIFFERENT} differ in any figure; add items, or --repeat"
        ));
    } else if clear.is_empty() {
        print_note("every difference may be chance");
    }
}

#[cfg(test)]
mod tests {
    use super::{CHANCE_LIMIT, MIN_DIFFERENT, tail};

    #[test]
    fn the_sign_test_is_exact() {
        assert_eq!(2.0 * tail(8, 0), 2.0 / 256.0);
        assert_eq!(2.0 * tail(10, 2), 2.0 * (1.0 + 10.0 + 45.0) / 1024.0);
        assert!(2.0 * tail(MIN_DIFFERENT, 0) < CHANCE_LIMIT);
        assert!(2.0 * tail(MIN_DIFFERENT - 1, 0) >= CHANCE_LIMIT);
    }
}
