//! Objects with unparsed values: messages are hashed and sent exactly as their rows have them.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// The unparsed fields of an object, sorted by name.
#[derive(Debug, Default)]
pub(super) struct Fields<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Fields<'a> {
    /// Reads an object; `None` if the text is something else.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok().map(Self)
    }

    /// All fields.
    pub(super) fn each(&self) -> impl Iterator<Item = (&String, &'a RawValue)> {
        self.0.iter().map(|(name, value)| (name, *value))
    }

    /// Any value but null.
    pub(super) fn raw(&self, name: &str) -> Option<&'a RawValue> {
        let raw = self.0.get(name)?;
        (raw.get() != "null").then_some(raw)
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.raw(name)?.get()).ok()
    }

    pub(super) fn is_set(&self, name: &str) -> bool {
        self.raw(name).is_some_and(|raw| raw.get() == "true")
    }

    /// An object, without fields if the value is something else.
    pub(super) fn object(&self, name: &str) -> Self {
        let raw = self.raw(name);
        raw.and_then(|raw| Self::read(raw.get())).unwrap_or_default()
    }
}

/// The items of a list; `None` if the value is something else.
pub(super) fn items(list: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(list.get()).ok()
}
