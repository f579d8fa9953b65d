//! Destination of exported lines: standard output, a pipe or device, or a file that appears when it is complete.

use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::commands::output::screen::exact_stdout;
use anyhow::{Context, Result};
use serde_json::Value;

pub(super) struct ExportFile {
    out: BufWriter<Box<dyn Write>>,
    /// Partial file and final path.
    file: Option<(PathBuf, PathBuf)>,
}

impl ExportFile {
    pub(super) fn open(output: Option<&Path>) -> Result<Self> {
        let Some(path) = output.filter(|path| *path != Path::new("-")) else {
            return Ok(Self { out: BufWriter::new(exact_stdout()), file: None });
        };
        let is_special = path.metadata().is_ok_and(|there| !there.is_file());
        if is_special {
            let out = OpenOptions::new()
                .write(true)
                .open(path)
                .with_context(|| format!("could not write: {}", path.display()))?;
            return Ok(Self { out: BufWriter::new(Box::new(out)), file: None });
        }
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        // Conversations are private: no access for other users.
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let file =
            options.open(&part).with_context(|| format!("could not write: {}", part.display()))?;
        Ok(Self { out: BufWriter::new(Box::new(file)), file: Some((part, path.to_owned())) })
    }

    pub(super) fn write_line(&mut self, line: &Value) -> io::Result<()> {
        writeln!(self.out, "{line}")
    }

    pub(super) fn finish(mut self) -> Result<()> {
        self.out.flush()?;
        if let Some((part, path)) = &self.file {
            fs::rename(part, path)
                .with_context(|| format!("could not write: {}", path.display()))?;
        }
        self.file = None;
        Ok(())
    }
}

/// Removes an incomplete file.
impl Drop for ExportFile {
    fn drop(&mut self) {
        if let Some((part, _)) = &self.file {
            let _ = fs::remove_file(part);
        }
    }
}
