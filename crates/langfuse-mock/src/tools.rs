//! Tool definitions and tool calls, which the server takes out of metadata, input and output into columns of their own.

use serde_json::{Map, Value, json};

use super::javascript::{parse, stringify, text_or_json, truthy};

/// Input and metadata as they are stored, and the two tool columns.
pub(crate) struct Tools {
    /// The input, with definitions from the metadata.
    pub input: Value,
    /// Definitions by name.
    pub definitions: Map<String, Value>,
    /// The names of the tools that the output calls.
    pub call_names: Vec<Value>,
}

/// Moves the definitions under the metadata key `tools` into the input, then reads both columns.
pub(crate) fn normalize(input: Value, output: &Value, metadata: &mut Map<String, Value>) -> Tools {
    let mut stored = input;
    let mut read = if_text(&stored);
    if let Some(tools) = metadata.get("tools").and_then(definition_list)
        && let Some(merged) = merge(&read, tools)
    {
        metadata.shift_remove("tools");
        stored = merged.clone();
        read = merged;
    }
    Tools {
        input: stored,
        definitions: definitions(&read),
        call_names: call_names(&if_text(output)),
    }
}

fn if_text(value: &Value) -> Value {
    value.as_str().and_then(parse).unwrap_or_else(|| value.clone())
}

fn list(value: &Value) -> Option<Vec<Value>> {
    match value {
        Value::Array(values) => Some(values.clone()),
        Value::String(text) => parse(text)?.as_array().cloned(),
        _ => None,
    }
}

/// A list in which every entry is a definition with a name.
fn definition_list(value: &Value) -> Option<Vec<Value>> {
    let tools: Vec<Value> = list(value)?.iter().map(if_text).collect();
    let all = !tools.is_empty()
        && tools.iter().all(|tool| tool.is_object() && definition(tool).is_some());
    all.then(|| distinct(tools))
}

fn distinct(tools: Vec<Value>) -> Vec<Value> {
    let mut names = Vec::new();
    tools
        .into_iter()
        .filter(|tool| {
            let name = definition(tool).map(|(name, _)| name);
            let new = name.is_none() || !names.contains(&name);
            names.push(name);
            new
        })
        .collect()
}

fn merge(input: &Value, tools: Vec<Value>) -> Option<Value> {
    Some(match input {
        Value::Array(messages) => json!({"messages": messages, "tools": tools}),
        Value::Object(members) => {
            let before = members.get("tools").filter(|tools| !tools.is_null());
            let mut all = before.map_or(Some(Vec::new()), list)?;
            all.extend(tools);
            let mut merged = members.clone();
            merged.insert("tools".to_owned(), Value::Array(distinct(all)));
            Value::Object(merged)
        }
        Value::Null => json!({"tools": tools}),
        Value::String(prompt) => json!({"prompt": prompt, "tools": tools}),
        _ => return None,
    })
}

/// Name and stored form of a definition, flat or nested under `function`.
fn definition(tool: &Value) -> Option<(String, Value)> {
    let tool = if_text(tool);
    let tool = tool.get("function").filter(|function| !function.is_null()).unwrap_or(&tool);
    let first = |names: &[&str]| first_of(tool, names);
    let name = first(&["name"]).filter(|name| truthy(name)).map(text_or_json)?;
    let parameters = first(&["parameters", "parameters_json_schema", "inputSchema"])
        .filter(|value| truthy(value));
    let stored = json!({
        "description": first(&["description", "desc"]).unwrap_or(&Value::from("")),
        "parameters": parameters.map(stringify).unwrap_or_default(),
    });
    Some((name, Value::String(stringify(&stored))))
}

/// Definitions at the top of the input and on its messages.
fn definitions(input: &Value) -> Map<String, Value> {
    let mut found = Vec::new();
    found.extend(input["tools"].as_array().into_iter().flatten());
    let messages = if input.is_array() { input } else { &input["messages"] };
    for message in messages.as_array().into_iter().flatten() {
        found.extend(message["tools"].as_array().into_iter().flatten());
        if message["role"] == "tool"
            && message["content"]["type"] == "function"
            && truthy(&message["content"]["function"])
        {
            found.push(&message["content"]);
        }
    }
    let mut definitions = Map::new();
    for (name, stored) in found.into_iter().filter_map(definition) {
        definitions.entry(name).or_insert(stored);
    }
    definitions
}

