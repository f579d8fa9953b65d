//! A model call as a generation: what it was given, what it answered, tokens by the keys that Langfuse prices.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use transcript::session::{Generation, InputItem};
use transcript::{Block, Usage};

use super::content::{content, part};
use super::ids::{SpanId, TraceId};
use super::model::priceable;
use super::observation::{Content, Kind, Level, Observation, Role};

pub(super) fn observe(generation: &Generation, trace_id: &TraceId, parent: &SpanId) -> Observation {
    let span_id = SpanId::generation(&generation.message_id);
    let mut observation =
        Observation::new(trace_id.clone(), span_id, Some(parent.clone()), generation.started_at);
    "chat".clone_into(&mut observation.name);
    observation.kind = Kind::Generation;
    observation.role = Role::Generation { rows: generation.rows };
    observation.completion_start = Some(generation.first_block_at.max(generation.started_at));
    observation.end = generation.ended_at.max(generation.started_at);
    observation.complete = generation.closed;
    observation.input =
        Some(Content::Json(Value::Array(generation.input.iter().map(message).collect())));
    observation.output = Some(Content::Json(answer(&generation.output)));
    observation.usage = usage(&generation.usage);
    observation.parameters = parameters(generation);
    let model = priceable(&generation.model);
    if !model.is_empty() {
        observation.model = Some(model.to_owned());
    }
    (observation.level, observation.status_message) = outcome(generation);
    let raw_model = Some(&generation.model).filter(|raw| *raw != model);
    let requested =
        generation.requested_model.as_ref().filter(|requested| **requested != generation.model);
    observation.note("raw_model", raw_model.cloned());
    observation.note("requested_model", requested.cloned());
    observation.note("message_id", Some(&*generation.message_id));
    observation.note("request_id", generation.request_id.clone());
    observation.note("attributed_skill", generation.skill.clone());
    observation.note("stop_reason", generation.stop_reason.clone());
    observation.note("input_kind", Some("delta"));
    let counts = [
        ("thinking_tokens", generation.usage.thinking.unwrap_or(0)),
        ("web_search_requests", generation.usage.web_searches),
        ("web_fetch_requests", generation.usage.web_fetches),
    ];
    for (key, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
        observation.note(key, Some(count.to_string()));
    }
    let stub = generation.stop_reason.is_none() || generation.aborted;
    observation.note("output_tokens_bound", stub.then_some("lower"));
    observation.note("cut_off", generation.aborted.then_some("true"));
    observation
}

fn outcome(generation: &Generation) -> (Level, Option<String>) {
    let warning = |text: &str| (Level::Warning, Some(text.to_owned()));
    match generation.stop_reason.as_deref() {
        _ if generation.aborted => warning("cut off"),
        Some("refusal") => warning("refused by the model"),
        Some("max_tokens") => warning("cut off at the maximum of tokens"),
        _ => (Level::Default, None),
    }
}

/// Langfuse multiplies each key by its price and adds up; `input` must not hold cached tokens (issue 10592: charged
/// twice). `input` and `output` are always there, else the server counts the text itself.
fn usage(usage: &Usage) -> BTreeMap<&'static str, u64> {
    let mut keys = BTreeMap::from([("input", usage.input), ("output", usage.output)]);
    let lives = (usage.cache_write_5m.unwrap_or(0), usage.cache_write_1h.unwrap_or(0));
    let optional = if lives == (0, 0) {
        [
            ("input_cache_creation", usage.cache_write),
            ("input_cache_read", usage.cache_read),
            ("", 0),
        ]
    } else {
        [
            ("input_cache_creation_5m", lives.0),
            ("input_cache_creation_1h", lives.1),
            ("input_cache_read", usage.cache_read),
        ]
    };
    keys.extend(optional.into_iter().filter(|(_, count)| *count > 0));
    keys
}

fn parameters(generation: &Generation) -> Map<String, Value> {
    let mut parameters = Map::new();
    if let Value::Object(request) = &generation.parameters {
        for (key, value) in request {
            match value {
                _ if key == "model" => {}
                Value::Number(_) | Value::Bool(_) | Value::String(_) => {
                    drop(parameters.insert(key.clone(), value.clone()))
                }
                Value::Object(fields) if key == "thinking" => {
                    parameters.extend(
                        fields.get("type").map(|kind| ("thinking".to_owned(), kind.clone())),
                    );
                }
                Value::Array(betas) if key == "betas" => {
                    let names: Vec<&str> = betas.iter().filter_map(Value::as_str).collect();
                    parameters.insert("betas".to_owned(), names.join(",").into());
                }
                _ => {}
            }
        }
    }
    let known = [
        ("effort", &generation.effort),
        ("service_tier", &generation.service_tier),
        // Exactly `fast` selects Langfuse's price of the fast mode.
        ("speed", &generation.speed),
    ];
    for (key, value) in known {
        parameters.extend(value.iter().map(|value| (key.to_owned(), Value::from(value.clone()))));
    }
    parameters
}

fn message(item: &InputItem) -> Value {
    match item {
        InputItem::User(blocks) => json!({"role": "user", "content": content(blocks)}),
        InputItem::Tool(result) => {
            json!({"role": "tool", "tool_call_id": result.tool_use_id, "content": content(&result.content)})
        }
    }
}

/// The form that Langfuse's trace page renders: text, thinking and tool calls apart. It takes a single message for OpenAI's only
/// if each call has a `type` and a `function` with a `name`; any other form of a call makes the whole output a raw table.
fn answer(blocks: &[Block]) -> Value {
    let (mut texts, mut thinking, mut tools, mut others) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for block in blocks {
        match block {
            Block::Text(text) => texts.push(text.as_str()),
            Block::Thinking(text) => thinking.push(json!({"type": "thinking", "content": text})),
            Block::RedactedThinking { .. } => thinking.push(part(block)),
            Block::ToolUse(tool) => {
                let function = json!({"name": tool.name, "arguments": tool.input});
                tools.push(json!({"id": tool.id, "type": "function", "function": function}));
            }
            block => others.push(part(block)),
        }
    }
    let mut answer = Map::new();
    answer.insert("role".to_owned(), "assistant".into());
    answer.insert("content".to_owned(), texts.join("\n").into());
    for (key, list) in [("thinking", thinking), ("tool_calls", tools), ("blocks", others)] {
        if !list.is_empty() {
            answer.insert(key.to_owned(), list.into());
        }
    }
    Value::Object(answer)
}

#[cfg(test)]
mod tests {
    use transcript::Usage;

    use super::usage;

    #[test]
    fn cache_writes_go_by_their_lives_where_the_release_tells_them() {
        let known =
            Usage { input: 1, output: 2, cache_read: 3, cache_write: 9, ..Usage::default() };
        let lives = Usage { cache_write_5m: Some(4), cache_write_1h: Some(5), ..known };
        let keys = |usage: &Usage| super::usage(usage).into_iter().collect::<Vec<_>>();
        assert_eq!(
            keys(&known),
            [("input", 1), ("input_cache_creation", 9), ("input_cache_read", 3), ("output", 2)]
        );
        assert_eq!(
            keys(&lives),
            [
                ("input", 1),
                ("input_cache_creation_1h", 5),
                ("input_cache_creation_5m", 4),
                ("input_cache_read", 3),
                ("output", 2)
            ]
        );
    }

    #[test]
    fn a_call_without_tokens_says_so_itself() {
        assert_eq!(
            usage(&Usage::default()).into_iter().collect::<Vec<_>>(),
            [("input", 0), ("output", 0)]
        );
    }
}
