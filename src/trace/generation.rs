//! A model call as a generation: its input and output, and tokens by the keys that Langfuse prices.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use transcript::session::{Generation, InputItem};
use transcript::{Advice, Block, Usage};

use super::content::{content, media_in, part, parts_with_media};
use super::{
    Content, Kind, MetadataKey, Observation, Placeholder, Role, SpanId, SpanIds, SpanName, Status,
    WithMedia, hash, priceable,
};

/// A digest that identifies the call if its id does not.
pub fn call_place(generation: &Generation) -> u32 {
    u32::try_from(hash(generation.place.as_bytes()) >> 32).unwrap_or_default()
}

pub(super) fn observe(generation: &Generation, ids: &SpanIds, parent: &SpanId) -> Observation {
    let (trace_id, span_id) = (ids.trace_id(), ids.generation(&generation.key));
    let at = generation.started_at;
    let mut observation = Observation::new(SpanName::CHAT, trace_id, span_id, Some(parent), at);
    observation.kind = Kind::Generation;
    observation.role = Role::Generation { rows: generation.rows, place: call_place(generation) };
    observation.completion_start = Some(generation.first_block_at.max(at));
    observation.end = generation.ended_at.max(at);
    observation.complete = generation.closed;
    observation.input =
        Some(Content::Json(Value::Array(generation.input.iter().map(message).collect())));
    observation.output = Some(Content::Json(answer(&generation.output)));
    observation.fill(Placeholder::NoInput, Placeholder::NoOutput);
    observation.with_media = with_media(&generation.input);
    observation.usage = usage_details(&generation.usage);
    observation.parameters = parameters(generation);
    set_model(&mut observation, &generation.model);
    if let Some(status) = warning(generation) {
        observation.warn(status);
    }
    let requested =
        generation.requested_model.as_ref().filter(|requested| **requested != generation.model);
    observation.note(MetadataKey::RequestedModel, requested);
    observation.note(MetadataKey::MessageId, generation.message_id.as_ref());
    observation.note(MetadataKey::RequestId, generation.request_id.as_ref());
    observation.note(MetadataKey::ActiveSkill, generation.skill.as_ref());
    observation.note(MetadataKey::StopReason, generation.stop_reason.as_ref());
    observation.note(MetadataKey::InputKind, Some("delta"));
    let counts = [
        (MetadataKey::ThinkingTokens, generation.usage.thinking.unwrap_or(0)),
        (MetadataKey::WebSearchRequests, generation.usage.web_searches),
        (MetadataKey::WebFetchRequests, generation.usage.web_fetches),
    ];
    for (key, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
        observation.note(key, Some(count));
    }
    let stub = generation.stop_reason.is_none() || generation.aborted;
    observation.note(MetadataKey::OutputTokensEstimated, stub.then_some("true"));
    observation.note(MetadataKey::CutOff, generation.aborted.then_some("true"));
    observation
}

/// Sets the name that has a price, and notes the model's own where that is another.
fn set_model(observation: &mut Observation, raw: &String) {
    let model = priceable(raw);
    observation.note(MetadataKey::RawModel, Some(raw).filter(|raw| **raw != model));
    observation.model = Some(model.into_owned()).filter(|model| !model.is_empty());
}

/// The contributions of other models to a call: one generation per model below it, within the call's times.
pub(super) fn observe_advice(
    generation: &Generation,
    call: &Observation,
    ids: &SpanIds,
) -> Vec<Observation> {
    let texts = generation.output.iter().filter_map(advice_text).map(Some);
    let texts = texts.chain(std::iter::repeat(None));
    let observe = |(advice, text): (&Advice, Option<&str>)| {
        let key = format!("{}/iteration:{}", generation.key, advice.iteration);
        let (trace_id, span_id) = (ids.trace_id(), ids.generation(&key));
        let parent = Some(&call.span_id);
        let mut observation =
            Observation::new(SpanName::CHAT, trace_id, span_id, parent, call.start);
        observation.kind = Kind::Generation;
        observation.role = call.role;
        observation.end = call.end;
        observation.complete = call.complete;
        let text = text.unwrap_or_default();
        observation.output = Some(Content::Json(answer(&[Block::Text(text.to_owned())])));
        observation.fill(Placeholder::NoInput, Placeholder::NoOutput);
        observation.usage = usage_details(&advice.usage);
        set_model(&mut observation, &advice.model);
        observation.note(MetadataKey::Advisor, Some("true"));
        observation
    };
    generation.advice.iter().zip(texts).map(observe).collect()
}

