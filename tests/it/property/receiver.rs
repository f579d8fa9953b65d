//! Langfuse behind an unreliable connection, which records its acknowledgements.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use claude_langfuse::delivery::Transport;
use claude_langfuse::langfuse::{Body, Problem, Verdict, batch};
use claude_langfuse::score::Score;
use langfuse_mock::{Events, Row};
use proptest::prelude::*;
use serde_json::{Value, json};

/// The result of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Response {
    /// The request and the response arrive.
    Accepted,
    /// No response.
    Missing,
    /// A server error.
    ServerError,
    /// A timeout.
    Slow,
    /// The request is stored, but the response is lost.
    Lost,
    /// Too large, if it has more than one span.
    TooLarge,
    /// Rejected, if it has more than one span.
    Rejected,
    /// The keys are wrong.
    Keys,
}

impl Response {
    pub(super) fn any() -> impl Strategy<Value = Self> {
        use Response::{Accepted, Keys, Lost, Missing, Rejected, ServerError, Slow, TooLarge};
        prop::sample::select(vec![
            Accepted,
            Accepted,
            Accepted,
            Missing,
            ServerError,
            Slow,
            Lost,
            Lost,
            TooLarge,
            Rejected,
            Keys,
        ])
    }
}

/// An in-process receiver.
#[derive(Default)]
pub(super) struct Receiver {
    events: Events,
    /// The results of the next requests; all later ones succeed.
    pub(super) responses: VecDeque<Response>,
    /// A span that is always rejected.
    pub(super) poison: Option<String>,
    /// Every body as sent.
    pub(super) bodies: Vec<String>,
    /// Generations with a 2xx: their JSON by trace and span.
    acknowledged: BTreeMap<(String, String), Value>,
    /// Generations sent after a 2xx: span, and whether it had nothing new.
    again: Vec<(String, bool)>,
    /// Events of scores with a 2xx.
    scored: BTreeSet<String>,
    /// Rows appended to a file when a run is about to send: its late last rows.
    pub(super) late: Option<(PathBuf, Vec<u8>)>,
    /// Number of times that rows were late.
    pub(super) waits: usize,
    score_requests: usize,
    faults: Vec<String>,
}

impl Transport for Receiver {
    fn send(&mut self, raw: &str, _body: &Body) -> Verdict {
        self.bodies.push(raw.to_owned());
        let spans = spans(raw);
        self.check_repetitions(&spans);
        let response = self.responses.pop_front().unwrap_or(Response::Accepted);
        let later = |timed_out| Verdict::Later {
            reason: "the line is bad".to_owned(),
            retry_after: None,
            timed_out,
        };
        let reason = "it does not take so many".to_owned();
        if spans.iter().any(|span| self.is_poison(span)) {
            return Verdict::Refused { reason };
        }
        match response {
            Response::TooLarge if spans.len() > 1 => Verdict::TooLarge { reason, is_said: true },
            Response::Rejected if spans.len() > 1 => Verdict::Refused { reason },
            Response::Accepted | Response::TooLarge | Response::Rejected => {
                self.store(raw);
                let generations = spans.into_iter().filter(is_generation);
                self.acknowledged.extend(generations.map(|span| (key(&span), span)));
                Verdict::Acknowledged
            }
            Response::Lost => {
                self.store(raw);
                later(false)
            }
            Response::Missing | Response::ServerError => later(false),
            Response::Slow => later(true),
            Response::Keys => Verdict::Misconfigured { reason, problem: Problem::Keys },
        }
    }

    fn prepare(&mut self) -> Result<(), Verdict> {
        self.append_late();
        Ok(())
    }

