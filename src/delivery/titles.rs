//! The title that a session has at an offset of its file.

use anyhow::Result;
use transcript::session::SessionTitle;
use transcript::{Record, Transcript, is_title};

use super::Job;
use crate::state::{Cursor, TitlePlace};

/// The title before the open turn. Rows that earlier runs searched are not searched again.
pub(super) fn title_at_open_turn(job: &Job, cursor: &mut Cursor) -> Result<Option<SessionTitle>> {
    let known = Some(cursor.title.clone()).filter(|known| known.until <= cursor.open_start);
    let until = cursor.open_start;
    let title = title_before(job, cursor.own_from, until, &known.unwrap_or_default())?;
    cursor.title = TitlePlace { until, row: title.as_ref().map(|title| title.offset) };
    Ok(title)
}

/// The title before an offset. `known`: the place of an earlier title.
pub(super) fn title_before(
    job: &Job,
    own_from: u64,
    until: u64,
    known: &TitlePlace,
) -> Result<Option<SessionTitle>> {
    let mut title = known.row.and_then(|row| title_in_row(job, own_from, row));
    if known.until < until {
        title = read(job, own_from, known.until..until, title)?;
    }
    Ok(title)
}

/// The title in a row that was read before.
pub(super) fn title_in_row(job: &Job, own_from: u64, row: u64) -> Option<SessionTitle> {
    read(job, own_from, row..row + 1, None).unwrap_or_else(|error| {
        log::warn!("{error:#}");
        None
    })
}

fn read(
    job: &Job,
    own_from: u64,
    rows: std::ops::Range<u64>,
    mut title: Option<SessionTitle>,
) -> Result<Option<SessionTitle>> {
    let mut own_rows = job.rows_from(own_from);
    let mut transcript = Transcript::open(&job.transcript, rows.start)?;
    while let Some(entry) = transcript.next_entry_among(&is_title)? {
        if entry.offset >= rows.end {
            break;
        }
        let is_own = own_rows.admit(&entry);
        if let Record::Title { text, by_person } = entry.record
            && is_own
        {
            title =
                SessionTitle::merge(title, SessionTitle { text, by_person, offset: entry.offset });
        }
    }
    Ok(title)
}
