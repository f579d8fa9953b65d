//! What a test wants to know of what the mock received.

use langfuse_mock::{MockLangfuse, Row};

/// Questions to the mock.
pub(crate) trait Received {
    /// What the turns ended with, in the order of their starts.
    fn answers(&self) -> Vec<String>;
    /// Type and name of every span that was stored, in the order of arrival, resends too.
    fn arrivals(&self) -> Vec<String>;
    /// Nothing was refused, answered 200 and thrown away, or left without an answer.
    fn assert_nothing_lost(&self);
    /// How many generations were stored, resends too.
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
