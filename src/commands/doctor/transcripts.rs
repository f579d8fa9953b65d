//! Whether what Claude Code writes can be read, and what the hook cost lately.

use std::path::Path;

use transcript::{Diagnostics, Transcript, hook_times};

use super::Patient;
use crate::commands::broken_lines;
use crate::commands::output::report::Report;

/// From here on somebody notices. In milliseconds.
const SLOW: u64 = 1000;

pub(super) fn check(patient: &Patient<'_>, report: &mut Report) {
    let Some(newest) = patient.newest.first() else {
        return report.warn(
            "transcripts",
            "Claude Code has written none yet",
            "start a session; 'claude --print hello' makes one",
        );
    };
    match read(newest) {
        Ok(diagnostics) => readable(newest, &diagnostics, report),
        Err(error) => report.fail(
            "transcripts",
            format!("{error:#}"),
            "make the file readable for you",
        ),
    }
    cost(patient, report);
}

fn read(path: &Path) -> anyhow::Result<Diagnostics> {
    let mut transcript = Transcript::open(path, 0)?;
    while transcript.next_entry()?.is_some() {}
    Ok(transcript.diagnostics().clone())
}

fn readable(path: &Path, diagnostics: &Diagnostics, report: &mut Report) {
    let shown = path.display();
    if let Some(broken) = broken_lines(diagnostics) {
        report.warn(
            "transcripts",
            format!("{shown}: {broken}"),
            "they are passed over, the rest is sent; a crash or a full disk leaves such lines",
        );
    }
    if !diagnostics.unknown.is_empty() {
        let kinds: Vec<&str> = diagnostics.unknown.keys().map(String::as_str).collect();
        report.warn(
            "transcripts",
            format!("{shown} has rows of unknown types: {}", kinds.join(", ")),
            "they are passed over; a newer claude-langfuse may know them",
        );
    }
    if diagnostics.broken_lines == 0 && diagnostics.unknown.is_empty() {
        report.ok("transcripts", format!("the newest can be read: {shown}"));
    }
}

/// What Claude Code itself measured of our hook.
fn cost(patient: &Patient<'_>, report: &mut Report) {
    let newest = patient.newest.iter();
    let mut times: Vec<u64> = newest
        .flat_map(|path| hook_times(path).unwrap_or_default())
        .filter(|time| time.command.contains("claude-langfuse"))
        .filter_map(|time| u64::try_from(time.took.as_millis()).ok())
        .collect();
    times.sort_unstable();
    let (Some(median), Some(longest)) = (times.get(times.len() / 2), times.last()) else {
        return;
    };
    let told = format!(
        "the hook took {median} ms in the middle and {longest} ms at most, in {} turns lately",
        times.len()
    );
    match *median >= SLOW {
        true => report.warn(
            "hook time",
            told,
            "the network or Langfuse is slow: CC_LANGFUSE_HOOK_BUDGET limits the wait, what it cuts off is sent later",
        ),
        false => report.ok("hook time", told),
    }
}
