//! One process at a time: locks on files, which the kernel takes back from a process that dies.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use fs2::FileExt;

use super::files;

/// How often a waiting process looks whether the lock is free.
const POLL: Duration = Duration::from_millis(10);

/// Something is ours until this is dropped.
#[derive(Debug)]
pub struct Lock {
    /// The file that is locked. It is never removed: who waits for it has it open.
    pub(super) file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The kernel unlocks at exit anyway.
        let _ = FileExt::unlock(&self.file);
    }
}

/// Waits for the lock on a file, which is made if it is not there; `None` when others held it all the while.
///
/// # Errors
/// When the file can't be opened or locked.
pub(super) fn lock(path: &Path, patience: Duration) -> Result<Option<Lock>> {
    let file = files::open_shared(path)
        .with_context(|| format!("could not open lock: {}", path.display()))?;
    let started = Instant::now();
    loop {
        match FileExt::try_lock_exclusive(&file) {
            Ok(()) => return Ok(Some(Lock { file })),
            Err(error) if error.kind() != fs2::lock_contended_error().kind() => {
                return Err(error).with_context(|| format!("could not lock: {}", path.display()));
            }
            Err(_) if started.elapsed() >= patience => return Ok(None),
            Err(_) => std::thread::sleep(POLL),
        }
    }
}
