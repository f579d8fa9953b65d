//! The parameters of queries, and numbered pages as the list endpoints of the older API have them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::api::Answer;

pub(crate) type Query = BTreeMap<String, String>;

/// The parameters of a query.
pub(crate) fn parameters(query: &str) -> Query {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let decoded = |text: &str| decoded(&text.replace('+', " "));
    pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
}

/// The text for which `%20` and the like stand in an address.
pub(crate) fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        match part.get(..2).and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => bytes.extend([&[byte], &part.as_bytes()[2..]].concat()),
            None => bytes.extend([b"%", part.as_bytes()].concat()),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether a parameter is missing or its list has the value.
pub(crate) fn is_among(query: &Query, name: &str, value: &str) -> bool {
    query.get(name).is_none_or(|list| list.split(',').any(|one| one == value))
}

/// The requested page of these rows. An invalid number or size is refused.
pub(crate) fn numbered<T>(rows: &[T], query: &Query, show: impl Fn(&T) -> Value) -> Answer {
    match page(rows, query, 50, show) {
        Some((data, meta)) => Answer::json(200, &json!({"data": data, "meta": meta})),
        None => Answer::invalid("Invalid request data"),
    }
}

/// The same as its rows and what is said about it. `size`: of a page, where the query names none.
pub(crate) fn page<T>(
    rows: &[T],
    query: &Query,
    size: usize,
    show: impl Fn(&T) -> Value,
) -> Option<(Vec<Value>, Value)> {
    let number = |name: &str, default| {
        query.get(name).map_or(Some(default), |text| text.parse::<usize>().ok())
    };
    let (Some(limit @ 1..=100), Some(page @ 1..)) = (number("limit", size), number("page", 1))
    else {
        return None;
    };
    let data = rows.iter().skip((page - 1) * limit).take(limit).map(show).collect();
    let meta = json!({
        "page": page, "limit": limit, "totalItems": rows.len(), "totalPages": rows.len().div_ceil(limit),
    });
    Some((data, meta))
}
