//! A change of one settings file by `install` or `uninstall`. It is planned first, so that it can be shown.

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use serde_json::{Map, Value};

use super::edit::{register, unregister};
use super::hooks::Hooks;
use crate::user_file::{UserFile, edited, new_text, parse};

/// A planned change of a settings file.
#[derive(Debug)]
pub struct SettingsChange {
    pub file: UserFile,
    pub action: Action,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    Nothing,
    /// Write these bytes, with a backup.
    Register(Vec<u8>),
    /// Write these bytes. The backup of the registration stays.
    Rewrite(Vec<u8>),
    Remove,
}

impl SettingsChange {
    /// Plans the registration of this command.
    ///
    /// # Errors
    /// If the settings can't be parsed.
    pub fn register(file: UserFile, command: &str) -> Result<Self> {
        let before = file.content()?;
        let mut after = before.clone();
        register(&mut after, command).map_err(|what| {
            anyhow!("{what}")
                .context(format!("could not understand settings: {}", file.path().display()))
        })?;
        let action =
            if before == after { Action::Nothing } else { Action::Register(file.with(&after)?) };
        Ok(Self { file, action })
    }

    /// Plans the removal of the hook, or only of entries with this command. If nothing else changed since the
    /// registration, the file gets its old bytes back.
    ///
    /// # Errors
    /// If the settings can't be parsed.
    pub fn unregister(file: UserFile, only: Option<&str>) -> Result<Self> {
        let before = file.content()?;
        let after = without_ours(&before, only);
        let is_last = after == without_ours(&before, None);
        let action = if before == after {
            Action::Nothing
        } else if let Some(original) = original(&file, &before).filter(|_| is_last) {
            original
        } else {
            Action::Rewrite(file.with(&after)?)
        };
        Ok(Self { file, action })
    }

    /// The text after the change; empty if the file is removed.
    pub fn new_bytes(&self) -> &[u8] {
        match &self.action {
            Action::Nothing => self.file.bytes(),
            Action::Register(bytes) | Action::Rewrite(bytes) => bytes,
            Action::Remove => b"",
        }
    }

    /// Makes the change. Returns the path of the backup that was made for it.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn apply(&self) -> Result<Option<PathBuf>> {
        let mut backup = None;
        match &self.action {
            Action::Nothing => {}
            Action::Register(bytes) => {
                backup = self.file.back_up()?;
                self.file.replace(bytes)?;
            }
            Action::Rewrite(bytes) => self.file.replace(bytes)?,
            Action::Remove => self.file.remove()?,
        }
        Ok(backup)
    }
}

fn without_ours(content: &Map<String, Value>, only: Option<&str>) -> Map<String, Value> {
    let mut without = content.clone();
    unregister(&mut without, only);
    without
}

/// The file before the registration, if nothing else changed since.
fn original(file: &UserFile, content: &Map<String, Value>) -> Option<Action> {
    let command = Hooks::of(content).ours.into_iter().next()?.command;
    let registered = |before: &Map<String, Value>| {
        let mut after = before.clone();
        register(&mut after, &command).ok()?;
        Some(after)
    };
    for (_, bytes) in file.backups() {
        let Ok(before) = parse(&bytes) else {
            continue;
        };
        let after = registered(&before)?;
        let made = edited(&bytes, &before, &after);
        if before == without_ours(&before, None) && made.as_deref() == Some(file.bytes()) {
            return Some(Action::Rewrite(bytes));
        }
    }
    let made = new_text(&registered(&Map::new())?).ok()?;
    (made == file.bytes()).then_some(Action::Remove)
}
