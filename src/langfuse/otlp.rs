//! Observations as OTLP/JSON. Own types, because Langfuse loses a whole batch for one null attribute after answering
//! 200: an attribute is a key and a string (tags: strings), and an absent value is no attribute.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;

use crate::trace::{Content, Context, Level, Observation, Trial};

/// A scope name that begins with `langfuse-sdk` keeps Langfuse from storing every attribute a second time.
pub const SCOPE: &str = "langfuse-sdk.claude-langfuse";

#[derive(Serialize)]
struct Span<'a> {
    #[serde(rename = "traceId")]
    trace_id: &'a str,
    #[serde(rename = "spanId")]
    span_id: &'a str,
    #[serde(rename = "parentSpanId", skip_serializing_if = "Option::is_none")]
    parent_span_id: Option<&'a str>,
    name: &'a str,
    kind: u8,
    #[serde(rename = "startTimeUnixNano")]
    start: String,
    #[serde(rename = "endTimeUnixNano")]
    end: String,
    status: Status,
    attributes: Vec<Attribute<'a>>,
}

/// The number 2 is the only status that Langfuse reads.
#[derive(Serialize)]
struct Status {
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u8>,
}

#[derive(Serialize)]
struct Attribute<'a> {
    key: Cow<'a, str>,
    value: AttributeValue<'a>,
}

#[derive(Serialize)]
enum AttributeValue<'a> {
    #[serde(rename = "stringValue")]
    String(Cow<'a, str>),
    #[serde(rename = "arrayValue")]
    Array { values: Vec<AttributeValue<'a>> },
}

#[derive(Default)]
struct Attributes<'a>(Vec<Attribute<'a>>);

impl<'a> Attributes<'a> {
    fn add(&mut self, key: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) {
        self.0.push(Attribute {
            key: key.into(),
            value: AttributeValue::String(value.into()),
        });
    }

    fn add_some(&mut self, key: &'a str, value: Option<impl Into<Cow<'a, str>>>) {
        if let Some(value) = value {
            self.add(key, value);
        }
    }

    fn add_list(&mut self, key: &'a str, values: &'a [String]) {
        if !values.is_empty() {
            let text = |value: &'a String| AttributeValue::String(value.into());
            let values = values.iter().map(text).collect();
            self.0.push(Attribute {
                key: key.into(),
                value: AttributeValue::Array { values },
            });
        }
    }
}

/// One span as JSON. The same observation always gives the same bytes.
pub fn encode(observation: &Observation, context: &Context) -> String {
    let mut attributes = Attributes::default();
    trace_attributes(&mut attributes, context, observation);
    observation_attributes(&mut attributes, observation);
    let span = Span {
        trace_id: observation.trace_id.as_str(),
        span_id: observation.span_id.as_str(),
        parent_span_id: observation.parent.as_ref().map(|parent| parent.as_str()),
        name: &observation.name,
        kind: 1,
        start: observation.start.unix_nanos(),
        end: observation.end.unix_nanos(),
        status: Status {
            code: (observation.level == Level::Error).then_some(2),
        },
        attributes: attributes.0,
    };
    // Strings and lists of strings can't fail to be written.
    serde_json::to_string(&span).unwrap_or_default()
}

/// What Langfuse v4 wants on every span of a trace: it inherits nothing.
fn trace_attributes<'a>(
    attributes: &mut Attributes<'a>,
    context: &'a Context,
    observation: &Observation,
) {
    let attached = context.parent.is_some();
    if !attached {
        attributes.add("langfuse.trace.name", &*context.name);
        attributes.add("session.id", &*context.session_id);
        attributes.add_some("user.id", context.user_id.as_deref());
        attributes.add_list("langfuse.trace.tags", &context.tags);
    }
    attributes.add_some("langfuse.environment", context.environment.as_deref());
    attributes.add_some("langfuse.release", context.release.as_deref());
    attributes.add_some("langfuse.version", context.version.as_deref());
    experiment_attributes(attributes, context, observation);
    let is_root = observation.parent == context.root_parent();
    for (key, value) in &context.metadata {
        // The trace belongs to somebody else in attached mode: what we know goes to our own root.
        match attached {
            false => attributes.add(format!("langfuse.trace.metadata.{key}"), &**value),
            true if is_root => {
                attributes.add(format!("langfuse.observation.metadata.{key}"), &**value)
            }
            true => {}
        }
    }
}

