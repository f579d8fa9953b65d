//! The runs of workflows. While one goes on only its agents' files grow; Claude Code writes the run's own file at its end.

use base::Timestamp;
use transcript::{FileMark, RunEnd};

use super::outbox::Owner;
use super::rest::is_at_rest;
use super::run::Delivery;
use super::subagents::Visited;
use crate::state::{Launcher, Link, Subagent};
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
        let subagents = &mut self.cursor.subagents;
        let subagent = subagents.entry(run.run_id.clone()).or_insert_with(|| Subagent {
            link: Some(Link { turn: turn.to_owned(), span: Some(launched_by) }),
            launcher: Some(launcher),
            ..Subagent::default()
        });
        subagent.workflow.get_or_insert(run);
    }

    /// One of its agents wrote a row: the run lasted at least until then.
    pub(super) fn note_step(&mut self, run_id: &str, at: Option<Timestamp>) {
        let Some(subagent) = self.cursor.subagents.get_mut(run_id) else {
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
        for (run_id, subagent) in &mut self.cursor.subagents {
            if subagent.workflow.is_some() {
                let path = RunEnd::path(&self.job.transcript, run_id);
                subagent.finished = subagent.finished || RunEnd::read(&path, longest).is_some();
                over.extend(subagent.finished.then(|| SpanId::workflow(run_id)));
            }
        }
        for subagent in self.cursor.subagents.values_mut() {
            let run = subagent.link.as_ref().and_then(|link| link.span.as_ref());
            subagent.finished |= run.is_some_and(|run| over.contains(run));
        }
    }

    /// Sends the runs that have ended, after their agents, which may have written something after it.
    pub(super) fn workflows(&mut self, visited: &mut Visited) {
        let subagents = self.cursor.subagents.iter();
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
        let is_declined = subagent.declined && self.job.extent.is_by_itself();
        if is_declined || is_at_rest(&subagent, &path) && (subagent.ended || !self.over) {
            return None;
        }
        let (link, run) = (subagent.link?, subagent.workflow?);
        let context = self.cursor.contexts.get(&link.turn)?.clone();
        // Taken first: what is written while it is read is seen by the next run.
        let mark = FileMark::take(&path, 0).unwrap_or_default();
        let end = RunEnd::read(&path, self.job.policy.max_chars);
        let ended = end.is_some() || subagent.finished || self.is_over(Some(run.last_at), true);
        let outcome = subagent.outcome.as_deref();
        let parent = link.span.as_ref();
        let mut observation = observe_workflow(&run, end, outcome, &context.trace_id, parent);
        observation.complete = ended;
        // It is looked at again where its file changed: a mark of schema 2 can't tell in what.
        self.known_until = Some(Timestamp::from_millis(0));
        self.post(observation, &Owner::Subagent(run_id.clone()), &context);
        let subagent = self.cursor.subagents.get_mut(&run_id)?;
        subagent.file = mark;
        (subagent.idle, subagent.declined, subagent.ended) = (false, false, ended);
        visited.insert(run_id, None);
        Some(())
    }
}
