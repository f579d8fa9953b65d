//! Finds where a delivery begins: at the cursor, at the turn of first contact, or at the open turn in a rewritten
//! file.

use std::path::Path;

use anyhow::Result;
use transcript::completion::Expected;
use transcript::lineage::{Lineage, SessionIds};
use transcript::session::{Outline, TurnOutline};

use super::outline::{awaited, outline_of_turn, read_lineage};
use super::tail::TailReader;
use super::terms::placement_of_run;
use super::{Extent, Job, StateAccess, Trigger, suspend};
use crate::state::{
    Cursor, LegacyHookState, OpenTurn, Placement, SkipReason, SkippedRange, Store, TitlePlace,
    TurnIdentity, Within,
};
use crate::trace::Agreement;

/// The cursor from which a delivery continues.
pub(super) struct Start {
    pub cursor: Cursor,
    /// The destination has no cursor yet. It is written before the first request.
    pub is_first: bool,
    /// The cursor differs from the stored one.
    pub is_changed: bool,
    /// Whether the Stop hook's turn is complete in the file, if that was awaited already.
    pub settled: Option<bool>,
    /// The agreement and placement of an earlier hook that was killed, or that met the turn while it might have been
    /// a copy.
    pub begun_with: Option<(Agreement, Placement)>,
    /// Why nothing can be sent now.
    pub hold: Option<Hold>,
}

/// Why nothing of a session can be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// The whole file may be copied from another session.
    HeadOpen,
    /// The file is an old copy, or half written.
    OldCopy,
}

/// Whether the cursor was located in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Found,
    /// The open turn is not in the file, and no row is new.
    Unknown,
}

/// Finds or creates the cursor. Returns `None` if there is none and none is wanted.
pub(super) fn find(job: &Job, store: StateAccess<'_>) -> Result<Option<Start>> {
    let known = match (store.reader(), job.extent) {
        (Some(store), Extent::Live | Extent::Resume | Extent::Backfill) => {
            store.cursor(&job.session_id, &job.destination)?
        }
        (None, _) | (_, Extent::Resend) => None,
    };
    match known {
        Some(cursor) if cursor.begun_for.is_none() => resume(job, cursor).map(Some),
        None if job.extent == Extent::Resume => Ok(None),
        begun => first(job, begun, store).map(Some),
    }
}

fn resume(job: &Job, mut cursor: Cursor) -> Result<Start> {
    let (mut settled, mut hold, mut begun_with) = (None, None, None);
    let mut is_changed = true;
    if cursor.is_head_open {
        let outline;
        (outline, settled) = outline_of_turn(job, awaited(job))?;
        adopt(&mut cursor, &outline);
        if outline.is_in_doubt {
            hold = Some(Hold::HeadOpen);
            meet_in_doubt(job, &mut cursor, &outline);
        } else {
            begun_with = cursor.begun_with.take();
        }
        if let Some(first) = outline.turns.first().filter(|_| begun_with.is_some()) {
            // An earlier hook met this turn while it might have been a copy.
            begin_at_turn(&mut cursor, &outline, Some(0));
            cursor.open_start = first.start;
        }
    } else if !cursor.file.still_holds(&job.transcript) {
        let place = find_place(&job.ids(), &job.transcript, &mut cursor)?;
        hold = (place == Place::Unknown).then_some(Hold::OldCopy);
    } else {
        is_changed = cursor.transcript != job.transcript;
    }
    cursor.transcript.clone_from(&job.transcript);
    Ok(Start { cursor, is_first: false, is_changed, settled, begun_with, hold })
}

/// Copies the session's facts from the head of the file.
pub(super) fn adopt(cursor: &mut Cursor, outline: &Outline) {
    cursor.is_head_open = !outline.is_decided;
    cursor.own_from = outline.own_from;
    cursor.inherited = outline.inherited;
    cursor.parent_session.clone_from(&outline.parent);
    cursor.start_directory.clone_from(&outline.start_directory);
    cursor.guests.extend(outline.guests.clone());
}

