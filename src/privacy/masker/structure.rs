//! Masks structured values: all their texts, the names of their fields, and values under the name of a secret.

use secrets::{find_in_field, flag_name, is_secret_number, mask};
use serde_json::{Map, Value};

use super::Masker;
use crate::privacy::base64;

impl Masker<'_> {
    /// Iterates instead of recursing, because a model decides how deep the value is.
    pub(in crate::privacy) fn value(&mut self, value: &mut Value) {
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

    pub(in crate::privacy) fn fields(&mut self, fields: &mut Map<String, Value>) {
        if self.patterns.is_none() {
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

    /// A value under the name of a secret is a secret as a whole.
    pub(in crate::privacy) fn named(&mut self, name: &str, value: &mut Value) {
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

    pub(in crate::privacy) fn named_text(&mut self, name: &str, text: &mut String) {
        let (Some(patterns), Some(secret)) = (self.patterns, find_in_field(name, text)) else {
            return;
        };
        let Some(value) = text.get(secret.range.clone()).filter(|value| !patterns.allow(value))
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
            } else if self.patterns.is_some() {
                name = flag_name(text).map(str::to_owned);
            }
        }
    }

    /// A secret can be the name of a field. The order stays.
    fn names(&mut self, fields: &mut Map<String, Value>) {
        let names: Vec<Option<String>> =
            fields.keys().map(|name| self.masked(name, 0..name.len())).collect();
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
