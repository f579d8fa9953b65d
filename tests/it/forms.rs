//! The forms that Langfuse's pages render, as listed in docs/dashboards.md: the program sends only these.

use langfuse_mock::{MockLangfuse, Row, tool_calls_are_rendered};
use serde_json::{Value, json};

use crate::sandbox::{Sandbox, traced_to};

/// Recordings that contain all of them.
const RECORDINGS: [&str; 6] = [
    "v2.1.330/blocks",
    "v2.1.330/image",
    "v2.1.330/mcp",
    "v2.1.330/thinking",
    "v2.1.330/tool-error",
    "v2.1.330/tools",
];

/// A row of the page.
struct Form {
    /// Its left column.
    renders: &'static str,
    is_rendered: fn(&Row) -> bool,
    /// The observations that its right column covers.
    is_not: fn(&Row) -> bool,
}

const FORMS: [Form; 9] = [
    Form {
        renders: r#"input as an array of `{role, content}`, output as one `{role: "assistant", …}`"#,
        is_rendered: |row| is_call(row) && is_chat(row),
        is_not: |row| is_call(row) && !is_chat(row),
    },
    Form {
        renders: r#"`tool_calls: [{id, type: "function", function: {name, arguments}}]`, `arguments` as JSON text"#,
        is_rendered: |row| {
            let calls = output(row)["tool_calls"].as_array().cloned().unwrap_or_default();
            let has_arguments = |call: &Value| {
                let text = call["function"]["arguments"].as_str().unwrap_or_default();
                serde_json::from_str::<Value>(text).is_ok()
            };
            !calls.is_empty() && calls.iter().all(has_arguments) && !row.tool_call_names.is_empty()
        },
        is_not: |row| !tool_calls_are_rendered(&output(row)),
    },
    Form {
        renders: "`{role: \"tool\", tool_call_id, content}`",
        is_rendered: |row| {
            let is_result =
                |message: &Value| message["role"] == "tool" && message["tool_call_id"].is_string();
            messages(row).iter().any(is_result)
        },
        is_not: |row| has_part(row, &|part| part["type"] == "tool_result"),
    },
    Form {
        renders: "`thinking: [{type: \"thinking\", content}]`",
        is_rendered: |row| {
            let first = &output(row)["thinking"][0];
            first["type"] == "thinking" && first["content"].is_string()
        },
        is_not: |row| has_part(row, &|part| part["type"] == "thinking"),
    },
    Form {
        renders: "a fenced `diff` block in a text",
        is_rendered: |row| row.output.as_deref().is_some_and(|text| text.contains("\n```diff\n")),
        is_not: |row| row.output.as_deref().is_some_and(|text| text.contains("structuredPatch")),
    },
    Form {
        renders: "an observation with input and output",
        is_rendered: Row::is_listed,
        is_not: |row| !row.is_listed(),
    },
    Form {
        renders: "a reference to media as a whole output, or as `{type: \"image_url\", image_url: {url}}` in a message",
        is_rendered: |row| {
            row.output.as_deref().is_some_and(is_reference) && row.kind == "TOOL"
                || has_part(row, &|part| {
                    part["type"] == "image_url"
                        && part["image_url"]["url"].as_str().is_some_and(is_reference)
                })
        },
        is_not: |row| {
            texts(row).iter().any(|text| {
                text.contains("data:image/") || text.contains(REFERENCE) && !is_reference(text)
            })
        },
    },
    Form {
        renders: "`{messages: […], tools: [{name}]}` as input: called and uncalled tools",
        is_rendered: |row| is_call(row) && !row.tool_definitions.is_empty(),
        is_not: |row| row.metadata.contains_key("tools"),
    },
    Form {
        renders: "model parameters, each as a badge",
        is_rendered: |row| row.model_parameters.get("max_tokens").is_some(),
        is_not: |row| row.model_parameters.get("betas").is_some(),
    },
];

const REFERENCE: &str = "@@@langfuseMedia:";

fn is_reference(text: &str) -> bool {
    text.starts_with(REFERENCE) && text.ends_with("@@@") && text.matches("@@@").count() == 2
}

fn is_call(row: &Row) -> bool {
    row.kind == "GENERATION"
}

fn output(row: &Row) -> Value {
    row.output_json().unwrap_or_default()
}

/// The messages of an input, with or without tools.
fn messages(row: &Row) -> Vec<Value> {
    let input = row.input_json().unwrap_or_default();
    let messages = input.get("messages").cloned().unwrap_or(input);
    messages.as_array().cloned().unwrap_or_default()
}

fn is_chat(row: &Row) -> bool {
    let messages = messages(row);
    let has_role = |message: &Value| message["role"].is_string();
    let is_answer = output(row)["role"] == "assistant";
    is_answer && !messages.is_empty() && messages.iter().all(has_role)
}

/// A part of a message's content.
fn has_part(row: &Row, is_it: &dyn Fn(&Value) -> bool) -> bool {
    let mut all = messages(row);
    all.push(output(row));
    all.iter()
        .any(|message| message["content"].as_array().is_some_and(|parts| parts.iter().any(is_it)))
}

/// Every text of input and output, at any depth.
fn texts(row: &Row) -> Vec<String> {
    let mut found = Vec::new();
    for text in [&row.input, &row.output].into_iter().flatten() {
        match serde_json::from_str::<Value>(text) {
            Ok(value) if !value.is_string() => collect(&value, &mut found),
            _ => found.push(text.clone()),
        }
    }
    found
}

fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, found)),
        _ => {}
    }
}

#[test]
fn every_form_is_sent_as_langfuse_renders_it() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::new();
    let mut env = traced_to(&mock.url());
    env["CC_LANGFUSE_MEDIA"] = json!("true");
    env["CC_LANGFUSE_REQUEST"] = json!("tools");
    sandbox.config(&json!({"env": env}));
    for recording in RECORDINGS {
        sandbox.session(recording).whole().replay(&[]).exits(0);
    }
    let rows = mock.rows();
    for Form { renders, is_rendered, is_not } in &FORMS {
        assert!(rows.iter().any(is_rendered), "nothing has: {renders}");
        let wrong: Vec<&Row> = rows.iter().filter(|row| is_not(row)).collect();
        assert!(wrong.is_empty(), "instead of {renders}: {wrong:?}");
    }
}

#[test]
fn the_page_lists_the_forms_that_are_tested() {
    let page = include_str!("../../docs/dashboards.md");
    let (_, table) = page.split_once("| renders | does not |\n| --- | --- |\n").unwrap();
    let rows = table.lines().take_while(|line| line.starts_with('|'));
    let listed: Vec<&str> = rows.map(|row| row.split(" | ").next().unwrap()).collect();
    let tested: Vec<String> = FORMS.iter().map(|form| format!("| {}", form.renders)).collect();
    assert_eq!(listed, tested);
}
