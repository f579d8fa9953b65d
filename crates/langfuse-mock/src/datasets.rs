//! Datasets and their items: what the server takes and keeps.
//!
//! Read in langfuse/langfuse 4.16.0: `web/src/features/public-api/types/datasets.ts` (the zod schemas), `publicDatasetService.ts` and
//! `packages/shared/src/server/repositories/dataset-items.ts` (what is done); the API definition is `fern/apis/server/definition/datasets.yml`
//! and `dataset-items.yml`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::api::Answer;
use super::javascript::members;
use super::pages::{self, decoded};

/// `bodyParser: { sizeLimit: "4.5mb" }` of the items' route.
const MAX_ITEM_BYTES: usize = 4_718_592;
/// Next's own limit, of routes that name none.
const LONGEST: usize = 1_048_576;
const DATASETS: &str = "/api/public/v2/datasets";
const ITEMS: &str = "/api/public/dataset-items";

/// The tables.
#[derive(Debug, Clone, Default)]
pub(super) struct Datasets {
    names: BTreeSet<String>,
    /// Every written version of an item, by id: the server keeps all of them.
    items: BTreeMap<String, Vec<Map<String, Value>>>,
}

/// Whether a path is about datasets.
pub(super) fn is_of_datasets(target: &str) -> bool {
    let below = |root: &str| {
        let rest = target.strip_prefix(root);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    below(DATASETS) || below(ITEMS)
}

impl Datasets {
    /// The names of the datasets.
    pub(super) fn names(&self) -> Vec<String> {
        self.names.iter().cloned().collect()
    }

    /// The versions of all items, by id.
    pub(super) fn items(&self) -> &BTreeMap<String, Vec<Map<String, Value>>> {
        &self.items
    }

    pub(super) fn handle(&mut self, method: &str, path: &str, body: &[u8]) -> Answer {
        let read = || serde_json::from_slice::<Value>(body).ok();
        match (method, path) {
            ("POST", DATASETS | ITEMS) => {
                let longest = if path == ITEMS { MAX_ITEM_BYTES } else { LONGEST };
                if body.len() > longest {
                    return Answer::too_long();
                }
                let Some(Value::Object(body)) = read() else {
                    return invalid("body");
                };
                match path {
                    DATASETS => self.make(&body),
                    _ => self.put(body),
                }
            }
            ("GET", path) => self.get(path),
            _ => Answer::method_not_allowed(),
        }
    }

    fn get(&self, path: &str) -> Answer {
        if let Some(name) = path.strip_prefix("/api/public/v2/datasets/") {
            let name = decoded(name);
            return match self.names.contains(&name) {
                true => Answer::json(200, &dataset(&name)),
                false => Answer::not_found("Dataset not found"),
            };
        }
        let id = decoded(path.trim_start_matches(ITEMS).trim_start_matches('/'));
        match self.items.get(&id).and_then(|versions| versions.last()) {
            Some(item) => Answer::json(200, &shown(item)),
            None => Answer::not_found("Dataset item not found"),
        }
    }

    /// A page of a dataset's items, the newest first (`GetDatasetItemsV1Query`).
    pub(super) fn list(&self, query: &str) -> Answer {
        let query = pages::parameters(query);
        let name = query.get("datasetName");
        if name.is_some_and(|name| !self.names.contains(name)) {
            return Answer::not_found("Dataset not found");
        }
        let items: Vec<Value> = self
            .items
            .values()
            .filter_map(|versions| versions.last())
            .filter(|item| name.is_none_or(|name| item["datasetName"] == **name))
            .map(shown)
            .collect();
        pages::numbered(&items, &query, Value::clone)
    }

    fn make(&mut self, body: &Map<String, Value>) -> Answer {
        let Some(name) = body.get("name").and_then(Value::as_str) else {
            return invalid("name");
        };
        if body.get("description").is_some_and(|it| !it.is_string() && !it.is_null()) {
            return invalid("description");
        }
        if name.trim().is_empty()
            || name.starts_with('/')
            || name.ends_with('/')
            || name.contains("//")
        {
            return Answer::invalid("Dataset name not valid.");
        }
        self.names.insert(name.trim().to_owned());
        Answer::json(200, &dataset(name))
    }

    fn put(&mut self, mut body: Map<String, Value>) -> Answer {
        if let Err(field) = check(&mut body) {
            return invalid(field);
        }
        let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
        let dataset = text("datasetName").unwrap_or_default();
        if !self.names.contains(&dataset) {
            return Answer::not_found(&format!(
                "Dataset {dataset} not found for project mock-project"
            ));
        }
        let id = text("id").unwrap_or_else(|| format!("generated-{}", self.items.len()));
        let versions = self.items.entry(id.clone()).or_default();
        let mut item = versions.last().cloned().unwrap_or_default();
        let other = item.get("datasetName");
        if other.is_some_and(|other| *other != json!(dataset)) {
            let message = format!("Dataset item id {id} already exists in another dataset");
            return Answer::refused(409, "LangfuseConflictError", &message);
        }
        for key in ["input", "expectedOutput", "metadata"] {
            if let Some(value) = body.get_mut(key) {
                normalize(value);
            }
        }
        item.extend(body);
        item.insert("id".to_owned(), id.into());
        versions.push(item.clone());
        Answer::json(200, &shown(&item))
    }
}

/// `PostDatasetItemsV1Body`: returns the field that does not fit. zod drops unknown fields.
fn check(body: &mut Map<String, Value>) -> Result<(), &'static str> {
    const TEXTS: [&str; 5] =
        ["datasetName", "id", "sourceTraceId", "sourceObservationId", "status"];
    const VALUES: [&str; 3] = ["input", "expectedOutput", "metadata"];
    body.retain(|key, value| {
        (TEXTS.contains(&&**key) || VALUES.contains(&&**key)) && !value.is_null()
    });
    let of_other_type = |key: &&str| body.get(*key).is_some_and(|value| !value.is_string());
    if let Some(key) = TEXTS.into_iter().find(of_other_type) {
        return Err(key);
    }
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    match (text("datasetName"), text("id"), text("status")) {
        (None, ..) => Err("datasetName"),
        (_, Some(id), _) if id.is_empty() || id.len() > 255 => Err("id"),
        (.., Some(status)) if !["ACTIVE", "ARCHIVED"].contains(&status) => Err("status"),
        _ => Ok(()),
    }
}

