//! The outcome of a request: refused (400), answered 200 and lost, or stored row by row in the events table.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Read;
use std::time::{SystemTime, UNIX_EPOCH};

use flate2::read::MultiGzDecoder;
use serde_json::{Value, json};

use super::api::{Headers, Keys};
use super::datasets::Datasets;
use super::javascript::{parse, parse_int, truthy};
use super::media::MediaTable;
use super::prompts::Prompts;
use super::rows::sort;
use super::scores::Scores;
use super::{Answer, Row, ScoreRow, columns, older_tables, refuse};

/// The path to which spans are sent.
pub const INGEST_PATH: &str = "/api/public/otel/v1/traces";

/// The events table and the rules by which requests change it: the mock without sockets.
#[derive(Debug, Clone, Default)]
pub struct Events {
    pub(super) keys: Keys,
    rows: BTreeMap<(String, String, i64), Row>,
    accepted: Vec<Row>,
    now_ms: Option<i64>,
    pub(super) reading: Reading,
    pub(super) scores: Scores,
    pub(super) datasets: Datasets,
    pub(super) prompts: Prompts,
    pub(super) media: MediaTable,
    /// Traces that the worker will delete.
    pub(super) deleting: Vec<String>,
    /// The project's own models.
    pub(super) models: Vec<Value>,
}

/// The rows of the table that readers see.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reading {
    /// Each row once: the parts are merged.
    #[default]
    Merged,
    /// Every version that was stored. Langfuse 4 shows them so until it merges, for seconds or for minutes.
    Unmerged,
    /// A deployment that has the older tables only, and their endpoints.
    Old,
}

impl Events {
    /// An empty table that takes the keys `pk-lf-test` and `sk-lf-test`.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty table with keys of its own.
    pub fn with_keys(public: &str, secret: &str) -> Self {
        Self { keys: Keys::new(public, secret), ..Self::default() }
    }

    /// The same table with a fixed clock, which spans without any time get.
    #[must_use]
    pub fn with_now(mut self, now_ms: i64) -> Self {
        self.now_ms = Some(now_ms);
        self
    }

    /// A POST to [`INGEST_PATH`] with these headers, `authorization` among them.
    pub fn post(&mut self, headers: &[(String, String)], body: &[u8]) -> Answer {
        self.handle("POST", INGEST_PATH, headers, body)
    }

    /// An authorized POST of plain JSON: what most property tests need.
    pub fn ingest(&mut self, body: &[u8]) -> Answer {
        let headers = [
            ("authorization".to_owned(), self.keys.basic()),
            ("content-type".to_owned(), "application/json".to_owned()),
            ("x-langfuse-ingestion-version".to_owned(), "4".to_owned()),
        ];
        self.post(&headers, body)
    }

    /// An authorized POST of scores as events.
    pub fn score(&mut self, body: &[u8]) -> Answer {
        self.scores.ingest(body)
    }

    /// The table after replacement, sorted by trace, start and span.
    pub fn rows(&self) -> Vec<Row> {
        let mut rows: Vec<Row> = self.rows.values().cloned().collect();
        sort(&mut rows);
        rows
    }

    /// The rows of the older tables.
    pub fn older_rows(&self) -> Vec<Row> {
        older_tables::rows(&self.accepted)
    }

    /// Every span that was stored, in order of arrival, before replacement.
    pub fn accepted(&self) -> &[Row] {
        &self.accepted
    }

    /// The table of scores.
    pub fn scores(&self) -> Vec<ScoreRow> {
        self.scores.rows()
    }

    pub(super) fn remove_trace(&mut self, trace: &str) {
        self.rows.retain(|(of, ..), _| of != trace);
        self.accepted.retain(|row| row.trace_id != trace);
    }

    /// Empties the tables.
    pub fn clear(&mut self) {
        self.scores.clear();
        self.rows.clear();
        self.accepted.clear();
    }

