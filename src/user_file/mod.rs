//! A file of the user, such as Claude Code's settings, with its links followed. Edits change only what must change,
//! and are atomic.

mod edit;
mod style;
mod tree;

use std::borrow::Cow;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use base::regular_file;
use serde_json::{Map, Value};
use transcript::replace_surrogates;

pub use edit::edited;
use tree::Node;

/// The kernel's own limit.
const MAX_LINKS: usize = 40;

/// The maximum size of a settings file. A link to a device has no end.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// The mode of a new file: settings and configuration may hold keys.
const NEW_FILE_MODE: u32 = 0o600;

/// The kind of a file, for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Claude Code's settings.
    Settings,
    /// Our own configuration.
    Configuration,
    /// A slash command of Claude Code, a text.
    SlashCommand,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Configuration => "configuration",
            Self::SlashCommand => "slash command",
        }
    }
}

/// A file as it was opened.
#[derive(Debug)]
pub struct UserFile {
    path: PathBuf,
    /// The path of the content, with all links followed.
    target: PathBuf,
    kind: Kind,
    /// `None` if there is no file.
    bytes: Option<Vec<u8>>,
}

impl UserFile {
    /// Reads the file. A missing file is empty.
    ///
    /// # Errors
    /// If the file or the target of its link can't be read.
    pub fn open(path: &Path, kind: Kind) -> Result<Self> {
        let could_not = || format!("could not read {}: {}", kind.name(), path.display());
        let target = follow(path).with_context(could_not)?;
        let bytes = match regular_file::read(&target, MAX_FILE_BYTES) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error).with_context(could_not),
        };
        Ok(Self { path: path.to_path_buf(), target, kind, bytes })
    }

    /// The path by which the user names it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn exists(&self) -> bool {
        self.bytes.is_some()
    }

    /// Empty if there is no file.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.as_deref().unwrap_or_default()
    }

    /// Whether it is a link into the Nix store, which must not be changed.
    pub fn is_generated(&self) -> bool {
        in_store(&self.target)
    }

    /// Its content. An empty file is an empty object.
    ///
    /// # Errors
    /// If it is not a JSON object.
    pub fn content(&self) -> Result<Map<String, Value>> {
        parse(self.bytes()).with_context(|| {
            format!("could not parse {}: {}", self.kind.name(), self.path.display())
        })
    }

    /// The text with this content. Only differing values change.
    ///
    /// # Errors
    /// If the file is not a JSON object.
    pub fn with(&self, content: &Map<String, Value>) -> Result<Vec<u8>> {
        edited(self.bytes(), &self.content()?, content).with_context(|| {
            format!("could not edit {}: {}", self.kind.name(), self.path.display())
        })
    }

    /// The 1-based line of the value at the end of these names.
    pub fn line_of(&self, names: &[&str]) -> Option<usize> {
        let mut node = Node::parse(self.bytes())?;
        let mut place = node.start;
        for name in names {
            let child = node.member(name)?;
            let child = node.children.into_iter().nth(child)?;
            place = child.start;
            node = child.node;
        }
        Some(line_at(self.bytes(), place))
    }

    /// The 1-based first line with this text in a JSON string.
    pub fn line_with(&self, text: &str) -> Option<usize> {
        let literal = Value::from(text).to_string();
        let inside = literal.get(1..literal.len().checked_sub(1)?)?;
        let lines = lossy(self.bytes());
        lines.lines().position(|line| line.contains(inside)).map(|line| line + 1)
    }

    /// Replaces the text. The new file is written beside its place, so that a link to it stays a link. Only a file
    /// that is a mount is overwritten.
    ///
    /// # Errors
    /// If it can't be written, or changed since it was read: Claude Code writes it too.
    pub fn replace(&self, bytes: &[u8]) -> Result<()> {
        self.check_place()?;
        self.write(bytes).with_context(|| self.could_not_write())
    }

    /// Removes the file.
    ///
    /// # Errors
    /// When it can't be removed.
    pub fn remove(&self) -> Result<()> {
        self.check_place()?;
        fs::remove_file(&self.target).with_context(|| self.could_not_write())
    }

    /// Copies the file beside it. The first copy is never replaced. Returns the path of a new copy.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn back_up(&self) -> Result<Option<PathBuf>> {
        let Some(bytes) = &self.bytes else {
            return Ok(None);
        };
        let known = self.backups();
        if known.iter().any(|(_, kept)| kept == bytes) {
            return Ok(None);
        }
        let backup = self.backup_path(known.len());
        let mode = fs::metadata(&self.target).map_or(0o600, |file| file.permissions().mode());
        let copy = || -> std::io::Result<()> {
            // Never through a link, and never over another file.
            let mut options = OpenOptions::new();
            let mut file = options.write(true).create_new(true).mode(0o600).open(&backup)?;
            file.write_all(bytes)?;
            file.set_permissions(Permissions::from_mode(mode & 0o777))
        };
        copy().with_context(|| format!("could not write backup: {}", backup.display()))?;
        Ok(Some(backup))
    }

    /// The copies, oldest first.
    pub fn backups(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let paths = (0..).map(|number| self.backup_path(number));
        paths
            .map_while(|path| Some((path.clone(), regular_file::read(&path, MAX_FILE_BYTES).ok()?)))
            .collect()
    }

    fn backup_path(&self, number: usize) -> PathBuf {
        match number {
            0 => beside(&self.path, ".before-claude-langfuse"),
            number => beside(&self.path, &format!(".before-claude-langfuse-{}", number + 1)),
        }
    }

    fn could_not_write(&self) -> String {
        format!("could not write {}: {}", self.kind.name(), self.path.display())
    }

    fn check_place(&self) -> Result<()> {
        ensure!(
            !self.is_generated(),
            "could not change {}: it is a link into the Nix store",
            self.path.display()
        );
        Ok(())
    }

    fn write(&self, bytes: &[u8]) -> Result<()> {
        let folder = self.target.parent().unwrap_or(Path::new("/"));
        let mode = if self.kind == Kind::Configuration { 0o700 } else { 0o777 };
        fs::DirBuilder::new().recursive(true).mode(mode).create(folder)?;
        let temporary = beside(&self.target, &format!(".{}.tmp", std::process::id()));
        let written = self.write_new(&temporary, bytes);
        if written.is_err() {
            // Best effort: the caller needs the first error.
            let _ = fs::remove_file(&temporary);
        }
        written
    }

    fn write_new(&self, temporary: &Path, bytes: &[u8]) -> Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(NEW_FILE_MODE).open(temporary)?;
        if self.exists() {
            file.set_permissions(fs::metadata(&self.target)?.permissions())?;
        }
        file.write_all(bytes)?;
        // Unlike our own state, this file could not be recreated after a power cut.
        File::sync_all(&file)?;
        let now = regular_file::read(&self.target, MAX_FILE_BYTES).ok();
        ensure!(now == self.bytes, "the file has just changed. Run the command again");
        match fs::rename(temporary, &self.target) {
            // The file is a mount of its own, as impermanence and containers make it.
            Err(error) if error.kind() == ErrorKind::ResourceBusy => {
                fs::remove_file(temporary)?;
                let mut file = OpenOptions::new().write(true).truncate(true).open(&self.target)?;
                file.write_all(bytes)?;
                File::sync_all(&file)?;
            }
            renamed => renamed?,
        }
        Ok(())
    }
}

