//! Reads the turns of a file before anything is sent, and reads them again if the file was replaced meanwhile.

use std::path::Path;

use anyhow::{Context, Result};
use transcript::completion::Expected;
use transcript::lineage::{Lineage, SessionIds};
use transcript::session::Outline;

use super::tail::TailReader;
use super::{Job, Trigger};

/// A file that is replaced more often while it is read is used as it was opened: some file systems change inodes all
/// the time.
pub(super) const MAX_REWRITES: usize = 2;

/// The end that a Stop hook waits for.
pub(super) fn awaited(job: &Job) -> Option<&Expected> {
    match &job.trigger {
        Trigger::Stop(expected) => Some(expected),
        Trigger::SessionEnd | Trigger::Sweep { .. } => None,
    }
}

/// Reads the outline. If the hook's prompt is in the file, its end is awaited later. Otherwise the prompt and its end
/// are awaited here, and the second value tells whether the end came.
pub(super) fn outline_of_turn(
    job: &Job,
    wait: Option<&Expected>,
) -> Result<(Outline, Option<bool>)> {
    let (outline, _) = read_outline(job, None)?;
    let is_there = |wanted: &String| {
        let mut turns = outline.turns.iter();
        turns.any(|turn| turn.prompt_id.as_ref() == Some(wanted))
    };
    match wait {
        Some(expected)
            if outline.is_in_doubt || !expected.prompt_id.as_ref().is_some_and(is_there) =>
        {
            let (outline, settled) = read_outline(job, wait)?;
            Ok((outline, Some(settled)))
        }
        _ => Ok((outline, None)),
    }
}

fn read_outline(job: &Job, wait: Option<&Expected>) -> Result<(Outline, bool)> {
    read_unless_replaced(&job.transcript, wait, |reader| {
        let prompt_id = awaited(job).and_then(|expected| expected.prompt_id.as_ref());
        let lineage = Lineage::new(job.ids(), &job.transcript).called_for(prompt_id);
        Outline::read(lineage, reader.until_settled())
    })
}

/// Reads where the own rows begin. A session that is sent whole needs no more in advance.
pub(super) fn read_lineage(ids: SessionIds, transcript: &Path) -> Result<Outline> {
    let (outline, _) = read_unless_replaced(transcript, None, |reader| {
        let mut lineage = Lineage::new(ids.clone(), transcript);
        while !lineage.is_decided()
            && let Some(entry) = reader.next()
        {
            lineage.observe(&entry?);
        }
        Ok(Outline::of(lineage))
    })?;
    Ok(outline)
}

fn read_unless_replaced(
    transcript: &Path,
    wait: Option<&Expected>,
    read: impl Fn(&mut TailReader) -> Result<Outline>,
) -> Result<(Outline, bool)> {
    let mut rewrites = 0;
    loop {
        let mut reader = TailReader::open(transcript, 0, wait)?;
        let outline = read(&mut reader)
            .with_context(|| format!("could not read transcript: {}", transcript.display()))?;
        if rewrites == MAX_REWRITES || reader.is_still(transcript) {
            return Ok((outline, reader.settled()));
        }
        rewrites += 1;
    }
}
