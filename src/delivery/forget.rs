//! Notes turns that a person deleted in Langfuse, so that nothing sends them again.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Result, bail};
use transcript::FileMark;
use transcript::lineage::{Lineage, SessionIds};
use transcript::session::{Outline, TurnOutline};

use super::start::{self, Place};
use super::tail::TailReader;
use crate::state::{Cursor, SkipReason, SkippedRange, Store};
use crate::trace::{SpanIds, TraceId};

/// The part of a session to forget at a destination.
#[derive(Debug)]
pub struct Forgotten<'a> {
    pub session_id: &'a str,
    pub transcript: &'a Path,
    pub destination: &'a str,
    /// The deleted traces.
    pub traces: &'a BTreeSet<String>,
    /// The spans in them.
    pub spans: &'a BTreeSet<String>,
}

/// Marks the turns of these traces as forgotten, and drops the state of their spans. Without a cursor it creates one
/// that claims nothing about other turns.
///
/// # Errors
/// If the transcript can't be read, or the cursor can't be written.
pub fn note_forgotten(store: &Store, forgotten: &Forgotten<'_>) -> Result<()> {
    let Forgotten { session_id, transcript, destination, .. } = *forgotten;
    let ids = SessionIds::new(session_id, transcript);
    let reader = TailReader::open(transcript, 0, None)?;
    let outline = Outline::read(Lineage::new(ids.clone(), transcript), reader)?;
    let chosen = forgotten.turns(&outline.turns);
    let known = store.cursor(session_id, destination)?;
    let (begun, known) = match known {
        Some(cursor) if cursor.begun_for.is_some() => (Some(cursor), None),
        known => (None, known),
    };
    let mut cursor = match known {
        Some(mut cursor) => {
            let is_moved = !cursor.is_head_open && !cursor.file.still_holds(transcript);
            if is_moved && start::find_place(&ids, transcript, &mut cursor)? == Place::Unknown {
                bail!("could not use {}: it is an older copy", transcript.display());
            }
            cursor
        }
        None => {
            let mut cursor = Cursor::new(session_id, destination, transcript.to_owned());
            start::begin_behind(&mut cursor, &outline, chosen.iter().rposition(|is_in| *is_in));
            cursor.file = FileMark::take(transcript, cursor.open_start)?;
            cursor.idle = true;
            cursor
        }
    };
    if let Some(((agreed, _), open)) =
        begun.and_then(|begun| begun.begun_with).zip(cursor.open_turn.as_ref())
    {
        cursor.agreed.add(&open.uuid, None, agreed);
    }
    forget(&mut cursor, &outline.turns, &chosen, forgotten);
    store.save_cursor(&cursor)
}

impl Forgotten<'_> {
    /// For each turn, whether it is in one of the traces.
    fn turns(&self, turns: &[TurnOutline]) -> Vec<bool> {
        let own = |turn: &TurnOutline| TraceId::of_seed(&turn.uuid).as_str().to_owned();
        let own_traces: BTreeSet<String> = turns.iter().map(own).collect();
        // Traces from a seed. Only span ids show which turn is in them.
        let seeded = self.traces.difference(&own_traces).cloned().map(TraceId::given);
        let seeded: Vec<TraceId> = seeded.collect();
        let has_root = |trace: &TraceId, turn: &TurnOutline| {
            let ids = SpanIds::of(trace, &turn.uuid);
            let root = match turn.is_compaction {
                true => ids.compaction(&turn.uuid),
                false => ids.turn(&turn.uuid),
            };
            self.spans.contains(root.as_str())
        };
        let is_in = |turn: &TurnOutline| {
            self.traces.contains(&own(turn)) || seeded.iter().any(|trace| has_root(trace, turn))
        };
        turns.iter().map(is_in).collect()
    }
}

fn forget(cursor: &mut Cursor, turns: &[TurnOutline], chosen: &[bool], forgotten: &Forgotten<'_>) {
    let was_forgotten = turns.iter().map(|turn| cursor.forgets(turn.start)).collect::<Vec<_>>();
    let is_in = |turn: usize| {
        [chosen, &was_forgotten].iter().any(|turns| turns.get(turn).copied().unwrap_or_default())
    };
    let before = std::mem::take(&mut cursor.skipped);
    let others = before.into_iter().filter(|range| range.why != SkipReason::Forgotten);
    for range in others {
        let kept = |turn: usize| {
            turns.get(turn).is_some_and(|found| range.covers(found.start)) && !is_in(turn)
        };
        let is_whole = (0..turns.len()).all(|turn| {
            turns.get(turn).is_none_or(|found| !range.covers(found.start)) || kept(turn)
        });
        if is_whole {
            cursor.skipped.push(range);
            continue;
        }
        for (first, last) in runs(turns.len(), kept) {
            let next = turns.get(last + 1).map(|turn| turn.start);
            let is_last = next.is_none_or(|next| !range.covers(next));
            let end = if is_last { range.end } else { next };
            cursor.skipped.extend(range_of(turns, first, last, end, range.why));
        }
    }
    for (first, last) in runs(turns.len(), is_in) {
        // Later rows of the last turn belong to it, wherever it ends.
        let end = turns.get(last).map(|turn| turn.start + 1);
        cursor.skipped.extend(range_of(turns, first, last, end, SkipReason::Forgotten));
    }
    cursor.skipped.sort_by_key(|range| range.start);
    drop_spans(cursor, turns, chosen, forgotten);
}

/// The first and last position of each run of turns for which `holds` is true.
fn runs(count: usize, holds: impl Fn(usize) -> bool) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for turn in (0..count).filter(|turn| holds(*turn)) {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == turn => *last = turn,
            _ => runs.push((turn, turn)),
        }
    }
    runs
}

fn range_of(
    turns: &[TurnOutline],
    first: usize,
    last: usize,
    end: Option<u64>,
    why: SkipReason,
) -> Option<SkippedRange> {
    let (oldest, newest) = (turns.get(first)?, turns.get(last)?);
    let before = turns.iter().take(first).filter(|turn| turn.is_numbered()).count();
    Some(SkippedRange {
        start: oldest.start,
        end,
        turns_before: before as u64,
        why,
        turns: Some([start::identity(oldest), start::identity(newest)]),
    })
}

/// Agents of these turns may still run. Their further work is unwanted too.
fn drop_spans(
    cursor: &mut Cursor,
    turns: &[TurnOutline],
    chosen: &[bool],
    forgotten: &Forgotten<'_>,
) {
    let chosen = turns.iter().zip(chosen).filter(|(_, is_in)| **is_in);
    let mut gone: BTreeSet<String> = chosen.map(|(turn, _)| turn.uuid.clone()).collect();
    cursor.contexts.retain(|turn, context| {
        let is_gone = gone.contains(turn) || forgotten.traces.contains(context.trace_id.as_str());
        if is_gone {
            gone.insert(turn.clone());
        }
        !is_gone
    });
    for launch in cursor.launches.values_mut() {
        launch.declined |= gone.contains(&launch.turn);
    }
    for subagent in cursor.subagents.values_mut() {
        if subagent.link.as_ref().is_some_and(|link| gone.contains(&link.turn)) {
            subagent.declined = true;
            subagent.acknowledged.clear();
        }
    }
    cursor.acknowledged.retain(|span, _| !forgotten.spans.contains(span.as_str()));
    cursor.media.retain(|_, media| !forgotten.traces.contains(&media.trace));
    cursor.refused.retain(|span, _| !forgotten.spans.contains(span.as_str()));
}
