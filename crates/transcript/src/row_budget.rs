//! Bounds the memory for one row, which may have any length.

use std::cell::Cell;
use std::fmt;

use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::excerpt::cut;
use super::json_text::Characters;
use super::scan;

/// Larger than any request.
const MAX_ROW_BYTES: usize = 4 * 1024 * 1024;

/// Values of at most this length are parsed at once.
const SMALL_ROW_BYTES: usize = 64 * 1024;

/// The depth up to which larger values are parsed: each level costs one more scan.
const MAX_LEVELS: usize = 8;

/// The rest of the memory for one row.
#[derive(Debug)]
pub(super) struct RowBudget {
    /// The longest text that may leave, in characters.
    longest: usize,
    /// Bytes.
    left: Cell<usize>,
    /// The offset of the row, if its images and documents are wanted.
    pub(super) media_row: Option<u64>,
}

impl RowBudget {
    /// The budget of a row whose texts are sent up to `longest` characters.
    pub(super) fn for_texts_of(longest: usize) -> Self {
        let left = Cell::new(MAX_ROW_BYTES.max(longest.saturating_mul(8)));
        Self { longest, left, media_row: None }
    }

    /// The text of a JSON string, as an excerpt if it is too long; `None` if the value is something else.
    pub(super) fn text(&self, json: &str) -> Option<String> {
        if json.len() > SMALL_ROW_BYTES || !json.starts_with('"') {
            return Characters::of(json).map(|text| self.keep(text));
        }
        let text: String = serde_json::from_str(json).ok()?;
        Some(if self.take(text.len()) { text } else { left_out(text.chars().count()) })
    }

    /// A value as a tree, or as its text if it is too deep or has too many parts.
    pub(super) fn tree(&self, json: &str) -> Value {
        self.attempt(|| self.branch(json, MAX_LEVELS).ok_or(()))
            .unwrap_or_else(|()| Value::String(self.keep(json.chars())))
    }

    /// Takes nothing from the budget if `read` fails.
    pub(super) fn attempt<T, E>(&self, read: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let left = self.left.get();
        read().inspect_err(|_| self.left.set(left))
    }

    /// Takes `bytes` from the budget. Returns whether they were left.
    pub(super) fn take(&self, bytes: usize) -> bool {
        let left = self.left.get().checked_sub(bytes);
        self.left.set(left.unwrap_or(self.left.get()));
        left.is_some()
    }

    fn keep(&self, text: impl Iterator<Item = char> + Clone) -> String {
        let kept = cut(text.clone(), self.longest).unwrap_or_else(|| text.clone().collect());
        if self.take(kept.len()) { kept } else { left_out(text.count()) }
    }

    fn branch(&self, json: &str, levels: usize) -> Option<Value> {
        if json.len() <= SMALL_ROW_BYTES {
            let has_room = self.take(json.len() + scan::max_values(json) * size_of::<Value>());
            return has_room.then(|| serde_json::from_str(json).ok())?;
        }
        match json.as_bytes().first()? {
            b'"' => self.text(json).map(Value::String),
            _ => {
                let levels = levels.checked_sub(1)?;
                let mut deserializer = serde_json::Deserializer::from_str(json);
                deserializer.deserialize_any(Branch { room: self, levels }).ok()
            }
        }
    }
}

/// Replaces a text that exceeds the budget.
fn left_out(characters: usize) -> String {
    format!("…[cut: {characters} characters in all]…")
}

/// Builds a list or an object, part by part.
struct Branch<'a> {
    room: &'a RowBudget,
    levels: usize,
}

impl Branch<'_> {
    fn part<E: Error>(&self, raw: &RawValue) -> Result<Value, E> {
        let part = self.room.branch(raw.get(), self.levels);
        part.ok_or_else(|| E::custom("too large or too deep"))
    }
}

impl<'de> Visitor<'de> for Branch<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list or an object")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(raw) = list.next_element()? {
            items.push(self.part(raw)?);
        }
        Ok(items.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some((name, raw)) = object.next_entry::<String, _>()? {
            fields.insert(name, self.part(raw)?);
        }
        Ok(fields.into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{RowBudget, SMALL_ROW_BYTES};

    #[test]
    fn a_tree_is_the_value_that_was_written() {
        let small = r#"{"z":[null,true,-1,18446744073709551615,1.5e300,"\u00fc\n"],"a":{},"":[]}"#;
        let text = "long\\n".repeat(SMALL_ROW_BYTES / 6);
        let large = format!("{{\"b\":[{small},\"{text}\",{small}],\"a\":{{\"c\":\"{text}\"}}}}");
        for written in [small, &large] {
            let room = RowBudget::for_texts_of(10);
            let expected: Value = serde_json::from_str(written).unwrap();
            assert_eq!(room.tree(written), expected);
            assert_eq!(room.tree(written).to_string(), expected.to_string());
        }
    }

    #[test]
    fn a_tree_of_more_parts_than_there_is_room_for_is_kept_as_the_ends_of_its_text() {
        let numbers = format!("[{}1]", "1,".repeat(1_000_000));
        let deep = format!("{}1{}", "[".repeat(200_000), "]".repeat(200_000));
        for written in [numbers, deep] {
            let room = RowBudget::for_texts_of(10);
            let Value::String(kept) = room.tree(&written) else {
                panic!("a tree");
            };
            assert!(kept.len() < 200_000 && kept.starts_with('[') && kept.ends_with(']'));
            assert_eq!(room.tree("[1]"), json!([1]), "there is room for more");
        }
    }

    #[test]
    fn texts_of_a_row_that_has_had_its_share_leave_their_length() {
        let room = RowBudget::for_texts_of(10);
        for length in [60_000, 20_000] {
            let text = format!("\"{}\"", "ü".repeat(length));
            let kept: Vec<String> = (0..110).map(|_| room.text(&text).unwrap()).collect();
            assert_eq!(kept[109], format!("…[cut: {length} characters in all]…"));
        }
    }
}