/// Locates the cursor in a rewritten file.
pub(super) fn find_place(ids: &SessionIds, path: &Path, cursor: &mut Cursor) -> Result<Place> {
    log::info!("transcript was rewritten, reading it whole: {}", path.display());
    cursor.title = TitlePlace::default();
    // The rewrite may have dropped the rows that mark copies, so that known turns are looked for among all turns.
    let all = Lineage::without_copies(ids.clone(), path);
    let outline = Outline::read(all, TailReader::open(path, 0, None)?)?;
    let copies_end = match cursor.own_from {
        0 => 0,
        _ => read_lineage(ids.clone(), path)?.own_from,
    };
    let open_at = cursor.open_turn.as_ref().map(|open| open.at);
    let later = match open_at.filter(|_| !has_opening(cursor, &outline)) {
        Some(at) => {
            let later = Lineage::without_copies(ids.clone(), path).not_before(at);
            Some(Outline::read(later, TailReader::open(path, 0, None)?)?)
        }
        None => None,
    };
    Ok(find_again(cursor, &outline, later.as_ref(), copies_end))
}

/// The opening row of the open turn is in the file.
fn has_opening(cursor: &Cursor, outline: &Outline) -> bool {
    let open = cursor.open_turn.as_ref();
    let mut turns = outline.turns.iter().filter(|turn| !turn.is_continued);
    open.is_none_or(|open| turns.any(|turn| turn.uuid == open.uuid))
}

/// Locates the open turn by the uuid of its opening row. If that row is gone, rows that are no older belong to the
/// open turn and to later ones; `later` is their outline. Changes nothing if no place is found. `copies_end`: where
/// the head of the file ends its copies now.
fn find_again(
    cursor: &mut Cursor,
    outline: &Outline,
    later: Option<&Outline>,
    copies_end: u64,
) -> Place {
    let turns = &outline.turns;
    // Not the end of the file: rows behind the last turn may belong to the next one.
    let end = turns.last().map_or(0, |turn| turn.end);
    let start = |turn: Option<&TurnOutline>| turn.map_or(end, |turn| turn.start);
    let goes_on_from_copies = cursor.own_from > cursor.open_start;
    let is_same = later.is_none() && cursor.open_turn.as_ref().is_some_and(|open| !open.is_behind);
    let was_known_until = cursor.open_start;
    cursor.open_start = match (&mut cursor.open_turn, later) {
        (None, _) => 0,
        (Some(open), None) => {
            let same = turns.iter().position(|turn| turn.uuid == open.uuid).unwrap_or_default();
            start(turns.get(same + usize::from(open.is_behind)))
        }
        (Some(open), Some(_)) if outline.newest <= cursor.newest_row.max(Some(open.at)) => {
            return Place::Unknown;
        }
        (Some(open), Some(later)) => {
            let goes_on = later.turns.first().is_some_and(|turn| may_be(turn, open));
            if !goes_on {
                // Its rows are gone, and its unsent spans with them.
                cursor.turns_before += u64::from(!open.is_behind && !open.is_compaction);
                open.is_behind = true;
            }
            let next = later.turns.get(usize::from(goes_on && open.is_behind));
            start(next)
        }
    };
    if let Some(known) = &mut cursor.instructions {
        // Rows that named instructions may be gone. The remaining ones are read again.
        let is_at_start = is_same && known.until == was_known_until;
        known.until = if is_at_start { cursor.open_start } else { 0 };
    }
    cursor.open_since = later.and_then(|_| Some(cursor.open_turn.as_ref()?.at));
    // Copies are before the open turn, or at its beginning.
    cursor.own_from = match goes_on_from_copies {
        true => copies_end,
        false => copies_end.min(cursor.open_start),
    };
    for (uuid, context) in &mut cursor.contexts {
        let turn = turns.iter().find(|turn| turn.uuid == *uuid);
        let title_row = turn.and_then(|turn| turn.title_row);
        context.title_row = context.title_row.and(title_row);
    }
    cursor.had_skipped |= cursor.skipped.iter().any(|range| range.turns.is_none());
    cursor.skipped.retain(|range| range.turns.is_some());
    for range in &mut cursor.skipped {
        find_range(range, turns);
    }
    Place::Found
}

/// A turn without its opening row may be the open one, unless a summary names another.
fn may_be(turn: &TurnOutline, open: &OpenTurn) -> bool {
    let first_row = turn.calls.as_ref().and_then(|calls| calls.first.first());
    let is_unnamed = first_row == Some(&turn.uuid);
    turn.is_continued && (turn.uuid == open.uuid || is_unnamed)
}

