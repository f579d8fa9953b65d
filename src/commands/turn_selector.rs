//! The turns that a command selects: of named sessions or of all on disk, and by their outcome.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use transcript::locate;
use transcript::session::TurnOutline;

use crate::commands::delivery_context::{DeliveryContext, SessionTarget};
use crate::commands::exit_status::{ExitStatus, status_error};
use crate::commands::remedy::failure;
use crate::commands::retry_after::RetryingClient;
use crate::commands::score::score_arg::{self, ScoreArg};
use crate::commands::session_args::{self, SessionFilter, SessionSelector};
use crate::commands::session_ref::{self, SessionRef};
use crate::commands::turn_roots::{sent_trace, turn_roots};
use crate::config::{Config, Destination};
use crate::langfuse::ScoreFilter;
use crate::score::{FIGURES, Value, figure_of_nothing, figures, has_failed};

/// Sessions and their turns as arguments.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct SelectionArgs {
    /// Transcripts, folders or session id prefixes, with #N or #A..B
    #[arg(value_name = "PATH|SESSION[#TURN]", value_parser = session_ref::parser(), required_unless_present = "all")]
    pub targets: Vec<SessionRef>,
    /// Every session on disk, also of untraced projects
    #[arg(long, conflicts_with = "targets")]
    pub all: bool,
    #[command(flatten)]
    pub filter: SessionFilter,
    #[command(flatten)]
    pub outcome: OutcomeFilter,
}

/// Options that select turns by what came of them.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct OutcomeFilter {
    /// Only turns with this score (can be repeated)
    #[arg(long, value_name = "NAME=VALUE", value_parser = score_arg::parse)]
    scored: Vec<ScoreArg>,
    /// Only turns whose last test run passed
    #[arg(long)]
    tests_passed: bool,
    /// Only turns that made a commit
    #[arg(long)]
    committed: bool,
    /// Only turns with a failed tool or test, or no whole answer
    ///
    /// A turn failed if one of its tools failed (a denied one did not run), its last test run had failures, the API failed
    /// for good, or the person interrupted it.
    #[arg(long)]
    from_failures: bool,
}

impl OutcomeFilter {
    pub(super) fn is_empty(&self) -> bool {
        let Self { scored, tests_passed, committed, from_failures } = self;
        scored.is_empty() && !tests_passed && !committed && !from_failures
    }
}

/// Selects sessions and turns by [`SelectionArgs`].
pub(super) struct TurnSelector<'a> {
    args: &'a SelectionArgs,
    pub sessions: SessionSelector<'a>,
    claude_config: &'a Path,
    scores: StoredScores,
}

impl<'a> TurnSelector<'a> {
    /// # Errors
    /// When `--project` names no project.
    pub(super) fn new(args: &'a SelectionArgs, claude_config: &'a Path) -> Result<Self> {
        Ok(Self {
            args,
            sessions: SessionSelector::new(&args.filter, claude_config)?,
            claude_config,
            scores: StoredScores::default(),
        })
    }

    /// The selected transcripts. Sorted, so that the output doesn't depend on the file system.
    ///
    /// # Errors
    /// When a target names no session, or an id prefix several.
    pub(super) fn sessions(&self) -> Result<Vec<(PathBuf, SessionRef)>> {
        let mut found: Vec<(PathBuf, SessionRef)> = if self.args.all {
            let mut all: Vec<PathBuf> = locate::sessions(self.claude_config).collect();
            all.sort_unstable();
            all.into_iter().map(|path| (path, SessionRef::default())).collect()
        } else {
            named_sessions(&self.args.targets, self.claude_config)?
        };
        found.retain(|(path, _)| self.sessions.matches_or_missing(path));
        Ok(found)
    }

    /// Keeps the selected ones of a session's own turns, which have the numbers that `show` prints.
    ///
    /// # Errors
    /// When a named turn is missing, or stored scores can't be read.
    pub(super) fn select(
        &mut self,
        context: &DeliveryContext,
        (session, config): (&SessionTarget, &Config),
        reference: &SessionRef,
        mut turns: Vec<(u64, TurnOutline)>,
    ) -> Result<Vec<(u64, TurnOutline)>> {
        let numbers: Vec<u64> = turns.iter().map(|(number, _)| *number).collect();
        session_args::check_turns(reference, &numbers)?;
        turns.retain(|(number, _)| reference.turns.contains(*number));
        let outcome = &self.args.outcome;
        if outcome.is_empty() || turns.is_empty() {
            return Ok(turns);
        }
        let (computed, stored): (Vec<&ScoreArg>, Vec<&ScoreArg>) =
            outcome.scored.iter().partition(|score| FIGURES.contains(&score.name.as_str()));
        let mut kept = BTreeSet::new();
        session.outline_with(|turn| {
            let figures: BTreeMap<&str, Value> = figures(turn).into_iter().collect();
            let is_met = |wanted: &&ScoreArg| {
                let figure = figures.get(wanted.name.as_str()).cloned();
                let figure = figure.or_else(|| figure_of_nothing(&wanted.name));
                figure.is_some_and(|value| is_same(&value, wanted))
            };
            let is_failure = || has_failed(turn) || !outcome.from_failures;
            if computed.iter().all(is_met) && outcome.is_met(&figures) && is_failure() {
                kept.insert(turn.opening.uuid.clone());
            }
        })?;
        turns.retain(|(_, turn)| kept.contains(&turn.uuid));
        if stored.is_empty() || turns.is_empty() {
            return Ok(turns);
        }
        let roots = turn_roots(session, config)?;
        for wanted in stored {
            let judged = self.scores.of(context, config, wanted)?;
            turns.retain(|(number, _)| {
                let root = roots.iter().find(|root| root.turn == *number);
                let trace = root.map(|root| sent_trace(session, config, root));
                judged.sessions.contains(&session.id)
                    || trace.is_some_and(|trace| judged.traces.contains(&trace))
            });
        }
        Ok(turns)
    }
}

