//! The figures in tables, per item and in total.

use std::collections::BTreeMap;

use crate::commands::experiment::measure::CHECK;
use crate::commands::experiment::record::{COST, Kept, Outcome, Run};
use crate::commands::output::{dollars, tokens};

/// A figure, its heading, and its source.
pub(super) struct Figure {
    pub name: &'static str,
    pub heading: &'static str,
    pub better: Option<Better>,
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Better {
    Higher,
    Lower,
}

#[derive(Clone, Copy)]
enum Form {
    Passed,
    Count,
    Tokens,
    Dollars,
    Seconds,
    Share,
}

pub(super) const FIGURES: [Figure; 11] = [
    figure(CHECK, "CHECK", Some(Better::Higher), Form::Passed),
    figure("tests_passed", "TESTS", Some(Better::Higher), Form::Count),
    figure("tools_failed", "FAILED", Some(Better::Lower), Form::Count),
    figure("tools_denied", "DENIED", Some(Better::Lower), Form::Count),
    figure("tools_retried", "RETRIED", Some(Better::Lower), Form::Count),
    figure("model_calls", "CALLS", Some(Better::Lower), Form::Count),
    figure("tokens", "TOKENS", Some(Better::Lower), Form::Tokens),
    figure(COST, "COST", Some(Better::Lower), Form::Dollars),
    figure("seconds", "SECONDS", Some(Better::Lower), Form::Seconds),
    figure("diff_lines", "DIFF", None, Form::Count),
    figure("diff_overlap", "OVERLAP", Some(Better::Higher), Form::Share),
];

const fn figure(
    name: &'static str,
    heading: &'static str,
    better: Option<Better>,
    form: Form,
) -> Figure {
    Figure { name, heading, better, form }
}

impl Figure {
    /// The figure of one run, or a median.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts are never negative, and far below 2^53"
    )]
    pub(super) fn text(&self, value: f64) -> String {
        match self.form {
            Form::Passed if value == 1.0 => "passed".to_owned(),
            Form::Passed if value == 0.0 => "failed".to_owned(),
            Form::Tokens => tokens::short(value as u64),
            Form::Dollars => dollars(value),
            Form::Seconds => format!("{value:.1}"),
            Form::Share | Form::Passed => format!("{value:.2}"),
            Form::Count => format!("{value}"),
        }
    }

    /// The figure of several items: a share of passed checks, else the median.
    pub(super) fn sum(&self, values: &[f64]) -> Option<f64> {
        match self.form {
            Form::Passed => mean(values),
            _ => median(values),
        }
    }

    /// The text of [`Self::sum`].
    pub(super) fn sum_text(&self, value: f64) -> String {
        match self.form {
            Form::Passed => format!("{:.0} %", value * 100.0),
            _ => self.text(value),
        }
    }
}

pub(super) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    match sorted.len() % 2 {
        0 => Some(f64::midpoint(*sorted.get(middle.checked_sub(1)?)?, upper)),
        _ => Some(upper),
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    let count = u32::try_from(values.len()).ok().filter(|count| *count > 0)?;
    Some(values.iter().sum::<f64>() / f64::from(count))
}

/// The answered runs of an experiment.
pub(super) fn answered(kept: &Kept) -> impl Iterator<Item = &Run> {
    kept.runs.values().filter(|run| run.outcome == Outcome::Answered)
}

/// A figure of each item that has it: of several runs their sum as in [`Figure::sum`].
pub(super) fn by_item(kept: &Kept, figure: &Figure) -> BTreeMap<String, f64> {
    let mut values: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for run in answered(kept) {
        let value = run.figures.get(figure.name).copied();
        values.entry(&run.item).or_default().extend(value);
    }
    let of_item = |(item, values): (&str, Vec<f64>)| Some((item.to_owned(), figure.sum(&values)?));
    values.into_iter().filter_map(of_item).collect()
}

/// The set-up of the experiment in one line.
pub(super) fn setup_line(kept: &Kept) -> String {
    let Some(setup) = &kept.setup else {
        return String::new();
    };
    let mut parts = vec![
        format!("dataset {}", setup.dataset),
        format!("Claude Code {}", setup.claude_code),
        format!("model {}", setup.model.as_deref().unwrap_or("of each item")),
    ];
    parts.push(match &setup.instructions {
        Some((revision, commit)) => {
            format!("instructions {revision} ({})", commit.get(..10).unwrap_or(commit))
        }
        None => "instructions of each item".to_owned(),
    });
    parts.extend(setup.check.as_ref().map(|check| format!("check '{check}'")));
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::{FIGURES, median};

    #[test]
    fn a_median_is_the_middle_or_between_the_two_in_it() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn checks_are_summed_as_a_share() {
        let check = &FIGURES[0];
        assert_eq!(
            check.sum(&[1.0, 0.0, 1.0, 1.0]).map(|sum| check.sum_text(sum)).unwrap(),
            "75 %"
        );
        assert_eq!((check.text(1.0), check.text(0.0)), ("passed".to_owned(), "failed".to_owned()));
    }
}
