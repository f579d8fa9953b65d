//! The newest transcript, and the time of recent hooks.

use std::path::Path;

use super::DoctorContext;
use crate::commands::output::{CheckReport, broken_lines};
use transcript::{Diagnostics, Transcript, UnknownNames, hook_times, unknown_names};

/// Hook time that people notice.
const SLOW_MILLIS: u64 = 1000;

pub(super) fn check(context: &DoctorContext<'_>, report: &mut CheckReport) {
    let Some(newest) = context.newest.first() else {
        return report.warn(
            "transcripts",
            "no transcript yet",
            "start a session, for example: claude --print hello",
        );
    };
    match read(newest) {
        Ok((diagnostics, unknown)) => check_rows(newest, &diagnostics, unknown, report),
        Err(error) => {
            report.fail("transcripts", format!("{error:#}"), "fix the permissions of the file")
        }
    }
    check_hook_times(context, report);
}

fn read(path: &Path) -> anyhow::Result<(Diagnostics, UnknownNames)> {
    let mut transcript = Transcript::open(path, 0)?;
    while transcript.next_entry()?.is_some() {}
    Ok((transcript.diagnostics().clone(), unknown_names(path)?))
}

fn check_rows(
    path: &Path,
    diagnostics: &Diagnostics,
    UnknownNames { types, others }: UnknownNames,
    report: &mut CheckReport,
) {
    let shown = path.display();
    if let Some(broken) = broken_lines(diagnostics) {
        report.warn(
            "transcripts",
            format!("{shown}: {broken}"),
            "no action needed: these lines are skipped; a crash or a full disk leaves such lines",
        );
    }
    if !types.is_empty() {
        let names = Vec::from_iter(types.into_iter().chain(others)).join(", ");
        report.warn(
            "transcripts",
            format!("{shown} has unknown rows or fields: {names}"),
            "update claude-langfuse; these rows are skipped",
        );
    } else if diagnostics.broken_lines == 0 {
        let mut message = format!("the newest is readable: {shown}");
        if !others.is_empty() {
            let names = Vec::from_iter(others).join(", ");
            message.push_str(&format!("; new in Claude Code, not used here: {names}"));
        }
        report.ok("transcripts", message);
    }
}

/// The times that Claude Code measured.
fn check_hook_times(context: &DoctorContext<'_>, report: &mut CheckReport) {
    let newest = context.newest.iter();
    let mut times: Vec<u64> = newest
        .flat_map(|path| hook_times(path).unwrap_or_default())
        .filter(|time| time.command.contains("claude-langfuse"))
        .filter_map(|time| u64::try_from(time.took.as_millis()).ok())
        .collect();
    times.sort_unstable();
    let (Some(median), Some(longest)) = (times.get(times.len() / 2), times.last()) else {
        return;
    };
    let message =
        format!("median {median} ms, maximum {longest} ms in the last {} turns", times.len());
    if *median >= SLOW_MILLIS {
        report.warn(
            "hook time",
            message,
            "the network or Langfuse is slow; CC_LANGFUSE_HOOK_BUDGET limits the wait, later hooks send the rest",
        );
    } else {
        report.ok("hook time", message);
    }
}
