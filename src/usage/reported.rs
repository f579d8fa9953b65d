//! The cost that Claude Code itself reckoned for a session.

use std::path::Path;

use transcript::{ReportedCost, reported_costs};

/// US dollars by Claude Code's own count. A fork may go on with the count of its parent, which is taken off again: its last
/// state there that explains the tokens the fork did not use. `output`: the fork's own output tokens.
pub fn reported_cost(transcript: &Path, parent: Option<&Path>, output: u64) -> Option<f64> {
    let last = reported_costs(transcript).ok()?.pop()?;
    let inherited = last.usage.output.saturating_sub(output);
    let states = parent.and_then(|parent| reported_costs(parent).ok()).unwrap_or_default();
    let is_part = |state: &&ReportedCost| {
        state.usage.output <= inherited && state.usage.output > 0 && state.dollars <= last.dollars
    };
    let of_parent = states.iter().filter(is_part).max_by_key(|state| state.usage.output);
    Some(last.dollars - of_parent.map_or(0.0, |state| state.dollars))
}
