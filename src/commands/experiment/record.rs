//! The record of an experiment on this machine: its set-up, and the figures of each run. No conversation text.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::state::Store;

/// The set-up of an experiment, shared by all of its runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Setup {
    pub dataset: String,
    /// Replaces that of the items.
    pub model: Option<String>,
    pub permission_mode: Option<String>,
    /// The revision of the instructions, and its commit.
    pub instructions: Option<(String, String)>,
    pub claude_code: String,
    pub check: Option<String>,
}

/// One run of an item.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Run {
    pub item: String,
    /// 1-based.
    pub repeat: usize,
    pub outcome: Outcome,
    /// Why there is no answer, in Claude Code's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub session: String,
    /// The link to the trace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Langfuse has all of it.
    pub sent: bool,
    pub figures: BTreeMap<String, f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    Answered,
    /// Claude Code ended with an error.
    Failed,
    TimedOut,
    /// By the user.
    Stopped,
}

impl Run {
    /// How it ended, for people.
    pub(super) fn ending(&self) -> String {
        let outcome = match self.outcome {
            Outcome::Answered => "answered",
            Outcome::Failed => "failed",
            Outcome::TimedOut => "timed out",
            Outcome::Stopped => "stopped",
        };
        let reason = self.reason.as_ref().map(|reason| format!(" ({reason})"));
        format!("{outcome}{}", reason.unwrap_or_default())
    }
}

/// A line of its file.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Line {
    Setup(Setup),
    Run(Run),
}

/// A recorded experiment.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    pub setup: Option<Setup>,
    /// The last run of each item and repeat.
    pub runs: BTreeMap<(String, usize), Run>,
    /// US dollars of all runs, including repeated ones.
    pub cost: f64,
}

/// The figure of a run's cost.
pub(super) const COST: &str = "cost_usd";

impl Kept {
    pub(super) fn read(store: &Store, name: &str) -> Result<Self> {
        let mut kept = Self::default();
        for line in store.experiment(name)? {
            match serde_json::from_value::<Line>(line) {
                Ok(Line::Setup(setup)) => kept.setup = Some(setup),
                Ok(Line::Run(run)) => kept.add(run),
                Err(error) => log::debug!("skipped a line of experiment {name}: {error}"),
            }
        }
        Ok(kept)
    }

    pub(super) fn add(&mut self, run: Run) {
        self.cost += run.figures.get(COST).copied().unwrap_or_default();
        self.runs.insert((run.item.clone(), run.repeat), run);
    }

    pub(super) fn is_answered(&self, item: &str, repeat: usize) -> bool {
        let run = self.runs.get(&(item.to_owned(), repeat));
        run.is_some_and(|run| run.outcome == Outcome::Answered)
    }
}

/// The first option in which two set-ups differ, with both values.
pub(super) fn first_difference(kept: &Setup, wanted: &Setup) -> Option<(String, String, String)> {
    let fields = |setup: &Setup| serde_json::to_value(setup).unwrap_or_default();
    let (kept, wanted) = (fields(kept), fields(wanted));
    let shown = |value: Option<&Value>| match value {
        None | Some(Value::Null) => "none".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            parts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" at ")
        }
        Some(other) => other.to_string(),
    };
    let names = kept.as_object()?.keys();
    let mut different = names.filter(|name| kept.get(*name) != wanted.get(*name));
    let name = different.next()?;
    Some((name.replace('_', " "), shown(kept.get(name)), shown(wanted.get(name))))
}
