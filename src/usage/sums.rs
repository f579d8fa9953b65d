//! Sums of facts, by the values of dimensions.

use std::collections::{BTreeMap, BTreeSet};

use transcript::Usage;

use super::dimension::{Dimension, Owner};
use super::facts::{CallFacts, SessionFacts, ToolFacts, ToolOutcome};
use super::local_time::LocalTime;
use crate::langfuse::{PricedCall, Prices};
use crate::trace::usage_details;

/// Sums by the values of one or two dimensions.
#[derive(Debug)]
pub struct Groups<S> {
    pub by: Vec<Dimension>,
    time: LocalTime,
    pub sums: BTreeMap<Vec<String>, S>,
}

/// The tokens and cost of model calls.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallSums {
    pub turns: u64,
    pub calls: u64,
    pub usage: Usage,
    /// US dollars of the calls with a price.
    pub cost: f64,
    /// The number of calls without a price.
    pub unpriced: u64,
    pub unpriced_usage: Usage,
}

/// The outcomes of tool calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolSums {
    pub turns: u64,
    pub calls: u64,
    pub failed: u64,
    pub denied: u64,
    pub stopped: u64,
    pub unanswered: u64,
    pub retries: u64,
    pub rereads: u64,
    pub output_chars: u64,
    /// Durations of the calls with a result.
    milliseconds: Vec<u32>,
}

impl<S: Default> Groups<S> {
    pub fn new(by: Vec<Dimension>) -> Self {
        Self { by, time: LocalTime::default(), sums: BTreeMap::new() }
    }
}

impl Groups<CallSums> {
    /// Adds the model calls of a session.
    pub fn add_calls<'a>(
        &mut self,
        session: &str,
        project: &str,
        facts: &SessionFacts,
        calls: impl Iterator<Item = &'a CallFacts>,
        prices: Option<&Prices>,
    ) {
        let owner = Owner { session, project, facts };
        let mut turns = BTreeSet::new();
        for call in calls {
            let values = self.by.iter().map(|by| by.of_call(call, owner, &self.time));
            let key: Vec<String> = values.collect();
            let sums = self.sums.entry(key.clone()).or_default();
            sums.add(call, prices.and_then(|prices| cost(call, prices)));
            if turns.insert((key, call.turn)) {
                sums.turns += 1;
            }
        }
    }
}

impl Groups<ToolSums> {
    /// Adds the tool calls of a session.
    pub fn add_tools<'a>(
        &mut self,
        session: &str,
        project: &str,
        facts: &SessionFacts,
        tools: impl Iterator<Item = &'a ToolFacts>,
    ) {
        let owner = Owner { session, project, facts };
        let mut turns = BTreeSet::new();
        for tool in tools {
            let values = self.by.iter().map(|by| by.of_tool(tool, owner, &self.time));
            let key: Vec<String> = values.collect();
            let sums = self.sums.entry(key.clone()).or_default();
            sums.add(tool);
            if turns.insert((key, tool.turn)) {
                sums.turns += 1;
            }
        }
    }
}

fn cost(call: &CallFacts, prices: &Prices) -> Option<f64> {
    let known =
        [("effort", &call.effort), ("service_tier", &call.service_tier), ("speed", &call.speed)];
    let parameters: Vec<(&'static str, &str)> =
        known.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect();
    prices.cost(PricedCall {
        model: &call.model,
        at: call.started_at,
        usage: &usage_details(&call.usage),
        parameters: &parameters,
    })
}

impl CallSums {
    fn add(&mut self, call: &CallFacts, cost: Option<f64>) {
        self.calls += 1;
        self.usage = self.usage.plus(call.usage);
        match cost {
            Some(cost) => self.cost += cost,
            None => {
                self.unpriced += 1;
                self.unpriced_usage = self.unpriced_usage.plus(call.usage);
            }
        }
    }

    /// The cost without the rounding errors of binary fractions.
    pub fn rounded_cost(&self) -> f64 {
        (self.cost * 1e9).round() / 1e9
    }
}

impl ToolSums {
    fn add(&mut self, tool: &ToolFacts) {
        self.calls += 1;
        match tool.outcome {
            ToolOutcome::Done => {}
            ToolOutcome::Failed => self.failed += 1,
            ToolOutcome::Denied => self.denied += 1,
            ToolOutcome::Stopped => self.stopped += 1,
            ToolOutcome::Unanswered => self.unanswered += 1,
        }
        self.retries += u64::from(tool.is_retry);
        self.rereads += u64::from(tool.is_reread);
        self.output_chars += tool.output_chars;
        let milliseconds = tool.milliseconds.map(|it| u32::try_from(it).unwrap_or(u32::MAX));
        self.milliseconds.extend(milliseconds);
    }

    /// The duration in milliseconds that this percentage of the calls did not exceed; `None` if no call has a result.
    pub fn percentile(&self, percent: usize) -> Option<u64> {
        let mut sorted = self.milliseconds.clone();
        sorted.sort_unstable();
        // The nearest rank: a value that a call really had.
        let rank = (sorted.len() * percent).div_ceil(100).max(1);
        sorted.get(rank - 1).map(|value| u64::from(*value))
    }
}

#[cfg(test)]
mod tests {
    use super::ToolSums;

    #[test]
    fn a_percentile_is_the_time_of_a_call() {
        let sums = |milliseconds: Vec<u32>| ToolSums { milliseconds, ..ToolSums::default() };
        assert_eq!(sums(vec![]).percentile(50), None);
        assert_eq!(sums(vec![7]).percentile(95), Some(7));
        let hundred = sums((1..=100).rev().collect());
        assert_eq!((hundred.percentile(50), hundred.percentile(95)), (Some(50), Some(95)));
        assert_eq!(sums(vec![3, 1, 2]).percentile(50), Some(2));
    }
}
