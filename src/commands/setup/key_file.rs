//! The file that `setup` creates for a secret key.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::config::{Env, Secret};

const NAME: &str = "secret-key";

/// Its path, beside config.json.
pub(super) fn path(env: &Env) -> Option<PathBuf> {
    Some(env.config_file()?.with_file_name(NAME))
}

/// Writes the key, readable for its owner alone. Never through a link, which may lead into the Nix store or to
/// another user's file.
///
/// # Errors
/// If the file can't be written, or something else is in its place.
pub(super) fn write(path: &Path, key: &Secret) -> Result<()> {
    let could_not = || format!("could not write key file: {}", path.display());
    if fs::symlink_metadata(path).is_ok_and(|file| !file.is_file()) {
        bail!("{}: it is no regular file", could_not());
    }
    let folder = path.parent().with_context(could_not)?;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).with_context(could_not)?;
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let written = write_new(&temporary, key).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // Best effort: the caller needs the first error.
        let _ = fs::remove_file(&temporary);
    }
    written.with_context(could_not)
}

fn write_new(path: &Path, key: &Secret) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{}", key.expose())?;
    file.sync_all()
}
