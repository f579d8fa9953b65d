//! Rows as fields that are read where they are asked for. Most of a row is never asked for, and each type that is read for
//! itself is a part of the program.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// The fields of an object, sorted by their names and unread.
#[derive(Debug, Default)]
pub(super) struct Fields<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Fields<'a> {
    /// Reads an object; `None` when it is none.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok().map(Self)
    }

    /// All of them.
    pub(super) fn each(&self) -> impl Iterator<Item = (&String, &'a RawValue)> {
        self.0.iter().map(|(name, value)| (name, *value))
    }

    /// Any value but null.
    pub(super) fn raw(&self, name: &str) -> Option<&'a RawValue> {
        let raw = self.0.get(name)?;
        (raw.get() != "null").then_some(raw)
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        text(self.raw(name)?)
    }

    pub(super) fn number(&self, name: &str) -> Option<usize> {
        self.raw(name)?.get().parse().ok()
    }

    pub(super) fn is_set(&self, name: &str) -> bool {
        self.raw(name).is_some_and(|raw| raw.get() == "true")
    }

    /// An object; without fields where it is none.
    pub(super) fn object(&self, name: &str) -> Self {
        let raw = self.raw(name);
        raw.and_then(|raw| Self::read(raw.get())).unwrap_or_default()
    }

    /// The texts of a list.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let items = self.raw(name).and_then(items).unwrap_or_default();
        items.into_iter().filter_map(text).collect()
    }

    /// Of a message's blocks of one kind the ids: of tools that are asked for, or that are answered.
    pub(super) fn tools(&self, kind: &str, id: &str) -> Vec<String> {
        let blocks = self.raw("content").and_then(items).unwrap_or_default();
        let blocks = blocks.into_iter().filter_map(|block| Self::read(block.get()));
        blocks
            .filter(|block| block.text("type").as_deref() == Some(kind))
            .filter_map(|block| block.text(id))
            .collect()
    }

    /// Of what a process tells the model first, the newest commit in what `git log` said.
    pub(super) fn commit(&self) -> Option<String> {
        let status = self.object("context").text("gitStatus")?;
        let (_, log) = status.split_once("\nRecent commits:\n")?;
        let hash = log.split_whitespace().next()?;
        let is_hash = hash.len() >= 4 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hash.then(|| hash.to_owned())
    }
}

/// The items of a list; `None` when it is none.
pub(super) fn items(list: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(list.get()).ok()
}

fn text(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}
