//! Private files that are replaced atomically: written beside their place and renamed.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use base::regular_file;
use fs2::FileExt;

/// State is small; a file larger than this is not ours.
const MAX_STATE_BYTES: u64 = 64 * 1024 * 1024;

/// Creates `folder`, which is `root` or lies below it. The folder around `root` may be another user's. `root` is private
/// and ours: only its owner could remove the rights of others.
pub(super) fn make_private_folder(root: &Path, folder: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("could not create state folder: {}", folder.display()))?;
    let is_private = |metadata: fs::Metadata| metadata.mode() & 0o077 == 0;
    if fs::metadata(root).is_ok_and(is_private) {
        return Ok(());
    }
    fs::set_permissions(root, Permissions::from_mode(0o700))
        .with_context(|| format!("could not use state folder: {} is not ours", root.display()))
}

/// Opens a file that processes share, and creates it if it is missing. A link could lead to another's file, and a FIFO
/// would block.
pub(super) fn open_shared(path: &Path) -> std::io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(ErrorKind::InvalidInput.into()),
    }
}

/// Removes the temporary files of killed writers. A running writer holds a lock on its file.
pub(super) fn sweep(folder: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        let is_temporary = path.extension().is_some_and(|ending| ending == "tmp");
        if is_temporary
            && open_shared(&path).is_ok_and(|file| FileExt::try_lock_exclusive(&file).is_ok())
        {
            // Best effort: a file that stays does no harm.
            let _ = fs::remove_file(&path);
        }
    }
}

/// The file's content; `None` when there is no file.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    let could_not = || format!("could not read state: {}", path.display());
    match fs::symlink_metadata(path) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        // Not ours: we write regular files.
        Ok(metadata) => {
            ensure!(!metadata.is_symlink(), "could not read state: {} is a link", path.display())
        }
        Err(error) => return Err(error).with_context(could_not),
    }
    regular_file::read(path, MAX_STATE_BYTES).map(Some).with_context(could_not)
}

/// Writes the file whole or not at all. Without fsync: it costs 0.35 ms idle and 11 ms on a busy disk, and after a
/// power cut an older cursor only sends again what replaces itself.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<()> {
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let written = write_new(&temporary, content).and_then(|_locked| fs::rename(&temporary, path));
    if written.is_err() {
        // Best effort: the error that matters is the one that is returned.
        let _ = fs::remove_file(&temporary);
    }
    written.with_context(|| format!("could not write state: {}", path.display()))
}

fn write_new(path: &Path, content: &[u8]) -> std::io::Result<File> {
    // An earlier process with this id may have left one.
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    // Best effort: a file system without locks is never swept.
    let _ = FileExt::try_lock_exclusive(&file);
    file.write_all(content)?;
    Ok(file)
}
