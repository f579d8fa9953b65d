//! The runs of workflows. While one goes on only its agents' files grow; Claude Code writes the run's own file at its end.

use base::Timestamp;
use transcript::{FileMark, RunEnd};

use super::lanes::Visited;
use super::outbox::Owner;
use super::rest::is_at_rest;
use super::run::Delivery;
use crate::state::{Lane, Launcher, Link};
use crate::trace::{SpanId, WorkflowRun, observe_workflow};

impl Delivery<'_> {
    /// A run has a lane as its agents have. Taken up again by a later call, it stays where it was launched first.
    pub(super) fn begin_workflow(
        &mut self,
        mut run: WorkflowRun,
        launched_by: SpanId,
        launcher: Launcher,
        turn: &str,
    ) {
        if let Some(name) = &mut run.name {
            self.job.policy.apply_to_name(name);
        }
        let lanes = &mut self.cursor.lanes;
        let lane = lanes.entry(run.run_id.clone()).or_insert_with(|| Lane {
            link: Some(Link {
                turn: turn.to_owned(),
                span: Some(launched_by),
            }),
            launcher: Some(launcher),
            ..Lane::default()
        });
        lane.workflow.get_or_insert(run);
    }

    /// One of its agents wrote a row: the run lasted at least until then.
    pub(super) fn note_step(&mut self, run_id: &str, at: Option<Timestamp>) {
        let Some(lane) = self.cursor.lanes.get_mut(run_id) else {
            return;
        };
        let run = lane.workflow.as_mut().zip(at);
        if let Some((run, at)) = run.filter(|(run, at)| *at > run.last_at) {
            run.last_at = at;
            lane.ended = false;
        }
    }

    /// Says of the agents of the runs that have ended that they are done. A run that the model stopped has no notification.
    pub(super) fn finish_workflows(&mut self) {
        let longest = self.job.policy.max_chars;
        let mut over = Vec::new();
        for (run_id, lane) in &mut self.cursor.lanes {
            if lane.workflow.is_some() {
                let path = RunEnd::path(&self.job.transcript, run_id);
                lane.finished = lane.finished || RunEnd::read(&path, longest).is_some();
                over.extend(lane.finished.then(|| SpanId::workflow(run_id)));
            }
        }
        for lane in self.cursor.lanes.values_mut() {
            let run = lane.link.as_ref().and_then(|link| link.span.as_ref());
            lane.finished |= run.is_some_and(|run| over.contains(run));
        }
    }

    /// Sends the runs that have ended, after their agents, which may have written something after it.
    pub(super) fn workflows(&mut self, visited: &mut Visited) {
        let lanes = self.cursor.lanes.iter();
        let runs: Vec<(String, Lane)> = lanes
            .filter(|(_, lane)| lane.workflow.is_some())
            .map(|(run_id, lane)| (run_id.clone(), lane.clone()))
            .collect();
        for (run_id, lane) in runs {
            self.workflow(run_id, lane, visited);
        }
    }

    fn workflow(&mut self, run_id: String, lane: Lane, visited: &mut Visited) -> Option<()> {
        let path = RunEnd::path(&self.job.transcript, &run_id);
        let is_declined = lane.declined && self.job.reach.is_by_itself();
        if is_declined || is_at_rest(&lane, &path) && (lane.ended || !self.over) {
            return None;
        }
        let (link, run) = (lane.link?, lane.workflow?);
        let context = self.cursor.contexts.get(&link.turn)?.clone();
        // Taken first: what is written while it is read is seen by the next run.
        let mark = FileMark::take(&path, 0).unwrap_or_default();
        let end = RunEnd::read(&path, self.job.policy.max_chars);
        let ended = end.is_some() || lane.finished || self.is_over(Some(run.last_at), true);
        let outcome = lane.outcome.as_deref();
        let parent = link.span.as_ref();
        let mut observation = observe_workflow(&run, end, outcome, &context.trace_id, parent);
        observation.complete = ended;
        // It is looked at again where its file changed: a mark of schema 2 can't tell in what.
        self.known_until = Some(Timestamp::from_millis(0));
        self.post(observation, &Owner::Lane(run_id.clone()), &context);
        let lane = self.cursor.lanes.get_mut(&run_id)?;
        lane.file = mark;
        (lane.idle, lane.declined, lane.ended) = (false, false, ended);
        visited.insert(run_id, None);
        Some(())
    }
}