/// The text of an adviser's block.
fn advice_text(block: &Block) -> Option<&str> {
    let Block::Other(block) = block else {
        return None;
    };
    let is_advice = block.get("type").and_then(Value::as_str) == Some("advisor_tool_result");
    block.get("content")?.get("text")?.as_str().filter(|_| is_advice)
}

fn warning(generation: &Generation) -> Option<Status> {
    match generation.stop_reason.as_deref() {
        _ if generation.aborted => Some(Status::CutOff),
        Some("refusal") => Some(Status::RefusedByModel),
        Some("max_tokens") => Some(Status::MaxTokens),
        _ => None,
    }
}

/// Tokens by Langfuse's keys.
///
/// Langfuse multiplies each key by its price and adds up, so `input` must not hold cached tokens. `input` and `output` are
/// always set, else the server counts the text itself.
pub fn usage_details(usage: &Usage) -> BTreeMap<&'static str, u64> {
    let mut keys = BTreeMap::from([("input", usage.input), ("output", usage.output)]);
    let (short, long) = (usage.cache_write_5m.unwrap_or(0), usage.cache_write_1h.unwrap_or(0));
    let undivided = if (short, long) == (0, 0) { usage.cache_write } else { 0 };
    let optional = [
        ("input_cache_creation", undivided),
        ("input_cache_creation_5m", short),
        ("input_cache_creation_1h", long),
        ("input_cache_read", usage.cache_read),
    ];
    keys.extend(optional.into_iter().filter(|(_, count)| *count > 0));
    keys
}

fn parameters(generation: &Generation) -> Map<String, Value> {
    let mut parameters = Map::new();
    if let Value::Object(request) = &generation.parameters {
        for (key, value) in request {
            let kept = match value {
                // Each parameter is a badge in Langfuse. The betas are long and stay the same for weeks.
                _ if key == "model" || key == "betas" => None,
                Value::Object(fields) if key == "thinking" => fields.get("type"),
                Value::Number(_) | Value::Bool(_) | Value::String(_) => Some(value),
                _ => None,
            };
            parameters.extend(kept.map(|value| (key.clone(), value.clone())));
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

/// The input with images; `None` without any.
fn with_media(items: &[InputItem]) -> Option<Box<WithMedia>> {
    let media: Vec<_> = items.iter().flat_map(|item| media_in(blocks(item), "input")).collect();
    if media.is_empty() {
        return None;
    }
    let messages = items.iter().map(|item| {
        let mut message = message(item);
        let has_media = media_in(blocks(item), "input").next().is_some();
        if let Some(content) = message.get_mut("content").filter(|_| has_media) {
            *content = parts_with_media(blocks(item));
        }
        message
    });
    let input = Some(Content::Json(messages.collect()));
    Some(Box::new(WithMedia { input, output: None, media }))
}

fn blocks(item: &InputItem) -> &[Block] {
    match item {
        InputItem::User(blocks) => blocks,
        InputItem::Tool(result) => &result.content,
    }
}

fn message(item: &InputItem) -> Value {
    match item {
        InputItem::User(blocks) => json!({"role": "user", "content": content(blocks)}),
        InputItem::Tool(result) => {
            json!({"role": "tool", "tool_call_id": result.tool_use_id, "content": content(&result.content)})
        }
    }
}

/// The form that Langfuse's trace page renders: text, thinking and tool calls as separate fields. The page treats a
/// single message as OpenAI's only if each call has a `type` and a `function` with a `name`. Any other call turns the
/// whole output into a raw table.
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

    use super::usage_details;

    #[test]
    fn cache_writes_are_split_by_lifetime_where_the_release_reports_it() {
        let known =
            Usage { input: 1, output: 2, cache_read: 3, cache_write: 9, ..Usage::default() };
        let lives = Usage { cache_write_5m: Some(4), cache_write_1h: Some(5), ..known };
        let keys = |usage: &Usage| usage_details(usage).into_iter().collect::<Vec<_>>();
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
    fn a_call_without_tokens_sends_zeros() {
        assert_eq!(
            usage_details(&Usage::default()).into_iter().collect::<Vec<_>>(),
            [("input", 0), ("output", 0)]
        );
    }
}
