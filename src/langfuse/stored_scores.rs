//! Reads stored scores, page by page.
//!
//! Langfuse 4 lists them at `v3/scores` and refuses `v2/scores` where it has only the new tables (`rejectInEventsOnlyMode` in
//! `web/src/pages/api/public/v2/scores/index.ts` of 4.16.0); Langfuse 3 has only the latter.

use serde::Deserialize;
use serde_json::Value as Json;

use super::api::escaped;
use super::listing::{PAGE_ROWS, page_after, rows_of};
use super::{Client, Deadline, Verdict};
use crate::score::Value;

/// Ids per request for scores: they are part of its path.
pub const MAX_SCORE_IDS: usize = 50;

/// Prefix of a page number of `v2/scores`, in place of a cursor.
const OLD_PAGE: &str = "page:";

/// The wanted scores.
#[derive(Clone, Copy, Debug)]
pub enum ScoreFilter<'a> {
    /// At most [`MAX_SCORE_IDS`].
    Ids(&'a [String]),
    Name(&'a str),
    Session(&'a str),
}

impl ScoreFilter<'_> {
    /// The query for these scores. `ids`: the endpoint's name for the parameter with ids.
    fn query(self, ids: &str) -> String {
        match self {
            Self::Ids(some) => format!("{ids}={}", escaped(&some.join(","))),
            Self::Name(name) => format!("name={}", escaped(name)),
            Self::Session(id) => format!("sessionId={}", escaped(id)),
        }
    }
}

/// A stored score with its subject.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredScore {
    pub id: String,
    pub name: String,
    pub value: Value,
    /// Set for a score of a trace, or of an observation in it.
    pub trace: Option<String>,
    pub session: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScorePage {
    pub scores: Vec<StoredScore>,
    /// Cursor of the next page; `None` on the last.
    pub next: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Row {
    id: String,
    name: String,
    data_type: String,
    value: Json,
    subject: Subject,
    /// Only in `v2/scores`, like the ids.
    string_value: Option<String>,
    trace_id: Option<String>,
    session_id: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Subject {
    kind: String,
    id: String,
    trace_id: Option<String>,
}

impl Client {
    /// The first page of scores or the one at `next`; `None` if the server lists no scores.
    ///
    /// # Errors
    /// The verdict of the failed request.
    pub fn stored_scores(
        &mut self,
        filter: ScoreFilter<'_>,
        next: Option<&str>,
        deadline: Deadline,
    ) -> Result<Option<ScorePage>, Verdict> {
        if let Some(page) = next.and_then(|next| next.strip_prefix(OLD_PAGE)) {
            return self.old_scores(filter, page, deadline);
        }
        let mut path = format!(
            "/api/public/v3/scores?fields=subject&limit={PAGE_ROWS}&{}",
            filter.query("id")
        );
        if let Some(cursor) = next {
            path.push_str(&format!("&cursor={}", escaped(cursor)));
        }
        let Some(answer) = self.page(&path, "scores", deadline)? else {
            return self.old_scores(filter, "1", deadline);
        };
        let next = answer.pointer("/meta/cursor").and_then(Json::as_str).map(str::to_owned);
        Ok(Some(ScorePage { scores: stored_in(&answer), next }))
    }

    fn old_scores(
        &mut self,
        filter: ScoreFilter<'_>,
        page: &str,
        deadline: Deadline,
    ) -> Result<Option<ScorePage>, Verdict> {
        let filter = filter.query("scoreIds");
        let path = format!("/api/public/v2/scores?limit={PAGE_ROWS}&page={page}&{filter}");
        let answer = self.page(&path, "scores", deadline)?;
        Ok(answer.map(|answer| {
            let next = page_after(page.parse().unwrap_or(1), &answer);
            let next = next.map(|page| format!("{OLD_PAGE}{page}"));
            ScorePage { scores: stored_in(&answer), next }
        }))
    }
}

fn stored_in(answer: &Json) -> Vec<StoredScore> {
    rows_of(answer).filter_map(stored).collect()
}

fn stored(row: &Json) -> Option<StoredScore> {
    let Row { id, name, data_type, value, subject, string_value, trace_id, session_id } =
        Row::deserialize(row).ok()?;
    let text = || value.as_str().map(str::to_owned);
    let value = match data_type.as_str() {
        "NUMERIC" => Value::Numeric(value.as_f64()?),
        "BOOLEAN" => Value::Boolean(value.as_bool().or_else(|| Some(value.as_f64()? > 0.5))?),
        "CATEGORICAL" => Value::Categorical(string_value.or_else(text)?),
        "TEXT" => Value::Text(string_value.or_else(text)?),
        _ => return None,
    };
    let (trace, session) = match subject.kind.as_str() {
        "trace" => (Some(subject.id), None),
        "observation" => (subject.trace_id, None),
        "session" => (None, Some(subject.id)),
        "" if trace_id.is_some() => (trace_id, None),
        "" if session_id.is_some() => (None, session_id),
        _ => return None,
    };
    Some(StoredScore { id, name, value, trace, session })
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
        let old = json!({"name": "n", "dataType": "CATEGORICAL", "value": 0, "stringValue": "good", "sessionId": "s"});
        let score = stored(&old).unwrap();
        assert_eq!(score.value, Value::Categorical("good".to_owned()));
        assert_eq!(score.session.as_deref(), Some("s"));
        let of_run = json!({"kind": "experiment", "id": "e"});
        assert_eq!(row("NUMERIC", json!(4), of_run), None);
        assert_eq!(row("BOOLEAN", json!("yes"), trace), None);
    }
}