/// `DatasetItemValidator`: a text with JSON is parsed, and control characters are removed.
fn normalize(value: &mut Value) {
    if let Some(read) = value.as_str().and_then(|text| serde_json::from_str(text).ok()) {
        *value = read;
    }
    clean(value);
}

fn clean(value: &mut Value) {
    let goes = |character: char| matches!(character, '\0'..='\u{8}' | '\u{b}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{9f}');
    match value {
        Value::String(text) => text.retain(|character| !goes(character)),
        Value::Array(items) => items.iter_mut().for_each(clean),
        Value::Object(fields) => fields.values_mut().for_each(clean),
        _ => {}
    }
}

fn dataset(name: &str) -> Value {
    json!({
        "id": format!("dataset-{name}"), "projectId": "mock-project", "name": name, "description": null, "metadata": null,
        "inputSchema": null, "expectedOutputSchema": null,
        "createdAt": "2026-11-23T00:00:00.000Z", "updatedAt": "2026-11-23T00:00:00.000Z",
    })
}

fn shown(item: &Map<String, Value>) -> Value {
    let mut shown = members(json!({
        "status": "ACTIVE", "input": null, "expectedOutput": null, "metadata": null, "sourceTraceId": null,
        "sourceObservationId": null, "datasetId": "dataset", "mediaReferences": [],
        "createdAt": "2026-11-23T00:00:00.000Z", "updatedAt": "2026-11-23T00:00:00.000Z",
    }));
    shown.extend(item.clone());
    shown.into()
}

pub(super) fn invalid(field: &str) -> Answer {
    let issue = json!([{"code": "invalid_type", "path": [field]}]);
    Answer::json(400, &json!({"message": "Invalid request data", "error": issue}))
}
