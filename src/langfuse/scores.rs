//! Scores, many per request. Servers up to 4.16 accept several as events of the ingestion API; newer ones may have closed that
//! and accept a list at the endpoint for single scores.

use base::sha256::hex;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::{Body, Client, Deadline, Problem, Verdict};
use crate::score::{Comment, Score, Subject, Value};

/// The limit of Langfuse's own SDKs.
pub const MAX_SCORES_PER_REQUEST: usize = 100;

const INGESTION: &str = "/api/public/ingestion";
const SCORES: &str = "/api/public/scores";

/// Sends scores and returns how many of them the server rejects.
///
/// # Errors
/// The verdict of the failed request: no score counts as accepted.
pub fn send_scores(
    client: &mut Client,
    scores: &[Score],
    deadline: Deadline,
) -> Result<usize, Verdict> {
    let answer = post(client, INGESTION, &batch(scores), deadline);
    let is_closed = match &answer {
        Ok(None) | Err(Verdict::Refused { .. }) => true,
        Ok(Some(refused)) => *refused == scores.len(),
        Err(Verdict::Misconfigured { problem, .. }) => *problem == Problem::Url,
        Err(_) => false,
    };
    let answer = if is_closed { post(client, SCORES, &list(scores), deadline) } else { answer };
    answer?.ok_or_else(|| client.without_endpoint("for scores"))
}

/// Sends the corrected output of a turn, which servers take one by one.
///
/// # Errors
/// The verdict of the failed request.
pub fn send_correction(
    client: &mut Client,
    correction: &Score,
    deadline: Deadline,
) -> Result<usize, Verdict> {
    let answer = post(client, SCORES, &correction_request(correction), deadline)?;
    answer.ok_or_else(|| client.without_endpoint("for scores"))
}

/// The request that sets a corrected output.
pub fn correction_request(correction: &Score) -> String {
    Json::Object(body(correction)).to_string()
}

/// A request of the ingestion API. The same scores always give the same bytes.
pub fn batch(scores: &[Score]) -> String {
    let events: Vec<Json> = scores.iter().map(event).collect();
    json!({ "batch": events }).to_string()
}

/// The server skips an event whose id it has seen, so the id is a hash of the content.
fn event(score: &Score) -> Json {
    let body = Json::Object(body(score));
    let at = score.judged.rfc3339();
    let id = hex(format!("{at}{body}").as_bytes(), 16);
    json!({"id": id, "type": "score-create", "timestamp": at, "body": body})
}

/// A request of the newer kind, where id and time identify a score.
fn list(scores: &[Score]) -> String {
    let with_time = |score: &Score| {
        let mut body = body(score);
        body.insert("timestamp".to_owned(), score.filed.rfc3339().into());
        Json::Object(body)
    };
    Json::Array(scores.iter().map(with_time).collect()).to_string()
}

fn body(score: &Score) -> Map<String, Json> {
    let mut body = Map::new();
    let mut add = |key: &str, value: Json| body.insert(key.to_owned(), value);
    add("id", score.id.as_str().into());
    match &score.subject {
        Subject::Session(session) => add("sessionId", session.as_str().into()),
        Subject::Trace(trace) => add("traceId", trace.as_str().into()),
        Subject::Observation(trace, span) => {
            add("traceId", trace.as_str().into());
            add("observationId", span.as_str().into())
        }
    };
    add("name", score.name.as_str().into());
    let (data_type, value) = match &score.value {
        Value::Numeric(number) => ("NUMERIC", Json::from(*number)),
        Value::Boolean(yes) => ("BOOLEAN", Json::from(u8::from(*yes))),
        Value::Categorical(word) => ("CATEGORICAL", word.as_str().into()),
        Value::Text(text) => ("TEXT", text.as_str().into()),
        Value::Correction(text) => ("CORRECTION", text.as_str().into()),
    };
    add("dataType", data_type.into());
    add("value", value);
    match &score.comment {
        Comment::Kept => {}
        // An absent field would leave the comment of the score that this one replaces.
        Comment::Cleared => drop(add("comment", Json::Null)),
        Comment::Text(text) => drop(add("comment", text.as_str().into())),
    }
    if let Some(environment) = &score.environment {
        add("environment", environment.as_str().into());
    }
    body
}

