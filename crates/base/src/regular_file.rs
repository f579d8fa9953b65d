//! Opens files from outside so that nothing can block the program: a name may belong to a FIFO without a writer, or
//! to an endless device.

use std::fs::{File, OpenOptions};
use std::io::{self, Error, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Opens a regular file for reading. The check comes after the opening, so that the file can't be exchanged between
/// the two.
///
/// # Errors
/// If the file is missing, unreadable or not regular.
pub fn open(path: &Path) -> io::Result<File> {
    open_with_length(path).map(|(file, _)| file)
}

fn open_with_length(path: &Path) -> io::Result<(File, u64)> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    let metadata = file.metadata()?;
    match metadata.is_file() {
        true => Ok((file, metadata.len())),
        false => Err(Error::new(ErrorKind::InvalidInput, "it is not a regular file")),
    }
}

/// Reads a regular file of at most `longest` bytes.
///
/// # Errors
/// Those of [`open`], and for a longer file.
pub fn read(path: &Path, longest: u64) -> io::Result<Vec<u8>> {
    let (file, length) = open_with_length(path)?;
    // `read_to_end` begins with reads of 32 bytes if the buffer must grow.
    let room = length.min(longest).saturating_add(1);
    let mut content = Vec::with_capacity(usize::try_from(room).unwrap_or_default());
    file.take(longest.saturating_add(1)).read_to_end(&mut content)?;
    if content.len() as u64 > longest {
        return Err(Error::new(ErrorKind::FileTooLarge, "it is too large"));
    }
    Ok(content)
}

/// Reads a regular UTF-8 file of at most `longest` bytes.
///
/// # Errors
/// Those of [`read`], and for a file that is not UTF-8.
pub fn read_text(path: &Path, longest: u64) -> io::Result<String> {
    String::from_utf8(read(path, longest)?)
        .map_err(|_| Error::new(ErrorKind::InvalidData, "it is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use super::{open, read, read_text};

    #[test]
    fn a_fifo_a_device_and_a_folder_are_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        for path in [&fifo, Path::new("/dev/zero"), folder.path()] {
            let error = open(path).unwrap_err().to_string();
            assert!(error.contains("not a regular file"), "{error}");
        }
    }

    #[test]
    fn a_file_that_is_longer_than_it_may_be_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "four").unwrap();
        assert_eq!(read(&path, 4).unwrap(), b"four");
        assert!(read(&path, 3).unwrap_err().to_string().contains("too large"));
        std::fs::write(&path, b"\xff").unwrap();
        assert!(read_text(&path, 4).unwrap_err().to_string().contains("UTF-8"));
    }
}
