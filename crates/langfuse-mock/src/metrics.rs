//! `GET /api/public/v2/metrics`: sums over stored rows (`features/query` of langfuse/langfuse 4.16.0). Of views, dimensions and
//! measures only those are here that are asked for; others are refused, as the server refuses what it does not know.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::observations::date_time;
use super::pages::parameters;
use super::{Answer, Row};

const DEFAULT_ROW_LIMIT: u64 = 100;
const MAX_ROW_LIMIT: u64 = 1000;
/// Dimensions that the server filters by but never groups by.
const HIGH_CARDINALITY: [&str; 5] = ["id", "traceId", "userId", "sessionId", "parentObservationId"];

/// The sums that the query asks for.
pub(crate) fn sums(rows: &[Row], query: &str) -> Answer {
    match answer(rows, query) {
        Ok(data) => Answer::json(200, &json!({"data": data})),
        Err(message) => Answer::invalid(&message),
    }
}

fn answer(rows: &[Row], query: &str) -> Result<Vec<Value>, String> {
    let query = parameters(query).remove("query").unwrap_or_default();
    let query: Value =
        serde_json::from_str(&query).map_err(|_| "Invalid JSON in query parameter".to_owned())?;
    if query["view"] != "observations" {
        return Err("view: invalid option".to_owned());
    }
    let time = |key: &str| {
        let text = query[key].as_str().filter(|text| text.ends_with('Z'));
        text.map(str::to_owned).ok_or_else(|| format!("{key}: invalid ISO datetime"))
    };
    let (from, to) = (time("fromTimestamp")?, time("toTimestamp")?);
    if from >= to {
        return Err("fromTimestamp must be before toTimestamp".to_owned());
    }
    let list = |key: &str| query[key].as_array().cloned().unwrap_or_default();
    let dimensions = list("dimensions");
    let dimensions: Vec<&str> =
        dimensions.iter().map(|it| it["field"].as_str().unwrap_or_default()).collect();
    if let Some(high) = dimensions.iter().find(|name| HIGH_CARDINALITY.contains(name)) {
        return Err(format!("High cardinality dimension {high} can not be grouped by"));
    }
    let limit = query.pointer("/config/row_limit").map_or(Some(DEFAULT_ROW_LIMIT), Value::as_u64);
    let Some(limit @ 1..=MAX_ROW_LIMIT) = limit else {
        return Err("row_limit: too big".to_owned());
    };
    let mut groups: BTreeMap<Vec<Option<String>>, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        let at = date_time(row.start_ms);
        let is_in_time = from <= at && at <= to;
        let filters = list("filters");
        let passed: Result<Vec<bool>, String> =
            filters.iter().map(|filter| passes(row, filter)).collect();
        if is_in_time && passed?.into_iter().all(|passes| passes) {
            let key: Result<_, _> = dimensions.iter().map(|name| dimension(row, name)).collect();
            groups.entry(key?).or_default().push(row);
        }
    }
    let metrics = list("metrics");
    let sums = groups.into_iter().take(usize::try_from(limit).unwrap_or(usize::MAX));
    sums.map(|(key, rows)| {
        let named = dimensions.iter().zip(key);
        let mut sums: Map<String, Value> =
            named.map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        for metric in &metrics {
            let (name, value) = measure(&rows, metric)?;
            sums.insert(name, value);
        }
        Ok(Value::Object(sums))
    })
    .collect()
}

fn dimension(row: &Row, name: &str) -> Result<Option<String>, String> {
    let value = match name {
        "providedModelName" => row.model.clone(),
        "type" => Some(row.kind.clone()),
        "name" => Some(row.name.clone()),
        "traceName" => row.trace_name.clone(),
        "environment" => Some(row.environment.clone()),
        "sessionId" => row.session_id.clone(),
        _ => return Err(format!("Invalid dimension {name}")),
    };
    Ok(value.filter(|value| !value.is_empty()))
}

fn passes(row: &Row, filter: &Value) -> Result<bool, String> {
    let value = dimension(row, filter["column"].as_str().unwrap_or_default())?;
    let value = value.unwrap_or_default();
    match (filter["type"].as_str(), filter["operator"].as_str(), &filter["value"]) {
        (Some("string"), Some("="), Value::String(wanted)) => Ok(value == *wanted),
        (Some("stringOptions"), Some("any of"), Value::Array(wanted)) => {
            Ok(wanted.iter().any(|wanted| *wanted == value))
        }
        _ => Err(format!("Invalid filter {filter}")),
    }
}

/// Integers are texts, as ClickHouse writes them.
fn measure(rows: &[&Row], metric: &Value) -> Result<(String, Value), String> {
    let sum = |of: fn(&Row) -> u64| rows.iter().map(|row| of(row)).sum::<u64>().to_string();
    let total = |row: &Row| row.usage.get("total").copied().unwrap_or_default();
    Ok(match (metric["measure"].as_str(), metric["aggregation"].as_str()) {
        (Some("count"), Some("count")) => ("count_count".to_owned(), sum(|_| 1).into()),
        (Some("totalTokens"), Some("sum")) => ("sum_totalTokens".to_owned(), sum(total).into()),
        (Some("totalCost"), Some("sum")) => {
            let cost: f64 = rows.iter().filter_map(|row| row.total_cost()).sum();
            ("sum_totalCost".to_owned(), cost.into())
        }
        _ => return Err(format!("Invalid metric {metric}")),
    })
}