/// Locates the turns of a skipped range. Some of them may be gone.
fn find_range(range: &mut SkippedRange, turns: &[TurnOutline]) {
    let Some([first, last]) = &range.turns else {
        return;
    };
    let begins = |turn: &TurnOutline| turn.uuid == first.uuid || turn.at > first.at;
    let ends = |turn: &TurnOutline| turn.uuid == last.uuid || turn.at < last.at;
    let from = turns.iter().position(|turn| turn.uuid == first.uuid);
    let from = from.or_else(|| turns.iter().position(|turn| begins(turn) && ends(turn)));
    let to = turns.iter().rposition(|turn| turn.uuid == last.uuid);
    let to = to.or_else(|| turns.iter().rposition(|turn| begins(turn) && ends(turn)));
    let Some((from, to)) = from.zip(to).filter(|(from, to)| from <= to) else {
        range.end = Some(range.start);
        return;
    };
    let place = |turn: usize| turns.get(turn).map(|turn| turn.start);
    let is_to_the_end = range.end.is_none();
    range.start = place(from).unwrap_or_default();
    range.end = place(to + 1).or_else(|| {
        // An open range ends at the next turn that opens.
        turns.get(to).map(|turn| turn.end).filter(|_| !is_to_the_end)
    });
}

/// The first delivery to a destination. `begun`: the cursor of a hook that was killed during its first delivery.
fn first(job: &Job, begun: Option<Cursor>, store: StateAccess<'_>) -> Result<Start> {
    let (begun_for, begun_with) = match begun {
        Some(begun) => (begun.begun_for, begun.begun_with),
        None => (note_begin(job, store.writer()), None),
    };
    let mut cursor = Cursor::new(&job.session_id, &job.destination, job.transcript.clone());
    let (outline, settled) = if job.extent.is_automatic() {
        outline_of_turn(job, awaited(job))?
    } else {
        (read_lineage(job.ids(), &job.transcript)?, None)
    };
    if job.extent == Extent::Resend
        && let Some(before) = cursor_before(job, store)?
    {
        keep_forgotten(&mut cursor, &before, job, &outline.turns);
        cursor.agreed = before.agreed;
    }
    adopt(&mut cursor, &outline);
    let mut start =
        Start { cursor, is_first: true, is_changed: true, settled, begun_with, hold: None };
    if outline.is_in_doubt {
        start.cursor.begun_with = start.begun_with.take();
        meet_in_doubt(job, &mut start.cursor, &outline);
        start.hold = Some(Hold::HeadOpen);
    } else if job.extent.is_automatic() {
        let folder = outline.start_directory.as_deref();
        let legacy_hook = store
            .reader()
            .and_then(|store| store.legacy_hook(&job.session_id, &job.transcript, folder));
        let begin = first_turn(&outline.turns, begun_for.as_deref()).map(|first| {
            let suspended = suspend::position(job.suspended.as_ref(), &outline.turns);
            let first = suspended.map_or(first, |suspended| suspended.min(first));
            first
                .max(legacy_hook.map_or(0, |legacy_hook| not_sent_by(&legacy_hook, &outline.turns)))
        });
        begin_at_turn(&mut start.cursor, &outline, begin);
    }
    Ok(start)
}

/// A hook meets turns before it can tell whether they are copies. Its agreement holds for each of them that turns out
/// to be the session's own. The first one keeps its placement too.
fn meet_in_doubt(job: &Job, cursor: &mut Cursor, outline: &Outline) {
    cursor.begun_with = cursor.begun_with.take().or_else(|| begun_with_today(job));
    if job.extent != Extent::Live {
        return;
    }
    let (mut within, mut after) = (Within::default(), None);
    for TurnOutline { uuid, .. } in &outline.turns {
        if cursor.agreed.find(uuid, &mut within).is_none() {
            cursor.agreed.add(uuid, after, job.policy.agreement());
        }
        after = Some(uuid.as_str());
    }
}

/// The agreement and placement of a Stop hook for its turn, before it knows which turn of the file that is.
fn begun_with_today(job: &Job) -> Option<(Agreement, Placement)> {
    let is_stop = job.extent == Extent::Live && matches!(job.trigger, Trigger::Stop(_));
    is_stop.then(|| (job.policy.agreement(), placement_of_run(job)))
}

/// Agreements and forgotten turns hold for a resend too. A dry run ignores a cursor of a newer release.
fn cursor_before(job: &Job, store: StateAccess<'_>) -> Result<Option<Cursor>> {
    let Some(reader) = store.reader() else {
        return Ok(None);
    };
    let cursor = reader.cursor(&job.session_id, &job.destination);
    match store.writer() {
        Some(_) => cursor,
        None => Ok(cursor.ok().flatten()),
    }
}