/// On every span, what the item expects on the one that is shown for it.
fn experiment_attributes<'a>(
    attributes: &mut Attributes<'a>,
    context: &'a Context,
    observation: &Observation,
) {
    let Some(Trial { of, root }) = &context.experiment else {
        return;
    };
    attributes.add("langfuse.experiment.id", &*of.id);
    attributes.add("langfuse.experiment.name", &*of.name);
    attributes.add_some("langfuse.experiment.dataset.id", of.dataset_id.as_deref());
    attributes.add("langfuse.experiment.item.id", &*of.item_id);
    attributes.add(
        "langfuse.experiment.item.root_observation_id",
        root.as_str(),
    );
    if observation.span_id == *root {
        let version = of.item_version.as_deref();
        attributes.add_some("langfuse.experiment.item.version", version);
        let expected = of.expected_output.as_deref();
        attributes.add_some("langfuse.experiment.item.expected_output", expected);
    }
}

fn observation_attributes<'a>(attributes: &mut Attributes<'a>, observation: &'a Observation) {
    attributes.add("langfuse.observation.type", observation.kind.as_str());
    if observation.level != Level::Default {
        attributes.add("langfuse.observation.level", observation.level.as_str());
    }
    attributes.add_some(
        "langfuse.observation.status_message",
        observation.status_message.as_deref(),
    );
    attributes.add_some(
        "langfuse.observation.input",
        observation.input.as_ref().map(text),
    );
    attributes.add_some(
        "langfuse.observation.output",
        observation.output.as_ref().map(text),
    );
    attributes.add_some(
        "langfuse.observation.model.name",
        observation.model.as_deref(),
    );
    if !observation.parameters.is_empty() {
        let parameters = Value::Object(observation.parameters.clone());
        attributes.add(
            "langfuse.observation.model.parameters",
            parameters.to_string(),
        );
    }
    if !observation.usage.is_empty() {
        let usage = serde_json::to_string(&observation.usage).unwrap_or_default();
        attributes.add("langfuse.observation.usage_details", usage);
    }
    let completion_start = observation.completion_start.map(|at| at.rfc3339());
    attributes.add_some(
        "langfuse.observation.completion_start_time",
        completion_start,
    );
    for (key, value) in &observation.metadata {
        attributes.add(format!("langfuse.observation.metadata.{key}"), &**value);
    }
}

fn text(content: &Content) -> Cow<'_, str> {
    match content {
        Content::Text(text) => text.into(),
        Content::Json(value) => in_chat_form(value).to_string().into(),
    }
}

/// Langfuse's chat view and tool statistics want the arguments of a tool call as JSON text.
fn in_chat_form(value: &Value) -> Cow<'_, Value> {
    let Some(calls) = value.get("tool_calls").and_then(Value::as_array) else {
        return Cow::Borrowed(value);
    };
    let calls = calls.iter().map(|call| {
        let mut call = call.clone();
        if let Some(arguments) = call
            .get_mut("arguments")
            .filter(|arguments| !arguments.is_string())
        {
            *arguments = Value::String(arguments.to_string());
        }
        call
    });
    let mut message = value.clone();
    if let Some(slot) = value
        .get("tool_calls")
        .and_then(|_| message.get_mut("tool_calls"))
    {
        *slot = calls.collect();
    }
    Cow::Owned(message)
}

/// An encoded span without its input and output, marked with the reason: for a server that refuses it as it is.
pub fn without_content(encoded: &str, reason: &str) -> String {
    let Ok(mut span) = serde_json::from_str::<Value>(encoded) else {
        return encoded.to_owned();
    };
    if let Some(attributes) = span.get_mut("attributes").and_then(Value::as_array_mut) {
        let content = ["langfuse.observation.input", "langfuse.observation.output"];
        attributes.retain(|attribute| {
            attribute
                .get("key")
                .and_then(Value::as_str)
                .is_none_or(|key| !content.contains(&key))
        });
        let key = "langfuse.observation.metadata.content_refused";
        attributes.push(serde_json::json!({"key": key, "value": {"stringValue": reason}}));
    }
    span.to_string()
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

/// How many bytes a request has besides its spans.
pub fn export_overhead() -> usize {
    let (head, tail) = envelope();
    head.len() + tail.len()
}

fn envelope() -> (String, &'static str) {
    let mut resource = Attributes::default();
    resource.add("service.name", "claude-code");
    resource.add("telemetry.sdk.name", "claude-langfuse");
    resource.add("telemetry.sdk.language", "rust");
    let attributes = serde_json::to_string(&resource.0).unwrap_or_default();
    let head = format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":{attributes}}},"scopeSpans":[{{"scope":{{"name":"{SCOPE}","version":"{}"}},"spans":["#,
        env!("CARGO_PKG_VERSION")
    );
    (head, "]}]}]}")
}
