//! The log of hooks: one line per run, in a file that is created with its first line. Hooks write nothing else: their
//! output would land in the user's transcript.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use log::{Level, LevelFilter};
use rustix::process::geteuid;

/// A larger file is renamed to `.1`.
const MAX_LOG_BYTES: u64 = 1024 * 1024;

/// The target of messages that are no warnings: findings and waits of a command.
pub const NOTE: &str = "claude_langfuse::note";

/// The name that the known hook scripts use.
const NAME: &str = "langfuse_hook.log";

struct LogFile {
    path: PathBuf,
    file: Option<File>,
}

impl LogFile {
    fn open(&mut self) -> io::Result<&mut File> {
        if self.file.is_none() {
            if let Some(folder) = self.path.parent() {
                fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            }
            // A link could lead anywhere, and a FIFO would block.
            let metadata = fs::symlink_metadata(&self.path).ok();
            if metadata.as_ref().is_some_and(|metadata| !metadata.is_file()) {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            if metadata.is_some_and(|metadata| metadata.len() >= MAX_LOG_BYTES) {
                fs::rename(&self.path, self.path.with_extension("log.1"))?;
            }
            let file = OpenOptions::new()
                .create(true)
                .append(true)
                .mode(0o600)
                .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
                .open(&self.path)?;
            let metadata = file.metadata()?;
            // The file of another user: its owner could read the log.
            if metadata.uid() != geteuid().as_raw() {
                return Err(io::ErrorKind::PermissionDenied.into());
            }
            // Other scripts leave the shared file readable for all.
            if metadata.mode() & 0o077 != 0 {
                let _ = file.set_permissions(Permissions::from_mode(0o600));
            }
            self.file = Some(file);
        }
        self.file.as_mut().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Write for LogFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.open()?.write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Sends log lines to the file in the state folder.
pub fn to_file(state_dir: &Path, debug: bool) {
    let level = if debug { LevelFilter::Debug } else { LevelFilter::Info };
    let target = LogFile { path: state_dir.join(NAME), file: None };
    // A second call, as in tests, changes nothing.
    let _ = env_logger::Builder::new()
        .filter_module("claude_langfuse", level)
        .target(env_logger::Target::Pipe(Box::new(target)))
        .format(|out, record| {
            let now = base::Timestamp::now().rfc3339();
            let text = record.args().to_string().replace(['\n', '\r', '\t'], " ");
            let text = base::printable(&text);
            writeln!(out, "{now} {:5} [{}] {text}", record.level(), std::process::id())
        })
        .try_init();
}

/// Sends log lines of a command to standard error, in the words of `shown`: warnings, and with each `-v` more.
pub fn to_stderr(verbosity: u8, quiet: bool, shown: fn(&str) -> String) {
    let level = match verbosity {
        _ if quiet => LevelFilter::Error,
        0 => LevelFilter::Warn,
        1 => LevelFilter::Info,
        _ => LevelFilter::Debug,
    };
    let _ = env_logger::Builder::new()
        .filter_module("claude_langfuse", level)
        .format(move |out, record| {
            let level = match record.level() {
                _ if record.target() == NOTE => "",
                Level::Error => "",
                Level::Warn => "warning: ",
                Level::Info => "info: ",
                Level::Debug | Level::Trace => "debug: ",
            };
            writeln!(
                out,
                "claude-langfuse: {level}{}",
                base::printable(&shown(&record.args().to_string()))
            )
        })
        .try_init();
}
