//! A row of the events table: columns for tests to read, and the exact values for comparison with the verdicts.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::javascript::text_or_json;

/// One stored observation. A text column with another value holds its JSON text; [`Row::to_json`] has the original.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Row {
    /// The trace, as it was sent.
    pub trace_id: String,
    /// The span, as it was sent.
    pub span_id: String,
    /// The span above; `None` for a root.
    pub parent_span_id: Option<String>,
    /// The name, empty when there was none.
    pub name: String,
    /// The type in upper case: `GENERATION`, `TOOL`, `AGENT`, `SPAN`, `EVENT`, …
    pub kind: String,
    /// Start in milliseconds since 1970.
    pub start_ms: i64,
    /// End in milliseconds since 1970.
    pub end_ms: i64,
    /// The time of the first token.
    pub completion_start_ms: Option<i64>,
    /// `DEBUG`, `DEFAULT`, `WARNING` or `ERROR`.
    pub level: String,
    /// The reason for the level.
    pub status_message: Option<String>,
    /// Input as text, JSON where it was JSON.
    pub input: Option<String>,
    /// Output as text, JSON where it was JSON.
    pub output: Option<String>,
    /// The model's name as it was sent.
    pub model: Option<String>,
    /// Model parameters. Anything but an object is an error of the sender.
    pub model_parameters: Value,
    /// Tokens by kind, with `total`.
    pub usage: BTreeMap<String, u64>,
    /// Dollars by kind, with `total`. Given costs that are no numbers are left out.
    pub cost: BTreeMap<String, f64>,
    /// The price tier: `Standard` or `Fast mode`; `None` without a price.
    pub tier: Option<String>,
    /// Metadata, dotted names; `attributes.*`, `resourceAttributes.*` and `scope.*` are the server's own.
    pub metadata: BTreeMap<String, String>,
    /// The session.
    pub session_id: Option<String>,
    /// The user.
    pub user_id: Option<String>,
    /// The trace's tags.
    pub tags: Vec<String>,
    /// The environment, `default` when none was given.
    pub environment: String,
    /// The release.
    pub release: Option<String>,
    /// The version.
    pub version: Option<String>,
    /// The trace's name, as this span had it.
    pub trace_name: Option<String>,
    /// The prompt, by name.
    pub prompt_name: Option<String>,
    /// The names of the tools that the output calls.
    pub tool_call_names: Vec<String>,
    /// Tool definitions found in the input, by name.
    pub tool_definitions: BTreeMap<String, String>,
    /// Whether the trace is public.
    pub public: bool,
    /// The experiment: `id`, `name`, `dataset_id`, `item_id`, `item_version`, `item_root_span_id`, `item_expected_output`,
    /// `metadata.<key>`.
    pub experiment: BTreeMap<String, String>,
    exact: Map<String, Value>,
}

impl Row {
    /// The row from its exact values. Empty values (null, `[]`, `{}`) are left out, as in the verdicts.
    pub fn from_json(exact: Map<String, Value>) -> Self {
        let exact: Map<String, Value> =
            exact.into_iter().filter(|(_, value)| !is_nothing(value)).collect();
        let get = |key: &str| exact.get(key);
        let text = |key: &str| get(key).map(text_or_json);
        let texts = |key: &str| list(get(key)).iter().map(text_or_json).collect();
        let by_name = |key: &str| {
            members(get(key)).map(|(name, value)| (name, text_or_json(value))).collect()
        };
        let number = |key: &str| get(key).and_then(Value::as_i64);
        Self {
            trace_id: text("trace_id").unwrap_or_default(),
            span_id: text("span_id").unwrap_or_default(),
            parent_span_id: text("parent_span_id"),
            name: text("name").unwrap_or_default(),
            kind: text("type").unwrap_or_default(),
            start_ms: number("start_ms").unwrap_or_default(),
            end_ms: number("end_ms").unwrap_or_default(),
            completion_start_ms: number("completion_start_ms"),
            level: text("level").unwrap_or_default(),
            status_message: text("status_message"),
            input: text("input"),
            output: text("output"),
            model: text("model"),
            model_parameters: get("model_parameters").cloned().unwrap_or_default(),
            usage: members(get("usage"))
                .filter_map(|(kind, count)| Some((kind, count.as_u64()?)))
                .collect(),
            cost: members(get("cost"))
                .filter_map(|(kind, cost)| Some((kind, cost.as_f64()?)))
                .collect(),
            tier: text("tier"),
            metadata: by_name("metadata"),
            session_id: text("session_id"),
            user_id: text("user_id"),
            tags: texts("tags"),
            environment: text("environment").unwrap_or_default(),
            release: text("release"),
            version: text("version"),
            trace_name: text("trace_name"),
            prompt_name: text("prompt_name"),
            experiment: by_name("experiment"),
            tool_call_names: texts("tool_call_names"),
            tool_definitions: by_name("tool_definitions"),
            public: get("public") == Some(&Value::Bool(true)),
            exact,
        }
    }

    /// The row in the verdicts' own form.
    pub fn to_json(&self) -> Value {
        Value::Object(self.exact.clone())
    }

    /// A later row with the same key replaces this one.
    pub fn key(&self) -> (&str, &str, i64) {
        (&self.trace_id, &self.span_id, self.start_ms)
    }

    /// The sender's metadata, without the server's additions.
    pub fn own_metadata(&self) -> BTreeMap<&str, &str> {
        let server = ["attributes.", "resourceAttributes.", "scope."];
        let own = self
            .metadata
            .iter()
            .filter(|(name, _)| !server.iter().any(|prefix| name.starts_with(prefix)));
        own.map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// Whether lists and the session page show it by default: they hide rows without input or output (seen in the UI
    /// of 4.16.0).
    pub fn is_listed(&self) -> bool {
        let has = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.trim().is_empty());
        has(&self.input) && has(&self.output)
    }

    /// Dollars in all.
    pub fn total_cost(&self) -> Option<f64> {
        self.cost.get("total").copied()
    }

    /// Input as JSON, when it is JSON.
    pub fn input_json(&self) -> Option<Value> {
        super::javascript::parse(self.input.as_deref()?)
    }

    /// Output as JSON, when it is JSON.
    pub fn output_json(&self) -> Option<Value> {
        super::javascript::parse(self.output.as_deref()?)
    }
}

/// The order of all listings.
pub(crate) fn sort(rows: &mut [Row]) {
    rows.sort_by(|a, b| {
        (&a.trace_id, a.start_ms, &a.span_id).cmp(&(&b.trace_id, b.start_ms, &b.span_id))
    });
}

fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The members of an object, or of the list of pairs into which metadata turns if a name is repeated.
fn members(value: Option<&Value>) -> impl Iterator<Item = (String, &Value)> {
    let object = value
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), value));
    let pairs = list(value).iter().map(|pair| (text_or_json(&pair[0]), &pair[1]));
    object.chain(pairs)
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(values) => values.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
