//! The cost that Claude Code itself counted for a session.

use std::path::Path;

use transcript::reported_costs;

use super::facts::{ClaudeCodeCount, SessionFacts};

/// The states of Claude Code's own count in a transcript. Empty if it can't be read.
pub(super) fn counts(transcript: &Path) -> Vec<ClaudeCodeCount> {
    let costs = reported_costs(transcript).unwrap_or_default().into_iter();
    let count = |cost: transcript::ReportedCost| ClaudeCodeCount {
        output_tokens: cost.usage.output,
        cost: cost.dollars,
    };
    costs.map(count).collect()
}

/// US dollars by Claude Code's own count. A fork may continue the count of its parent, which is subtracted: the
/// parent's last state that explains the tokens the fork did not use.
pub fn reported_cost(facts: &SessionFacts, parent: Option<&Path>) -> Option<f64> {
    let last = facts.counts.last()?;
    let own: u64 = facts.calls.iter().map(|call| call.usage.output).sum();
    let inherited = last.output_tokens.saturating_sub(own);
    let is_part = |state: &ClaudeCodeCount| {
        (1..=inherited).contains(&state.output_tokens) && state.cost <= last.cost
    };
    let states = parent.map(counts).unwrap_or_default().into_iter().filter(is_part);
    let of_parent = states.max_by_key(|state| state.output_tokens);
    Some(last.cost - of_parent.map_or(0.0, |state| state.cost))
}
