//! Exports that the server refuses as a whole with a 400: unreadable ids, and values in place of lists.

use serde_json::Value;

#[derive(Default)]
struct Defects {
    spans: usize,
    bad_spans: usize,
    bad_lists: usize,
    reasons: Vec<String>,
    scopes: Vec<String>,
}

/// The text of the refusal, if there is one. `resource_spans` that is no array is accepted (and stored nowhere).
pub(crate) fn refusal(resource_spans: &Value) -> Option<String> {
    let mut defects = Defects::default();
    for resource in resource_spans.as_array().into_iter().flatten() {
        defects.list(&resource["resource"]["attributes"], "resource.attributes", &Value::Null);
        defects.list(&resource["scopeSpans"], "scopeSpans", &Value::Null);
        for scope in resource["scopeSpans"].as_array().into_iter().flatten() {
            let name = &scope["scope"]["name"];
            defects.list(&scope["scope"]["attributes"], "scope.attributes", name);
            defects.list(&scope["spans"], "spans", name);
            for span in scope["spans"].as_array().into_iter().flatten() {
                defects.span(span, name);
            }
        }
    }
    defects.text()
}

impl Defects {
    fn list(&mut self, value: &Value, field: &str, scope: &Value) {
        if malformed(value) {
            self.bad_lists += 1;
            self.reason(format!("{field}:not_an_array"));
            self.scope(scope);
        }
    }

    fn span(&mut self, span: &Value, scope: &Value) {
        self.spans += 1;
        let mut reasons: Vec<String> = Vec::new();
        for id in ["traceId", "spanId"] {
            reasons.extend(id_defect(&span[id]).map(|defect| format!("{id}:{defect}")));
        }
        if super::javascript::truthy(&span["parentSpanId"]) {
            reasons.extend(
                id_defect(&span["parentSpanId"]).map(|defect| format!("parentSpanId:{defect}")),
            );
        }
        for list in ["attributes", "events"] {
            if malformed(&span[list]) {
                reasons.push(format!("{list}:not_an_array"));
            }
        }
        let mut events = span["events"].as_array().into_iter().flatten();
        if events.any(|event| malformed(&event["attributes"])) {
            reasons.push("event.attributes:not_an_array".to_owned());
        }
        if !reasons.is_empty() {
            self.bad_spans += 1;
            self.scope(scope);
            reasons.into_iter().for_each(|reason| self.reason(reason));
        }
    }

    fn reason(&mut self, reason: String) {
        if !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }

    fn scope(&mut self, name: &Value) {
        let name = super::javascript::to_text(name);
        if name != "null" && self.scopes.len() < 5 && !self.scopes.contains(&name) {
            self.scopes.push(name);
        }
    }

    fn text(self) -> Option<String> {
        let Self { spans, bad_spans, bad_lists, reasons, scopes } = self;
        let mut problems = Vec::new();
        if bad_spans > 0 {
            problems.push(format!("{bad_spans} of {spans} span(s) cannot be processed"));
        }
        if bad_lists > 0 {
            problems.push(format!(
                "{bad_lists} resource- or scope-level field(s) are present but not arrays"
            ));
        }
        if problems.is_empty() {
            return None;
        }
        let mut hints = String::new();
        if reasons.iter().any(|reason| !reason.ends_with(":not_an_array")) {
            hints += " traceId and spanId are required on every span, and each must be a string or a byte array.";
        }
        if reasons.iter().any(|reason| reason.ends_with(":not_an_array")) {
            hints += " scopeSpans, spans, attributes and events must all be arrays.";
        }
        let scopes = if scopes.is_empty() { "unknown".to_owned() } else { scopes.join(", ") };
        Some(format!(
            "Invalid OTLP trace export: {} ({}).{hints} The entire export was rejected and no spans were ingested. \
             Instrumentation scopes: {scopes}.",
            problems.join("; "),
            reasons.join(", "),
        ))
    }
}

fn malformed(value: &Value) -> bool {
    !value.is_null() && !value.is_array()
}

fn id_defect(value: &Value) -> Option<&'static str> {
    match value {
        Value::Null => Some("absent"),
        Value::String(_) | Value::Array(_) => None,
        // A byte buffer of Node.js, once through JSON.
        Value::Object(buffer)
            if buffer.get("type") == Some(&Value::from("Buffer"))
                && buffer.get("data").is_some_and(Value::is_array) =>
        {
            None
        }
        _ => Some("not_an_id"),
    }
}
