//! Is there anything to do? Answered by lengths and inodes alone, so that a hook with nothing new reads no byte.

use std::path::Path;

use transcript::completion::Expected;
use transcript::locate::{AgentFile, agents};
use transcript::{FileMark, RunEnd};

use super::{Extent, Job, Trigger};
use crate::state::{Cursor, SettledStop, Subagent};
use crate::trace::digest;

/// Same files, same lengths, nothing waits: no byte is read. A Stop that names another prompt or another last text than the
/// last one means that its rows are still on their way.
pub(super) fn is_untouched(job: &Job, cursor: &Cursor) -> bool {
    let is_settled = match &job.trigger {
        Trigger::Stop(expected) => {
            *expected == Expected::default() || cursor.settled == Some(settled_stop(expected))
        }
        Trigger::SessionEnd | Trigger::Sweep { .. } => true,
    };
    let declined = cursor.subagents.values().any(|subagent| subagent.declined);
    let passed = job.extent == Extent::Backfill && (declined || !cursor.skipped.is_empty());
    is_settled
        && !passed
        && cursor.idle
        && job.transcript.metadata().is_ok_and(|metadata| cursor.file.untouched(&metadata))
        && agents_are_untouched(job, cursor)
}

/// What is kept of a Stop whose turn is complete.
pub(super) fn settled_stop(expected: &Expected) -> SettledStop {
    let Expected { prompt_id, last_text, was_blocked } = expected.clone();
    let last_text = last_text.map(|text| digest(text.as_bytes()));
    SettledStop { prompt_id, last_text, was_blocked }
}

/// No agent's file changed, and none is to be closed: nothing to read.
fn agents_are_untouched(job: &Job, cursor: &Cursor) -> bool {
    let files = agent_files(job, cursor);
    let over = job.trigger == Trigger::SessionEnd;
    let is_quiet = |subagent: &Subagent, path: &Path| {
        let is_closed = subagent.ended || !over || subagent.link.is_none();
        subagent.declined || is_closed && is_at_rest(subagent, path)
    };
    let agents = files.iter().all(|file| {
        let subagent = cursor.subagents.get(&file.agent_id);
        subagent.is_some_and(|subagent| is_quiet(subagent, &file.path))
    });
    let mut runs = cursor.subagents.iter().filter(|(_, subagent)| subagent.workflow.is_some());
    agents && runs.all(|(id, subagent)| is_quiet(subagent, &RunEnd::path(&job.transcript, id)))
}

/// The files of the session's agents. Those of a guest lie beside its own file, which sends them.
pub(super) fn agent_files(job: &Job, cursor: &Cursor) -> Vec<AgentFile> {
    if job.is_guest {
        return Vec::new();
    }
    let known = |agent: &str| cursor.subagents.contains_key(agent);
    agents(&job.transcript, cursor.layout, &known)
}

pub(super) fn is_at_rest(subagent: &Subagent, path: &Path) -> bool {
    let unchanged = match path.metadata() {
        Ok(metadata) => subagent.file.untouched(&metadata),
        // A run of a workflow has no file while it goes on.
        Err(_) => subagent.file == FileMark::default(),
    };
    // A lane without a link waits for its launch, which only a changed session file can show.
    unchanged
        && (subagent.link.is_none() || subagent.idle && (subagent.ended || !subagent.finished))
}
