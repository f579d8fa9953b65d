//! The folder `<state dir>/claude-langfuse/`: `sessions/<session>/<destination>.json` with a lock beside it, and
//! `destinations/<destination>.json`. Each file has a fixed path, so that ten thousand sessions cost nothing.

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::backoff::Backoff;
use super::checksum;
use super::cursor::{Cursor, SCHEMA};
use super::files;
use super::lock::{Lock, lock};
use super::pause::Pauses;
use crate::trace::digest;

/// The time for which Claude Code keeps a transcript by default.
const RETENTION: Duration = Duration::from_secs(30 * 24 * 3600);

/// The state folder. It is created with its first file.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// The store in a state folder that may be shared with other programs.
    pub fn new(state_dir: &Path) -> Self {
        Self { root: state_dir.join("claude-langfuse") }
    }

    /// The cursors of guest sessions, which have other cursors for their own files.
    #[must_use]
    pub fn of_guests(&self, host: &str) -> Self {
        Self { root: self.root.join("guests").join(file_name(host)) }
    }

    /// The root folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether any destination has a cursor of the session.
    pub fn knows(&self, session_id: &str) -> bool {
        files::check_folder(&self.root, &self.session_folder(session_id)).unwrap_or(false)
    }

    /// A session's cursor at a destination. A file that can't be parsed is moved aside and counts as missing. A file
    /// that can't be read counts as missing too: at least once.
    ///
    /// # Errors
    /// If a newer release wrote it.
    pub fn cursor(&self, session_id: &str, destination: &str) -> Result<Option<Cursor>> {
        let cursor = self.load_cursor(&self.cursor_path(session_id, destination))?;
        Ok(cursor
            .filter(|cursor| cursor.session_id == session_id && cursor.destination == destination))
    }

    /// The bytes of a session's cursor file. Reading them costs less than encoding the cursor again: 500 finished
    /// agents are 280 KB.
    pub fn saved_cursor(&self, cursor: &Cursor) -> Option<Vec<u8>> {
        let path = self.cursor_path(&cursor.session_id, &cursor.destination);
        files::read(&self.root, &path).ok().flatten()
    }

    /// All cursors of a session.
    pub fn cursors_of(&self, session_id: &str) -> Vec<Cursor> {
        self.cursors_in(&self.session_folder(session_id))
    }

    /// All cursors, session by session.
    pub fn all_cursors(&self) -> impl Iterator<Item = Cursor> {
        let mut folders = files::entries(&self.root, &self.root.join("sessions"));
        folders.sort_unstable();
        folders.into_iter().flat_map(|folder| self.cursors_in(&folder))
    }

    /// Writes a session's cursor.
    ///
    /// # Errors
    /// When the folder or the file can't be written.
    pub fn save_cursor(&self, cursor: &Cursor) -> Result<()> {
        self.save_if_changed(cursor, &mut None)
    }

    /// Writes a session's cursor, unless its bytes equal `saved`, which is then updated. Comparing the text of all
    /// agents is cheaper than keeping a copy of them.
    ///
    /// # Errors
    /// If the folder or the file can't be written.
    pub fn save_if_changed(&self, cursor: &Cursor, saved: &mut Option<Vec<u8>>) -> Result<()> {
        let path = self.cursor_path(&cursor.session_id, &cursor.destination);
        let content = encoded(&path, cursor)?;
        if saved.as_ref() != Some(&content) {
            files::make_private_folder(&self.root, &self.session_folder(&cursor.session_id))?;
            files::write(&path, &content)?;
            *saved = Some(content);
        }
        Ok(())
    }

    /// Removes a cursor.
    ///
    /// # Errors
    /// If the file can't be removed.
    pub fn remove_cursor(&self, cursor: &Cursor) -> Result<()> {
        let path = self.cursor_path(&cursor.session_id, &cursor.destination);
        files::check_folder(&self.root, &self.session_folder(&cursor.session_id))?;
        fs::remove_file(&path)
            .with_context(|| format!("could not remove state: {}", path.display()))
    }

    /// The pauses. Empty if they can't be read.
    pub fn pauses(&self) -> Pauses {
        self.load(&self.root.join("pauses.json")).ok().flatten().unwrap_or_default()
    }

    /// Writes the pauses.
    ///
    /// # Errors
    /// When the folder or the file can't be written.
    pub fn save_pauses(&self, pauses: &Pauses) -> Result<()> {
        files::make_private_folder(&self.root, &self.root)?;
        save(&self.root.join("pauses.json"), pauses)
    }

    /// Notes that a session has something left to deliver.
    ///
    /// # Errors
    /// When the folder or the file can't be written.
    pub fn waits(&self, session: SessionKey<'_>) -> Result<()> {
        let path = self.waiting_path(session);
        if path.exists() {
            return Ok(());
        }
        files::make_private_folder(&self.root, &self.root.join("waiting"))?;
        files::open_shared(&path)
            .map(drop)
            .with_context(|| format!("could not write state: {}", path.display()))
    }

    /// Notes that a session has nothing left to deliver.
    pub fn no_longer_waits(&self, session: SessionKey<'_>) {
        files::remove(&self.root, &self.waiting_path(session));
    }

    /// Like [`Self::no_longer_waits`], for a session without a transcript. A transcript may be out of reach for a
    /// while, so that the mark stays for the 30 days after which Claude Code removes transcripts.
    pub fn gives_up_waiting(&self, session: SessionKey<'_>) {
        let since = self.waiting_path(session).metadata().and_then(|mark| mark.modified());
        if since.is_ok_and(|since| since.elapsed().is_ok_and(|age| age > RETENTION)) {
            self.no_longer_waits(session);
        }
    }

    /// Other sessions of the same project and destination with something left to deliver. Their file names show both,
    /// so that no other file is read.
    pub fn waiting(&self, own: SessionKey<'_>) -> impl Iterator<Item = Cursor> + use<'_> {
        let ours = own.name();
        let prefix = ours.strip_suffix(&file_name(own.session_id)).unwrap_or(&ours).to_owned();
        let destination = format!("{}.json", own.destination);
        files::entries(&self.root, &self.root.join("waiting"))
            .into_iter()
            .filter_map(|path| path.file_name()?.to_str().map(str::to_owned))
            .filter(move |name| *name != ours)
            .filter_map(move |name| name.strip_prefix(&prefix).map(str::to_owned))
            .filter_map(move |session| {
                let path = self.root.join("sessions").join(session).join(&destination);
                self.load_cursor(&path).ok().flatten()
            })
    }

    /// The cursor named by the mark of a waiting session.
    pub(super) fn cursor_of_mark(&self, mark: &str) -> Option<Cursor> {
        let mut parts = mark.splitn(3, '-');
        let (destination, _project, session) = (parts.next()?, parts.next()?, parts.next()?);
        let folder = self.root.join("sessions").join(session);
        self.load_cursor(&folder.join(format!("{destination}.json"))).ok().flatten()
    }

    /// The back-off of a destination. Default if it can't be read.
    pub fn backoff(&self, destination: &str) -> Backoff {
        self.load(&self.backoff_path(destination)).ok().flatten().unwrap_or_default()
    }

    /// Writes the back-off of a destination.
    ///
    /// # Errors
    /// If the folder or the file can't be written.
    pub fn save_backoff(&self, destination: &str, backoff: &Backoff) -> Result<()> {
        files::make_private_folder(&self.root, &self.root.join("destinations"))?;
        save(&self.backoff_path(destination), backoff)
    }

    /// Waits for the session's lock; `None` if others held it all the time.
    ///
    /// # Errors
    /// If there can be no lock. The caller then works without one.
    pub fn lock(&self, session_id: &str, patience: Duration) -> Result<Option<Lock>> {
        let folder = self.session_folder(session_id);
        files::make_private_folder(&self.root, &folder)?;
        let lock = lock(&folder.join("lock"), patience)?;
        if lock.is_some() {
            let shared = ["destinations", "deliveries"].map(|name| self.root.join(name));
            for folder in [self.root.clone(), folder].iter().chain(&shared) {
                files::sweep(&self.root, folder);
            }
        }
        Ok(lock)
    }

    /// The reason why the folder can't be used, if there is one: it is a link, or another user's.
    pub fn problem(&self) -> Option<String> {
        files::check_folder(&self.root, &self.root).err().map(|error| format!("{error:#}"))
    }

    fn cursors_in(&self, folder: &Path) -> Vec<Cursor> {
        let mut files = files::entries(&self.root, folder);
        files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        files.sort_unstable();
        files.iter().filter_map(|path| self.load_cursor(path).ok().flatten()).collect()
    }

    fn load_cursor(&self, path: &Path) -> Result<Option<Cursor>> {
        let mut cursor: Option<Cursor> = self.load(path)?;
        if let Some(cursor) = &mut cursor {
            cursor.upgrade();
            if let Some(archive) = cursor.archive.take() {
                archive.restore(cursor, path);
            }
        }
        Ok(cursor)
    }

    pub(super) fn load<T: DeserializeOwned>(&self, path: &Path) -> Result<Option<T>> {
        let content = match files::read(&self.root, path) {
            Ok(Some(content)) => content,
            Ok(None) => return Ok(None),
            Err(error) => {
                log::warn!("{error:#}");
                return Ok(None);
            }
        };
        parse(path, &content)
    }

    pub(super) fn session_folder(&self, session_id: &str) -> PathBuf {
        self.root.join("sessions").join(file_name(session_id))
    }

    pub(super) fn cursor_path(&self, session_id: &str, destination: &str) -> PathBuf {
        self.session_folder(session_id).join(format!("{destination}.json"))
    }

    fn waiting_path(&self, session: SessionKey<'_>) -> PathBuf {
        self.root.join("waiting").join(session.name())
    }

    pub(super) fn backoff_path(&self, destination: &str) -> PathBuf {
        self.root.join("destinations").join(format!("{destination}.json"))
    }
}