/// Parses a text. An empty one is an empty object.
///
/// # Errors
/// If it is not a JSON object. The error does not quote it: it may hold keys.
pub fn parse(bytes: &[u8]) -> Result<Map<String, Value>> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_start_matches('\u{feff}');
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    // Read as Claude Code reads it: bad bytes and lone surrogates are accepted. Parsed as a bare `Value`, because
    // only then do serde's messages never quote the file.
    match serde_json::from_str(&replace_surrogates(text))? {
        Value::Object(content) => Ok(content),
        _ => Err(anyhow!("not a JSON object")),
    }
}

/// The first key that an object has twice, and its line; the text is valid JSON.
pub fn duplicate_key(text: &str) -> Option<(String, usize)> {
    let root = Node::parse(text.as_bytes())?;
    let member = root.duplicate()?;
    Some((member.key.clone()?, line_at(text.as_bytes(), member.start)))
}

/// The line of a place, from 1 on.
fn line_at(text: &[u8], place: usize) -> usize {
    1 + text.iter().take(place).filter(|byte| **byte == b'\n').count()
}

/// The text of a new file.
///
/// # Errors
/// Never for a JSON object.
pub fn new_text(content: &Map<String, Value>) -> Result<Vec<u8>> {
    edited(b"", &Map::new(), content).context("could not write JSON")
}

/// Bytes as text for people.
pub fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// Whether a path is in the Nix store.
pub fn in_store(path: &Path) -> bool {
    path.starts_with("/nix/store")
}

/// The target of a path, existing or not.
fn follow(path: &Path) -> Result<PathBuf> {
    let mut target = path.to_path_buf();
    for _ in 0..MAX_LINKS {
        let Ok(next) = fs::read_link(&target) else {
            // The folders above may be links as well.
            let (folder, name) = (target.parent(), target.file_name());
            let Some((folder, name)) = folder.zip(name) else {
                return Ok(target);
            };
            let folder = folder.canonicalize().or_else(|_| follow(folder))?;
            return Ok(folder.join(name));
        };
        target = target.parent().unwrap_or(Path::new("/")).join(next);
    }
    bail!("its links lead in a circle");
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().map_or_else(OsString::new, OsString::from);
    name.push(ending);
    path.with_file_name(name)
}