    /// The ingestion route, after authorization.
    pub(super) fn export(&mut self, headers: &Headers<'_>, body: &[u8]) -> Answer {
        let mut export = match read(headers, body) {
            Ok(export) => export,
            Err(error) => return Answer::json(400, &json!({"error": error})),
        };
        let sent = spans_in(&export);
        let resource_spans = export.get_mut("resourceSpans").map(Value::take).unwrap_or_default();
        let mut answer = self.take(headers, &resource_spans);
        answer.lost = answer.status == 200 && sent > answer.accepted.len();
        answer
    }

    fn take(&mut self, headers: &Headers<'_>, resource_spans: &Value) -> Answer {
        if !truthy(resource_spans) || resource_spans.as_array().is_some_and(Vec::is_empty) {
            return Answer::json(200, &json!({}));
        }
        if let Some(error) = refuse::refusal(resource_spans) {
            return Answer::json(400, &json!({"error": error}));
        }
        let version = headers.langfuse("x-langfuse-ingestion-version");
        let unsupported = |version: &&str| parse_int(version).is_none_or(|version| version > 4.0);
        if let Some(version) = version.filter(unsupported) {
            let error = format!(
                "Unsupported x-langfuse-ingestion-version: \"{version}\". Maximum supported: \"4\"."
            );
            return Answer::json(400, &json!({"error": error}));
        }
        self.store(resource_spans)
    }

    fn store(&mut self, resource_spans: &Value) -> Answer {
        let now_ms = self.now_ms.unwrap_or_else(clock);
        let rows = columns::rows(resource_spans, now_ms, &self.models).unwrap_or_default();
        for row in &rows {
            let (trace, span, start) = row.key();
            self.rows.insert((trace.to_owned(), span.to_owned(), start), row.clone());
        }
        self.accepted.extend(rows.iter().cloned());
        // The real server answers with its queue job, keys and all; a client must neither parse nor log it.
        let job = json!({
            "id": "00000000-0000-4000-8000-000000000000",
            "name": "otel-ingestion-job",
            "data": {"payload": {"authCheck": {"validKey": true, "scope": {"publicKey": self.keys.public()}}}},
        });
        Answer { accepted: rows, ..Answer::json(200, &job) }
    }
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "milliseconds since 1970 fit for 292 million years"
)]
fn clock() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// The export in a body, or the reason for refusing it. The encoding is checked before the type, and both before the
/// JSON.
fn read(headers: &Headers<'_>, body: &[u8]) -> Result<Value, &'static str> {
    let bytes = decompress(headers, body).ok_or("Failed to decompress request body")?;
    let content_type = headers.get("content-type").unwrap_or_default().to_lowercase();
    if content_type.contains("application/x-protobuf") {
        return Err("Failed to parse OTel Protobuf Trace");
    }
    if !content_type.contains("application/json") {
        return Err("Invalid content type");
    }
    let export = parse(&String::from_utf8_lossy(&bytes)).filter(|export| !export.is_null());
    export.ok_or("Failed to parse OTel JSON Trace")
}

/// The number of spans that the sender meant to send: entries of any list called `spans`, at any depth.
fn spans_in(export: &Value) -> usize {
    match export {
        Value::Object(members) => {
            let own = members.get("spans").and_then(Value::as_array);
            let outer = |name: &String| !["attributes", "spans"].contains(&name.as_str());
            let below = members.iter().filter(|(name, _)| outer(name));
            own.map_or(0, Vec::len) + below.map(|(_, value)| spans_in(value)).sum::<usize>()
        }
        Value::Array(values) => values.iter().map(spans_in).sum(),
        _ => 0,
    }
}

/// A body as JSON, if it is JSON, whatever its type claims.
pub(super) fn json_body(headers: &Headers<'_>, body: &[u8]) -> Option<Value> {
    parse(&String::from_utf8_lossy(&decompress(headers, body)?))
}

/// The plain body. Only `gzip` within the header's text is looked for, in lower case.
fn decompress<'a>(headers: &Headers<'_>, body: &'a [u8]) -> Option<Cow<'a, [u8]>> {
    if !headers.get("content-encoding").is_some_and(|encoding| encoding.contains("gzip")) {
        return Some(Cow::Borrowed(body));
    }
    let mut plain = Vec::new();
    MultiGzDecoder::new(body).read_to_end(&mut plain).ok().filter(|_| !body.is_empty())?;
    Some(Cow::Owned(plain))
}