/// A session id comes from outside. It becomes a file name only if it is plain.
pub(super) fn file_name(session_id: &str) -> String {
    let plain =
        session_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    match plain && (1..=64).contains(&session_id.len()) {
        true => session_id.to_owned(),
        false => format!("x{}", digest(session_id.as_bytes())),
    }
}

/// A session at a destination, as named by its mark among the waiting sessions.
#[derive(Clone, Copy, Debug)]
pub struct SessionKey<'a> {
    /// Claude Code's session id.
    pub session_id: &'a str,
    /// Digest of base URL and public key.
    pub destination: &'a str,
    /// The directory in which the session was started. Hooks of that directory deliver it.
    pub start_directory: Option<&'a Path>,
}

impl SessionKey<'_> {
    fn name(self) -> String {
        let project = self.start_directory.unwrap_or(Path::new(""));
        let project = digest(project.as_os_str().as_encoded_bytes());
        format!("{}-{project}-{}", self.destination, file_name(self.session_id))
    }
}

impl<'a> From<&'a Cursor> for SessionKey<'a> {
    fn from(cursor: &'a Cursor) -> Self {
        let Cursor { session_id, destination, start_directory, .. } = cursor;
        Self { session_id, destination, start_directory: start_directory.as_deref() }
    }
}

#[derive(Deserialize)]
struct Versioned {
    #[serde(default)]
    schema: u32,
}

