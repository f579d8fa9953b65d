//! Recognises a file that was read before. Offsets are hints: Claude Code rewrites a transcript at compaction when
//! its garbage collection is on, and people copy and restore files.

use std::fs::{File, Metadata};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result};
use base::{regular_file, sha256};
use serde::{Deserialize, Serialize};

/// The number of bytes before the offset that are hashed.
const WINDOW: u64 = 256;

/// The identity of a file that was read up to `offset`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileMark {
    /// Device number.
    pub device: u64,
    /// Inode number.
    pub inode: u64,
    /// Length when it was read, in bytes.
    pub length: u64,
    /// The offset up to which it was read, in bytes.
    pub offset: u64,
    /// Hash of up to 256 bytes before `offset`.
    pub hash: String,
}

impl FileMark {
    /// The identity of the file now.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn take(path: &Path, offset: u64) -> Result<Self> {
        let mut file = regular_file::open(path)
            .with_context(|| format!("could not open transcript: {}", path.display()))?;
        let metadata = file
            .metadata()
            .with_context(|| format!("could not read transcript: {}", path.display()))?;
        let hash = hash_before(&mut file, offset)
            .with_context(|| format!("could not read transcript: {}", path.display()))?;
        Ok(Self { offset, hash, ..Self::of(&metadata) })
    }

    /// The identity of a file before it is read.
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            ..Self::default()
        }
    }

    /// The file and its length are unchanged. Reads no byte.
    pub fn untouched(&self, metadata: &Metadata) -> bool {
        self.device == metadata.dev()
            && self.inode == metadata.ino()
            && self.length == metadata.len()
    }

    /// The bytes before the offset are unchanged, even in another file. True before anything was read.
    pub fn still_holds(&self, path: &Path) -> bool {
        if self.hash.is_empty() {
            return true;
        }
        let unchanged = || -> std::io::Result<bool> {
            let mut file = regular_file::open(path)?;
            Ok(file.metadata()?.len() >= self.offset
                && hash_before(&mut file, self.offset)? == self.hash)
        };
        unchanged().unwrap_or(false)
    }
}

fn hash_before(file: &mut File, offset: u64) -> std::io::Result<String> {
    let start = offset.saturating_sub(WINDOW);
    file.seek(SeekFrom::Start(start))?;
    // `read_to_end` begins with reads of 32 bytes if the buffer must grow.
    let mut window = Vec::with_capacity(usize::try_from(offset - start).unwrap_or_default());
    file.take(offset - start).read_to_end(&mut window)?;
    Ok(sha256::hex(&window, 8))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::FileMark;

    #[test]
    fn growth_keeps_the_mark_and_another_content_breaks_it() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"one\ntwo\n").unwrap();
        let mark = FileMark::take(file.path(), 8).unwrap();
        assert!(mark.untouched(&file.as_file().metadata().unwrap()));
        file.write_all(b"three\n").unwrap();
        assert!(!mark.untouched(&file.as_file().metadata().unwrap()));
        assert!(mark.still_holds(file.path()));
        std::fs::write(file.path(), b"ONE\nTWO\nthree\n").unwrap();
        assert!(!mark.still_holds(file.path()));
    }

    #[test]
    fn a_file_that_shrank_or_went_away_is_another_file() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"one\ntwo\n").unwrap();
        let mark = FileMark::take(file.path(), 8).unwrap();
        std::fs::write(file.path(), b"one\n").unwrap();
        assert!(!mark.still_holds(file.path()));
        assert!(!mark.still_holds(std::path::Path::new("/nonexistent")));
    }
}
