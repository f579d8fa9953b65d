//! Notices to the user, each at most once a day: a message at every turn is soon ignored.

use std::io::{Read, Seek, Write};
use std::path::Path;
use std::time::Duration;

use base::Timestamp;

use super::files::make_private_folder;
use super::lock::lock;
use super::store::Store;

/// The least time between two notices of one problem.
const NOTICE_INTERVAL: Duration = Duration::from_secs(24 * 3600);

/// Notes are shorter: they hold one time.
const MAX_NOTICE_BYTES: u64 = 64;

impl Store {
    /// Notes that the user is notified of a problem now. Returns `false` if that happened within a day or can't be
    /// noted: then the notice is left out.
    pub fn may_notify(&self, destination: &str, problem: &str, now: Timestamp) -> bool {
        self.may_notify_after(destination, problem, now, NOTICE_INTERVAL)
    }

    /// Like [`Self::may_notify`], for a notice that appears only once.
    pub fn may_notify_once(&self, destination: &str, topic: &str, now: Timestamp) -> bool {
        self.may_notify_after(destination, topic, now, Duration::MAX)
    }

    fn may_notify_after(
        &self,
        destination: &str,
        topic: &str,
        now: Timestamp,
        interval: Duration,
    ) -> bool {
        let folder = self.root().join("told");
        make_private_folder(self.root(), &folder)
            .and_then(|()| note(&folder.join(format!("{destination}-{topic}")), now, interval))
            .unwrap_or(false)
    }
}

/// The note is its own lock: of two hooks that end at the same time, one notifies.
fn note(path: &Path, now: Timestamp, interval: Duration) -> anyhow::Result<bool> {
    let Some(mut lock) = lock(path, Duration::ZERO)? else {
        return Ok(false);
    };
    let mut text = String::new();
    // An unreadable note was not written by us: one notice too many is better than none.
    let _ = (&lock.file).take(MAX_NOTICE_BYTES).read_to_string(&mut text);
    let is_recent = |last: Timestamp| now.since(last) < interval && last.since(now) < interval;
    if Timestamp::parse(text.trim()).is_some_and(is_recent) {
        return Ok(false);
    }
    lock.file.rewind()?;
    lock.file.set_len(0)?;
    lock.file.write_all(now.rfc3339().as_bytes())?;
    Ok(true)
}
