//! Whether what was acknowledged can be remembered, and what still waits.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use base::Timestamp;

use super::Patient;
use crate::command::remedy::remedy;
use crate::command::report::Report;
use crate::command::status::roughly;
use crate::state::{Store, Waiting};

pub(super) fn check(patient: &Patient<'_>, report: &mut Report) {
    let store = Store::new(&patient.config.state_dir);
    folder(store.root(), report);
    let now = Timestamp::now();
    if let Waiting { sessions: waiting @ 1.., since } = store.all_waiting() {
        let since = since.map(|since| roughly(now.since(since))).unwrap_or_default();
        report.warn(
            "waiting",
            format!("sessions with something left to send: {waiting}, the oldest for {since}"),
            "run 'claude-langfuse flush' once the rest of this is well",
        );
    }
    if let Ok(destination) = &patient.config.destination {
        let backoff = store.backoff(&destination.id());
        if let Some(reason) = backoff.reason.as_deref().filter(|_| backoff.failures > 0) {
            report.warn(
                "last delivery",
                format!("it failed: {reason}"),
                remedy(backoff.problem, destination),
            );
        }
    }
    let times = store.pauses().times(Some(&patient.start));
    if let Some(pause) = times.iter().find(|time| time.covers(now)) {
        let since = roughly(now.since(pause.from));
        report.warn(
            "pause",
            format!("nothing is sent for {since} now"),
            "end it with 'claude-langfuse resume'",
        );
    }
}

/// The folder must take a file of the size of a cursor: that tells a full disk and a missing right. Where there is no folder
/// yet, the one in which it will be made has to: nothing is to be there before there is something to remember.
fn folder(root: &Path, report: &mut Report) {
    let shown = root.display();
    let existing = root.ancestors().find(|folder| folder.exists()).unwrap_or(root);
    if let Err(error) = try_to_write(existing) {
        let help = format!(
            "make room and make it yours (df -h and ls -ld {}), or name another folder in CC_LANGFUSE_STATE_DIR",
            existing.display()
        );
        return report.fail("state", format!("can't write to {shown}: {error}"), help);
    }
    match root.metadata() {
        Ok(folder) if folder.mode() & 0o077 != 0 => report.warn(
            "state",
            format!("others can look into {shown}"),
            format!("chmod 700 {shown}"),
        ),
        Ok(_) => report.ok("state", format!("{shown} can be written")),
        Err(_) => report.ok("state", format!("{shown} can be made")),
    }
}

fn try_to_write(folder: &Path) -> std::io::Result<()> {
    let path = folder.join(format!("doctor-{}.tmp", std::process::id()));
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .and_then(|mut file| file.write_all(&[b'.'; 64 * 1024]));
    // There is nothing to remove where none could be made.
    let _ = fs::remove_file(&path);
    written
}