/// Whether a newer version wrote the file. The first field shows it, because a cursor can be too long to be read
/// twice.
fn is_newer(content: &str) -> bool {
    !content.starts_with(&format!(r#"{{"schema":{SCHEMA},"#))
        && serde_json::from_str::<Versioned>(content).is_ok_and(|it| it.schema > SCHEMA)
}

fn parse<T: DeserializeOwned>(path: &Path, content: &[u8]) -> Result<Option<T>> {
    if !checksum::is_intact(content) {
        put_aside(path, "its checksum is another one");
        return Ok(None);
    }
    // Checked once, not string by string. Bytes that are no text are no JSON either.
    let content = str::from_utf8(content).unwrap_or_default();
    if is_newer(content) {
        bail!("could not use state: {} was written by a newer claude-langfuse", path.display());
    }
    match serde_json::from_str(content) {
        Ok(state) => Ok(Some(state)),
        Err(error) => {
            put_aside(path, error);
            Ok(None)
        }
    }
}

fn put_aside(path: &Path, why: impl Display) {
    log::warn!("state was damaged and is put aside: {}: {why}", path.display());
    let _ = fs::rename(path, path.with_extension("bad"));
}

pub(super) fn save(path: &Path, state: &impl Serialize) -> Result<()> {
    files::write(path, &encoded(path, state)?)
}

fn encoded(path: &Path, state: &impl Serialize) -> Result<Vec<u8>> {
    let mut content = serde_json::to_vec(state)
        .with_context(|| format!("could not write state: {}", path.display()))?;
    checksum::seal(&mut content);
    Ok(content)
}

#[cfg(test)]
mod tests;
