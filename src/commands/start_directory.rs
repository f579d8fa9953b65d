//! The directory whose sessions a command is about.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// `--project` or the current directory, absolute and with links resolved, as Claude Code records it.
pub(super) fn start_directory(project: Option<&Path>) -> Result<PathBuf> {
    let directory_arg = project.unwrap_or(Path::new("."));
    let directory = directory_arg
        .canonicalize()
        .with_context(|| format!("could not find project: {}", directory_arg.display()))?;
    ensure!(
        directory.is_dir(),
        "could not find project: {} is not a directory",
        directory_arg.display()
    );
    Ok(directory)
}
