//! One settings file on disk, with its links followed. It is the user's file: it is written whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde::Serialize;
use serde_json::ser::PrettyFormatter;
use serde_json::{Map, Serializer, Value};

use super::program::in_store;

/// As many links as the kernel follows.
const MAX_LINKS: usize = 40;

/// Settings may hold keys.
const NEW_FILE_MODE: u32 = 0o600;

/// A settings file as it was when it was opened.
#[derive(Debug)]
pub struct SettingsFile {
    path: PathBuf,
    /// Where the content is, with all links followed.
    target: PathBuf,
    /// `None` when there is no file.
    text: Option<String>,
}

impl SettingsFile {
    /// Reads the file; one that does not exist is an empty one.
    ///
    /// # Errors
    /// When the file, or where it links to, can't be read.
    pub fn open(path: &Path) -> Result<Self> {
        let target = follow(path)?;
        let text = match fs::read_to_string(&target) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => {
                let what = format!("could not read settings: {}", path.display());
                return Err(error).context(what);
            }
        };
        Ok(Self { path: path.to_path_buf(), target, text })
    }

    /// The path by which Claude Code names it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn exists(&self) -> bool {
        self.text.is_some()
    }

    /// The text; empty when there is no file.
    pub fn text(&self) -> &str {
        self.text.as_deref().unwrap_or_default()
    }

    /// Whether it is a link into the Nix store, which must not be changed.
    pub fn is_generated(&self) -> bool {
        in_store(&self.target)
    }

    /// Its content. An empty file is an empty object.
    ///
    /// # Errors
    /// When it is not a JSON object.
    pub fn content(&self) -> Result<Map<String, Value>> {
        let text = self.text().trim_start_matches('\u{feff}');
        if text.trim().is_empty() {
            return Ok(Map::new());
        }
        let could_not = || format!("could not parse settings: {}", self.path.display());
        // As a bare `Value`, because only then do serde's messages never quote the file: it may hold keys.
        match serde_json::from_str(text).with_context(could_not)? {
            Value::Object(content) => Ok(content),
            _ => Err(anyhow!("not a JSON object")).with_context(could_not),
        }
    }

    /// The file's text with this content: indented as it is, and with a newline at its end as it has one.
    ///
    /// # Errors
    /// Never for a JSON object.
    pub fn with(&self, content: &Map<String, Value>) -> Result<String> {
        let indent = self
            .text()
            .lines()
            .map(|line| line.split_at(line.len() - line.trim_start().len()).0)
            .find(|indent| !indent.is_empty())
            .unwrap_or("  ");
        let mut bytes = Vec::new();
        let formatter = PrettyFormatter::with_indent(indent.as_bytes());
        content.serialize(&mut Serializer::with_formatter(&mut bytes, formatter))?;
        if self.text().is_empty() || self.text().ends_with('\n') {
            bytes.push(b'\n');
        }
        Ok(String::from_utf8(bytes)?)
    }

    /// Replaces the text. What was there is kept beside it, at the path that is returned. The new file is written beside
    /// its place, so a link that leads there stays one; only a file that is a mount is overwritten.
    ///
    /// # Errors
    /// When it can't be written, or is no longer what was read: Claude Code writes it too.
    pub fn replace(&self, text: &str) -> Result<Option<PathBuf>> {
        ensure!(
            !self.is_generated(),
            "could not change {}: it is a link into the Nix store",
            self.path.display()
        );
        let could_not = || format!("could not write settings: {}", self.path.display());
        let folder = self.target.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(folder).with_context(could_not)?;
        let backup = match self.exists() {
            true => Some(self.back_up().with_context(could_not)?),
            false => None,
        };
        let temporary = beside(&self.target, &format!(".{}.tmp", std::process::id()));
        let written = self.write_new(&temporary, text);
        if written.is_err() {
            // Best effort: the error that matters is the one that is returned.
            let _ = fs::remove_file(&temporary);
        }
        written.with_context(could_not)?;
        Ok(backup)
    }

    fn back_up(&self) -> std::io::Result<PathBuf> {
        let backup = beside(&self.path, ".before-claude-langfuse");
        match fs::remove_file(&backup) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::copy(&self.target, &backup)?;
        Ok(backup)
    }

    fn write_new(&self, temporary: &Path, text: &str) -> Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(NEW_FILE_MODE).open(temporary)?;
        if self.exists() {
            file.set_permissions(fs::metadata(&self.target)?.permissions())?;
        }
        file.write_all(text.as_bytes())?;
        // Unlike our own state, this file could not be recreated after a power cut.
        File::sync_all(&file)?;
        let now = fs::read_to_string(&self.target).ok();
        ensure!(now == self.text, "the file has just changed. Run the command again");
        match fs::rename(temporary, &self.target) {
            // The file is a mount of its own, as impermanence and containers make it.
            Err(error) if error.kind() == ErrorKind::ResourceBusy => {
                fs::remove_file(temporary)?;
                let mut file = OpenOptions::new().write(true).truncate(true).open(&self.target)?;
                file.write_all(text.as_bytes())?;
                File::sync_all(&file)?;
            }
            renamed => renamed?,
        }
        Ok(())
    }
}

/// The file that a path leads to, whether or not it exists.
fn follow(path: &Path) -> Result<PathBuf> {
    let mut target = path.to_path_buf();
    for _ in 0..MAX_LINKS {
        let Ok(next) = fs::read_link(&target) else {
            // The folders above may be links as well.
            let (folder, name) = (target.parent(), target.file_name());
            let folder = folder.and_then(|folder| folder.canonicalize().ok());
            return Ok(match (folder, name) {
                (Some(folder), Some(name)) => folder.join(name),
                _ => target,
            });
        };
        target = target.parent().unwrap_or(Path::new("/")).join(next);
    }
    bail!("could not read settings: {}: its links lead in a circle", path.display());
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().map_or_else(OsString::new, OsString::from);
    name.push(ending);
    path.with_file_name(name)
}
