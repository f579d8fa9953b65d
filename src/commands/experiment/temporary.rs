//! A private temporary folder for the checkouts of one command. The next command removes the folder of a killed one.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use base::Timestamp;
use base::sha256::hex;
use fs2::FileExt;
use rustix::process::geteuid;

const PREFIX: &str = "claude-langfuse-experiment-";
/// Held while the folder is used.
const LOCK: &str = "lock";

/// The folder. Dropping it removes it.
pub(super) struct Temporary {
    pub path: PathBuf,
    _lock: File,
}

impl Temporary {
    /// # Errors
    /// When the folder can't be created.
    pub(super) fn create() -> Result<Self> {
        let folder = std::env::temp_dir();
        // Claude Code names sessions by the real path.
        let folder = folder.canonicalize().unwrap_or(folder);
        remove_abandoned(&folder);
        let unique = format!("{} {}", std::process::id(), Timestamp::now().unix_nanos());
        let path = folder.join(format!("{PREFIX}{}", hex(unique.as_bytes(), 6)));
        let could_not = || format!("could not create folder: {}", path.display());
        DirBuilder::new().mode(0o700).create(&path).with_context(could_not)?;
        let lock = lock_file(&path).with_context(could_not)?;
        FileExt::try_lock_exclusive(&lock).with_context(could_not)?;
        Ok(Self { path, _lock: lock })
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Err(error) = remove_all(&self.path) {
            log::warn!("could not remove {}: {error}", self.path.display());
        }
    }
}

fn lock_file(folder: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(folder.join(LOCK))
}

fn remove_abandoned(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_named = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        let is_ours =
            |metadata: fs::Metadata| metadata.is_dir() && metadata.uid() == geteuid().as_raw();
        if !is_named || !fs::symlink_metadata(entry.path()).is_ok_and(is_ours) {
            continue;
        }
        let lock = entry.path().join(LOCK);
        // A folder without a lock is just being created.
        let is_abandoned = lock.exists()
            && lock_file(&entry.path())
                .is_ok_and(|file| FileExt::try_lock_exclusive(&file).is_ok());
        if is_abandoned && let Err(error) = remove_all(&entry.path()) {
            log::warn!("could not remove {}: {error}", entry.path().display());
        }
    }
}

/// Removes a folder, including read-only folders in it.
///
/// # Errors
/// If a part of it remains.
pub(super) fn remove_all(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(_) => {}
        done => return done,
    }
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        // Best effort: the removal reports the rest.
        let _ = fs::set_permissions(&folder, Permissions::from_mode(0o700));
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(entry.path());
            }
        }
    }
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
