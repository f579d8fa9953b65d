//! The state folder, waiting sessions, the last failure, and pauses.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use super::DoctorContext;
use crate::commands::output::{CheckReport, long_duration, plural};
use crate::commands::remedy::remedy_in_doctor;
use crate::commands::waiting::{Waiting, waiting};
use crate::state::Store;
use base::Timestamp;

pub(super) fn check(context: &DoctorContext<'_>, report: &mut CheckReport) {
    let store = Store::new(&context.config.state_dir);
    match store.problem() {
        Some(problem) => report.fail(
            "state",
            problem,
            "move it away, or set CC_LANGFUSE_STATE_DIR to a folder of yours",
        ),
        None => check_folder(store.root(), report),
    }
    let now = Timestamp::now();
    if let Waiting { sessions: count @ 1.., since, .. } = waiting(&context.delivery, &store) {
        let since = since.map(|since| long_duration(now.since(since))).unwrap_or_default();
        report.warn(
            "waiting",
            format!("{} with unsent turns, the oldest for {since}", plural(count, "session")),
            "fix the other problems, then run 'claude-langfuse flush'",
        );
    }
    if let Ok(destination) = &context.config.destination {
        let backoff = store.backoff(&destination.id());
        if let Some(reason) = backoff.reason.as_deref().filter(|_| backoff.failures > 0) {
            report.warn(
                "last delivery",
                format!("failed: {reason}"),
                remedy_in_doctor(backoff.problem, destination),
            );
        }
    }
    let times = store.pauses().times(Some(&context.start));
    if let Some(pause) = times.iter().find(|time| time.covers(now)) {
        let since = long_duration(now.since(pause.from));
        report.warn(
            "pause",
            format!("tracing is paused for {since}"),
            "end it with 'claude-langfuse resume'",
        );
    }
}

/// Writes a file of the size of a cursor, to find a full disk or missing permission. If the folder is missing, the parent
/// in which it will be created is tested: `doctor` creates nothing.
fn check_folder(root: &Path, report: &mut CheckReport) {
    let shown = root.display();
    let existing = root.ancestors().find(|folder| folder.exists()).unwrap_or(root);
    if let Err(error) = write_test_file(existing) {
        let help = format!(
            "free disk space and fix its owner (df -h, ls -ld {}), or set CC_LANGFUSE_STATE_DIR to another folder",
            existing.display()
        );
        return report.fail("state", format!("can't write to {shown}: {error}"), help);
    }
    match root.metadata() {
        Ok(folder) if folder.mode() & 0o077 != 0 => report.warn(
            "state",
            format!("other users can read {shown}"),
            format!("run: chmod 700 {shown}"),
        ),
        Ok(_) => report.ok("state", format!("{shown} is writable")),
        Err(_) => report.ok("state", format!("{shown} can be created")),
    }
}

fn write_test_file(folder: &Path) -> std::io::Result<()> {
    let path = folder.join(format!("doctor-{}.tmp", std::process::id()));
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .and_then(|mut file| file.write_all(&[b'.'; 64 * 1024]));
    // If the file could not be created, there is nothing to remove.
    let _ = fs::remove_file(&path);
    written
}
