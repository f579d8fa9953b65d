//! Prompts and their versions: what the server takes and keeps.
//!
//! Read in langfuse/langfuse 4.16.0: `packages/shared/src/features/prompts/` (the zod schemas), `web/src/features/prompts/server/` (what is
//! done); the API definition is `fern/apis/server/definition/prompts.yml` and `prompt-version.yml`. Chat prompts are left out.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::api::Answer;
use super::datasets::invalid;
use super::javascript::members;
use super::pages::{self, Query, decoded};

const PROMPTS: &str = "/api/public/v2/prompts";
/// Next's own limit, of routes that name none.
const LONGEST: usize = 1_048_576;
const MAX_COMMIT_MESSAGE: usize = 500;
const MAX_LABEL: usize = 36;
/// The server gives it to the newest version.
const LATEST: &str = "latest";
const PRODUCTION: &str = "production";
const CREATED: &str = "2026-11-23T00:00:00.000Z";

/// The table.
#[derive(Debug, Clone, Default)]
pub(super) struct Prompts {
    /// The versions of each prompt, the oldest first.
    versions: BTreeMap<String, Vec<Map<String, Value>>>,
}

/// Whether a path is about prompts.
pub(super) fn is_of_prompts(path: &str) -> bool {
    path.strip_prefix(PROMPTS).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl Prompts {
    pub(super) fn versions(&self) -> &BTreeMap<String, Vec<Map<String, Value>>> {
        &self.versions
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.versions.remove(name);
    }

    pub(super) fn handle(&mut self, method: &str, path: &str, query: &str, body: &[u8]) -> Answer {
        let query = pages::parameters(query);
        let place = path.strip_prefix(PROMPTS).unwrap_or_default().trim_start_matches('/');
        let parts: Vec<String> =
            place.split('/').filter(|part| !part.is_empty()).map(decoded).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        match (method, &parts[..]) {
            ("GET", []) => self.list(&query),
            ("POST", []) if body.len() > LONGEST => Answer::too_long(),
            ("POST", []) => self.create(serde_json::from_slice(body).unwrap_or_default()),
            ("GET", [name]) => self.get(name, &query),
            ("PATCH", [name, "versions", version]) => {
                self.label(name, version, &serde_json::from_slice(body).unwrap_or_default())
            }
            _ => Answer::method_not_allowed(),
        }
    }

    /// `GetPromptsMetaSchema`, `getPromptsMeta.ts`.
    fn list(&self, query: &Query) -> Answer {
        let named = |name: &String| query.get("name").is_none_or(|wanted| wanted == name);
        let listed: Vec<Value> = self
            .versions
            .iter()
            .filter(|(name, _)| named(name))
            .map(|(name, versions)| {
                let labels = versions.iter().flat_map(labels_of).collect::<Vec<_>>();
                let numbers: Vec<&Value> = versions.iter().map(|one| &one["version"]).collect();
                json!({
                    "name": name, "type": "text", "versions": numbers, "labels": labels, "tags": [],
                    "lastUpdatedAt": CREATED, "lastConfig": {},
                })
            })
            .collect();
        let Some((data, meta)) = pages::page(&listed, query, 10, Value::clone) else {
            return invalid("limit");
        };
        Answer::json(200, &json!({"data": data, "meta": meta, "pagination": meta}))
    }

    /// `CreateTextPromptSchema`, `createPrompt.ts`.
    fn create(&mut self, body: Value) -> Answer {
        let Some(name) = body["name"].as_str().filter(|name| is_name(name)) else {
            return invalid("name");
        };
        let Some(text) = body["prompt"].as_str() else {
            return invalid("prompt");
        };
        let labels: Option<Vec<String>> =
            serde_json::from_value(body.get("labels").cloned().unwrap_or_else(|| json!([]))).ok();
        let Some(mut labels) = labels.filter(|labels| labels.iter().all(|label| is_label(label)))
        else {
            return invalid("labels");
        };
        let message = &body["commitMessage"];
        if !message.is_null()
            && message.as_str().is_none_or(|text| text.chars().count() > MAX_COMMIT_MESSAGE)
        {
            return invalid("commitMessage");
        }
        if let Some(missing) = self.missing_dependency(text) {
            return Answer::invalid(&format!("Prompt dependency not found: {missing}"));
        }
        labels.push(LATEST.to_owned());
        labels.dedup();
        let versions = self.versions.entry(name.trim().to_owned()).or_default();
        take_labels(versions, &labels);
        let number = versions.last().and_then(|last| last["version"].as_u64()).unwrap_or_default();
        let version = json!({
            "id": format!("prompt-{name}-{}", number + 1), "createdAt": CREATED, "updatedAt": CREATED,
            "projectId": "mock-project", "createdBy": "API", "prompt": text, "name": name.trim(), "version": number + 1,
            "type": "text", "isActive": null, "config": {}, "tags": [], "labels": labels, "commitMessage": message,
        });
        versions.push(members(version.clone()));
        Answer::json(201, &version)
    }

    /// `buildAndResolvePromptGraph`: a reference to a missing prompt. Only its name is checked.
    fn missing_dependency(&self, text: &str) -> Option<String> {
        let mut tags = text.split("@@@langfusePrompt:name=").skip(1);
        let name = |tag: &str| {
            let (inner, _) = tag.split_once("@@@")?;
            inner.split_once('|').map(|(name, _)| name.to_owned())
        };
        tags.find_map(|tag| name(tag).filter(|name| !self.versions.contains_key(name)))
    }

    /// `GetPromptByNameSchema`, `promptNameHandler.ts`.
    fn get(&self, name: &str, query: &Query) -> Answer {
        let (version, label) = (query.get("version"), query.get("label"));
        if version.is_some() && label.is_some() {
            return Answer::invalid("Cannot specify both version and label");
        }
        let label = label.map_or(PRODUCTION, String::as_str);
        let is_wanted = |one: &&Map<String, Value>| match version {
            Some(version) => has_number(one, version),
            None => labels_of(one).any(|of| of == label),
        };
        let found = self.versions.get(name).and_then(|versions| versions.iter().find(is_wanted));
        match (found, version) {
            (Some(found), _) => {
                let mut found = found.clone();
                let is_active = labels_of(&found).any(|of| of == PRODUCTION);
                found.insert("isActive".to_owned(), is_active.into());
                Answer::json(200, &found.into())
            }
            (None, Some(version)) => {
                Answer::not_found(&format!("Prompt not found: '{name}' with version {version}"))
            }
            (None, None) => {
                Answer::not_found(&format!("Prompt not found: '{name}' with label '{label}'"))
            }
        }
    }

    /// `UpdatePromptBodySchema`, `updatePrompts.ts`: labels are added, and leave the version that had them.
    fn label(&mut self, name: &str, version: &str, body: &Value) -> Answer {
        let labels: Option<Vec<String>> = serde_json::from_value(body["newLabels"].clone()).ok();
        let Some(labels) = labels.filter(|labels| !labels.iter().any(|label| label == LATEST))
        else {
            return invalid("newLabels");
        };
        let versions = self.versions.entry(name.to_owned()).or_default();
        let Some(place) = versions.iter().position(|one| has_number(one, version)) else {
            let message = format!("Prompt '{name}' version {version} not found in project");
            return Answer::not_found(&message);
        };
        take_labels(versions, &labels);
        let labelled = &mut versions[place];
        let all: Vec<String> =
            labels.into_iter().chain(labels_of(labelled).map(str::to_owned)).collect();
        labelled.insert("labels".to_owned(), json!(all));
        Answer::json(200, &labelled.clone().into())
    }
}

fn has_number(version: &Map<String, Value>, number: &str) -> bool {
    version["version"].as_u64() == number.parse().ok()
}

fn labels_of(version: &Map<String, Value>) -> impl Iterator<Item = &str> {
    version["labels"].as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// A label is on one version.
fn take_labels(versions: &mut [Map<String, Value>], labels: &[String]) {
    for version in versions {
        let rest: Vec<String> = labels_of(version)
            .filter(|label| !labels.iter().any(|taken| taken == label))
            .map(str::to_owned)
            .collect();
        version.insert("labels".to_owned(), json!(rest));
    }
}

/// `PromptNameSchema`: no tags of HTML, no `|`, no empty part of a path.
fn is_name(name: &str) -> bool {
    let has_tag = name.split('<').skip(1).any(|rest| rest.contains('>'));
    let is_path = !name.starts_with('/') && !name.ends_with('/') && !name.contains("//");
    !name.trim().is_empty()
        && !has_tag
        && is_path
        && !name.contains('|')
        && !["new", "metrics", "prompt-detail"].contains(&name)
}

/// `PromptLabelSchema`.
fn is_label(label: &str) -> bool {
    let is_plain = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-' | b'.')
    };
    (1..=MAX_LABEL).contains(&label.len()) && label.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Prompts;

    fn ask(prompts: &mut Prompts, method: &str, target: &str, body: &Value) -> (u16, Value) {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path = format!("/api/public/v2/prompts{path}");
        let answer = prompts.handle(method, &path, query, body.to_string().as_bytes());
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    fn create(prompts: &mut Prompts, text: &str, labels: &[&str]) -> (u16, Value) {
        let body = json!({"name": "a/b", "prompt": text, "labels": labels, "commitMessage": "m"});
        ask(prompts, "POST", "", &body)
    }

    #[test]
    fn a_label_is_on_one_version_and_latest_on_the_newest() {
        let mut prompts = Prompts::default();
        assert_eq!(
            create(&mut prompts, "one", &["current"]).1["labels"],
            json!(["current", "latest"])
        );
        assert_eq!(create(&mut prompts, "two", &[]).1["version"], 2);
        let first = ask(&mut prompts, "GET", "/a%2Fb?label=current", &json!({})).1;
        assert_eq!((&first["version"], &first["labels"]), (&json!(1), &json!(["current"])));
        let labels = json!({"newLabels": ["current"]});
        assert_eq!(ask(&mut prompts, "PATCH", "/a%2Fb/versions/2", &labels).0, 200);
        let second = ask(&mut prompts, "GET", "/a%2Fb?version=2", &json!({})).1;
        assert_eq!(second["labels"], json!(["current", "latest"]));
        let list = ask(&mut prompts, "GET", "?name=a%2Fb", &json!({})).1;
        assert_eq!(list["data"][0]["versions"], json!([1, 2]));
        assert_eq!(ask(&mut prompts, "GET", "/a%2Fb", &json!({})).0, 404, "no production");
        let latest = json!({"newLabels": ["latest"]});
        assert_eq!(ask(&mut prompts, "PATCH", "/a%2Fb/versions/2", &latest).0, 400);
    }

    #[test]
    fn rejects_bodies_that_the_schema_forbids() {
        let mut prompts = Prompts::default();
        for (name, value) in [
            ("name", json!("a|b")),
            ("name", json!("/a")),
            ("name", json!("a<b>")),
            ("labels", json!(["Current"])),
            ("prompt", json!(7)),
            ("prompt", json!("@@@langfusePrompt:name=none|label=production@@@")),
            ("commitMessage", json!("m".repeat(501))),
        ] {
            let mut body = json!({"name": "a", "prompt": "text"});
            body[name] = value;
            assert_eq!(ask(&mut prompts, "POST", "", &body).0, 400, "{body}");
        }
    }
}
