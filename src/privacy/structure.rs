//! Structured values: every text in them, the names of their fields, and what stands under the name of a secret.

use secrets::{find_in_field, flag_name, is_secret_number, mask};
use serde_json::{Map, Value};

use super::masked::masked;
use super::{Masker, base64};

impl Masker<'_> {
    /// Without recursion on what a model wrote: the reader lets at most 128 levels through, and each is one step here.
    pub(super) fn value(&mut self, value: &mut Value) {
        let mut todo = vec![value];
        while let Some(value) = todo.pop() {
            match value {
                Value::String(text) => self.text(text),
                Value::Array(items) => {
                    self.arguments(items);
                    todo.extend(items);
                }
                Value::Object(fields) => {
                    base64::in_source(fields);
                    self.fields(fields);
                    todo.extend(fields.values_mut());
                }
                Value::Null | Value::Bool(_) | Value::Number(_) => {}
            }
        }
    }

    pub(super) fn fields(&mut self, fields: &mut Map<String, Value>) {
        if !self.policy.mask {
            return;
        }
        self.names(fields);
        for (name, value) in fields.iter_mut() {
            self.named(name, value);
        }
        // `{"name": "PASSWORD", "value": "…"}`, as in a container's environment.
        let name =
            ["name", "key", "Name", "Key"].into_iter().find_map(|key| fields.get(key)?.as_str());
        if let Some(name) = name.map(str::to_owned) {
            for key in ["value", "Value"] {
                if let Some(value) = fields.get_mut(key) {
                    self.named(&name, value);
                }
            }
        }
    }

    /// What stands under a name: all of it is the secret, if the name says so.
    pub(super) fn named(&mut self, name: &str, value: &mut Value) {
        match value {
            Value::String(text) => self.named_text(name, text),
            Value::Array(items) => {
                for item in items {
                    if let Value::String(text) = item {
                        self.named_text(name, text);
                    }
                }
            }
            Value::Number(number) if is_secret_number(name) => {
                let length = number.to_string().len();
                *value = Value::String(mask("password", length));
                self.tally.add("password");
            }
            _ => {}
        }
    }

    pub(super) fn named_text(&mut self, name: &str, text: &mut String) {
        let Some(secret) = find_in_field(name, text) else {
            return;
        };
        let Some(value) =
            text.get(secret.range.clone()).filter(|value| !self.policy.patterns.allow(value))
        else {
            return;
        };
        let mask = mask(secret.kind, value.chars().count());
        text.replace_range(secret.range, &mask);
        self.tally.add(secret.kind);
    }

    /// `["--password", "…"]`
    fn arguments(&mut self, items: &mut [Value]) {
        let mut name: Option<String> = None;
        for item in items {
            let Value::String(text) = item else {
                name = None;
                continue;
            };
            if let Some(name) = name.take() {
                self.named_text(&name, text);
            } else if self.policy.mask {
                name = flag_name(text).map(str::to_owned);
            }
        }
    }

    /// A secret can be the name of a field. The order stays.
    fn names(&mut self, fields: &mut Map<String, Value>) {
        let names: Vec<Option<String>> = fields
            .keys()
            .map(|name| masked(name, 0..name.len(), &self.policy.patterns, &mut self.tally))
            .collect();
        if names.iter().all(Option::is_none) {
            return;
        }
        let mut renamed = Map::new();
        for ((name, value), masked) in std::mem::take(fields).into_iter().zip(names) {
            let mut name = masked.unwrap_or(name);
            while renamed.contains_key(&name) {
                name.push('\'');
            }
            renamed.insert(name, value);
        }
        *fields = renamed;
    }
}
