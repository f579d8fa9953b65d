//! Values that hold for runs of turns, from one opening row to another. A session has few runs, however many turns.

use serde::{Deserialize, Serialize};

/// The oldest run is dropped beyond this number.
const MAX_RUNS: usize = 1000;

/// Neighbouring turns of a file with the same value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Run<T> {
    /// The uuid of the first turn's opening row.
    from: String,
    /// The uuid of the last known turn's opening row.
    to: String,
    value: T,
}

/// The values noted for turns, as runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Runs<T>(Vec<Run<T>>);

impl<T> Default for Runs<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// The position of a walk through a file's turns, in order.
#[derive(Clone, Debug, Default)]
pub struct Within(Option<usize>);

impl<T: PartialEq> Runs<T> {
    /// No turn has a value.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of the next turn of a walk.
    pub fn find(&self, turn: &str, within: &mut Within) -> Option<&T> {
        let ends_here = |run: &Run<T>| run.from == turn || run.to == turn;
        if let Some(run) = self.0.iter().rposition(ends_here) {
            within.0 = Some(run);
        }
        let run = self.0.get(within.0?)?;
        if run.to == turn {
            within.0 = None;
        }
        Some(&run.value)
    }

    /// The value of the first run noted.
    pub fn first(&self) -> Option<&T> {
        Some(&self.0.first()?.value)
    }

    /// The value of the last run noted.
    pub fn last(&self) -> Option<&T> {
        Some(&self.0.last()?.value)
    }

    /// All values, one per run.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|run| &run.value)
    }

    /// Notes the value of a turn without one. `after`: the turn directly before it in the file.
    pub fn add(&mut self, turn: &str, after: Option<&str>, value: T) {
        let is_before = |run: &&mut Run<T>| Some(run.to.as_str()) == after && run.value == value;
        match self.0.iter_mut().rfind(is_before) {
            Some(run) => turn.clone_into(&mut run.to),
            None => self.0.push(Run { from: turn.to_owned(), to: turn.to_owned(), value }),
        }
        let excess = self.0.len().saturating_sub(MAX_RUNS);
        self.0.drain(..excess);
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_RUNS, Runs, Within};

    fn values(runs: &Runs<u8>, turns: &str) -> Vec<Option<u8>> {
        let mut within = Within::default();
        let turns = turns.split(' ');
        turns.map(|turn| runs.find(turn, &mut within).copied()).collect()
    }

    #[test]
    fn a_run_grows_as_long_as_its_value_stays() {
        let mut runs = Runs::default();
        runs.add("a", None, 1);
        runs.add("b", Some("a"), 1);
        runs.add("c", Some("b"), 1);
        runs.add("d", Some("c"), 2);
        runs.add("e", Some("d"), 1);
        assert_eq!(runs.0.len(), 3);
        let found = values(&runs, "x a b c d e f");
        assert_eq!(found, [None, Some(1), Some(1), Some(1), Some(2), Some(1), None]);
        assert_eq!((runs.first(), runs.last()), (Some(&1), Some(&1)));
    }

    #[test]
    fn a_gap_between_runs_has_no_value_until_it_is_noted() {
        let mut runs = Runs::default();
        runs.add("a", None, 1);
        runs.add("d", None, 1);
        assert_eq!(values(&runs, "a b c d"), [Some(1), None, None, Some(1)]);
        runs.add("b", Some("a"), 2);
        runs.add("c", Some("b"), 2);
        assert_eq!(values(&runs, "a b c d"), [Some(1), Some(2), Some(2), Some(1)]);
    }

    #[test]
    fn a_walk_that_begins_with_the_last_turn_of_a_run_knows_it() {
        let mut runs = Runs::default();
        for (turn, after) in [("a", None), ("b", Some("a")), ("c", Some("b"))] {
            runs.add(turn, after, 1);
        }
        assert_eq!(values(&runs, "c d"), [Some(1), None]);
    }

    #[test]
    fn keeps_at_most_a_thousand_runs() {
        let mut runs = Runs::default();
        for turn in 0..2 * MAX_RUNS {
            runs.add(&turn.to_string(), None, turn);
        }
        assert_eq!(runs.0.len(), MAX_RUNS);
        assert_eq!(runs.first(), Some(&MAX_RUNS));
    }
}
