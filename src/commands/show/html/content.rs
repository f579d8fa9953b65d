//! The details of a line on the page: input, output and metadata of an observation.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Map, Value};

use super::escaped;
use crate::langfuse::Span;

/// Contents of observations, by span id.
pub(in crate::commands::show) type Contents = BTreeMap<String, Content>;

/// The content of an observation, as it would be sent.
pub(in crate::commands::show) struct Content {
    input: String,
    output: String,
    metadata: Vec<(String, String)>,
}

impl Content {
    pub(in crate::commands::show) fn of(span: &Span) -> Self {
        let text = |key: &str| {
            let text = span.attribute(&format!("langfuse.observation.{key}"));
            text.unwrap_or_default().to_owned()
        };
        let parameters = span.attribute("langfuse.observation.model.parameters");
        let parameters = parameters.map(|text| ("model parameters", text));
        let own = span.attributes_below("langfuse.observation.metadata.");
        let of_trace = span.attributes_below("langfuse.trace.metadata.");
        let metadata = parameters.into_iter().chain(own).chain(of_trace);
        Self {
            input: text("input"),
            output: text("output"),
            metadata: metadata.map(|(key, text)| (key.to_owned(), text.to_owned())).collect(),
        }
    }

    pub(super) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        for (name, text) in [("Input", &self.input), ("Output", &self.output)] {
            if !text.is_empty() {
                write!(out, "<h3>{name}</h3>")?;
                print_text(out, text)?;
            }
        }
        if self.metadata.is_empty() {
            return Ok(());
        }
        write!(out, "<details class=more><summary>Metadata</summary><dl>")?;
        for (key, text) in &self.metadata {
            write!(out, "<dt>{}</dt><dd>{}</dd>", escaped(key), escaped(text))?;
        }
        write!(out, "</dl></details>")
    }
}

/// Prints messages by role, the fields of another object one per paragraph, and any other text unchanged.
fn print_text(out: &mut impl Write, text: &str) -> io::Result<()> {
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(fields)) if !fields.is_empty() => print_object(out, &fields),
        Ok(Value::Array(items)) if items.iter().all(is_message) => {
            let mut messages = items.iter().filter_map(Value::as_object);
            messages.try_for_each(|message| print_object(out, message))
        }
        Ok(value @ Value::Array(_)) => print_block(out, &pretty(&value)),
        _ => print_block(out, text),
    }
}

fn is_message(value: &Value) -> bool {
    value.get("role").is_some_and(Value::is_string)
}

fn print_object(out: &mut impl Write, fields: &Map<String, Value>) -> io::Result<()> {
    let role = fields.get("role").and_then(Value::as_str);
    if let Some(role) = role {
        write!(out, "<h4>{}</h4>", escaped(role))?;
    }
    for (name, value) in fields {
        match (name.as_str(), value) {
            ("role" | "tool_call_id", _) if role.is_some() => {}
            ("content", Value::String(text)) if role.is_some() => match text.as_str() {
                "" => {}
                text => print_block(out, text)?,
            },
            ("tool_calls", Value::Array(calls)) if role.is_some() => {
                calls.iter().try_for_each(|call| print_call(out, call))?;
            }
            (name, value) => {
                write!(out, "<h4>{}</h4>", escaped(name))?;
                print_block(out, &pretty(value))?;
            }
        }
    }
    Ok(())
}

/// Prints a tool call of a message: its name, and its arguments, which are JSON in a string.
fn print_call(out: &mut impl Write, call: &Value) -> io::Result<()> {
    let text = |key: &str| call.pointer(key).and_then(Value::as_str);
    let (Some(name), Some(arguments)) = (text("/function/name"), text("/function/arguments"))
    else {
        return print_block(out, &pretty(call));
    };
    write!(out, "<h4>calls {}</h4>", escaped(name))?;
    let arguments = serde_json::from_str(arguments).unwrap_or_else(|_| arguments.into());
    print_block(out, &pretty(&arguments))
}

/// Strings keep their lines.
fn pretty(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => serde_json::to_string_pretty(value).unwrap_or_default(),
    }
}

fn print_block(out: &mut impl Write, text: &str) -> io::Result<()> {
    write!(out, "<pre>{}</pre>", escaped(text))
}

#[cfg(test)]
mod tests {
    use super::print_text;

    #[test]
    fn fields_have_their_lines_and_texts_stay() {
        let printed = |text: &str| {
            let mut out = Vec::new();
            print_text(&mut out, text).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(
            printed(r#"{"command": "a\nb <c>", "n": 1}"#),
            "<h4>command</h4><pre>a\nb &lt;c&gt;</pre><h4>n</h4><pre>1</pre>"
        );
        let call = r#"{"id": "t", "function": {"name": "Bash", "arguments": "{\"n\":1}"}}"#;
        let message =
            format!(r#"[{{"role": "assistant", "content": "", "tool_calls": [{call}]}}]"#);
        assert_eq!(
            printed(&message),
            "<h4>assistant</h4><h4>calls Bash</h4><pre>{\n  &quot;n&quot;: 1\n}</pre>"
        );
        assert_eq!(
            printed(r#"{"role": "user", "content": "do <it>"}"#),
            "<h4>user</h4><pre>do &lt;it&gt;</pre>"
        );
        assert_eq!(printed("plain <b>"), "<pre>plain &lt;b&gt;</pre>");
        assert_eq!(printed("{}"), "<pre>{}</pre>");
        assert_eq!(printed("12"), "<pre>12</pre>");
    }
}