fn keep_forgotten(cursor: &mut Cursor, before: &Cursor, job: &Job, turns: &[TurnOutline]) {
    if job.sends_forgotten {
        return;
    }
    let forgotten = before.skipped.iter().filter(|range| range.why == SkipReason::Forgotten);
    cursor.skipped = forgotten.cloned().collect();
    if !before.file.still_holds(&job.transcript) {
        cursor.skipped.iter_mut().for_each(|range| find_range(range, turns));
    }
}

/// Stores the prompt id of the hook before anything is read, because a long file may have to be read whole.
fn note_begin(job: &Job, store: Option<&Store>) -> Option<String> {
    let Trigger::Stop(Expected { prompt_id, .. }) = &job.trigger else {
        return None;
    };
    let store = store.filter(|_| job.extent == Extent::Live && prompt_id.is_some());
    let mut begun = Cursor::new(&job.session_id, &job.destination, job.transcript.clone());
    begun.begun_for.clone_from(prompt_id);
    begun.begun_with = begun_with_today(job);
    if let Some(Err(error)) = store.map(|store| store.save_cursor(&begun)) {
        // The write of the cursor itself will report the failure.
        log::debug!("{error:#}");
    }
    begun.begun_for
}

/// The hook's turn, or the first of the turns directly before it without an answer: no hook fired for those. The next
/// turn may have begun while the hook waited.
pub(super) fn first_turn(turns: &[TurnOutline], wanted: Option<&str>) -> Option<usize> {
    let last = turns.len().checked_sub(1)?;
    let named = wanted.and_then(|wanted| turn_of_prompt(turns, wanted));
    Some(unanswered_before(turns, named.unwrap_or(last)))
}

/// The turn that a prompt opened.
pub(super) fn turn_of_prompt(turns: &[TurnOutline], prompt_id: &str) -> Option<usize> {
    let is_wanted = |turn: &TurnOutline| turn.prompt_id.as_deref() == Some(prompt_id);
    turns.iter().rposition(is_wanted)
}

/// The first of the turns without a finished answer directly before `turn`; otherwise `turn`.
pub(super) fn unanswered_before(turns: &[TurnOutline], turn: usize) -> usize {
    let answered_before = turns.iter().take(turn).rposition(|turn| turn.finished);
    answered_before.map_or(0, |position| position + 1)
}

/// Makes the cursor begin at a turn, or behind the last one. Earlier turns become a skipped range.
fn begin_at_turn(cursor: &mut Cursor, outline: &Outline, begin: Option<usize>) {
    let Some(begin) = begin else {
        return;
    };
    let (Some(oldest), Some(newest)) = (outline.turns.first(), outline.turns.last()) else {
        return;
    };
    let next = outline.turns.get(begin);
    cursor.open_start = next.map_or(newest.end, |turn| turn.start);
    let known = next.unwrap_or(newest);
    cursor.open_turn = Some(OpenTurn {
        uuid: known.uuid.clone(),
        at: known.at,
        is_behind: next.is_none(),
        is_compaction: !known.is_numbered(),
    });
    let earlier = outline.turns.iter().take(begin);
    cursor.turns_before = earlier.filter(|turn| turn.is_numbered()).count() as u64;
    if begin > 0 {
        cursor.skipped.push(SkippedRange {
            start: oldest.start,
            end: next.map(|turn| turn.start),
            turns_before: 0,
            why: SkipReason::BeforeFirstContact,
            turns: outline.turns.get(begin - 1).map(|last| [identity(oldest), identity(last)]),
        });
    }
}

/// Begins a new cursor behind this turn, or where first contact would begin, if that is later.
pub(super) fn begin_behind(cursor: &mut Cursor, outline: &Outline, turn: Option<usize>) {
    adopt(cursor, outline);
    let contact = first_turn(&outline.turns, None).unwrap_or_default();
    begin_at_turn(cursor, outline, Some(turn.map_or(contact, |turn| contact.max(turn + 1))));
}

pub(super) fn identity(turn: &TurnOutline) -> TurnIdentity {
    TurnIdentity { uuid: turn.uuid.clone(), at: turn.at }
}

/// The first turn that another exporter has not sent.
fn not_sent_by(legacy_hook: &LegacyHookState, turns: &[TurnOutline]) -> usize {
    let is_left = |turn: &TurnOutline| {
        turn.start >= legacy_hook.offset || legacy_hook.kept_back.as_ref() == Some(&turn.uuid)
    };
    turns.iter().position(is_left).unwrap_or(turns.len())
}
