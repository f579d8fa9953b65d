//! Datasets and their items.

use serde_json::{Value, json};

use super::api::escaped;
use super::{Body, Client, Deadline, Verdict};

/// The server's limit, `4.5mb`.
pub const MAX_ITEM_BYTES: usize = 4_718_592;

const DATASETS: &str = "/api/public/v2/datasets";
const ITEMS: &str = "/api/public/dataset-items";

/// The effect of putting an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    Added,
    Changed,
    Unchanged,
}

impl Client {
    /// # Errors
    /// The verdict of the failed request.
    pub fn has_dataset(&mut self, name: &str, deadline: Deadline) -> Result<bool, Verdict> {
        let path = format!("{DATASETS}/{}", escaped(name));
        Ok(self.get(&path, deadline)?.is_some())
    }

    /// Creates a dataset, unless one of this name exists.
    ///
    /// # Errors
    /// The verdict of the failed request.
    pub fn make_dataset(&mut self, name: &str, deadline: Deadline) -> Result<(), Verdict> {
        let body = json!({ "name": name }).to_string();
        let answer = self.post(DATASETS, &Body::plain(body.as_bytes()), deadline)?;
        answer.map(drop).ok_or_else(|| self.without_endpoint("for datasets"))
    }

    /// Puts an item, unless an equal one is stored: servers keep every version, also equal ones.
    ///
    /// # Errors
    /// The verdict of the failed request; the dataset may be gone meanwhile.
    pub fn put_item(&mut self, item: &Value, deadline: Deadline) -> Result<Put, Verdict> {
        let id = item.get("id").and_then(Value::as_str).unwrap_or_default();
        let stored = self.get(&format!("{ITEMS}/{}", escaped(id)), deadline)?;
        let stored: Option<Value> = stored.and_then(|stored| serde_json::from_slice(&stored).ok());
        if stored.as_ref().is_some_and(|stored| is_same(item, stored)) {
            return Ok(Put::Unchanged);
        }
        let body = Body::plain(item.to_string().as_bytes());
        match self.post(ITEMS, &body, deadline)? {
            None => Err(self.without_endpoint("for datasets")),
            Some(_) if stored.is_some() => Ok(Put::Changed),
            Some(_) => Ok(Put::Added),
        }
    }

    /// All items of a dataset, the oldest first; `None` if it is missing.
    ///
    /// # Errors
    /// The verdict of the failed request.
    pub fn dataset_items(
        &mut self,
        name: &str,
        deadline: Deadline,
    ) -> Result<Option<Vec<Value>>, Verdict> {
        let path = format!("{ITEMS}?datasetName={}&", escaped(name));
        let Some(mut items) = self.all_rows(&path, "items", deadline)? else {
            return Ok(None);
        };
        let created = |item: &Value| {
            let text = |name: &str| item.get(name).and_then(Value::as_str).map(str::to_owned);
            (text("createdAt"), text("id"))
        };
        items.sort_by_key(created);
        items.dedup_by_key(|item| item.get("id").cloned());
        Ok(Some(items))
    }
}

/// Removes the characters that the server removes, so that stored and sent items can be compared.
pub fn without_controls(value: &mut Value) {
    let stays = |character: char| {
        !character.is_control() || matches!(character, '\n' | '\t' | '\r' | '\u{c}')
    };
    let mut todo = vec![value];
    while let Some(value) = todo.pop() {
        match value {
            Value::String(text) => text.retain(stays),
            Value::Array(items) => todo.extend(items),
            Value::Object(fields) => todo.extend(fields.values_mut()),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

fn is_same(item: &Value, stored: &Value) -> bool {
    let fields = item.as_object().into_iter().flatten();
    fields
        .filter(|(_, value)| !value.is_null())
        .all(|(name, value)| stored.get(name) == Some(value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{is_same, without_controls};

    #[test]
    fn control_characters_go_at_every_depth_and_line_ends_stay() {
        let mut value =
            json!({"a": ["\u{1b}[31mred\u{0}\u{7f}\u{85}", {"b": "1\t2\r\n3\u{c}"}], "c": 4});
        without_controls(&mut value);
        assert_eq!(value, json!({"a": ["[31mred", {"b": "1\t2\r\n3\u{c}"}], "c": 4}));
    }

    #[test]
    fn an_item_is_the_same_when_all_that_is_sent_of_it_is_there() {
        let item = json!({"id": "i", "input": {"a": 1, "b": 2}, "metadata": null});
        let stored =
            json!({"id": "i", "input": {"b": 2, "a": 1}, "metadata": {}, "status": "ARCHIVED"});
        assert!(is_same(&item, &stored));
        assert!(!is_same(&json!({"id": "i", "input": {"a": 1}}), &stored));
        assert!(!is_same(&item, &json!({"id": "i"})));
    }
}
