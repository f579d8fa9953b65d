//! Delivers one session from its cursor to the end of its files: `tail` reads rows, `Turns` groups them, and `turns`
//! sends each turn.

use std::time::Duration;

use anyhow::Result;
use base::Timestamp;
use transcript::completion::Expected;
use transcript::session::{Turn, Turns};
use transcript::{Diagnostics, FileMark};

use super::agents::{SessionState, forget_launches, has_nothing_left};
use super::contexts::Contexts;
use super::exporter::Exporter;
use super::instructions::named_before;
use super::ledger::Ledger;
use super::outline::MAX_REWRITES;
use super::prompt_links::PromptLinker;
use super::skipped::{reopen_declined, send_skipped};
use super::start::{self, Hold, Place, Start};
use super::tail::{TailReader, rows_from_cursor};
use super::terms::Terms;
use super::turns::TurnSink;
use super::upload::Uploader;
use super::{Extent, Job, Report, StateAccess, Transport, Trigger, titles, untouched};
use crate::state::{Cursor, Mark, Runs, TitlePlace};

/// A session is over when its last row is older, whatever the rows say.
const ABANDONED_AFTER: Duration = Duration::from_secs(600);

/// A row further in the future than this shows that the clock was set back since, so that its age means nothing.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(24 * 3600);

/// No one can be waiting for an answer any more.
pub(super) fn is_abandoned(last_at: Timestamp, now: Timestamp) -> bool {
    now.since(last_at) > ABANDONED_AFTER || last_at.since(now) > MAX_CLOCK_SKEW
}

/// Delivers a session. Returns `None` if nothing of it is wanted.
///
/// # Errors
/// If the transcript can't be read. Acknowledged spans stay acknowledged.
pub fn deliver(
    job: &Job,
    store: StateAccess<'_>,
    transport: &mut dyn Transport,
) -> Result<Option<Report>> {
    let Some(start) = start::find(job, store)? else {
        return Ok(None);
    };
    let Start { cursor, is_first, is_changed, settled, begun_with, hold } = start;
    if let Some(hold) = hold {
        return Ok(Some(held(hold, &cursor, store)));
    }
    if !is_first && untouched::is_untouched(job, &cursor) {
        let Cursor { guests, start_directory, inherited, .. } = cursor;
        return Ok(Some(Report { guests, start_directory, inherited, ..Report::default() }));
    }
    if is_first && cursor.inherited > 0 {
        log::info!(
            "{}: {} turns skipped (of the session copied from)",
            job.session_id,
            cursor.inherited
        );
    }
    let placements = match store.reader() {
        Some(store) => store.placements(&job.session_id, &job.destination)?,
        None => Runs::default(),
    };
    let contexts = Contexts::new(job, Terms::new(job, &cursor, &placements));
    let mut ledger = Ledger::new(cursor, is_first, placements, store.writer());
    ledger.is_unsaved = is_changed;
    let uploader = Uploader::new(transport, job.wire_limit);
    let mut exporter =
        Exporter::new(job, contexts, ledger, uploader, PromptLinker::new(job, store.reader()));
    if job.extent == Extent::Resend {
        exporter.ledger.suspend_saving();
    }
    if is_first || begun_with.is_some() {
        exporter.contexts.terms.meet_first(begun_with, &mut exporter.ledger);
    }
    let mut sink = TurnSink::new(exporter);
    // Turns are read even if nothing can be sent, so that their agreement is kept for a later sender.
    let end = walk(job, &mut sink, settled)?;
    let TurnSink { mut exporter, declined, forgotten, .. } = sink;
    if job.extent == Extent::Resend && !exporter.uploader.is_stopped() {
        exporter.ledger.resume_saving();
        exporter.ledger.save();
    }
    Ok(Some(Report {
        withheld: exporter.withheld.len(),
        declined,
        forgotten,
        inherited: exporter.ledger.cursor.inherited,
        unfinished: end.unfinished,
        unsaved: exporter.ledger.unsaved,
        start_directory: exporter.ledger.cursor.start_directory,
        guests: exporter.ledger.cursor.guests,
        diagnostics: end.diagnostics,
        ..exporter.uploader.into_report()
    }))
}

/// The report of a session of which nothing can be sent now.
fn held(hold: Hold, cursor: &Cursor, store: StateAccess<'_>) -> Report {
    let mut report = Report {
        unfinished: true,
        start_directory: cursor.start_directory.clone(),
        inherited: cursor.inherited,
        ..Report::default()
    };
    if hold == Hold::HeadOpen
        && let Some(Err(error)) = store.writer().map(|store| store.save_cursor(cursor))
    {
        report.unsaved = Some(format!("{error:#}"));
    }
    report
}

/// How the walk through a session's file ended.
struct End {
    unfinished: bool,
    diagnostics: Diagnostics,
}

