//! Private files that are replaced atomically: written beside their place and renamed. They are in folders of this
//! user, and not behind a link: a foreign state file could claim acknowledgements and permissions.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use base::regular_file;
use fs2::FileExt;
use rustix::process::geteuid;

/// State is small. A larger file is not ours.
const MAX_STATE_BYTES: u64 = 64 * 1024 * 1024;

/// Checks `folder`, which is `root` or lies below it, and every folder between them: each is missing, or a folder of this
/// user and no link. The folder around `root` may be another user's. Returns whether `folder` exists.
pub(super) fn check_folder(root: &Path, folder: &Path) -> Result<bool> {
    let user = geteuid().as_raw();
    let mut checked = root.to_owned();
    let mut below = folder.strip_prefix(root).unwrap_or(Path::new("")).components();
    loop {
        let unusable = |why| format!("could not use state folder: {} {why}", checked.display());
        match fs::symlink_metadata(&checked) {
            Ok(metadata) if metadata.is_symlink() => bail!(unusable("is a link")),
            Ok(metadata) if !metadata.is_dir() => bail!(unusable("is not a folder")),
            Ok(metadata) if metadata.uid() != user => bail!(unusable("belongs to another user")),
            Ok(_) => {}
            Err(error) if is_missing(&error) => return Ok(false),
            Err(error) => {
                return Err(error).with_context(|| unusable("can't be read"));
            }
        }
        match below.next() {
            Some(name) => checked.push(name),
            None => return Ok(true),
        }
    }
}

/// The files and folders in a folder of state. Empty if the folder may not be used.
pub(super) fn entries(root: &Path, folder: &Path) -> Vec<PathBuf> {
    let is_ours = check_folder(root, folder).unwrap_or(false);
    let entries = is_ours.then(|| fs::read_dir(folder).ok()).flatten();
    entries.into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// Removes a file of state. Best effort: usually there is none.
pub(super) fn remove(root: &Path, path: &Path) {
    if path.parent().is_some_and(|folder| check_folder(root, folder).unwrap_or(false)) {
        let _ = fs::remove_file(path);
    }
}

fn is_missing(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// Creates `folder`, which is `root` or lies below it, and takes the rights of others from `root`.
pub(super) fn make_private_folder(root: &Path, folder: &Path) -> Result<()> {
    if !check_folder(root, folder)? {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .with_context(|| format!("could not create state folder: {}", folder.display()))?;
    }
    let is_private = |metadata: fs::Metadata| metadata.mode() & 0o077 == 0;
    if fs::metadata(root).is_ok_and(is_private) {
        return Ok(());
    }
    fs::set_permissions(root, Permissions::from_mode(0o700))
        .with_context(|| format!("could not make state folder private: {}", root.display()))
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
pub(super) fn sweep(root: &Path, folder: &Path) {
    for path in entries(root, folder) {
        let is_temporary = path.extension().is_some_and(|ending| ending == "tmp");
        if is_temporary
            && open_shared(&path).is_ok_and(|file| FileExt::try_lock_exclusive(&file).is_ok())
        {
            // Best effort: a file that stays does no harm.
            let _ = fs::remove_file(&path);
        }
    }
}

/// The content of a file below `root`; `None` if it is missing.
pub(super) fn read(root: &Path, path: &Path) -> Result<Option<Vec<u8>>> {
    match check_folder(root, path.parent().unwrap_or(root))? {
        true => read_file(path),
        false => Ok(None),
    }
}

/// The content of a file in any folder; `None` if it is missing.
pub(super) fn read_file(path: &Path) -> Result<Option<Vec<u8>>> {
    let could_not = || format!("could not read state: {}", path.display());
    match fs::symlink_metadata(path) {
        Err(error) if is_missing(&error) => return Ok(None),
        // Not ours: this program writes regular files.
        Ok(metadata) => {
            ensure!(!metadata.is_symlink(), "could not read state: {} is a link", path.display())
        }
        Err(error) => return Err(error).with_context(could_not),
    }
    regular_file::read(path, MAX_STATE_BYTES).map(Some).with_context(could_not)
}

/// Writes the file atomically. Without fsync: it costs 0.35 ms idle and 11 ms on a busy disk. After a power cut an
/// older cursor only resends spans that replace themselves.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<()> {
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let written = write_new(&temporary, content).and_then(|_locked| fs::rename(&temporary, path));
    if written.is_err() {
        // Best effort: the caller needs the first error.
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
