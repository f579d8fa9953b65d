//! Input and output of an observation, and the attributes that stay beside them for senders other than Langfuse SDKs.

use serde_json::{Map, Value};

use super::javascript::{text_or_json, truthy};

/// Attributes with input and output in other libraries, in the order in which the server looks.
const VENDORS: [(&str, &str); 7] = [
    ("mlflow.spanInputs", "mlflow.spanOutputs"),
    ("traceloop.entity.input", "traceloop.entity.output"),
    ("input.value", "output.value"),
    ("input", "output"),
    ("tool_arguments", "tool_response"),
    ("gen_ai.input.messages", "gen_ai.output.messages"),
    ("gen_ai.tool.call.arguments", "gen_ai.tool.call.result"),
];

/// Attributes that are input, output or metadata in some dialect, and so are not stored again.
const CONSUMED: [&str; 12] = [
    "langfuse.trace.input langfuse.trace.output langfuse.observation.input langfuse.observation.output",
    "ai.prompt.messages ai.prompt ai.toolCall.args ai.toolCall.result ai.response.text ai.response.object",
    "ai.response.toolCalls ai.result.text ai.result.object ai.result.toolCalls",
    "gcp.vertex.agent.llm_request gcp.vertex.agent.llm_response gcp.vertex.agent.tool_call_args",
    "gcp.vertex.agent.tool_response prompt all_messages_events events final_result pydantic_ai.all_messages",
    "lk.input_text lk.user_transcript lk.chat_ctx lk.user_input lk.function_tool.output lk.response.text",
    "mlflow.spanInputs mlflow.spanOutputs traceloop.entity.input traceloop.entity.output",
    "input.value output.value input output genkit:input genkit:output",
    "gen_ai.input.messages gen_ai.output.messages gen_ai.system_instructions",
    "gen_ai.tool.call.arguments gen_ai.tool.call.result",
    "flue.turn.input flue.turn.output flue.tool.arguments flue.tool.result flue.task.prompt flue.task.result",
    "flue.operation.result flue.workflow.payload",
];

const CONSUMED_PREFIXES: [&str; 8] = [
    "flue.workflow.result",
    "gen_ai.prompt",
    "gen_ai.completion",
    "llm.input_messages",
    "llm.output_messages",
    "langfuse.trace.metadata",
    "langfuse.observation.metadata",
    "ai.telemetry.metadata",
];

/// Input and output: Langfuse's own when either is there, else the first dialect that has one.
pub(crate) fn extract(attributes: &Map<String, Value>) -> (Value, Value) {
    let get = |key: &str| attributes.get(key).cloned().unwrap_or_default();
    let own = (get("langfuse.observation.input"), get("langfuse.observation.output"));
    if !own.0.is_null() || !own.1.is_null() {
        return own;
    }
    let has = |key: &str| attributes.get(key).is_some_and(truthy);
    let vendor = VENDORS.iter().find(|(input, output)| has(input) || has(output));
    vendor.map_or((Value::Null, Value::Null), |(input, output)| (get(input), get(output)))
}

/// The attributes stored once more under `attributes.*`.
pub(crate) fn leftover(attributes: &Map<String, Value>) -> Map<String, Value> {
    let kept = attributes.iter().filter(|(key, _)| {
        !CONSUMED.iter().flat_map(|keys| keys.split(' ')).any(|consumed| consumed == *key)
            && !CONSUMED_PREFIXES.iter().any(|prefix| key.starts_with(prefix))
    });
    kept.map(|(key, value)| (key.clone(), Value::String(text_or_json(value)))).collect()
}
