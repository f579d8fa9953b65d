//! Deletes traces and scores. Langfuse answers at once and deletes within minutes; with a trace go its observations, its scores
//! and media that no other trace has (`worker/src/features/traces/processClickhouseTraceDelete.ts`).

use serde_json::json;

use super::api::escaped;
use super::{Body, Client, Deadline, Verdict};

/// Traces per request. Langfuse Cloud limits requests that delete, not traces.
pub const MAX_TRACES_PER_DELETION: usize = 100;

const TRACES: &str = "/api/public/traces";
const SCORES: &str = "/api/public/scores";

impl Client {
    /// Deletes at most [`MAX_TRACES_PER_DELETION`] traces.
    ///
    /// # Errors
    /// The verdict of the failed request.
    pub fn delete_traces(&mut self, traces: &[String], deadline: Deadline) -> Result<(), Verdict> {
        let body = json!({ "traceIds": traces }).to_string();
        let answer = self.delete(TRACES, Some(&Body::plain(body.as_bytes())), deadline)?;
        answer.map(drop).ok_or_else(|| self.without_endpoint("that deletes traces"))
    }

    /// Deletes a score. A missing score is no error.
    ///
    /// # Errors
    /// The verdict of the failed request.
    pub fn delete_score(&mut self, id: &str, deadline: Deadline) -> Result<(), Verdict> {
        self.delete(&format!("{SCORES}/{}", escaped(id)), None, deadline).map(drop)
    }
}
