//! Converts spans to rows.

use serde_json::{Map, Value, json};

use super::attributes::Attributes;
use super::javascript::{members, text_or_json, truthy};
use super::rows::Row;
use super::values::{Lost, attributes};
use super::{input_output, kind, metadata, times, tools, usage};

/// The rows of a whole export. One bad attribute loses all of them. `models`: the project's own ones.
pub(crate) fn rows(
    resource_spans: &Value,
    now_ms: i64,
    models: &[Value],
) -> Result<Vec<Row>, Lost> {
    let mut rows = Vec::new();
    for resource_span in resource_spans.as_array().into_iter().flatten() {
        let resource = attributes(resource_span["resource"].get("attributes"))?;
        for scope_span in resource_span["scopeSpans"].as_array().into_iter().flatten() {
            let scope = scope(&scope_span["scope"])?;
            for span in scope_span["spans"].as_array().into_iter().flatten() {
                rows.push(row(span, &resource, &scope, now_ms, models)?);
            }
        }
    }
    Ok(rows)
}

/// The scope with its attributes as an object, as metadata shows it.
fn scope(scope: &Value) -> Result<Map<String, Value>, Lost> {
    let mut members = scope.as_object().cloned().unwrap_or_default();
    members.insert("attributes".to_owned(), Value::Object(attributes(scope.get("attributes"))?));
    Ok(members)
}

fn row(
    span: &Value,
    resource: &Map<String, Value>,
    scope: &Map<String, Value>,
    now_ms: i64,
    models: &[Value],
) -> Result<Row, Lost> {
    let span_attributes = attributes(span.get("attributes"))?;
    let map = Attributes { span: &span_attributes, resource };
    let (start_ms, end_ms) = times::span_edges(span, now_ms);
    let name = map.name(&span["name"]);
    let parent = Some(&span["parentSpanId"]).filter(|parent| truthy(parent)).map(id);
    let status_message = map.present("langfuse.observation.status_message");
    let mut columns = members(json!({
        "trace_id": id(&span["traceId"]),
        "span_id": id(&span["spanId"]),
        "parent_span_id": parent,
        "name": if name.is_null() { Value::from("") } else { name },
        "type": kind::observation_type(&span_attributes),
        "start_ms": start_ms,
        "end_ms": end_ms,
        "level": map.level(&span["status"]),
        "status_message": if status_message.is_null() { &span["status"]["message"] } else { &status_message },
    }));
    columns.extend(content(&map, scope)?);
    columns.extend(consumption(&map, models));
    columns.extend(map.trace_columns());
    columns.insert("experiment".to_owned(), experiment(&span_attributes));
    Ok(Row::from_json(columns))
}

/// The columns of an experiment (`extractExperimentFields` of 4.16.0); a version that is no time is dropped.
fn experiment(attributes: &Map<String, Value>) -> Value {
    let columns = [
        ("id", "id"),
        ("name", "name"),
        ("description", "description"),
        ("dataset_id", "dataset.id"),
        ("item_id", "item.id"),
        ("item_version", "item.version"),
        ("item_root_span_id", "item.root_observation_id"),
        ("item_expected_output", "item.expected_output"),
    ];
    let column = |(column, key): (&str, &str)| {
        let value = attributes.get(&format!("langfuse.experiment.{key}"))?;
        let is_time = value.as_str().is_some_and(|text| text.contains('T'));
        let kept = truthy(value) && (column != "item_version" || is_time);
        kept.then(|| (column.to_owned(), text_or_json(value).into()))
    };
    let prefix = "langfuse.experiment.metadata.";
    let metadata = attributes.iter().filter_map(|(key, value)| {
        Some((format!("metadata.{}", key.strip_prefix(prefix)?), text_or_json(value).into()))
    });
    Value::Object(columns.into_iter().filter_map(column).chain(metadata).collect())
}

/// Input, output, metadata and the fields read from them.
fn content(map: &Attributes<'_>, scope: &Map<String, Value>) -> Result<Map<String, Value>, Lost> {
    let (input, output) = input_output::extract(map.span);
    let mut metadata = row_metadata(map, scope)?;
    let tools = tools::normalize(input, &output, &mut metadata);
    let text = |value: &Value| Some(value).filter(|value| !value.is_null()).map(text_or_json);
    Ok(members(json!({
        "input": text(&tools.input),
        "output": text(&output),
        "metadata": pairs(metadata::flatten(&metadata)),
        "tool_definitions": tools.definitions,
        "tool_call_names": tools.call_names,
    })))
}

/// Model, parameters, usage, cost, and the prompt and first token of a generation.
fn consumption(map: &Attributes<'_>, models: &[Value]) -> Map<String, Value> {
    let parameters = map.model_parameters();
    // An agent of the Vercel SDK repeats the usage of its model calls.
    let operation = map.span.get("gen_ai.operation.name").and_then(Value::as_str);
    let repeats = matches!(operation, Some("invoke_agent" | "agent_step"));
    let model = map.model().filter(|_| !repeats);
    let used = if repeats {
        usage::Consumption::default()
    } else {
        usage::consumption(map.span, model.as_deref(), &parameters, models)
    };
    let completion = map
        .span
        .get("langfuse.observation.completion_start_time")
        .and_then(times::completion_start);
    let mut columns = members(json!({
        "completion_start_ms": completion,
        "model": model,
        "model_parameters": Some(parameters).filter(truthy),
        "usage": used.usage,
        "cost": used.cost,
        "tier": used.tier,
    }));
    if kind::observation_type(map.span) == "GENERATION" {
        let name = map.present("langfuse.observation.prompt.name langfuse.prompt.name");
        columns.insert("prompt_name".to_owned(), name);
        columns.insert("prompt_version".to_owned(), map.prompt_version());
    }
    columns
}

/// The metadata before it is flattened: later keys replace earlier ones, a sender's `scope` the server's.
fn row_metadata(
    map: &Attributes<'_>,
    scope: &Map<String, Value>,
) -> Result<Map<String, Value>, Lost> {
    let mut metadata = Map::new();
    let own_sdk = match scope.get("name") {
        Some(Value::String(name)) => name.starts_with("langfuse-sdk"),
        None | Some(Value::Null) => false,
        // The worker calls a text's method on it.
        Some(_) => return Err(Lost),
    };
    if !own_sdk {
        metadata.insert("attributes".to_owned(), Value::Object(input_output::leftover(map.span)));
    }
    metadata.insert("resourceAttributes".to_owned(), Value::Object(map.resource.clone()));
    metadata.insert("scope".to_owned(), Value::Object(scope.clone()));
    for domain in ["observation", "trace"] {
        metadata.extend(metadata::of_domain(map.span, domain));
    }
    Ok(metadata)
}

/// Metadata as an object, or as a list of pairs when a name occurs twice.
fn pairs(flat: Vec<(String, String)>) -> Value {
    let object: Map<String, Value> =
        flat.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    if object.len() == flat.len() { Value::Object(object) } else { json!(flat) }
}

/// An id as it was sent: text unchanged, bytes as hex.
fn id(value: &Value) -> String {
    let bytes = value.as_array().or_else(|| value["data"].as_array());
    let hex = |byte: &Value| format!("{:02x}", byte.as_i64().unwrap_or_default() & 0xFF);
    bytes.map_or_else(|| text_or_json(value), |bytes| bytes.iter().map(hex).collect())
}
