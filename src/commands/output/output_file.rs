//! Destination of conversations: standard output, a pipe or device, or a file that appears when it is complete.

use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::commands::output::exact_stdout;

pub(in crate::commands) struct OutputFile {
    out: BufWriter<Box<dyn Write>>,
    /// Partial file and final path.
    file: Option<(PathBuf, PathBuf)>,
}

impl OutputFile {
    /// # Errors
    /// When it can't be written.
    pub(in crate::commands) fn open(output: Option<&Path>) -> Result<Self> {
        let Some(path) = output.filter(|path| *path != Path::new("-")) else {
            return Ok(Self { out: BufWriter::new(exact_stdout()), file: None });
        };
        let mut options = OpenOptions::new();
        options.write(true);
        let is_special = path.metadata().is_ok_and(|there| !there.is_file());
        let mut opened = path.to_owned();
        if !is_special {
            opened.as_mut_os_string().push(".part");
            // Conversations are private: no access for other users.
            options.create(true).truncate(true).mode(0o600);
        }
        let out = options
            .open(&opened)
            .with_context(|| format!("could not write: {}", opened.display()))?;
        let file = (!is_special).then(|| (opened, path.to_owned()));
        Ok(Self { out: BufWriter::new(Box::new(out)), file })
    }

    /// # Errors
    /// When it can't be written whole, or not put in its place.
    pub(in crate::commands) fn finish(mut self) -> Result<()> {
        self.out.flush()?;
        if let Some((part, path)) = &self.file {
            fs::rename(part, path)
                .with_context(|| format!("could not write: {}", path.display()))?;
        }
        self.file = None;
        Ok(())
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Removes an incomplete file.
impl Drop for OutputFile {
    fn drop(&mut self) {
        if let Some((part, _)) = &self.file {
            let _ = fs::remove_file(part);
        }
    }
}