    fn score(&mut self, scores: &[Score]) -> Result<usize, Verdict> {
        self.score_requests += 1;
        let raw = batch(scores);
        let request: Value = serde_json::from_str(&raw).unwrap();
        let events = request["batch"].as_array().unwrap();
        self.check_scores(events);
        let reason = "the line is bad".to_owned();
        let later =
            |timed_out| Verdict::Later { reason: reason.clone(), retry_after: None, timed_out };
        match self.responses.pop_front().unwrap_or(Response::Accepted) {
            Response::Accepted | Response::TooLarge | Response::Rejected => {
                self.store_scores(&raw);
                self.scored.extend(events.iter().map(Value::to_string));
                Ok(0)
            }
            Response::Lost => {
                self.store_scores(&raw);
                Err(later(false))
            }
            Response::Missing | Response::ServerError => Err(later(false)),
            Response::Slow => Err(later(true)),
            Response::Keys => Err(Verdict::Misconfigured { reason, problem: Problem::Keys }),
        }
    }
}

impl Receiver {
    /// Writes the late rows.
    pub(super) fn append_late(&mut self) {
        if let Some((path, rows)) = self.late.take() {
            let file = OpenOptions::new().append(true).open(path);
            file.unwrap().write_all(&rows).unwrap();
            self.waits += 1;
        }
    }

    /// A score belongs to a stored turn or its session, and is not sent again after it was acknowledged.
    fn check_scores(&mut self, events: &[Value]) {
        let rows = self.rows();
        for event in events {
            let trace = event["body"]["traceId"].as_str().unwrap_or_default();
            let is_of_session = trace.is_empty() && event["body"]["sessionId"].is_string();
            let is_there =
                |row: &Row| (is_of_session || row.trace_id == trace) && row.name == "claude-code";
            if !rows.iter().any(is_there) {
                self.faults.push(format!("a score before its turn: {event}"));
            }
            if self.scored.contains(&event.to_string()) {
                self.faults.push(format!("a score again: {event}"));
            }
        }
    }

    fn store_scores(&mut self, raw: &str) {
        let answer = self.events.score(raw.as_bytes());
        let errors: Value = serde_json::from_slice(&answer.body).unwrap();
        if answer.status != 207 || errors["errors"] != json!([]) {
            self.faults.push(format!("answered {} {errors}: {raw}", answer.status));
        }
    }

    /// All scores, without the time of the first arrival.
    pub(super) fn scores(&self) -> Vec<Value> {
        let rows = self.events.scores().into_iter();
        rows.map(|row| row.body.into()).collect()
    }

    fn is_poison(&self, span: &Value) -> bool {
        self.poison.as_ref().is_some_and(|poison| span["spanId"] == poison.as_str())
    }

    fn store(&mut self, raw: &str) {
        let answer = self.events.ingest(raw.as_bytes());
        if answer.status != 200 || answer.lost {
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            self.faults.push(format!("answered {} {text}: {raw}", answer.status));
        }
    }

    fn check_repetitions(&mut self, spans: &[Value]) {
        for span in spans.iter().filter(|span| is_generation(span)) {
            if let Some(before) = self.acknowledged.get(&key(span)) {
                self.again.push((key(span).1, before == span));
            }
        }
    }

    /// The table after replacement.
    pub(super) fn rows(&self) -> Vec<Row> {
        self.events.rows()
    }

    /// Number of requests.
    pub(super) fn requests(&self) -> usize {
        self.bodies.len() + self.score_requests
    }

    /// No acknowledged generation was sent again.
    pub(super) fn each_generation_once(&self) -> Result<(), TestCaseError> {
        prop_assert!(
            self.again.is_empty(),
            "sent again after its acknowledgement: {:?}",
            self.again
        );
        Ok(())
    }

