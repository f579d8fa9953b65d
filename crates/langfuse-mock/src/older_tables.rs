//! Observations of the older tables (`legacy` and `dual` deployments): keyed by type, day of the start and id alone, without the
//! trace, and merged column by column (`worker/src/services/IngestionService` of langfuse/langfuse 4.16.0, and seen there).

use std::collections::BTreeMap;

use serde_json::Value;

use super::javascript::members;
use super::rows::{Row, sort};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Columns that keep the first value.
const IMMUTABLE: [&str; 2] = ["trace_id", "environment"];

/// `accepted`: every span, in order of arrival. Sorted as the events table is.
pub(crate) fn rows(accepted: &[Row]) -> Vec<Row> {
    let mut table: BTreeMap<(&str, i64, &str), Row> = BTreeMap::new();
    for row in accepted {
        let key = (&*row.kind, row.start_ms.div_euclid(DAY_MS), &*row.span_id);
        let merged = match table.get(&key) {
            Some(before) => merge(before, row),
            None => row.clone(),
        };
        table.insert(key, merged);
    }
    let mut rows: Vec<Row> = table.into_values().collect();
    sort(&mut rows);
    rows
}

/// The newest value of each column that has one; metadata by key, tags of both.
fn merge(before: &Row, row: &Row) -> Row {
    let mut columns = members(before.to_json());
    for (name, value) in members(row.to_json()) {
        match (columns.get_mut(&name), value) {
            (Some(_), _) if IMMUTABLE.contains(&&*name) => {}
            (Some(Value::Object(known)), Value::Object(new)) if name == "metadata" => {
                known.extend(new);
            }
            (Some(Value::Array(known)), Value::Array(new)) if name == "tags" => {
                for tag in new {
                    if !known.contains(&tag) {
                        known.push(tag);
                    }
                }
            }
            (_, value) => drop(columns.insert(name, value)),
        }
    }
    Row::from_json(columns)
}
