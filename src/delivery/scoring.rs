//! Scores of turns: each is sent once its turn's spans are acknowledged, and holds the cursor back as they do.

use transcript::session::Turn;

use super::outbox::Scored;
use super::run::Delivery;
use crate::langfuse::{MAX_SCORES_PER_REQUEST, Problem, Verdict, batch};
use crate::score::{Score, outcomes};
use crate::trace::{Context, digest};

impl Delivery<'_> {
    /// Puts the scores of a turn whose spans are posted into the outbox, those that are not there yet.
    pub(super) fn post_scores(&mut self, turn: &Turn, context: &Context) {
        let uuid = &turn.opening.uuid;
        for score in outcomes(turn, context) {
            let scored = Scored {
                turn: uuid.clone(),
                mark: digest(batch(std::slice::from_ref(&score)).as_bytes()),
                score,
            };
            let id = &scored.score.id;
            let is_new = self.cursor.scored.get(id) != Some(&scored.mark);
            self.track.add_score(id.clone(), is_new);
            if is_new && self.report.stopped.is_none() {
                self.outbox.scores.push(scored);
            }
        }
    }

    /// Sends the scores that wait and whose turns are there. Those of a turn of which a span was put off are left to a later
    /// run, which makes them again.
    pub(super) fn send_scores(&mut self) {
        let waiting = std::mem::take(&mut self.outbox.scores);
        let (ready, waiting): (Vec<Scored>, Vec<Scored>) =
            waiting.into_iter().partition(|scored| self.track.is_there(&scored.turn));
        self.outbox.scores = waiting;
        for some in ready.chunks(MAX_SCORES_PER_REQUEST) {
            let scores: Vec<Score> = some.iter().map(|scored| scored.score.clone()).collect();
            match self.transport.score(&scores) {
                Ok(refused) => self.take_note(some, refused),
                // The server has taken the spans and will never take the scores: they must not hold up the session.
                Err(
                    Verdict::Refused { reason }
                    | Verdict::TooLarge { reason }
                    | Verdict::Misconfigured { reason, problem: Problem::Url },
                ) => {
                    log::warn!("{reason}");
                    self.take_note(some, some.len());
                }
                Err(reply) => return self.stop(reply),
            }
        }
    }

    fn take_note(&mut self, scores: &[Scored], refused: usize) {
        if refused > 0 {
            log::warn!("{refused} of {} scores were refused and are left out", scores.len());
        }
        self.report.scores += scores.len() - refused.min(scores.len());
        self.report.requests += 1;
        for Scored { turn, score, mark } in scores {
            self.cursor.scored.insert(score.id.clone(), mark.clone());
            self.track.scored(turn, &mut self.cursor);
        }
        self.delivered();
        self.save();
    }
}
