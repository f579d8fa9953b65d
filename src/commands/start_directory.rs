//! Where a command stands.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// The directory whose sessions a command is about, whole and without links, as Claude Code names it: that of `--project`,
/// else the current one.
pub(super) fn start_directory(project: Option<&Path>) -> Result<PathBuf> {
    let named = project.unwrap_or(Path::new("."));
    let directory = named
        .canonicalize()
        .with_context(|| format!("could not find project: {}", named.display()))?;
    ensure!(
        directory.is_dir(),
        "could not find project: {} is no directory",
        named.display()
    );
    Ok(directory)
}