/// The response of either kind of server.
#[derive(Default, Deserialize)]
#[serde(default)]
struct BatchResponse {
    errors: Vec<Refusal>,
    rejected: usize,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    status: u16,
}

fn post(
    client: &mut Client,
    path: &str,
    raw: &str,
    deadline: Deadline,
) -> Result<Option<usize>, Verdict> {
    let Some(answer) = client.post(path, &Body::plain(raw.as_bytes()), deadline)? else {
        return Ok(None);
    };
    let answer: BatchResponse = serde_json::from_slice(&answer).unwrap_or_default();
    match answer.errors.iter().find(|error| error.status >= 500) {
        Some(Refusal { status }) => {
            Err(Verdict::later(format!("{} answered {status} for a score", client.server())))
        }
        None if answer.rejected > 0 => Ok(Some(answer.rejected)),
        None => Ok(Some(answer.errors.len())),
    }
}

#[cfg(test)]
mod tests {
    use base::Timestamp;
    use serde_json::{Value as Json, json};

    use super::{batch, list};
    use crate::score::{Comment, Score, Subject, Value};
    use crate::trace::{SpanId, TraceId};

    fn score(subject: Subject, value: Value) -> Score {
        Score {
            id: "id".to_owned(),
            subject,
            name: "quality".to_owned(),
            value,
            comment: Comment::Kept,
            environment: None,
            filed: Timestamp::from_millis(1_782_000_000_123),
            judged: Timestamp::from_millis(1_782_000_009_123),
        }
    }

    fn trace() -> Subject {
        Subject::Trace(TraceId::given("t"))
    }

    fn read(text: &str) -> Json {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn values_are_written_as_their_type_wants() {
        let written = |value| {
            let sent = read(&list(&[score(trace(), value)]));
            (sent[0]["dataType"].clone(), sent[0]["value"].clone())
        };
        let word = || "good".to_owned();
        assert_eq!(
            [
                written(Value::Numeric(0.25)),
                written(Value::Boolean(true)),
                written(Value::Categorical(word())),
                written(Value::Text(word())),
            ],
            [
                (json!("NUMERIC"), json!(0.25)),
                (json!("BOOLEAN"), json!(1)),
                (json!("CATEGORICAL"), json!("good")),
                (json!("TEXT"), json!("good")),
            ]
        );
    }

    #[test]
    fn exactly_what_is_scored_is_named() {
        let named = |subject| {
            let sent = read(&list(&[score(subject, Value::Boolean(false))]));
            ["traceId", "observationId", "sessionId"].map(|key| sent[0][key].clone())
        };
        let span = SpanId::given("s");
        assert_eq!(named(trace()), [json!("t"), Json::Null, Json::Null]);
        assert_eq!(
            named(Subject::Observation(TraceId::given("t"), span)),
            [json!("t"), json!("s"), Json::Null]
        );
        assert_eq!(named(Subject::Session("c".to_owned())), [Json::Null, Json::Null, json!("c")]);
    }

    #[test]
    fn an_event_is_known_again_by_its_content() {
        let first = score(trace(), Value::Numeric(1.0));
        let other = score(trace(), Value::Numeric(2.0));
        let id =
            |score: &Score| read(&batch(std::slice::from_ref(score)))["batch"][0]["id"].clone();
        assert_eq!(id(&first), id(&first.clone()));
        assert_ne!(id(&first), id(&other));
        let sent = read(&batch(&[first]));
        assert_eq!(sent["batch"][0]["timestamp"], "2026-06-21T00:00:09.123Z");
        assert_eq!(sent["batch"][0]["body"].get("timestamp"), None);
    }
}
