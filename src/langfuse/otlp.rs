//! Observations as OTLP/JSON. An attribute is a key and a string (tags: strings; a prompt's version: an integer), and an absent value is left out: for one null
//! attribute Langfuse answers 200 and loses the whole batch.

use base::Timestamp;
use serde_json::{Value, json};

use super::json::Json;
use crate::trace::{Content, Context, Level, MetadataKey, Observation, RequestContent, Trial};

/// A scope name that begins with `langfuse-sdk` keeps Langfuse from storing every attribute a second time.
pub const SCOPE: &str = "langfuse-sdk.claude-langfuse";

const OBSERVATION_METADATA: &str = "langfuse.observation.metadata.";

/// The size of a span with short content.
const USUAL_SPAN_BYTES: usize = 2048;

struct Attributes {
    json: Json,
    gap: &'static str,
}

impl Attributes {
    fn after(json: Json) -> Self {
        Self { json, gap: "[" }
    }

    fn add(&mut self, key: &str, value: &str) {
        self.add_below("", key, value);
    }

    fn add_some(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.add(key, value);
        }
    }

    /// The key is `prefix` and `key`.
    fn add_below(&mut self, prefix: &str, key: &str, value: &str) {
        self.key(prefix, key);
        self.string(value);
        self.json.raw("}");
    }

    /// OTLP/JSON writes integers as strings, as in the request whose verdict is recorded.
    fn add_number(&mut self, key: &str, number: u32) {
        self.key("", key);
        self.json.raw(r#"{"intValue":"#);
        self.json.text(&number.to_string());
        self.json.raw("}}");
    }

    fn add_content(&mut self, key: &str, content: Option<&Content>) {
        match content {
            None => {}
            Some(Content::Text(text)) => self.add(key, text),
            Some(Content::Json(value)) => self.add_json(key, |json| chat_form(json, value)),
            Some(Content::Placeholder(placeholder)) => self.add(key, &placeholder.text()),
        }
    }

    /// A text that holds the JSON of `write`.
    fn add_json(&mut self, key: &str, write: impl FnOnce(&mut Json)) {
        self.key("", key);
        self.json.raw(r#"{"stringValue":"#);
        self.json.within(write);
        self.json.raw("}}");
    }

    fn add_list(&mut self, key: &str, values: &[String]) {
        if values.is_empty() {
            return;
        }
        self.key("", key);
        self.json.raw(r#"{"arrayValue":{"values":"#);
        let mut gap = "[";
        for value in values {
            self.json.raw(gap);
            self.string(value);
            gap = ",";
        }
        self.json.raw("]}}}");
    }

    fn key(&mut self, prefix: &str, key: &str) {
        self.json.raw(self.gap);
        self.gap = ",";
        self.json.raw(r#"{"key":"#);
        self.json.within(|json| {
            json.characters(prefix);
            json.characters(key);
        });
        self.json.raw(r#","value":"#);
    }

    fn string(&mut self, text: &str) {
        self.json.raw(r#"{"stringValue":"#);
        self.json.text(text);
        self.json.raw("}");
    }

    /// Expects at least one attribute: every span and resource has some.
    fn finish(mut self) -> String {
        self.json.raw("]");
        self.json.finish()
    }
}

/// One span as JSON. The same observation always gives the same bytes.
pub fn encode(observation: &Observation, context: &Context) -> String {
    let mut json = Json::with_room(USUAL_SPAN_BYTES);
    json.raw(r#"{"traceId":"#);
    json.text(observation.trace_id.as_str());
    json.raw(r#","spanId":"#);
    json.text(observation.span_id.as_str());
    if let Some(parent) = &observation.parent {
        json.raw(r#","parentSpanId":"#);
        json.text(parent.as_str());
    }
    json.raw(r#","name":"#);
    json.text(observation.name.as_str());
    json.raw(r#","kind":1,"startTimeUnixNano":"#);
    json.text(&observation.start.unix_nanos());
    json.raw(r#","endTimeUnixNano":"#);
    json.text(&observation.end.unix_nanos());
    // The number 2 is the only status that Langfuse reads.
    json.raw(match observation.level {
        Level::Error => r#","status":{"code":2},"attributes":"#,
        Level::Default | Level::Warning => r#","status":{},"attributes":"#,
    });
    let mut attributes = Attributes::after(json);
    trace_attributes(&mut attributes, context, observation);
    observation_attributes(&mut attributes, observation);
    attributes.finish() + "}"
}

const TITLE: &str = MetadataKey::SessionTitle.name();

/// On every span of a trace: Langfuse v4 inherits nothing.
fn trace_attributes(attributes: &mut Attributes, context: &Context, observation: &Observation) {
    let attached = context.parent.is_some();
    if !attached {
        attributes.add("langfuse.trace.name", &context.name);
        attributes.add("session.id", &context.session_id);
        attributes.add_some("user.id", context.user_id.as_deref());
        attributes.add_list("langfuse.trace.tags", &context.tags);
    }
    attributes.add_some("langfuse.environment", context.environment.as_deref());
    attributes.add_some("langfuse.release", context.release.as_deref());
    attributes.add_some("langfuse.version", context.version.as_deref());
    experiment_attributes(attributes, context, observation);
    let is_root = observation.parent == context.root_parent();
    // In Langfuse the trace's key would win over the observation's, so that the turn's own value replaces it.
    let learned = |key: &str| observation.metadata.keys().any(|learned| learned.name() == key);
    let title = context.title.iter().map(|title| (TITLE, title));
    let known = context.metadata.iter().map(|(key, value)| (&**key, value));
    let known = known.filter(|(key, _)| context.title.is_none() || *key != TITLE).chain(title);
    for (key, value) in known.filter(|(key, _)| !learned(key)) {
        // In attached mode the trace is foreign, so its metadata goes to our own root.
        match attached {
            false => attributes.add_below("langfuse.trace.metadata.", key, value),
            true if is_root => attributes.add_below(OBSERVATION_METADATA, key, value),
            true => {}
        }
    }
}

/// On every span; the expected output only on the span that is shown for the item.
fn experiment_attributes(
    attributes: &mut Attributes,
    context: &Context,
    observation: &Observation,
) {
    let Some(Trial { of, root }) = &context.experiment else {
        return;
    };
    attributes.add("langfuse.experiment.id", &of.id);
    attributes.add("langfuse.experiment.name", &of.name);
    attributes.add_some("langfuse.experiment.description", of.description.as_deref());
    let branch = context.metadata.get(MetadataKey::Branch.name()).map(String::as_str);
    let known = [
        ("claude_code_version", context.version.as_deref()),
        ("branch", branch),
        ("model", observation.answered_by.as_deref()),
        ("commit", last_commit(observation, context)),
    ];
    for (key, value) in known {
        if let Some(value) = value {
            attributes.add_below("langfuse.experiment.metadata.", key, value);
        }
    }
    attributes.add_some("langfuse.experiment.dataset.id", of.dataset_id.as_deref());
    attributes.add("langfuse.experiment.item.id", &of.item_id);
    attributes.add("langfuse.experiment.item.root_observation_id", root.as_str());
    if observation.span_id == *root {
        let version = of.item_version.as_deref();
        attributes.add_some("langfuse.experiment.item.version", version);
        let expected = of.expected_output.as_deref();
        attributes.add_some("langfuse.experiment.item.expected_output", expected);
    }
}

/// The commit after the turn, known on its root.
fn last_commit<'a>(observation: &'a Observation, context: &Context) -> Option<&'a str> {
    let is_root = observation.parent == context.root_parent();
    let commits = observation.metadata.get(&MetadataKey::Commits).filter(|_| is_root)?;
    commits.rsplit(' ').next()
}

fn observation_attributes(attributes: &mut Attributes, observation: &Observation) {
    attributes.add("langfuse.observation.type", observation.kind.as_str());
    if observation.level != Level::Default {
        attributes.add("langfuse.observation.level", observation.level.as_str());
    }
    if let Some(status) = &observation.status {
        attributes.add("langfuse.observation.status_message", &status.text());
    }
    match &observation.request {
        None => attributes.add_content("langfuse.observation.input", observation.input.as_ref()),
        Some(request) => attributes.add_json("langfuse.observation.input", |json| {
            request_form(json, request, observation.input.as_ref());
        }),
    }
    attributes.add_content("langfuse.observation.output", observation.output.as_ref());
    attributes.add_some("langfuse.observation.model.name", observation.model.as_deref());
    if !observation.parameters.is_empty() {
        attributes.add_json("langfuse.observation.model.parameters", |json| {
            json.object(&observation.parameters, &|json, _, value| json.value(value));
        });
    }
    if !observation.usage.is_empty() {
        let usage = serde_json::to_string(&observation.usage).unwrap_or_default();
        attributes.add("langfuse.observation.usage_details", &usage);
    }
    if let Some(prompt) = &observation.prompt {
        // Both attributes or neither: with a name alone, or a version that is no integer, the tables of Langfuse 3
        // lose the observation.
        attributes.add("langfuse.observation.prompt.name", &prompt.name);
        attributes.add_number("langfuse.observation.prompt.version", prompt.version);
    }
    let completion_start = observation.completion_start.map(Timestamp::rfc3339);
    attributes.add_some("langfuse.observation.completion_start_time", completion_start.as_deref());
    for (key, value) in &observation.metadata {
        attributes.add_below(OBSERVATION_METADATA, key.name(), value);
    }
}

/// The form in which Langfuse counts the available tools, and shows tools that were not called.
fn request_form(json: &mut Json, request: &RequestContent, input: Option<&Content>) {
    json.raw("{");
    json.text("messages");
    json.raw(":[");
    let mut gap = "";
    let mut add = |json: &mut Json, message: &Value| {
        json.raw(gap);
        json.value(message);
        gap = ",";
    };
    request.system.iter().for_each(|message| add(json, message));
    match input {
        Some(Content::Json(Value::Array(messages))) => {
            messages.iter().for_each(|message| add(json, message));
        }
        Some(Content::Json(other)) => add(json, &json!({"role": "user", "content": other})),
        Some(Content::Text(text)) => add(json, &json!({"role": "user", "content": text})),
        // No message has this input.
        Some(Content::Placeholder(_)) | None => {}
    }
    json.raw("],");
    json.text("tools");
    json.raw(":");
    json.list(&request.tools, &Json::value);
    json.raw("}");
}

/// Writes the arguments of tool calls as JSON text, OpenAI's form, as Langfuse does itself (`normalizeMessage` in
/// `packages/shared/src/utils/chatml/adapters/openai.ts`). Not done in the observation, because capture modes, masks and
/// truncation apply to each value.
fn chat_form(json: &mut Json, value: &Value) {
    let Value::Object(message) = value else {
        return json.value(value);
    };
    json.object(message, &|json, name, value| match value {
        Value::Array(calls) if name == "tool_calls" => json.list(calls, &tool_call),
        value => json.value(value),
    });
}

fn tool_call(json: &mut Json, call: &Value) {
    let Value::Object(call) = call else {
        return json.value(call);
    };
    json.object(call, &|json, name, value| match value {
        Value::Object(function) if name == "function" => {
            json.object(function, &function_field);
        }
        value => json.value(value),
    });
}

fn function_field(json: &mut Json, name: &str, value: &Value) {
    if name == "arguments" && !value.is_string() {
        json.within(|json| json.value(value));
    } else {
        json.value(value);
    }
}

/// An encoded span whose input and output are a placeholder, with the reason, for a server that refused them.
pub fn without_content(encoded: &str, reason: &str) -> String {
    let Ok(mut span) = serde_json::from_str::<Value>(encoded) else {
        return encoded.to_owned();
    };
    if let Some(attributes) = span.get_mut("attributes").and_then(Value::as_array_mut) {
        let content = ["langfuse.observation.input", "langfuse.observation.output"];
        for attribute in attributes.iter_mut() {
            let key = attribute.get("key").and_then(Value::as_str);
            if key.is_some_and(|key| content.contains(&key)) {
                *attribute = string_attribute(key.unwrap_or_default(), "[not captured]");
            }
        }
        let key = format!("{OBSERVATION_METADATA}{}", MetadataKey::ContentRejected.name());
        attributes.push(string_attribute(&key, reason));
    }
    span.to_string()
}

fn string_attribute(key: &str, value: &str) -> Value {
    serde_json::json!({"key": key, "value": {"stringValue": value}})
}

/// One export request of encoded spans.
pub fn export<'a>(spans: impl IntoIterator<Item = &'a str>) -> String {
    let (head, tail) = envelope();
    let mut request = head;
    for (position, span) in spans.into_iter().enumerate() {
        if position > 0 {
            request.push(',');
        }
        request.push_str(span);
    }
    request.push_str(tail);
    request
}

/// Bytes of a request besides its spans.
pub fn export_overhead() -> usize {
    let (head, tail) = envelope();
    head.len() + tail.len()
}

fn envelope() -> (String, &'static str) {
    let mut json = Json::default();
    json.raw(r#"{"resourceSpans":[{"resource":{"attributes":"#);
    let mut resource = Attributes::after(json);
    resource.add("service.name", "claude-code");
    resource.add("telemetry.sdk.name", "claude-langfuse");
    resource.add("telemetry.sdk.language", "rust");
    let head = format!(
        r#"{}}},"scopeSpans":[{{"scope":{{"name":"{SCOPE}","version":"{}"}},"spans":["#,
        resource.finish(),
        env!("CARGO_PKG_VERSION")
    );
    (head, "]}]}]}")
}