impl OutcomeFilter {
    fn is_met(&self, figures: &BTreeMap<&str, Value>) -> bool {
        let figure = |name: &str| match figures.get(name) {
            Some(Value::Numeric(number)) => Some(*number),
            _ => None,
        };
        let tests = figure("tests_run").filter(|run| *run > 0.0);
        let passed = tests.is_some() && figure("tests_passed") == tests;
        (passed || !self.tests_passed) && (figure("commits").is_some() || !self.committed)
    }
}

fn named_sessions(
    targets: &[SessionRef],
    claude_config: &Path,
) -> Result<Vec<(PathBuf, SessionRef)>> {
    let mut named: Vec<(PathBuf, SessionRef)> = Vec::new();
    for reference in targets {
        let mut found =
            session_args::find_all(std::slice::from_ref(&reference.session), claude_config)?;
        found.sort_unstable();
        let found = found.into_iter().map(|path| (path, reference.clone()));
        let new: Vec<(PathBuf, SessionRef)> =
            found.filter(|target| !named.contains(target)).collect();
        named.extend(new);
    }
    Ok(named)
}

/// The subjects of the scores with one name and value.
#[derive(Clone, Debug, Default)]
struct Judged {
    traces: BTreeSet<String>,
    sessions: BTreeSet<String>,
}

/// Scores that destinations have, each list read once: by destination, name and value.
#[derive(Debug, Default)]
struct StoredScores(BTreeMap<(String, String, String), Judged>);

impl StoredScores {
    fn of(
        &mut self,
        context: &DeliveryContext,
        config: &Config,
        wanted: &ScoreArg,
    ) -> Result<&Judged> {
        let unusable = |problem| unreadable(wanted, ExitStatus::Misconfigured, problem);
        let destination = config.destination.as_ref().map_err(unusable)?;
        let key = (destination.id(), wanted.name.clone(), wanted.value.clone());
        if !self.0.contains_key(&key) {
            let judged = read(context, config, destination, wanted)?;
            self.0.insert(key.clone(), judged);
        }
        Ok(self.0.entry(key).or_default())
    }
}

fn read(
    context: &DeliveryContext,
    config: &Config,
    destination: &Destination,
    wanted: &ScoreArg,
) -> Result<Judged> {
    let mut client = RetryingClient::new(context.client(config, destination)?, config);
    let mut judged = Judged::default();
    let are_listed = client.each_score(ScoreFilter::Name(&wanted.name), |score| {
        // The server takes a comma for the end of a name.
        if score.name == wanted.name && is_same(&score.value, wanted) {
            judged.traces.extend(score.trace);
            judged.sessions.extend(score.session);
        }
    });
    let (reason, status) = match are_listed {
        Ok(true) => return Ok(judged),
        Ok(false) => {
            let reason = format!("{} has no endpoint that lists scores", destination.base_url);
            (reason, ExitStatus::Misconfigured)
        }
        Err(reply) => failure(&reply, destination),
    };
    Err(unreadable(wanted, status, reason))
}

fn unreadable(wanted: &ScoreArg, status: ExitStatus, reason: impl Display) -> anyhow::Error {
    status_error(status, format!("could not read scores named {}: {reason}", wanted.name))
}

/// Whether a score has the typed value.
fn is_same(value: &Value, wanted: &ScoreArg) -> bool {
    let typed = wanted.value(None);
    match (value, typed) {
        (Value::Numeric(one), Ok(Value::Numeric(other))) => (one - other).abs() < 1e-9,
        (Value::Text(text) | Value::Categorical(text), _) => *text == wanted.value,
        (value, Ok(typed)) => *value == typed,
        (_, Err(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{is_same, score_arg};
    use crate::score::Value;

    #[test]
    fn a_typed_value_is_compared_by_the_type_of_the_score() {
        let is_same = |value: Value, typed: &str| {
            is_same(&value, &score_arg::parse(&format!("n={typed}")).unwrap())
        };
        assert!(is_same(Value::Numeric(4.0), "4") && is_same(Value::Numeric(0.3), "0.30"));
        assert!(is_same(Value::Boolean(true), "True") && !is_same(Value::Boolean(true), "1"));
        assert!(is_same(Value::Categorical("4".to_owned()), "4"));
        assert!(is_same(Value::Text("true".to_owned()), "true"));
        assert!(!is_same(Value::Numeric(1.0), "true") && !is_same(Value::Numeric(4.0), "good"));
    }
}
