//! Moves cursors past turns that were written while tracing was off. Nothing sends those turns later.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use transcript::FileMark;
use transcript::lineage::{Lineage, SessionIds};
use transcript::session::{Outline, Turn, Turns};

use super::start::{self, Place};
use super::tail::{TailReader, rows_from_cursor};
use crate::state::{Cursor, OpenTurn, SkipReason, SkippedRange, Store, TurnIdentity};

/// Moves every cursor of a session past the rows that were written while tracing was off.
///
/// # Errors
/// If the transcript can't be read, or a cursor can't be written.
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
        if !find_place(&mut cursor, session_id, transcript)? {
            continue;
        }
        let ids = SessionIds::new(session_id, transcript);
        let own_rows = rows_from_cursor(&cursor, ids, transcript);
        let reader = TailReader::open(transcript, cursor.open_start, None)?;
        let mut reader = reader.of_session(own_rows);
        let mut turns = Turns::default();
        let mut seen = Vec::new();
        for entry in &mut reader {
            seen.extend(turns.push(entry?));
        }
        seen.extend(turns.finish());
        let last = seen.last().map(|turn| OpenTurn {
            uuid: turn.opening.uuid.clone(),
            at: turn.opening.at,
            is_behind: true,
            is_compaction: !turn.is_numbered(),
        });
        seen.retain(|turn| turn.opening.offset >= cursor.own_from);
        decline_turns(&mut cursor, &seen, reader.offset());
        cursor.open_turn = last.or(cursor.open_turn);
        cursor.newest_row = reader.newest().max(cursor.newest_row);
        cursor.file = FileMark::take(transcript, reader.offset())?;
        store.save_cursor(&cursor)?;
    }
    Ok(())
}

/// Locates the cursor, also in a rewritten file. Returns whether it was found.
fn find_place(cursor: &mut Cursor, session_id: &str, transcript: &Path) -> Result<bool> {
    let ids = SessionIds::new(session_id, transcript);
    if cursor.is_head_open {
        let reader = TailReader::open(transcript, 0, None)?;
        let outline = Outline::read(Lineage::new(ids, transcript), reader)?;
        start::adopt(cursor, &outline);
        return Ok(outline.is_decided);
    }
    Ok(cursor.file.still_holds(transcript)
        || start::find_place(&ids, transcript, cursor)? == Place::Found)
}

/// Declines the rows behind the cursor: the turns that opened since, and later rows of the turn that was sent.
fn decline_turns(cursor: &mut Cursor, turns: &[Turn], end: u64) {
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
            turns: turns.last().map(|last| [identity(first), identity(last)]),
        });
        cursor.turns_before += numbered(declined);
    }
    cursor.open_start = end;
    if let Some(open) = &mut cursor.open_turn {
        open.is_behind = true;
    }
    cursor.acknowledged.clear();
    cursor.scored.clear();
    // An agent of a sent turn may still run. Its further work is declined.
    for launch in cursor.launches.values_mut() {
        launch.declined = true;
    }
    for subagent in cursor.subagents.values_mut().filter(|subagent| !subagent.ended) {
        subagent.declined = true;
    }
    cursor.forget_closed_contexts(&BTreeSet::new());
    cursor.idle = true;
}

fn identity(turn: &Turn) -> TurnIdentity {
    TurnIdentity { uuid: turn.opening.uuid.clone(), at: turn.opening.at }
}

fn numbered<'a>(turns: impl Iterator<Item = &'a Turn>) -> u64 {
    turns.filter(|turn| turn.is_numbered()).count() as u64
}
