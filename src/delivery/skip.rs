//! While tracing is off nothing is sent, and nothing that was written then is sent later: the cursors move on past it.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use transcript::FileMark;
use transcript::session::{Turn, Turns};

use super::tail::TailReader;
use crate::state::{Cursor, OpenTurn, SkipReason, SkippedRange, Store};

/// Moves every cursor of a session past what was written while tracing was off: it was not consented to.
///
/// # Errors
/// When the transcript can't be read or the cursor can't be written.
pub fn decline(store: &Store, session_id: &str, transcript: &Path) -> Result<()> {
    for mut cursor in store.cursors_of(session_id) {
        if cursor.begun_for.is_some() {
            // It would begin with turns that were declined since.
            store.remove_cursor(&cursor)?;
            continue;
        }
        if transcript.metadata().is_ok_and(|metadata| cursor.file.untouched(&metadata)) {
            continue;
        }
        let same_file = cursor.file.still_holds(transcript);
        let mut feed =
            TailReader::open(transcript, if same_file { cursor.open_start } else { 0 }, None)?;
        let mut turns = Turns::default();
        let mut seen = Vec::new();
        for entry in &mut feed {
            seen.extend(turns.push(entry?));
        }
        seen.extend(turns.finish());
        let last = seen.last().map(|turn| OpenTurn {
            uuid: turn.opening.uuid.clone(),
            at: turn.opening.at,
            is_behind: true,
            is_compaction: !turn.is_numbered(),
        });
        if !same_file {
            // Offsets of another file.
            cursor.had_skipped |= !cursor.skipped.is_empty();
            cursor.skipped.clear();
            cursor.own_from = 0;
        }
        seen.retain(|turn| same_file && turn.opening.offset >= cursor.own_from);
        pass_over(&mut cursor, &seen, feed.offset());
        cursor.open_turn = last.or(cursor.open_turn);
        cursor.file = FileMark::take(transcript, feed.offset())?;
        store.save_cursor(&cursor)?;
    }
    Ok(())
}

/// Declines what was written since the cursor: the turns that opened since, and what was added to the one that was sent.
fn pass_over(cursor: &mut Cursor, turns: &[Turn], end: u64) {
    let was_sent = |turn: &&Turn| {
        let is_open = cursor.open_turn.as_ref().is_some_and(|open| open.uuid == turn.opening.uuid);
        is_open && !cursor.acknowledged.is_empty()
    };
    let sent = turns.iter().take(1).filter(was_sent).count();
    let declined = turns.iter().skip(sent);
    cursor.turns_before += numbered(turns.iter().take(sent));
    if let Some(first) = declined.clone().next() {
        if let Some(last) = cursor.skipped.last_mut() {
            last.end = last.end.or(Some(first.start));
        }
        let turns_before = cursor.turns_before;
        cursor.skipped.push(SkippedRange {
            start: first.start,
            end: None,
            turns_before,
            why: SkipReason::Declined,
        });
        cursor.turns_before += numbered(declined);
    }
    cursor.open_start = end;
    if let Some(open) = &mut cursor.open_turn {
        open.is_behind = true;
    }
    cursor.acknowledged.clear();
    cursor.scored.clear();
    // An agent of a turn that was sent may go on: what it does from now on was not consented to.
    for launch in cursor.launches.values_mut() {
        launch.declined = true;
    }
    for subagent in cursor.subagents.values_mut().filter(|subagent| !subagent.ended) {
        subagent.declined = true;
    }
    cursor.forget_closed_contexts(&BTreeSet::new());
    cursor.idle = true;
}

fn numbered<'a>(turns: impl Iterator<Item = &'a Turn>) -> u64 {
    turns.filter(|turn| turn.is_numbered()).count() as u64
}
