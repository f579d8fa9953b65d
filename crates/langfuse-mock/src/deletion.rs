//! Deletion: what the server answers, and what is gone later.
//!
//! `DELETE /api/public/traces` and `/api/public/traces/{id}` (`web/src/pages/api/public/traces`) answer at once; a worker deletes
//! (`worker/src/features/traces/processClickhouseTraceDelete.ts`): observations, scores, and media that no other trace has.
//! `DELETE /api/public/scores/{id}` answers 202 (`fern/apis/server/definition/score.yml`). Langfuse 4.16.0 took from ten seconds to
//! two minutes; here the next reader of observations sees everything for the last time.

use serde_json::{Value, json};

use super::{Answer, Events};

const TRACES: &str = "/api/public/traces";
const SCORES: &str = "/api/public/scores/";

/// Whether a request deletes something.
pub(super) fn is_of_deletion(method: &str, path: &str) -> bool {
    method == "DELETE" && (path.starts_with(TRACES) || path.starts_with(SCORES))
}

impl Events {
    /// A request of [`is_of_deletion`], after authorization.
    pub(super) fn delete(&mut self, path: &str, body: &[u8]) -> Answer {
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

    /// The worker has finished its deletions.
    pub(super) fn finish_deletion(&mut self) {
        for trace in std::mem::take(&mut self.deleting) {
            self.remove_trace(&trace);
            self.media.forget_trace(&trace);
            self.scores.remove(|row| row.text("traceId") == trace);
        }
    }
}
