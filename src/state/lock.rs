//! Locks on files. The kernel releases them when a process dies.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use fs2::FileExt;

use super::files;

/// The interval between two tries.
const POLL: Duration = Duration::from_millis(10);

/// A lock that is held until this is dropped.
#[derive(Debug)]
pub struct Lock {
    /// The locked file. It is never removed: waiting processes have it open.
    pub(super) file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The kernel unlocks at exit anyway.
        let _ = FileExt::unlock(&self.file);
    }
}

/// Waits for the lock on a file, which is created if it is missing; `None` after `timeout`.
///
/// # Errors
/// When the file can't be opened or locked.
pub(super) fn lock(path: &Path, timeout: Duration) -> Result<Option<Lock>> {
    let file = files::open_shared(path)
        .with_context(|| format!("could not open lock: {}", path.display()))?;
    let started = Instant::now();
    loop {
        match FileExt::try_lock_exclusive(&file) {
            Ok(()) => return Ok(Some(Lock { file })),
            Err(error) if error.kind() != fs2::lock_contended_error().kind() => {
                return Err(error).with_context(|| format!("could not lock: {}", path.display()));
            }
            Err(_) if started.elapsed() >= timeout => return Ok(None),
            Err(_) => std::thread::sleep(POLL),
        }
    }
}
