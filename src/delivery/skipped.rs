//! Sends skipped turns when a person asks for them.

use anyhow::Result;
use transcript::session::Turns;

use super::instructions::named_before;
use super::ledger::Ledger;
use super::pending::{PendingTurns, TurnRange};
use super::tail::TailReader;
use super::turns::TurnSink;
use super::{Job, titles};
use crate::state::{Cursor, SkipReason, TitlePlace};

/// Moves the cursor back to the beginning of a declined range that is still open.
pub(super) fn reopen_declined(ledger: &mut Ledger<'_>) {
    let cursor = &mut ledger.cursor;
    if let Some(last) = cursor.skipped.pop_if(|last| last.end.is_none()) {
        cursor.open_start = last.start;
        cursor.turns_before = last.turns_before;
        ledger.is_unsaved = true;
    }
}

/// Sends the skipped ranges one by one. A range with unsent turns stays.
pub(super) fn send_skipped(job: &Job, sink: &mut TurnSink<'_>) -> Result<()> {
    let mut place = 0;
    while let Some(range) = sink.exporter.ledger.cursor.skipped.get(place) {
        let start = range.start;
        if range.why == SkipReason::Forgotten {
            // A turn behind the cursor is counted where it is read.
            let end = range.end.unwrap_or(start);
            let cursor = &sink.exporter.ledger.cursor;
            if end <= cursor.open_start {
                sink.forgotten += turns_within(job, cursor, start, end)?;
            }
            place += 1;
            continue;
        }
        let is_declined = range.why == SkipReason::Declined && !job.sends_declined();
        let end = range.end.or(is_declined.then_some(sink.exporter.ledger.cursor.open_start));
        let Some(end) = end else {
            break;
        };
        if start == end || is_declined {
            sink.declined += turns_within(job, &sink.exporter.ledger.cursor, start, end)?;
            place += 1;
            continue;
        }
        sink.exporter.ledger.pending = PendingTurns::of(TurnRange::Skipped(place));
        sink.exporter.contexts.terms.begin_walk(None);
        take_range(job, sink, start, end)?;
        sink.exporter.send();
        if sink.exporter.uploader.is_stopped() {
            break;
        }
        let ledger = &mut sink.exporter.ledger;
        match ledger.pending.is_done() {
            true => drop(ledger.cursor.skipped.remove(place)),
            false => place += 1,
        }
        ledger.save();
    }
    sink.exporter.begin_open_walk();
    Ok(())
}

fn turns_within(job: &Job, cursor: &Cursor, start: u64, end: u64) -> Result<usize> {
    let reader = TailReader::open(&job.transcript, start, None)?;
    let mut turns = Turns::default();
    let mut count = 0;
    for entry in reader.of_session(job.rows_from(cursor.own_from)) {
        let entry = entry?;
        if entry.offset >= end {
            break;
        }
        count += usize::from(turns.push(entry).is_some_and(|turn| turn.is_numbered()));
    }
    Ok(count + usize::from(turns.finish().is_some_and(|turn| turn.is_numbered())))
}

fn take_range(job: &Job, sink: &mut TurnSink<'_>, start: u64, end: u64) -> Result<()> {
    let own_from = sink.exporter.ledger.cursor.own_from;
    let title = titles::title_before(job, own_from, start, &TitlePlace::default())?;
    let mut turns = Turns::default().titled(title);
    let rows = job.rows_from(own_from);
    let reader = TailReader::open(&job.transcript, start, None)?.of_session(rows);
    let reader = reader.keeping(job.policy.max_chars).with_media(job.policy.media);
    let mut reader = reader.with_instructions(named_before(start, None, &job.transcript)?);
    while let Some(entry) = reader.next() {
        let entry = entry?;
        sink.notice(&entry);
        let Some(turn) = turns.push(entry) else {
            continue;
        };
        if turn.start < end {
            sink.take(&turn, &reader.instructions_of(&turn), true);
        }
        if turn.end >= end || sink.exporter.uploader.is_stopped() {
            break;
        }
    }
    Ok(())
}