/// The calls in an output: `tool_calls`, or blocks of type `tool_use`; one id counts once.
fn call_names(output: &Value) -> Vec<Value> {
    let mut calls = Vec::new();
    match output {
        Value::Array(messages) => {
            for message in messages.iter().filter(|message| message.is_object()) {
                if is_call(message) {
                    calls.push(message.clone())
                } else {
                    of_message(message, &mut calls)
                }
            }
        }
        Value::Object(_) if is_call(output) => calls.push(output.clone()),
        Value::Object(_) => {
            of_message(output, &mut calls);
            for choice in output["choices"].as_array().into_iter().flatten() {
                calls.extend(calls_of(&choice["message"]));
            }
            calls.extend(list(&output["additional_kwargs"]["tool_calls"]).unwrap_or_default());
        }
        _ => {}
    }
    let mut seen = Vec::new();
    calls
        .iter()
        .filter_map(|call| {
            let (key, name) = call_key(call)?;
            let new = !seen.contains(&key);
            seen.push(key);
            new.then_some(name)
        })
        .collect()
}

fn calls_of(message: &Value) -> Vec<Value> {
    list(&message["tool_calls"]).or_else(|| list(&message["toolCalls"])).unwrap_or_default()
}

fn of_message(message: &Value, calls: &mut Vec<Value>) {
    calls.extend(calls_of(message));
    let parts = message["content"].as_array().into_iter().flatten();
    calls.extend(
        parts.filter(|part| part["type"] == "tool_use" || part["type"] == "tool-call").cloned(),
    );
}

/// Whether the trace page renders the tool calls of an output as calls. It takes a single message for OpenAI's if each call has
/// a type and a function with a name; else text, thinking and calls become one raw table (`OpenAIOutputSingleMessageSchema` in
/// `packages/shared/src/utils/chatml/adapters/openai.ts`).
pub fn tool_calls_are_rendered(output: &Value) -> bool {
    let calls = output["tool_calls"].as_array().into_iter().flatten();
    let mut calls = calls.map(|call| (&call["type"], &call["function"]["name"]));
    calls.all(|(kind, name)| kind.is_string() && name.is_string())
}

/// The name of a call, nested as in OpenAI's messages or flat.
pub(crate) fn call_name(call: &Value) -> Option<&str> {
    call["function"]["name"].as_str().or_else(|| call["name"].as_str())
}

/// The first of these members that is there and not null.
fn first_of<'a>(object: &'a Value, names: &[&str]) -> Option<&'a Value> {
    names.iter().map(|name| &object[*name]).find(|value| !value.is_null())
}

/// The identity of a call, and its name.
fn call_key(call: &Value) -> Option<(String, Value)> {
    let first = |names: &[&str]| first_of(call, names).cloned();
    let nested = |name: &str| first_of(&call["function"], &[name]).cloned();
    let name = nested("name").or_else(|| first(&["name", "toolName"])).filter(truthy)?;
    let arguments = nested("arguments").or_else(|| first(&["arguments", "args", "input"]));
    let arguments = arguments.unwrap_or_else(|| json!({}));
    let id = first(&["call_id", "id", "toolCallId"]).filter(truthy);
    let key = id.map_or_else(
        || format!("{}-{}", text_or_json(&name), text_or_json(&arguments)),
        |id| text_or_json(&id),
    );
    Some((key, name))
}

/// Whether an object is itself a call, not a message with calls.
fn is_call(value: &Value) -> bool {
    let has = |key: &str| value.get(key).is_some();
    if ["role", "content", "tool_calls", "additional_kwargs"].into_iter().any(has)
        || value["type"] == "tool-result"
    {
        return false;
    }
    let named = truthy(&value["name"]);
    let marked = ["function", "function_call", "tool-call", "tool_use"]
        .into_iter()
        .any(|kind| value["type"] == kind);
    (truthy(&value["function"]["name"]) && value["function"].get("arguments").is_some())
        || (truthy(&value["toolName"])
            && (value["type"] == "tool-call" || has("input") || has("args")))
        || (named && truthy(&value["call_id"]) && has("arguments"))
        || (named && value["type"] == "tool_use" && has("input"))
        || (named && has("arguments") && (has("id") || has("index") || marked))
}
