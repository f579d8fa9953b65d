//! Queries on the requests that the mock received.

use langfuse_mock::{MockLangfuse, Row};

/// Queries on the mock.
pub(crate) trait Received {
    /// The outputs of the turns, in the order of their starts.
    fn answers(&self) -> Vec<String>;
    /// Type and name of every stored span, in the order of arrival, including resends.
    fn arrivals(&self) -> Vec<String>;
    /// No request was rejected, answered with 200 and lost, or left unanswered.
    fn assert_nothing_lost(&self);
    /// Number of stored generations, including resends.
    fn generations_sent(&self) -> usize;
}

impl Received for MockLangfuse {
    fn answers(&self) -> Vec<String> {
        let mut turns: Vec<Row> = self.rows().into_iter().filter(is_turn).collect();
        turns.sort_by_key(|turn| turn.start_ms);
        let answer = |turn: Row| turn.output.unwrap_or_else(|| "(no answer)".to_owned());
        turns.into_iter().map(answer).collect()
    }

    fn arrivals(&self) -> Vec<String> {
        let said = |row: &Row| format!("{} {}", row.kind.to_lowercase(), row.name);
        self.accepted_spans().iter().map(said).collect()
    }

    fn assert_nothing_lost(&self) {
        for request in self.requests() {
            assert_eq!((request.status, request.lost), (Some(200), false), "{}", request.path);
        }
    }

    fn generations_sent(&self) -> usize {
        let spans = self.accepted_spans();
        spans.iter().filter(|row| row.kind == "GENERATION").count()
    }
}

/// The root of a turn.
pub(crate) fn is_turn(row: &Row) -> bool {
    row.kind == "AGENT" && row.parent_span_id.is_none()
}
