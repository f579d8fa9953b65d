//! Sends workflow runs. During a run only its agents' files grow. Claude Code writes the run's own file at its end.

use base::Timestamp;
use transcript::{FileMark, RunEnd};

use super::super::exporter::Exporter;
use super::super::queue::Owner;
use super::files::is_unchanged;
use super::{Agents, Visited};
use crate::state::{Cursor, Launcher, Link, Subagent};
use crate::trace::{SpanId, SpanIds, WorkflowRun, observe_workflow};

/// Stores a run like an agent. A run that a later call resumes keeps its first place.
pub(super) fn begin(
    run: WorkflowRun,
    launched_by: SpanId,
    launcher: Launcher,
    turn: &str,
    cursor: &mut Cursor,
) {
    let subagent = cursor.subagents.entry(run.run_id.clone()).or_insert_with(|| Subagent {
        link: Some(Link { turn: turn.to_owned(), span: Some(launched_by) }),
        launcher: Some(launcher),
        ..Subagent::default()
    });
    subagent.workflow.get_or_insert(run);
}

/// A row of one of its agents extends the run.
pub(super) fn note_step(run_id: &str, at: Option<Timestamp>, cursor: &mut Cursor) {
    let Some(subagent) = cursor.subagents.get_mut(run_id) else {
        return;
    };
    let run = subagent.workflow.as_mut().zip(at);
    if let Some((run, at)) = run.filter(|(run, at)| *at > run.last_at) {
        run.last_at = at;
        subagent.ended = false;
    }
}

impl Agents<'_> {
    /// Sends the ended runs, after their agents, which may write rows after the end.
    pub(super) fn send_workflows(&self, exporter: &mut Exporter<'_>, visited: &mut Visited) {
        let subagents = exporter.ledger.cursor.subagents.iter();
        let runs: Vec<(String, Subagent)> = subagents
            .filter(|(_, subagent)| subagent.workflow.is_some())
            .map(|(run_id, subagent)| (run_id.clone(), subagent.clone()))
            .collect();
        for (run_id, subagent) in runs {
            self.send_workflow(run_id, subagent, exporter, visited);
        }
    }

    fn send_workflow(
        &self,
        run_id: String,
        subagent: Subagent,
        exporter: &mut Exporter<'_>,
        visited: &mut Visited,
    ) -> Option<()> {
        let path = RunEnd::path(&self.job.transcript, &run_id);
        let is_declined = subagent.declined && !self.job.sends_declined();
        if is_declined || is_unchanged(&subagent, &path) && self.leaves(subagent.life()) {
            return None;
        }
        let (link, run) = (subagent.link?, subagent.workflow?);
        let context = exporter.contexts.of_launcher(&link.turn, &mut exporter.ledger.cursor)?;
        // Taken before the read: the next run sees what is written meanwhile.
        let mark = FileMark::take(&path, 0).unwrap_or_default();
        let end = RunEnd::read(&path, self.job.policy.max_chars);
        let ended = end.is_some() || subagent.finished || self.is_over(Some(run.last_at), true);
        let outcome = subagent.outcome.as_deref();
        let parent = link.span.as_ref();
        let ids = SpanIds::of(&context.trace_id, &link.turn);
        let mut observation = observe_workflow(&run, end, outcome, &ids, parent);
        observation.complete = ended;
        // Marks of schema 2 can't tell what changed in the file, so that the run is compared again.
        exporter.known_until = Some(Timestamp::from_millis(0));
        exporter.export(observation, &Owner::Subagent(run_id.clone()), &context, None);
        exporter.ledger.cursor.subagents.get_mut(&run_id)?.was_read(mark, ended);
        visited.insert(run_id, None);
        Some(())
    }
}
