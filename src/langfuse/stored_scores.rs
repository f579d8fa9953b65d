//! Reads stored scores by their name, page by page.

use serde::Deserialize;
use serde_json::Value as Json;

use super::api::escaped;
use super::client::Client;
use super::deadline::Deadline;
use super::verdict::{Problem, Verdict};
use crate::score::Value;

/// The largest page of the API.
const PAGE_SCORES: usize = 100;

/// A stored score, and what it judges.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredScore {
    pub name: String,
    pub value: Value,
    /// Of a trace, or of an observation in it.
    pub trace: Option<String>,
    pub session: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Row {
    name: String,
    data_type: String,
    value: Json,
    subject: Subject,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Subject {
    kind: String,
    id: String,
    trace_id: Option<String>,
}

impl Client {
    /// A page of the scores of one name, and the cursor of the next page. Needs Langfuse 4.
    ///
    /// # Errors
    /// The verdict of the failed request.
    pub fn scores_named(
        &mut self,
        name: &str,
        next: Option<&str>,
        deadline: Deadline,
    ) -> Result<(Vec<StoredScore>, Option<String>), Verdict> {
        let name = escaped(name);
        let mut path =
            format!("/api/public/v3/scores?fields=subject&limit={PAGE_SCORES}&name={name}");
        if let Some(cursor) = next {
            path.push_str(&format!("&cursor={}", escaped(cursor)));
        }
        let Some(answer) = self.get(&path, deadline)? else {
            let reason = format!(
                "{} has no endpoint that lists scores, which Langfuse 4 has",
                self.server()
            );
            return Err(Verdict::misconfigured(Problem::Url, reason));
        };
        let answer: Json = serde_json::from_slice(&answer).unwrap_or_default();
        let Some(rows) = answer.get("data").and_then(Json::as_array) else {
            let reason = format!("{} did not answer with scores", self.server());
            return Err(Verdict::misconfigured(Problem::NotLangfuse, reason));
        };
        let cursor = answer.pointer("/meta/cursor").and_then(Json::as_str);
        Ok((rows.iter().filter_map(stored).collect(), cursor.map(str::to_owned)))
    }
}

fn stored(row: &Json) -> Option<StoredScore> {
    let Row { name, data_type, value, subject } = Row::deserialize(row).ok()?;
    let value = match data_type.as_str() {
        "NUMERIC" => Value::Numeric(value.as_f64()?),
        "BOOLEAN" => Value::Boolean(value.as_bool()?),
        "CATEGORICAL" => Value::Categorical(value.as_str()?.to_owned()),
        "TEXT" => Value::Text(value.as_str()?.to_owned()),
        _ => return None,
    };
    let (trace, session) = match subject.kind.as_str() {
        "trace" => (Some(subject.id), None),
        "observation" => (subject.trace_id, None),
        "session" => (None, Some(subject.id)),
        _ => return None,
    };
    Some(StoredScore { name, value, trace, session })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::stored;
    use crate::score::Value;

    #[test]
    fn reads_the_value_by_its_type_and_the_subject_by_its_kind() {
        let row = |kind: &str, value: serde_json::Value, subject: serde_json::Value| {
            stored(&json!({"name": "n", "dataType": kind, "value": value, "subject": subject}))
        };
        let trace = json!({"kind": "trace", "id": "t"});
        let score = row("BOOLEAN", json!(true), trace.clone()).unwrap();
        assert_eq!((score.value, score.trace.as_deref()), (Value::Boolean(true), Some("t")));
        let observation = json!({"kind": "observation", "id": "o", "traceId": "t"});
        let score = row("NUMERIC", json!(4), observation).unwrap();
        assert_eq!((score.value, score.trace.as_deref()), (Value::Numeric(4.0), Some("t")));
        let session = json!({"kind": "session", "id": "s"});
        let score = row("CATEGORICAL", json!("good"), session).unwrap();
        assert_eq!((score.trace, score.session.as_deref()), (None, Some("s")));
        let of_run = json!({"kind": "experiment", "id": "e"});
        assert_eq!(row("NUMERIC", json!(4), of_run), None);
        assert_eq!(row("BOOLEAN", json!("yes"), trace), None);
    }
}
