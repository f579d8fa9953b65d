//! Is there anything to do? Answered by lengths and inodes alone, so that a hook with nothing new reads no byte.

use std::fs::DirEntry;
use std::path::Path;

use transcript::locate::{AgentFile, Layout, agents};
use transcript::{FileMark, RunEnd};

use super::{Ending, Job, Reach};
use crate::state::{Cursor, Lane};

/// Same files, same lengths, nothing waits: no byte is read. A Stop for another prompt than the last one that was sent
/// means that its rows are still on their way.
pub(super) fn is_untouched(job: &Job, cursor: &mut Cursor) -> bool {
    let same_prompt = match &job.ending {
        Ending::Stop(expected) => {
            let open = cursor
                .open_turn
                .as_ref()
                .and_then(|open| cursor.contexts.get(&open.uuid));
            let known = open.and_then(|context| context.metadata.get("prompt_id"));
            expected.prompt_id.is_none() || expected.prompt_id.as_ref() == known
        }
        Ending::Over | Ending::ByRows { .. } => true,
    };
    let declined = cursor.lanes.values().any(|lane| lane.declined);
    let passed = job.reach == Reach::Everything && (declined || !cursor.passed.is_empty());
    same_prompt
        && !passed
        && cursor.idle
        && job
            .transcript
            .metadata()
            .is_ok_and(|metadata| cursor.file.untouched(&metadata))
        && agents_are_untouched(job, cursor)
}

/// No agent's file changed, and none is to be closed: nothing to read.
fn agents_are_untouched(job: &Job, cursor: &mut Cursor) -> bool {
    let files = agent_files(&job.transcript, cursor);
    let over = job.ending == Ending::Over;
    let is_quiet = |lane: &Lane, path: &Path| {
        let is_closed = lane.ended || !over || lane.link.is_none();
        lane.declined || is_closed && is_at_rest(lane, path)
    };
    let agents = files.iter().all(|file| {
        let lane = cursor.lanes.get(&file.agent_id);
        lane.is_some_and(|lane| is_quiet(lane, &file.path))
    });
    let mut runs = cursor
        .lanes
        .iter()
        .filter(|(_, lane)| lane.workflow.is_some());
    agents && runs.all(|(id, lane)| is_quiet(lane, &RunEnd::path(&job.transcript, id)))
}

/// The agents' files that have to be looked at: not those of agents that may sleep on. One whose file changed wakes them all.
pub(super) fn agent_files(transcript: &Path, cursor: &mut Cursor) -> Vec<AgentFile> {
    if cursor.layout != Some(Layout::Below) {
        // Their files are among those of other sessions.
        cursor.wake();
    }
    let known = |agent: &str| cursor.lanes.contains_key(agent);
    let sleeps = |agent: &str, entry: &DirEntry| {
        cursor.is_partly_asleep()
            && !known(agent)
            && (entry.metadata()).is_ok_and(|metadata| cursor.lets_sleep(agent, &metadata))
    };
    let files = agents(transcript, cursor.layout, &known, &sleeps);
    let is_partly_asleep = cursor.is_partly_asleep();
    for file in &files {
        if !cursor.lanes.contains_key(&file.agent_id) {
            cursor.wake_if_named(&file.agent_id);
        }
    }
    match is_partly_asleep == cursor.is_partly_asleep() {
        true => files,
        false => agent_files(transcript, cursor),
    }
}

pub(super) fn is_at_rest(lane: &Lane, path: &Path) -> bool {
    let unchanged = match path.metadata() {
        Ok(metadata) => lane.file.untouched(&metadata),
        // A run of a workflow has no file while it goes on.
        Err(_) => lane.file == FileMark::default(),
    };
    // A lane without a link waits for its launch, which only a changed session file can show.
    unchanged && (lane.link.is_none() || lane.idle && (lane.ended || !lane.finished))
}