fn walk(job: &Job, sink: &mut TurnSink<'_>, settled: Option<bool>) -> Result<End> {
    if job.extent == Extent::Backfill && job.sends_declined() {
        reopen_declined(&mut sink.exporter.ledger);
    }
    sink.exporter.ledger.save_noted();
    if job.extent == Extent::Backfill {
        send_skipped(job, sink)?;
    }
    let expected = match &job.trigger {
        Trigger::Stop(expected) if settled.is_none() => Some(expected),
        _ => None,
    };
    let mut rewrites = 0;
    let (mut reader, turns) = loop {
        let (reader, turns) = read_open_turns(job, sink, expected)?;
        if rewrites == MAX_REWRITES || reader.is_still(&job.transcript) {
            break (reader, turns);
        }
        rewrites += 1;
        // The file was rewritten during the wait: the rows that were read are in no file any more.
        sink.exporter.uploader.clear();
        let cursor = &mut sink.exporter.ledger.cursor;
        if start::find_place(&job.ids(), &job.transcript, cursor)? == Place::Unknown {
            return Ok(End { unfinished: true, diagnostics: reader.diagnostics().clone() });
        }
        sink.exporter.begin_open_walk();
    };
    let settled = settled.unwrap_or_else(|| reader.settled());
    if let Trigger::Stop(expected) = &job.trigger
        && settled
    {
        sink.exporter.ledger.cursor.settled = Some(untouched::settled_stop(expected));
    }
    let mut title = TitlePlace::default();
    let ended = turns.finish().map(|turn| {
        let ended = has_ended(job, &turn, settled, &mut sink.agents.session);
        sink.take(&turn, &reader.instructions_of(&turn), ended);
        let row = turn.title_before.map(|title| title.offset);
        title = TitlePlace { until: turn.start, row };
        ended
    });
    sink.finish();
    let cursor = &mut sink.exporter.ledger.cursor;
    if cursor.open_start == title.until {
        // The next run begins there and need not search for the title.
        cursor.title = title;
    }
    sink.exporter.upload_media();
    close(job, sink, &reader, ended.unwrap_or(true));
    Ok(End { unfinished: ended == Some(false), diagnostics: reader.diagnostics().clone() })
}

/// Reads from the open turn to the end of the file. Returns the turns that are still open. Connects while the last
/// row of the turn is awaited.
fn read_open_turns(
    job: &Job,
    sink: &mut TurnSink<'_>,
    expected: Option<&Expected>,
) -> Result<(TailReader, Turns)> {
    let cursor = &mut sink.exporter.ledger.cursor;
    let title = titles::title_at_open_turn(job, cursor)?;
    let (start, own_from, known_until) =
        (cursor.open_start, cursor.own_from, cursor.legacy_marks_until.unwrap_or(0));
    let own_rows = rows_from_cursor(cursor, job.ids(), &job.transcript);
    let mut turns = Turns::after(cursor.open_turn.as_ref().map(|open| open.at)).titled(title);
    let known = named_before(start, cursor.instructions.as_ref(), &job.transcript)?;
    let reader = TailReader::open(&job.transcript, start, expected)?.of_session(own_rows);
    let reader = reader.keeping(job.policy.max_chars).with_media(job.policy.media);
    let mut reader = reader.with_instructions(known);
    let mut is_in_head = start < own_from;
    let mut is_ready = false;
    loop {
        while let Some(entry) = reader.next() {
            let entry = entry?;
            sink.notice(&entry);
            if entry.offset < known_until {
                sink.note_known(entry.at);
            }
            if is_in_head && entry.offset >= own_from {
                is_in_head = false;
                sink.copied = turns.open_turn().cloned();
            }
            if let Some(turn) = turns.push(entry) {
                sink.take(&turn, &reader.instructions_of(&turn), true);
            }
            // A hook agrees to each turn that it meets, even if nothing can be sent. Any other delivery stops reading
            // here.
            if sink.exporter.uploader.is_stopped() && job.extent != Extent::Live {
                return Ok((reader, Turns::default()));
            }
        }
        if sink.exporter.uploader.is_stopped() || !reader.is_awaited() {
            return Ok((reader, turns));
        }
        // Connecting to an unreachable server ends the run, so that attributes known to this run alone must be stored
        // first.
        let open = turns.open_turn().filter(|turn| sink.wants(turn));
        match open.filter(|_| !is_ready && !job.attributes.are_of_the_run()) {
            Some(_) => {
                sink.exporter.uploader.connect();
                is_ready = true;
            }
            None => TailReader::pause(),
        }
    }
}

/// Whether the last turn is over. Sets whether the session is over, too.
fn has_ended(job: &Job, turn: &Turn, settled: bool, session: &mut SessionState) -> bool {
    match &job.trigger {
        Trigger::Stop(_) => settled,
        Trigger::SessionEnd => true,
        Trigger::Sweep { now } => {
            let last_at = turn.activity.last_at.unwrap_or(turn.opening.at);
            *session = match () {
                () if turn.left => SessionState::Left,
                () if is_abandoned(last_at, *now) => SessionState::Over,
                () => SessionState::Open,
            };
            session.is_over() || turn.stopped || turn.activity.interrupted
        }
    }
}

/// Brings the cursor to the end of the file for the next run.
fn close(job: &Job, sink: &mut TurnSink<'_>, reader: &TailReader, ended: bool) {
    let Exporter { ledger, uploader, .. } = &mut sink.exporter;
    let still_open = ledger.open_turns();
    let cursor = &mut ledger.cursor;
    forget_launches(cursor, &still_open);
    if !uploader.is_stopped() {
        // Otherwise turns that this run did not read may need their contexts.
        cursor.forget_closed_contexts(&still_open);
    }
    if cursor.acknowledged.values().all(|mark| *mark != Mark::Legacy) {
        cursor.legacy_marks_until = None;
    }
    cursor.idle = ended
        && !uploader.is_stopped()
        && ledger.pending.is_done()
        && cursor.media.is_empty()
        && has_nothing_left(job, cursor);
    cursor.newest_row = reader.newest().max(cursor.newest_row);
    cursor.guests.extend(reader.guests());
    match FileMark::take(&job.transcript, reader.offset()) {
        Ok(mark) => cursor.file = mark,
        Err(error) => log::warn!("{error:#}"),
    }
    ledger.save();
}
