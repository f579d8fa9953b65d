//! The runs of workflows. While one goes on only its agents' files grow; Claude Code writes the run's own file at its end.

use base::Timestamp;
use transcript::{FileMark, RunEnd};

use super::agents::Visited;
use super::queue::Owner;
use super::run::Delivery;
use super::untouched::is_at_rest;
use crate::state::{Launcher, Link, Subagent};
use crate::trace::{SpanId, SpanIds, WorkflowRun, observe_workflow};

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
        let subagents = &mut self.ledger.cursor.subagents;
        let subagent = subagents.entry(run.run_id.clone()).or_insert_with(|| Subagent {
            link: Some(Link { turn: turn.to_owned(), span: Some(launched_by) }),
            launcher: Some(launcher),
            ..Subagent::default()
        });
        subagent.workflow.get_or_insert(run);
    }

    /// One of its agents wrote a row: the run lasted at least until then.
    pub(super) fn note_step(&mut self, run_id: &str, at: Option<Timestamp>) {
        let Some(subagent) = self.ledger.cursor.subagents.get_mut(run_id) else {
            return;
        };
        let run = subagent.workflow.as_mut().zip(at);
        if let Some((run, at)) = run.filter(|(run, at)| *at > run.last_at) {
            run.last_at = at;
            subagent.ended = false;
        }
    }

    /// Says of the agents of the runs that have ended that they are done. A run that the model stopped has no notification.
    pub(super) fn finish_workflows(&mut self) {
        let longest = self.job.policy.max_chars;
        let mut over = Vec::new();
        for (run_id, subagent) in &mut self.ledger.cursor.subagents {
            if subagent.workflow.is_some() {
                let path = RunEnd::path(&self.job.transcript, run_id);
                subagent.finished = subagent.finished || RunEnd::read(&path, longest).is_some();
                let turn = subagent.link.as_ref().filter(|_| subagent.finished);
                over.extend(turn.map(|link| (link.turn.clone(), run_id.clone())));
            }
        }
        let ids = |(turn, run_id)| self.ledger.cursor.span_ids(turn).workflow(run_id);
        let over: Vec<SpanId> = over.iter().map(|(turn, run_id)| ids((turn, run_id))).collect();
        for subagent in self.ledger.cursor.subagents.values_mut() {
            let run = subagent.link.as_ref().and_then(|link| link.span.as_ref());
            subagent.finished |= run.is_some_and(|run| over.contains(run));
        }
    }

    /// Sends the runs that have ended, after their agents, which may have written something after it.
    pub(super) fn workflows(&mut self, visited: &mut Visited) {
        let subagents = self.ledger.cursor.subagents.iter();
        let runs: Vec<(String, Subagent)> = subagents
            .filter(|(_, subagent)| subagent.workflow.is_some())
            .map(|(run_id, subagent)| (run_id.clone(), subagent.clone()))
            .collect();
        for (run_id, subagent) in runs {
            self.workflow(run_id, subagent, visited);
        }
    }

    fn workflow(
        &mut self,
        run_id: String,
        subagent: Subagent,
        visited: &mut Visited,
    ) -> Option<()> {
        let path = RunEnd::path(&self.job.transcript, &run_id);
        let is_declined = subagent.declined && !self.job.sends_declined();
        if is_declined || is_at_rest(&subagent, &path) && (subagent.ended || !self.over) {
            return None;
        }
        let (link, run) = (subagent.link?, subagent.workflow?);
        let context = self.ledger.cursor.contexts.get(&link.turn)?.clone();
        // Taken first: what is written while it is read is seen by the next run.
        let mark = FileMark::take(&path, 0).unwrap_or_default();
        let end = RunEnd::read(&path, self.job.policy.max_chars);
        let ended = end.is_some() || subagent.finished || self.is_over(Some(run.last_at), true);
        let outcome = subagent.outcome.as_deref();
        let parent = link.span.as_ref();
        let ids = SpanIds::of(&context.trace_id, &link.turn);
        let mut observation = observe_workflow(&run, end, outcome, &ids, parent);
        observation.complete = ended;
        // It is looked at again where its file changed: a mark of schema 2 can't tell in what.
        self.known_until = Some(Timestamp::from_millis(0));
        self.queue(observation, &Owner::Subagent(run_id.clone()), &context);
        let subagent = self.ledger.cursor.subagents.get_mut(&run_id)?;
        subagent.file = mark;
        (subagent.idle, subagent.declined, subagent.ended) = (false, false, ended);
        visited.insert(run_id, None);
        Some(())
    }
}
