//! Notes the first turn that an unusable configuration held back, so that first contact after the repair begins
//! there.

use std::path::Path;

use anyhow::Result;
use transcript::lineage::{Lineage, SessionIds};
use transcript::session::{Outline, TurnOutline};

use super::start::{first_turn, turn_of_prompt, unanswered_before};
use super::tail::TailReader;
use crate::state::{Store, SuspendedOpening, Suspension};

/// Notes the turn of a hook. One note per session is enough: the note names the first turn.
///
/// # Errors
/// If the note can't be written, or the transcript can't be read.
pub fn note_suspended(
    store: &Store,
    session_id: &str,
    transcript: &Path,
    prompt_id: Option<&str>,
) -> Result<()> {
    if store.suspended(session_id).is_some() {
        return Ok(());
    }
    let mut note = Suspension::new(session_id, transcript, prompt_id);
    // Written before anything is read: a long file may have to be read whole, and the hook's time is short.
    store.note_suspended(&note)?;
    let mut reader = TailReader::open(transcript, 0, None)?;
    let lineage = Lineage::new(SessionIds::new(session_id, transcript), transcript);
    let turns = Outline::read(lineage, &mut reader)?.turns;
    // First contact finds a prompt that is not in the file yet.
    if prompt_id.is_some_and(|prompt_id| turn_of_prompt(&turns, prompt_id).is_none()) {
        return Ok(());
    }
    let first = first_turn(&turns, prompt_id).and_then(|first| turns.get(first));
    note.opening = first.map(|turn| SuspendedOpening { uuid: turn.uuid.clone(), at: turn.at });
    store.note_suspended(&note)
}

/// The position of the noted turn.
pub(super) fn position(note: Option<&Suspension>, turns: &[TurnOutline]) -> Option<usize> {
    let note = note?;
    if let Some(opening) = &note.opening {
        let same = turns.iter().position(|turn| turn.uuid == opening.uuid);
        // In a rewritten file without that row, the turns that opened later are left.
        return same.or_else(|| turns.iter().position(|turn| turn.at >= opening.at));
    }
    let prompt_id = note.prompt_id.as_deref();
    let turn = prompt_id
        .and_then(|prompt_id| turn_of_prompt(turns, prompt_id))
        .or_else(|| turns.iter().rposition(|turn| turn.at <= note.noted_at))?;
    Some(unanswered_before(turns, turn))
}

#[cfg(test)]
mod tests {
    use base::Timestamp;
    use transcript::Usage;
    use transcript::session::TurnOutline;

    use super::position;
    use crate::state::{SuspendedOpening, Suspension};

    fn turn(number: u64, finished: bool) -> TurnOutline {
        TurnOutline {
            uuid: format!("row-{number}"),
            at: Timestamp::from_millis(number * 10),
            prompt_id: Some(format!("prompt-{number}")),
            start: number,
            end: number + 1,
            title_row: None,
            is_compaction: false,
            is_continued: false,
            finished,
            prompt: String::new(),
            usage: Usage::default(),
            calls: None,
        }
    }

    fn note(opening: Option<(&str, u64)>, prompt_id: Option<&str>, noted_at: u64) -> Suspension {
        let mut note = Suspension::new("s", "/t.jsonl".as_ref(), prompt_id);
        note.noted_at = Timestamp::from_millis(noted_at);
        note.opening = opening.map(|(uuid, at)| SuspendedOpening {
            uuid: uuid.to_owned(),
            at: Timestamp::from_millis(at),
        });
        note
    }

    #[test]
    fn finds_the_turn_by_its_row_its_prompt_or_its_time() {
        let turns = [turn(1, true), turn(2, false), turn(3, true), turn(4, true)];
        for (note, expected) in [
            (note(Some(("row-3", 30)), Some("prompt-1"), 99), Some(2)),
            (note(Some(("gone", 25)), None, 99), Some(2)),
            (note(Some(("gone", 50)), None, 99), None),
            (note(None, Some("prompt-3"), 99), Some(1)),
            (note(None, Some("gone"), 25), Some(1)),
            (note(None, None, 42), Some(3)),
            (note(None, None, 5), None),
        ] {
            assert_eq!(position(Some(&note), &turns), expected, "{note:?}");
        }
        assert_eq!(position(None, &turns), None);
    }
}
