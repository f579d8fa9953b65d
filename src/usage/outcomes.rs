//! Finds the commit and the pull request to which a turn led.

use base::Timestamp;
use transcript::session::Activity;

use super::facts::TurnFacts;
use super::read::turn_at;

/// Commits and pull requests of a session, with their turns.
#[derive(Debug, Default)]
pub(super) struct Outcomes {
    openings: Vec<(usize, Timestamp)>,
    commits: Vec<Outcome>,
    pull_requests: Vec<Outcome>,
    /// Pull requests that rows name without a command.
    links: Vec<(Timestamp, String)>,
}

#[derive(Debug)]
struct Outcome {
    turn: usize,
    at: Timestamp,
    name: String,
}

impl Outcomes {
    pub(super) fn begin_turn(&mut self, turn: usize, opened_at: Timestamp) {
        self.openings.push((turn, opened_at));
    }

    /// Adds the outcomes of a turn's commands, or of an agent that it launched.
    pub(super) fn add_activity(&mut self, turn: usize, activity: &Activity) {
        for tool in &activity.tools {
            let Some(git) = tool.result.as_ref().and_then(|result| result.git.as_deref()) else {
                continue;
            };
            let at = tool.answered_at.unwrap_or(tool.called_at);
            let outcome = |name: &str| Outcome { turn, at, name: name.to_owned() };
            self.commits.extend(git.commit.as_ref().map(|commit| outcome(&commit.sha)));
            self.pull_requests.extend(git.pull_request().map(outcome));
        }
    }

    /// Adds a pull request that a row names. Later rows repeat it.
    pub(super) fn add_link(&mut self, at: Timestamp, url: &str) {
        if !self.links.iter().any(|(_, known)| known == url) {
            self.links.push((at, url.to_owned()));
        }
    }

    /// The turn that ran at a time.
    pub(super) fn turn_at(&self, at: Timestamp) -> Option<usize> {
        turn_at(&self.openings, at)
    }

    /// Sets the commit and the pull request of each turn.
    pub(super) fn attribute(&mut self, turns: &mut [TurnFacts]) {
        for (at, url) in std::mem::take(&mut self.links) {
            let is_known = self.pull_requests.iter().any(|known| known.name == url);
            if !is_known && let Some(turn) = self.turn_at(at) {
                self.pull_requests.push(Outcome { turn, at, name: url });
            }
        }
        let (commits, pull_requests) = (&mut self.commits, &mut self.pull_requests);
        commits.sort_by_key(|outcome| (outcome.turn, outcome.at));
        pull_requests.sort_by_key(|outcome| (outcome.turn, outcome.at));
        for (index, turn) in turns.iter_mut().enumerate() {
            turn.commit = led_to(commits, index);
            turn.pull_request = led_to(pull_requests, index);
        }
    }
}

/// The last outcome of the turn itself, otherwise the first one after it.
fn led_to(outcomes: &[Outcome], turn: usize) -> Option<String> {
    let own = outcomes.iter().rfind(|outcome| outcome.turn == turn);
    let later = || outcomes.iter().find(|outcome| outcome.turn > turn);
    own.or_else(later).map(|outcome| outcome.name.clone())
}

#[cfg(test)]
mod tests {
    use base::Timestamp;

    use super::{Outcome, led_to};

    #[test]
    fn a_turn_leads_to_its_own_last_commit_else_to_the_next_one() {
        let outcome = |turn, second, name: &str| Outcome {
            turn,
            at: Timestamp::from_millis(second),
            name: name.to_owned(),
        };
        let commits = [outcome(1, 1, "a"), outcome(1, 2, "b"), outcome(3, 3, "c")];
        let found: Vec<Option<String>> = (0..5).map(|turn| led_to(&commits, turn)).collect();
        let expected = [Some("a"), Some("b"), Some("c"), Some("c"), None];
        assert_eq!(found, expected.map(|name| name.map(str::to_owned)));
    }
}
