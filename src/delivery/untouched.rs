//! Decides from lengths and inodes alone whether there is anything to do, so that a hook with nothing new reads no
//! byte.

use std::path::Path;

use transcript::RunEnd;
use transcript::completion::Expected;

use super::agents::{agent_files, is_unchanged};
use super::{Extent, Job, Trigger};
use crate::state::{Cursor, Life, SettledStop, Subagent};
use crate::trace::digest;

/// All files have their known lengths, and nothing is queued. A Stop with another prompt or another last text than
/// the last one has rows on their way.
pub(super) fn is_untouched(job: &Job, cursor: &Cursor) -> bool {
    let is_settled = match &job.trigger {
        Trigger::Stop(expected) => {
            *expected == Expected::default() || cursor.settled == Some(settled_stop(expected))
        }
        Trigger::SessionEnd | Trigger::Sweep { .. } => true,
    };
    let declined = cursor.subagents.values().any(|subagent| subagent.declined);
    // A declined turn is noted as skipped only when the next one opens.
    let is_open = cursor.open_turn.as_ref().is_some_and(|open| !open.is_behind);
    let unsent = job.sends_declined() && is_open && cursor.acknowledged.is_empty();
    let passed =
        job.extent == Extent::Backfill && (declined || unsent || !cursor.skipped.is_empty());
    is_settled
        && !passed
        && cursor.idle
        && cursor.media.is_empty()
        && job.transcript.metadata().is_ok_and(|metadata| cursor.file.untouched(&metadata))
        && agents_are_untouched(job, cursor)
}

/// The fingerprint of a Stop whose turn is complete.
pub(super) fn settled_stop(expected: &Expected) -> SettledStop {
    let Expected { prompt_id, last_text, was_blocked } = expected.clone();
    let last_text = last_text.map(|text| digest(text.as_bytes()));
    SettledStop { prompt_id, last_text, was_blocked }
}

/// No agent's file changed, and no agent needs closing.
fn agents_are_untouched(job: &Job, cursor: &Cursor) -> bool {
    let files = agent_files(job, cursor);
    let over = job.trigger == Trigger::SessionEnd;
    let is_quiet = |subagent: &Subagent, path: &Path| {
        let is_left = match subagent.life() {
            // It waits for its launch, which only a changed session file can show.
            Life::Unlinked | Life::Closed => true,
            Life::Quiet => !over,
            Life::Active => false,
        };
        subagent.declined || is_left && is_unchanged(subagent, path)
    };
    let agents = files.iter().all(|file| {
        let subagent = cursor.subagents.get(&file.agent_id);
        file.others.is_empty() && subagent.is_some_and(|subagent| is_quiet(subagent, &file.path))
    });
    let mut runs = cursor.subagents.iter().filter(|(_, subagent)| subagent.workflow.is_some());
    agents && runs.all(|(id, subagent)| is_quiet(subagent, &RunEnd::path(&job.transcript, id)))
}
