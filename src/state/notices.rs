//! What the user was told, and when: a message that comes at every turn is soon read by nobody.

use std::io::{Read, Seek, Write};
use std::path::Path;
use std::time::Duration;

use base::Timestamp;

use super::files::make_private_folder;
use super::lock::lock;
use super::store::Store;

/// For so long nothing is said again.
const NOTICE_INTERVAL: Duration = Duration::from_secs(24 * 3600);

/// A time is shorter.
const MAX_NOTICE_BYTES: u64 = 64;

impl Store {
    /// Takes note that the user is told of a problem now. `false` when that was done within a day, or can't be noted:
    /// then nothing is to be said.
    pub fn may_notify(&self, destination: &str, problem: &str, now: Timestamp) -> bool {
        let folder = self.root().join("told");
        make_private_folder(self.root(), &folder)
            .and_then(|()| note(&folder.join(format!("{destination}-{problem}")), now))
            .unwrap_or(false)
    }
}

/// The note is its own lock: of two hooks that end at the same time, one tells.
fn note(path: &Path, now: Timestamp) -> anyhow::Result<bool> {
    let Some(mut lock) = lock(path, Duration::ZERO)? else {
        return Ok(false);
    };
    let mut text = String::new();
    // What can't be read was not written by us: told too often is better than never.
    let _ = (&lock.file).take(MAX_NOTICE_BYTES).read_to_string(&mut text);
    let told = Timestamp::parse(text.trim());
    if told
        .is_some_and(|told| now.since(told) < NOTICE_INTERVAL && told.since(now) < NOTICE_INTERVAL)
    {
        return Ok(false);
    }
    lock.file.rewind()?;
    lock.file.set_len(0)?;
    lock.file.write_all(now.rfc3339().as_bytes())?;
    Ok(true)
}
