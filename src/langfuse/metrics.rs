//! Sums of model calls that a server has stored, by model (`/api/public/v2/metrics`).

use base::Timestamp;
use serde_json::{Value, json};

use super::api::escaped;
use super::listing::rows_of;
use super::{Client, Deadline, Verdict};

/// Sessions per request: their ids are part of the URL.
pub const MAX_SESSIONS_PER_QUERY: usize = 50;
/// The server's limit, enough for many models per session.
const MAX_ROWS: usize = 1000;

/// The stored calls of a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoredCalls {
    pub model: String,
    pub calls: u64,
    /// Tokens of all kinds.
    pub tokens: u64,
    /// US dollars.
    pub cost: f64,
}

impl Client {
    /// The stored model calls of some sessions within these times, both included. `None` if the server lacks the
    /// endpoint, which needs Langfuse 4.
    ///
    /// # Errors
    /// The verdict of the failed request.
    pub fn stored_calls(
        &mut self,
        sessions: &[String],
        (from, to): (Timestamp, Timestamp),
        deadline: Deadline,
    ) -> Result<Option<Vec<StoredCalls>>, Verdict> {
        let query = query(sessions, from, to).to_string();
        let path = format!("/api/public/v2/metrics?query={}", escaped(&query));
        let answer = self.page(&path, "metrics", deadline)?;
        Ok(answer.map(|answer| rows_of(&answer).map(stored_calls).collect()))
    }
}

fn query(sessions: &[String], from: Timestamp, to: Timestamp) -> Value {
    // The server requires an end after the start.
    let to = if to > from { to } else { Timestamp::from_millis(from.as_millis() + 1) };
    json!({
        "view": "observations",
        "dimensions": [{"field": "providedModelName"}],
        "metrics": [
            {"measure": "count", "aggregation": "count"},
            {"measure": "totalTokens", "aggregation": "sum"},
            {"measure": "totalCost", "aggregation": "sum"},
        ],
        "filters": [
            {"column": "type", "operator": "=", "value": "GENERATION", "type": "string"},
            {"column": "sessionId", "operator": "any of", "value": sessions, "type": "stringOptions"},
        ],
        "fromTimestamp": from.rfc3339(),
        "toTimestamp": to.rfc3339(),
        "config": {"row_limit": MAX_ROWS},
    })
}

fn stored_calls(row: &Value) -> StoredCalls {
    // ClickHouse writes large integers and decimals as strings.
    let text = |key: &str| match row.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    let count = |key: &str| text(key).parse().unwrap_or_default();
    StoredCalls {
        model: text("providedModelName"),
        calls: count("count_count"),
        tokens: count("sum_totalTokens"),
        cost: text("sum_totalCost").parse().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use base::Timestamp;
    use serde_json::json;

    use super::{StoredCalls, query, stored_calls};

    #[test]
    fn numbers_may_be_texts() {
        let expected = StoredCalls { model: "m".to_owned(), calls: 2, tokens: 30, cost: 0.25 };
        for row in [
            json!({"providedModelName": "m", "count_count": "2", "sum_totalTokens": "30", "sum_totalCost": "0.25"}),
            json!({"providedModelName": "m", "count_count": 2, "sum_totalTokens": 30, "sum_totalCost": 0.25}),
        ] {
            assert_eq!(stored_calls(&row), expected);
        }
        let none = json!({"providedModelName": null, "sum_totalCost": null});
        assert_eq!(stored_calls(&none), StoredCalls::default());
    }

    #[test]
    fn the_end_is_always_after_the_beginning() {
        let at = Timestamp::from_millis(1_000);
        let query = query(&["s".to_owned()], at, at);
        assert_eq!(query["fromTimestamp"], "1970-01-01T00:00:01.000Z");
        assert_eq!(query["toTimestamp"], "1970-01-01T00:00:01.001Z");
    }
}
