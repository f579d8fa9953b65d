//! The type of an observation: Langfuse's own attribute, otherwise that of other conventions, otherwise a model makes
//! a generation.

use serde_json::{Map, Value};

/// Attributes that name a model.
const MODELS: &str = "langfuse.observation.model.name gen_ai.request.model gen_ai.response.model \
    llm.model_name model";

/// Reads the value of one attribute as a type.
type Mapper = fn(&str) -> Option<&'static str>;

/// The type as the table has it.
pub(crate) fn observation_type(attributes: &Map<String, Value>) -> &'static str {
    let mappers: [(&str, Mapper); 4] = [
        ("langfuse.observation.type", langfuse),
        ("openinference.span.kind", open_inference),
        ("gen_ai.operation.name", gen_ai),
        ("genkit:metadata:subtype", genkit),
    ];
    for (key, mapper) in mappers {
        if let Some(kind) = attributes.get(key).and_then(Value::as_str).and_then(mapper) {
            return kind;
        }
    }
    let any = |keys: &str| keys.split(' ').filter_map(|key| attributes.get(key)).any(meaningful);
    if any("gen_ai.tool.name gen_ai.tool.call.id flue.tool.name flue.tool.call_id") {
        "TOOL"
    } else if any("flue.task.id flue.task.agent") {
        "AGENT"
    } else if any(MODELS) {
        "GENERATION"
    } else {
        "SPAN"
    }
}

fn meaningful(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(values) => !values.is_empty(),
        Value::Object(members) => !members.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

const TYPES: &str =
    "SPAN GENERATION EVENT EMBEDDING AGENT TOOL CHAIN RETRIEVER GUARDRAIL EVALUATOR";

/// Lower case only: `AGENT` is not a type.
fn langfuse(value: &str) -> Option<&'static str> {
    TYPES.split(' ').find(|kind| kind.to_ascii_lowercase() == value)
}

fn open_inference(value: &str) -> Option<&'static str> {
    match value {
        "LLM" => Some("GENERATION"),
        "SPAN" | "GENERATION" | "EVENT" => None,
        _ => TYPES.split(' ').find(|kind| *kind == value),
    }
}

fn gen_ai(value: &str) -> Option<&'static str> {
    Some(match value {
        "chat" | "completion" | "text_completion" | "generate_content" | "generate" => "GENERATION",
        "embeddings" => "EMBEDDING",
        "invoke_agent" | "create_agent" => "AGENT",
        "execute_tool" => "TOOL",
        _ => return None,
    })
}

fn genkit(value: &str) -> Option<&'static str> {
    Some(match value {
        "background-model" | "model" => "GENERATION",
        "embedder" => "EMBEDDING",
        "tool" | "tool.v2" => "TOOL",
        "retriever" => "RETRIEVER",
        "evaluator" => "EVALUATOR",
        _ => return None,
    })
}
