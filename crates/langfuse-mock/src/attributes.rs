//! The attribute map: the column of each attribute, and the winner of several.

use serde_json::{Map, Value, json};

use super::javascript::{
    first_present, first_truthy, indexed, members, parse, parse_int, text_or_json, to_text, truthy,
};

/// The attributes of a span and of its resource.
pub(crate) struct Attributes<'a> {
    /// The span's own.
    pub span: &'a Map<String, Value>,
    /// Those of the resource, read only for environment, release and version.
    pub resource: &'a Map<String, Value>,
}

impl Attributes<'_> {
    /// The name: the span's, unless a library's naming attribute is set.
    pub(crate) fn name(&self, span_name: &Value) -> Value {
        if let Some(name) = first_truthy(self.span, "gen_ai.tool.name") {
            return Value::String(text_or_json(name));
        }
        if let Some(name) = self.span.get("genkit:name") {
            return name.clone();
        }
        if let Some(name) = first_truthy(self.span, "logfire.msg") {
            return Value::String(text_or_json(name));
        }
        if let Some(name) = self.span.get("ai.toolCall.name") {
            return name.clone();
        }
        if let Some(operation) = self.span.get("ai.operationId") {
            let function =
                first_truthy(self.span, "ai.telemetry.functionId").map(|id| to_text(id) + ":");
            return Value::String(function.unwrap_or_default() + &to_text(operation));
        }
        span_name.clone()
    }

    /// The columns of the trace. Each span has its own: nothing is inherited.
    pub(crate) fn trace_columns(&self) -> Map<String, Value> {
        let session = "langfuse.session.id session.id gen_ai.conversation.id \
            langfuse.observation.metadata.langfuse_session_id \
            langfuse.trace.metadata.langfuse_session_id ai.telemetry.metadata.sessionId";
        let user = "langfuse.user.id user.id langfuse.observation.metadata.langfuse_user_id \
            langfuse.trace.metadata.langfuse_user_id ai.telemetry.metadata.userId";
        members(json!({
            "tags": self.tags(),
            "session_id": self.text(session),
            "user_id": self.text(user),
            "environment": self.environment(),
            "release": self.span_or_resource("langfuse.release", "langfuse.release"),
            "version": self.span_or_resource("langfuse.version", "service.version"),
            "trace_name": self.present("langfuse.trace.name"),
            "public": self.flag("langfuse.trace.public langfuse.public").then_some(true),
            "is_app_root": self.flag("langfuse.internal.is_app_root").then_some(true),
        }))
    }

    /// The environment: by key first, then span before resource; a bad value is `default` and ends the search.
    pub(crate) fn environment(&self) -> String {
        let keys =
            ["langfuse.environment", "deployment.environment.name", "deployment.environment"];
        let found = keys.iter().find_map(|key| {
            first_truthy(self.span, key).or_else(|| first_truthy(self.resource, key))
        });
        let Some(text) = found.and_then(Value::as_str) else {
            return "default".to_owned();
        };
        let lower = text.to_lowercase();
        let mut rest = lower.as_str();
        while let Some(stripped) = rest.strip_prefix("langfuse") {
            rest = stripped.strip_prefix(['-', '_']).unwrap_or(stripped);
        }
        let cut: String = rest.chars().take(40).collect();
        let good = |character: char| matches!(character, 'a'..='z' | '0'..='9' | '-' | '_');
        if !cut.is_empty() && cut.chars().all(good) { cut } else { "default".to_owned() }
    }

    /// The level: the attribute or an alias of it, else ERROR for a failed status.
    pub(crate) fn level(&self, status: &Value) -> &'static str {
        let given =
            self.span.get("langfuse.observation.level").and_then(Value::as_str).unwrap_or_default();
        match given.trim().to_uppercase().as_str() {
            "DEBUG" | "TRACE" | "VERBOSE" => "DEBUG",
            "DEFAULT" | "INFO" | "LOG" | "NOTICE" | "OK" | "SUCCESS" => "DEFAULT",
            "WARNING" | "WARN" => "WARNING",
            "ERROR" | "FATAL" | "CRITICAL" => "ERROR",
            _ if status["code"].as_f64() == Some(2.0) => "ERROR",
            _ => "DEFAULT",
        }
    }

    /// The attribute of this name on the span, else one on the resource; empty text counts.
    pub(crate) fn span_or_resource(&self, key: &str, resource_key: &str) -> Value {
        first_present(self.span, key)
            .or_else(|| first_present(self.resource, resource_key))
            .cloned()
            .unwrap_or_default()
    }

    /// The first of `keys` that is there, as it is.
    pub(crate) fn present(&self, keys: &str) -> Value {
        first_present(self.span, keys).cloned().unwrap_or_default()
    }

    /// The first of `keys` that is not empty, as text.
    pub(crate) fn text(&self, keys: &str) -> Option<String> {
        first_truthy(self.span, keys).map(text_or_json)
    }

    /// Whether the first present one of `keys` is true.
    pub(crate) fn flag(&self, keys: &str) -> bool {
        first_present(self.span, keys).is_some_and(|value| *value == true || *value == "true")
    }

    /// Tags: a list, JSON text of one, or text with commas.
    pub(crate) fn tags(&self) -> Vec<Value> {
        let keys = "langfuse.trace.tags langfuse.tags langfuse.observation.metadata.langfuse_tags \
            langfuse.trace.metadata.langfuse_tags ai.telemetry.metadata.tags tag.tags";
        let texts =
            |values: &[Value]| values.iter().map(|tag| Value::String(to_text(tag))).collect();
        match first_truthy(self.span, keys) {
            Some(Value::Array(tags)) => texts(tags),
            Some(Value::String(text)) => {
                let list = Some(text)
                    .filter(|text| text.trim().starts_with('['))
                    .and_then(|text| parse(text));
                match list {
                    Some(Value::Array(tags)) => texts(&tags),
                    _ if text.contains(',') => {
                        text.split(',').map(|tag| Value::from(tag.trim())).collect()
                    }
                    _ => vec![Value::from(text.as_str())],
                }
            }
            _ => Vec::new(),
        }
    }

    /// The model: the first name given, whatever the type of the observation.
    pub(crate) fn model(&self) -> Option<String> {
        self.text(
            "langfuse.observation.model.name gen_ai.response.model ai.model.id \
             gen_ai.request.model llm.response.model llm.model_name model",
        )
    }

    /// Model parameters: JSON text of anything, else what `gen_ai.request.*` says. Members become text or stay numbers.
    pub(crate) fn model_parameters(&self) -> Value {
        let whole =
            ["langfuse.observation.model.parameters", "llm.invocation_parameters", "model_config"];
        for key in whole {
            let given = first_truthy(self.span, key).and_then(|value| parse(&to_text(value)));
            if let Some(given) = given.filter(|given| truthy(given) || key != whole[0]) {
                return scalars(given);
            }
        }
        let mut members = Map::new();
        for prefix in ["gen_ai.request.", "llm.invocation_parameters."] {
            for (key, value) in self.span {
                if let Some(name) = key.strip_prefix(prefix).filter(|name| *name != "model") {
                    members.insert(name.to_owned(), value.clone());
                }
            }
        }
        scalars(Value::Object(members))
    }

    /// The version of the prompt: leading digits, at most 16 bits.
    pub(crate) fn prompt_version(&self) -> Value {
        let version =
            first_present(self.span, "langfuse.observation.prompt.version langfuse.prompt.version");
        let version = version.and_then(|version| parse_int(&to_text(version)));
        version
            .filter(|version| (0.0..=65535.0).contains(version))
            .map_or(Value::Null, super::javascript::number)
    }
}

fn scalars(value: Value) -> Value {
    let scalar = |value: &Value| {
        let is_scalar = value.is_string() || value.is_number();
        if is_scalar { value.clone() } else { json!(super::javascript::stringify(value)) }
    };
    match &value {
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), scalar(value))).collect()
        }
        Value::Array(values) => {
            indexed(values).map(|(index, value)| (index, scalar(value))).collect()
        }
        _ => value,
    }
}
