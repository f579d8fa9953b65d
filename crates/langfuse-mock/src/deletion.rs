//! Deletion: what the server answers, and what is gone later.
//!
//! `DELETE /api/public/traces` and `/api/public/traces/{id}` (`web/src/pages/api/public/traces`) answer at once; a worker deletes
//! (`worker/src/features/traces/processClickhouseTraceDelete.ts`): observations, scores, and media that no other trace has.
//! `DELETE /api/public/scores/{id}` answers 202 (`fern/apis/server/definition/score.yml`). Langfuse 4.16.0 took from ten seconds to
//! two minutes; here the next reader of observations sees everything for the last time.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::api::Answer;
use super::ingest::Events;
use super::observations::parameter;
use super::scores::ScoreRow;

const TRACES: &str = "/api/public/traces";
const SCORES: &str = "/api/public/scores/";
const SCORE_LIST: &str = "/api/public/v2/scores";

/// Whether a request is about deletion or the scores that may be deleted.
pub(super) fn is_of_deletion(method: &str, path: &str) -> bool {
    match method {
        "DELETE" => path.starts_with(TRACES) || path.starts_with(SCORES),
        _ => method == "GET" && path == SCORE_LIST,
    }
}

impl Events {
    /// A request of [`is_of_deletion`], after authorization.
    pub(super) fn delete(&mut self, method: &str, path: &str, query: &str, body: &[u8]) -> Answer {
        if method == "GET" {
            return list(&self.scores(), query);
        }
        if let Some(score) = path.strip_prefix(SCORES) {
            self.scores.remove(|row| row.id == score);
            return Answer::json(202, &json!({"message": "Score deletion request accepted"}));
        }
        if let Some(trace) = path.strip_prefix("/api/public/traces/") {
            self.deleting.push(trace.to_owned());
            return Answer::json(200, &json!({"message": "Trace deleted successfully"}));
        }
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let traces = body["traceIds"].as_array().filter(|traces| !traces.is_empty());
        let traces: Option<Vec<&str>> =
            traces.and_then(|traces| traces.iter().map(Value::as_str).collect());
        let Some(traces) = traces else {
            return Answer::json(
                400,
                &json!({"message": "Invalid request data", "error": [{"path": ["traceIds"]}]}),
            );
        };
        self.deleting.extend(traces.into_iter().map(str::to_owned));
        Answer::json(200, &json!({"message": "Traces deleted successfully"}))
    }

    /// The worker has done what it was asked to.
    pub(super) fn finish_deletion(&mut self) {
        for trace in std::mem::take(&mut self.deleting) {
            self.remove_trace(&trace);
            self.scores.remove(|row| row.text("traceId") == trace);
        }
    }
}

/// `GET /api/public/v2/scores` (`fern/apis/server/definition/legacy/scores-v2.yml`).
fn list(scores: &[ScoreRow], query: &str) -> Answer {
    let query: BTreeMap<String, String> = query.split('&').filter_map(parameter).collect();
    let number = |name: &str, default| {
        query.get(name).and_then(|text| text.parse::<usize>().ok()).unwrap_or(default)
    };
    let (limit, page) = (number("limit", 50), number("page", 1));
    let is =
        |row: &ScoreRow, name: &str| query.get(name).is_none_or(|wanted| row.text(name) == wanted);
    let found: Vec<&ScoreRow> = scores
        .iter()
        .filter(|row| ["sessionId", "traceId", "name"].iter().all(|name| is(row, name)))
        .collect();
    let data: Vec<Value> = found
        .iter()
        .skip((page - 1) * limit)
        .take(limit)
        .map(|row| Value::Object(row.body.clone()))
        .collect();
    let pages = found.len().div_ceil(limit);
    let meta =
        json!({"page": page, "limit": limit, "totalItems": found.len(), "totalPages": pages});
    Answer::json(200, &json!({"data": data, "meta": meta}))
}
