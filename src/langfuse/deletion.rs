//! Deletes traces and scores. Langfuse answers at once and deletes within minutes; with a trace go its observations, its scores
//! and media that no other trace has (`worker/src/features/traces/processClickhouseTraceDelete.ts`).

use serde_json::{Value, json};

use super::api::escaped;
use super::body::Body;
use super::client::Client;
use super::deadline::Deadline;
use super::verdict::{Problem, Verdict};
use crate::score::{Judge, Score, Subject};

/// Traces per request. Langfuse Cloud limits requests that delete, not traces.
pub const MAX_TRACES_PER_DELETION: usize = 100;

const TRACES: &str = "/api/public/traces";
const SCORES: &str = "/api/public/scores";
const SCORE_LIST: &str = "/api/public/v2/scores";
const PAGE_SCORES: usize = 100;

impl Client {
    /// Has traces deleted, at most [`MAX_TRACES_PER_DELETION`].
    ///
    /// # Errors
    /// The verdict of the failed request.
    pub fn delete_traces(&mut self, traces: &[String], deadline: Deadline) -> Result<(), Verdict> {
        let body = json!({ "traceIds": traces }).to_string();
        let answer = self.delete(TRACES, Some(&Body::plain(body.as_bytes())), deadline)?;
        answer.map(drop).ok_or_else(|| {
            let reason = format!("{} has no endpoint that deletes traces", self.server());
            Verdict::misconfigured(Problem::Url, reason)
        })
    }

    /// Has a score deleted; one that is not there is no error.
    ///
    /// # Errors
    /// The verdict of the failed request.
    pub fn delete_score(&mut self, id: &str, deadline: Deadline) -> Result<(), Verdict> {
        self.delete(&format!("{SCORES}/{}", escaped(id)), None, deadline).map(drop)
    }

    /// The ids of the scores of a session that `score` made; `None` if the server lists no scores.
    ///
    /// # Errors
    /// The verdict of the failed request.
    pub fn own_session_scores(
        &mut self,
        session: &str,
        deadline: Deadline,
    ) -> Result<Option<Vec<String>>, Verdict> {
        let subject = Subject::Session(session.to_owned());
        let (mut found, mut page) = (Vec::new(), 1);
        loop {
            let path = format!(
                "{SCORE_LIST}?sessionId={}&limit={PAGE_SCORES}&page={page}",
                escaped(session)
            );
            let Some(answer) = self.get(&path, deadline)? else {
                return Ok(None);
            };
            let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
            let rows = answer.get("data").and_then(Value::as_array);
            found.extend(rows.into_iter().flatten().filter_map(|row| own_id(row, &subject)));
            let pages = answer.pointer("/meta/totalPages").and_then(Value::as_u64);
            if pages.unwrap_or_default() <= page {
                return Ok(Some(found));
            }
            page += 1;
        }
    }
}

fn own_id(row: &Value, subject: &Subject) -> Option<String> {
    let text = |field: &str| row.get(field)?.as_str();
    let id = text("id")?;
    (id == Score::id(Judge::Person, subject, text("name")?)).then(|| id.to_owned())
}
