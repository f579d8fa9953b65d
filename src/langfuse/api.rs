//! Reads the stored observations of a session or a trace, page by page.

use std::ops::Range;

use base::Timestamp;
use serde_json::Value;

use super::listing::{PAGE_ROWS, page_after, rows_of};
use super::{Client, Deadline, Verdict};

/// The largest page of the newer API.
const MAX_ROWS: usize = 1000;

/// The first page with content, and the smallest one: the size is halved if an answer is too large to be read.
const CONTENT_ROWS: usize = 64;

#[derive(Clone, Debug)]
pub struct Query {
    filter: String,
    fields: &'static str,
    /// Rows of a page.
    limit: usize,
}

impl Query {
    /// A session's observations that began within these times. Needs Langfuse 4.
    pub fn of_session(id: &str, times: Range<Timestamp>) -> Self {
        Self::new("sessionId", id, times)
    }

    /// A trace's observations that began within these times.
    pub fn of_trace(id: &str, times: Range<Timestamp>) -> Self {
        Self::new("traceId", id, times)
    }

    /// All observations of a trace.
    pub fn of_whole_trace(id: &str) -> Self {
        let filter = format!("traceId={}", escaped(id));
        Self { filter, fields: "core", limit: MAX_ROWS }
    }

    /// Without times the server would search all its rows.
    fn new(name: &str, id: &str, times: Range<Timestamp>) -> Self {
        let time = |time: Timestamp| escaped(&time.rfc3339());
        let filter = format!(
            "{name}={}&fromStartTime={}&toStartTime={}",
            escaped(id),
            time(times.start),
            time(times.end)
        );
        Self { filter, fields: "core,basic,io,model,usage,trace_context", limit: CONTENT_ROWS }
    }

    /// The same query with smaller pages; `None` at the minimum.
    pub fn with_smaller_pages(&self) -> Option<Self> {
        (self.limit > 1).then(|| Self { limit: self.limit / 2, ..self.clone() })
    }
}

/// One stored version of an observation. One id may have several: Langfuse 4 lists versions that it has not merged,
/// and keeps one with another start forever.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    pub trace_id: String,
    pub span_id: String,
    pub start: Timestamp,
    /// Tokens by Langfuse's keys.
    pub usage: Value,
    /// Set on model calls, if the query asks for it.
    pub model: Option<String>,
    /// `None` for a root.
    pub parent: Option<String>,
    /// Fields that only a query for content has.
    pub kind: Option<String>,
    pub name: Option<String>,
    pub level: Option<String>,
    pub tags: Option<Vec<String>>,
    /// JSON, or text.
    pub output: Option<Value>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// In no particular order.
    pub observations: Vec<Stored>,
    /// Cursor of the next page; `None` on the last.
    pub next: Option<String>,
}

impl Client {
    /// The first page of observations or the one at `next`. `None` if the server has only the older tables.
    ///
    /// # Errors
    /// The verdict of the failed request.
    pub fn observations(
        &mut self,
        Query { filter, fields, limit }: &Query,
        next: Option<&str>,
        deadline: Deadline,
    ) -> Result<Option<Page>, Verdict> {
        let mut path =
            format!("/api/public/v2/observations?fields={fields}&limit={limit}&{filter}");
        if let Some(cursor) = next {
            path.push_str(&format!("&cursor={}", escaped(cursor)));
        }
        let answer = self.page(&path, "observations", deadline)?;
        Ok(answer.map(|answer| {
            let next = answer.pointer("/meta/cursor").and_then(Value::as_str);
            Page { observations: stored(&answer), next: next.map(str::to_owned) }
        }))
    }

    /// Like [`observations`](Client::observations), from a server with only the older tables, which can filter by
    /// trace but not by session.
    ///
    /// # Errors
    /// The verdict of the failed request.
    pub fn old_observations(
        &mut self,
        Query { filter, limit, .. }: &Query,
        next: Option<&str>,
        deadline: Deadline,
    ) -> Result<Page, Verdict> {
        let page: u64 = next.and_then(|next| next.parse().ok()).unwrap_or(1);
        let limit = PAGE_ROWS.min(*limit);
        let path = format!("/api/public/observations?limit={limit}&page={page}&{filter}");
        let answer = self
            .page(&path, "observations", deadline)?
            .ok_or_else(|| self.without_endpoint("that lists observations, check the base URL"))?;
        let next = page_after(page, &answer).map(|page| page.to_string());
        Ok(Page { observations: stored(&answer), next })
    }
}

fn stored(answer: &Value) -> Vec<Stored> {
    let read = |row: &Value| {
        let text = |field: &str| row.get(field).and_then(Value::as_str);
        Some(Stored {
            trace_id: text("traceId")?.to_owned(),
            span_id: text("id")?.to_owned(),
            start: Timestamp::parse(text("startTime")?)?,
            usage: row.get("usageDetails").cloned().unwrap_or_default(),
            model: text("providedModelName")
                .or_else(|| text("model"))
                .filter(|model| !model.is_empty())
                .map(str::to_owned),
            parent: text("parentObservationId").filter(|id| !id.is_empty()).map(str::to_owned),
            kind: text("type").map(str::to_owned),
            name: text("name").map(str::to_owned),
            level: text("level").map(str::to_owned),
            tags: row.get("tags").and_then(|tags| serde_json::from_value(tags.clone()).ok()),
            output: row.get("output").cloned(),
        })
    };
    rows_of(answer).filter_map(read).collect()
}

/// Percent-encodes a value of a query.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                escaped.push(char::from(byte));
            }
            byte => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{escaped, stored};

    #[test]
    fn escapes_characters_with_a_meaning_in_queries() {
        assert_eq!(escaped("aZ09-_.~"), "aZ09-_.~");
        assert_eq!(escaped("a b&c=d/é+"), "a%20b%26c%3Dd%2F%C3%A9%2B");
    }

    #[test]
    fn skips_rows_without_an_id_or_a_start() {
        let whole = json!({"traceId": "t", "id": "s", "startTime": "2024-11-23T06:40:46.354Z", "usageDetails": {"input": 1}});
        let mut broken = whole.clone();
        broken["startTime"] = json!(null);
        let rows = stored(&json!({"data": [whole, broken, 7]}));
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].start.rfc3339(), "2024-11-23T06:40:46.354Z");
        assert_eq!(rows[0].usage, json!({"input": 1}));
    }
}
