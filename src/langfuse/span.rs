//! Reads spans back from a request, so that commands show and compare exactly the spans that are sent.

use base::Timestamp;
use serde_json::Value;

use crate::trace::MetadataKey;

/// One span of an export request.
#[derive(Clone, Debug, PartialEq)]
pub struct Span(Value);

impl Span {
    /// The spans of a request that [`export`](super::export) wrote.
    pub fn all_of(request: &str) -> Vec<Self> {
        let mut request: Value = serde_json::from_str(request).unwrap_or_default();
        let spans = request.pointer_mut("/resourceSpans/0/scopeSpans/0/spans");
        match spans.map(Value::take) {
            Some(Value::Array(spans)) => spans.into_iter().map(Self).collect(),
            _ => Vec::new(),
        }
    }

    /// The span as [`encode`](super::encode) wrote it.
    pub fn encoded(&self) -> String {
        self.0.to_string()
    }

    pub fn trace_id(&self) -> &str {
        self.text("traceId").unwrap_or_default()
    }

    pub fn span_id(&self) -> &str {
        self.text("spanId").unwrap_or_default()
    }

    pub fn parent(&self) -> Option<&str> {
        self.text("parentSpanId")
    }

    pub fn name(&self) -> &str {
        self.text("name").unwrap_or_default()
    }

    pub fn start(&self) -> Timestamp {
        self.time("startTimeUnixNano")
    }

    pub fn end(&self) -> Timestamp {
        self.time("endTimeUnixNano")
    }

    /// A text attribute.
    pub fn attribute(&self, key: &str) -> Option<&str> {
        let mut attributes = self.attributes();
        let (_, value) = attributes.find(|(name, _)| *name == key)?;
        value.get("stringValue")?.as_str()
    }

    /// An attribute that is a list of texts.
    pub fn list(&self, key: &str) -> Vec<String> {
        let value = self.attributes().find(|(name, _)| *name == key);
        let values = value.and_then(|(_, value)| value.pointer("/arrayValue/values")?.as_array());
        let texts = values.into_iter().flatten();
        texts.filter_map(|text| Some(text.get("stringValue")?.as_str()?.to_owned())).collect()
    }

    /// Text attributes whose keys start with `prefix`, by the rest of their keys.
    pub fn attributes_below(&self, prefix: &str) -> impl Iterator<Item = (&str, &str)> {
        self.attributes().filter_map(move |(key, value)| {
            let rest = key.strip_prefix(prefix)?;
            Some((rest, value.get("stringValue")?.as_str()?))
        })
    }

    /// Metadata of the trace or of the observation.
    pub fn metadata(&self, key: MetadataKey) -> Option<&str> {
        let of = |owner| self.attribute(&format!("langfuse.{owner}.metadata.{}", key.name()));
        of("trace").or_else(|| of("observation"))
    }

    /// Tokens by Langfuse's keys; null unless it is a generation.
    pub fn usage(&self) -> Value {
        self.attribute("langfuse.observation.usage_details")
            .and_then(|usage| serde_json::from_str(usage).ok())
            .unwrap_or_default()
    }

    fn attributes(&self) -> impl Iterator<Item = (&str, &Value)> {
        let attributes = self.0.get("attributes").and_then(Value::as_array);
        attributes.into_iter().flatten().filter_map(|attribute| {
            Some((attribute.get("key")?.as_str()?, attribute.get("value")?))
        })
    }

    fn text(&self, field: &str) -> Option<&str> {
        self.0.get(field)?.as_str()
    }

    fn time(&self, field: &str) -> Timestamp {
        let nanoseconds = self.text(field).and_then(|text| text.parse::<u64>().ok());
        Timestamp::from_millis(nanoseconds.unwrap_or_default() / 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use base::Timestamp;
    use serde_json::json;
    use transcript::session::Opening;
    use transcript::{Header, Prompt};

    use super::Span;
    use crate::langfuse::{encode, export};
    use crate::trace::{
        Attributes, Content, Context, Observation, SessionFacts, SpanId, SpanName, TraceId,
    };

    fn encoded() -> String {
        let at = Timestamp::from_millis(1_795_416_046_354);
        let opening = Opening {
            uuid: "u".to_owned(),
            at,
            header: Header::default(),
            prompt: Prompt::default(),
            offset: 0,
            is_missing: false,
        };
        let context =
            Context::of_turn(&opening, 1, &SessionFacts::default(), &Attributes::default());
        let mut observation =
            Observation::new(SpanName::CHAT, &TraceId::of_seed("t"), SpanId::given("u"), None, at);
        observation.input = Some(Content::Text("\"Zürich\" \u{1f980}\n".to_owned()));
        observation.usage.insert("input", 7);
        encode(&observation, &context)
    }

    #[test]
    fn a_span_comes_back_byte_for_byte() {
        let encoded = encoded();
        let spans = Span::all_of(&export([encoded.as_str(), encoded.as_str()]));
        assert_eq!(spans.len(), 2);
        assert!(spans.iter().all(|span| span.encoded() == encoded));
    }

    #[test]
    fn reads_the_fields_and_attributes_of_a_span() {
        let [span] = &Span::all_of(&export([encoded().as_str()]))[..] else { panic!("one span") };
        assert_eq!(span.trace_id(), TraceId::of_seed("t").as_str());
        assert_eq!(span.span_id(), SpanId::given("u").as_str());
        assert_eq!((span.parent(), span.start().as_millis()), (None, 1_795_416_046_354));
        assert_eq!(span.attribute("langfuse.observation.input"), Some("\"Zürich\" \u{1f980}\n"));
        assert_eq!(span.usage(), json!({"input": 7}));
        let mut metadata = span.attributes_below("langfuse.trace.metadata.");
        assert!(metadata.any(|entry| entry == ("turn_number", "1")));
    }

    #[test]
    fn other_texts_than_requests_have_no_spans() {
        for text in ["", "{}", "[]", "{\"resourceSpans\":[]}"] {
            assert_eq!(Span::all_of(text), []);
        }
    }
}
