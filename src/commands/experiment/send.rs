//! Sends a run: its session as an item of the experiment, and its figures as scores of the turn's root, which
//! Langfuse shows beside an item.

use std::path::Path;

use anyhow::Result;
use base::Timestamp;

use crate::commands::delivery_context::{DeliveryContext, SessionTarget};
use crate::commands::experiment::execute::Finished;
use crate::commands::experiment::item::Item;
use crate::commands::experiment::measure::{CHECK, RunTurn};
use crate::commands::remedy::failure;
use crate::commands::retry_after::with_retry_after;
use crate::config::{Config, Destination, Experiment};
use crate::delivery::{Agreed, Extent};
use crate::langfuse::{Client, Deadline, MAX_SCORES_PER_REQUEST, send_scores};
use crate::score::{Comment, Judge, Score, Subject, Value};

/// Sends runs with the configuration of the repository, not with that of the temporary checkout.
pub(super) struct Sender<'a> {
    pub context: &'a mut DeliveryContext,
    pub config: &'a Config,
    pub destination: &'a Destination,
    pub client: Client,
    /// The repository.
    pub project: &'a Path,
}

impl Sender<'_> {
    /// Sends a run. Returns the link to its trace, and whether Langfuse has all of it.
    pub(super) fn send(&mut self, run: &Finished<'_>) -> (Option<String>, bool) {
        let (Some(transcript), Some(turn)) = (&run.measured.transcript, &run.measured.turn) else {
            return (None, false);
        };
        let sent = self.deliver(&run.session, transcript, &run.job.experiment.name, run.job.item);
        let is_sent = sent.unwrap_or_else(|error| {
            log::warn!("{error:#}");
            false
        });
        let are_scored = self.score(run, turn);
        (Some(self.destination.trace_link(turn.trace.as_str())), is_sent && are_scored)
    }

    fn deliver(
        &mut self,
        session: &str,
        transcript: &Path,
        experiment: &str,
        item: &Item,
    ) -> Result<bool> {
        let config = Config {
            experiment: Some(Experiment {
                description: None,
                id: experiment.to_owned(),
                name: experiment.to_owned(),
                dataset_id: item.dataset_id.clone(),
                item_id: item.id.clone(),
                item_version: None,
                expected_output: item.expected_output.clone(),
            }),
            trace_seed: None,
            parent: None,
            // All figures are scores of the root.
            scores: false,
            ..self.config.clone()
        };
        let target = SessionTarget {
            sends_forgotten: false,
            id: session.to_owned(),
            is_named: true,
            transcript: transcript.to_owned(),
            extent: Extent::Backfill,
            host: None,
            start: Some(self.project.to_owned()),
            agreed: Agreed::Kept,
        };
        let report = self.context.deliver(&target, &config, self.destination)?;
        if let Some(stopped) = &report.stopped {
            log::warn!("session {session} waits for 'claude-langfuse flush': {}", stopped.reason);
        }
        Ok(report.stopped.is_none() && report.refused.is_empty() && report.postponed == 0)
    }

    fn score(&mut self, run: &Finished<'_>, turn: &RunTurn) -> bool {
        let subject = Subject::Observation(turn.trace.clone(), turn.root.clone());
        let scores: Vec<Score> = run
            .measured
            .figures
            .iter()
            .map(|(name, figure)| Score {
                id: Score::id(Judge::Transcript, &subject, name),
                subject: subject.clone(),
                name: name.clone(),
                value: value(name, *figure),
                comment: Comment::Kept,
                environment: self.config.environment.clone(),
                filed: turn.at,
                judged: Timestamp::now(),
            })
            .collect();
        let mut all_taken = true;
        for some in scores.chunks(MAX_SCORES_PER_REQUEST) {
            let timeout = self.config.timeout;
            let sent =
                with_retry_after(|| send_scores(&mut self.client, some, Deadline::after(timeout)));
            if let Err(reply) = &sent {
                log::warn!(
                    "could not score item {}: {}",
                    run.job.item.id,
                    failure(reply, self.destination).0
                );
            }
            all_taken &= matches!(sent, Ok(0));
        }
        all_taken
    }
}

fn value(name: &str, figure: f64) -> Value {
    match name {
        CHECK | "interrupted" => Value::Boolean(figure > 0.5),
        _ => Value::Numeric(figure),
    }
}