    /// Errors: a rejected span, the same generation again, a row without its parent or before its start, a
    /// trace whose rows disagree about it.
    pub(super) fn violations(&self) -> Result<(), TestCaseError> {
        prop_assert!(self.faults.is_empty(), "{:?}", self.faults);
        let same = self.again.iter().filter(|(_, same)| *same);
        let same: Vec<&String> = same.map(|(span, _)| span).collect();
        prop_assert!(same.is_empty(), "the same generation again: {same:?}");
        let rows = self.rows();
        let known: BTreeSet<(&str, &str)> = rows.iter().map(place).collect();
        for row in &rows {
            let parent = row.parent_span_id.as_deref();
            let there = parent.is_none_or(|parent| known.contains(&(&*row.trace_id, parent)));
            prop_assert!(there, "{} has no parent {parent:?}", shown(row));
            prop_assert!(row.end_ms >= row.start_ms, "{} ends early", shown(row));
        }
        prop_assert_eq!(known.len(), rows.len(), "a span with two starts");
        // They are sorted by trace.
        for pair in rows.windows(2) {
            let of_one = pair[0].trace_id == pair[1].trace_id;
            let same = of_trace(&pair[0]) == of_trace(&pair[1]);
            prop_assert!(!of_one || same, "{:?}\n{:?}", pair[0], pair[1]);
        }
        Ok(())
    }
}

fn place(row: &Row) -> (&str, &str) {
    (&row.trace_id, &row.span_id)
}

/// Fields of the trace that Langfuse takes from any of its rows.
fn of_trace(row: &Row) -> impl PartialEq {
    (
        row.trace_name.clone(),
        row.session_id.clone(),
        row.user_id.clone(),
        row.tags.clone(),
        (row.environment.clone(), row.release.clone()),
        row.version.clone(),
    )
}

fn shown(row: &Row) -> String {
    format!("{} {} {} of trace {}", row.kind, row.name, row.span_id, row.trace_id)
}

fn is_generation(span: &Value) -> bool {
    let attributes = span["attributes"].as_array().into_iter().flatten();
    attributes
        .filter(|attribute| attribute["key"] == "langfuse.observation.type")
        .any(|attribute| attribute["value"]["stringValue"] == "generation")
}

fn key(span: &Value) -> (String, String) {
    let text = |name: &str| span[name].as_str().unwrap_or_default().to_owned();
    (text("traceId"), text("spanId"))
}

/// The spans of a request.
pub(super) fn spans(raw: &str) -> Vec<Value> {
    let export: Value = serde_json::from_str(raw).unwrap();
    let below = |value: &Value, name: &str| value[name].as_array().cloned().unwrap_or_default();
    below(&export, "resourceSpans")
        .iter()
        .flat_map(|resource| below(resource, "scopeSpans"))
        .flat_map(|scope| below(&scope, "spans"))
        .collect()
}

/// The same rows, or the first difference.
pub(super) fn same_rows(found: &[Row], expected: &[Row]) -> Result<(), TestCaseError> {
    let by_key = |rows: &[Row]| -> BTreeMap<(String, String, i64), Row> {
        let owned = |row: &Row| (row.trace_id.clone(), row.span_id.clone(), row.start_ms);
        rows.iter().map(|row| (owned(row), row.clone())).collect()
    };
    let (found, expected) = (by_key(found), by_key(expected));
    let missing = expected.iter().filter(|(key, _)| !found.contains_key(key));
    let missing: Vec<String> = missing.map(|(_, row)| shown(row)).collect();
    let surplus = found.iter().filter(|(key, _)| !expected.contains_key(key));
    let surplus: Vec<String> = surplus.map(|(_, row)| shown(row)).collect();
    prop_assert!(
        missing.is_empty() && surplus.is_empty(),
        "missing: {missing:#?}\nnot expected: {surplus:#?}"
    );
    for (key, row) in &found {
        let wanted = &expected[key];
        prop_assert!(
            row == wanted,
            "{} differs:\n{}",
            shown(row),
            differences(&row.to_json(), &wanted.to_json())
        );
    }
    Ok(())
}

fn differences(found: &Value, expected: &Value) -> String {
    let (Some(left), Some(right)) = (found.as_object(), expected.as_object()) else {
        return format!("{found}\nnot {expected}");
    };
    let names: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
    let unequal = names.into_iter().filter(|name| left.get(*name) != right.get(*name));
    let line = |name: &String| {
        let of = |side: Option<&Value>| side.map_or("nothing".to_owned(), Value::to_string);
        format!("  {name}: {}\n    not {}", of(left.get(name)), of(right.get(name)))
    };
    unequal.map(line).collect::<Vec<_>>().join("\n")
}
