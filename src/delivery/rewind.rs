//! Detects that a person went back in the conversation before a turn. The answer comes from the file, not from state,
//! so that it does not depend on what earlier runs read.

use std::path::Path;

use anyhow::Result;
use transcript::branch_point;
use transcript::session::{Activity, Rewind, Turn, Turns};

use super::tail::TailReader;

/// The rewind with which this turn began.
pub(super) fn rewind(turn: &Turn, transcript: &Path) -> Option<Rewind> {
    read(turn, transcript).unwrap_or_else(|error| {
        log::warn!("{error:#}");
        None
    })
}

fn read(turn: &Turn, transcript: &Path) -> Result<Option<Rewind>> {
    let Some(place) = place(turn, transcript)? else {
        return Ok(None);
    };
    let mut turns = Turns::default();
    let mut branch: Vec<Turn> = Vec::new();
    for entry in TailReader::open(transcript, place, None)? {
        let entry = entry?;
        if entry.offset >= turn.start {
            break;
        }
        if let Some(left) = turns.push(entry) {
            add_to_branch(&mut branch, left, transcript)?;
        }
    }
    if let Some(left) = turns.finish() {
        add_to_branch(&mut branch, left, transcript)?;
    }
    Ok(branch
        .last()
        .map(|left| Rewind { from: left.opening.uuid.clone(), abandoned: branch.len() }))
}

fn place(turn: &Turn, transcript: &Path) -> std::io::Result<Option<u64>> {
    let index = turn.opening.prompt.turn_index;
    branch_point(transcript, turn.start, turn.follows.as_deref(), index)
}

/// At most this many abandoned turns are checked for rewinds of their own, because each check reads the file.
const MAX_REWIND_CHECKS: usize = 20;

/// Adds a turn that may have been abandoned. If it began with a rewind itself, the turns that it left were abandoned
/// before.
fn add_to_branch(branch: &mut Vec<Turn>, mut left: Turn, transcript: &Path) -> Result<()> {
    if branch.len() < MAX_REWIND_CHECKS
        && let Some(place) = place(&left, transcript)?
    {
        branch.retain(|turn| turn.opening.offset < place);
    }
    if left.has_begun() && left.is_numbered() {
        // Only its place is needed.
        left.activity = Activity::default();
        branch.push(left);
    }
    Ok(())
}
