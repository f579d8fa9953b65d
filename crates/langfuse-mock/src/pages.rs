//! Numbered pages, as the list endpoints of the older API have them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::api::Answer;
use super::observations::{invalid, parameter};

/// The parameters of a query.
pub(crate) fn parameters(query: &str) -> BTreeMap<String, String> {
    query.split('&').filter_map(parameter).collect()
}

/// The page that the query asks for, of these rows; refused where its number or its size is none.
pub(crate) fn numbered<T>(
    rows: &[T],
    query: &BTreeMap<String, String>,
    show: impl Fn(&T) -> Value,
) -> Answer {
    let number = |name: &str, default| {
        query.get(name).map_or(Some(default), |text| text.parse::<usize>().ok())
    };
    let (Some(limit @ 1..=100), Some(page @ 1..)) = (number("limit", 50), number("page", 1)) else {
        return invalid();
    };
    let data: Vec<Value> = rows.iter().skip((page - 1) * limit).take(limit).map(show).collect();
    let meta = json!({
        "page": page, "limit": limit, "totalItems": rows.len(), "totalPages": rows.len().div_ceil(limit),
    });
    Answer::json(200, &json!({"data": data, "meta": meta}))
}
