//! The HTTP face without sockets: authorization, routes and answers.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::datasets::is_of_datasets;
use super::deletion::is_of_deletion;
use super::ingest::{Events, INGEST_PATH, Reading};
use super::media::{is_of_media, is_of_storage};
use super::metrics;
use super::models;
use super::observations;
use super::prompts::is_of_prompts;
use super::rows::Row;
use super::scores::Scoring;
use super::{score_list, score_list_v2};

/// The key pair of the one project.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    public: String,
    secret: String,
}

impl Default for Keys {
    fn default() -> Self {
        Self::new(super::PUBLIC_KEY, super::SECRET_KEY)
    }
}

impl Keys {
    pub(super) fn new(public: &str, secret: &str) -> Self {
        Self { public: public.to_owned(), secret: secret.to_owned() }
    }

    pub(super) fn public(&self) -> &str {
        &self.public
    }

    /// The `authorization` header that opens the project.
    pub(super) fn basic(&self) -> String {
        format!("Basic {}", STANDARD.encode(format!("{}:{}", self.public, self.secret)))
    }

    /// What refuses the request. Langfuse finds the key by its secret half; a wrong public half is only logged there.
    fn refusal(&self, authorization: Option<&str>) -> Option<Answer> {
        let unauthorized = |message: &str| Some(Answer::json(401, &json!({"message": message})));
        let host = "Confirm that you've configured the correct host.";
        let Some(header) = authorization.filter(|header| !header.is_empty()) else {
            return unauthorized("No authorization header");
        };
        if let Some(encoded) = header.strip_prefix("Basic ") {
            let decoded = STANDARD
                .decode(encoded.trim())
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok());
            let decoded = decoded.unwrap_or_default();
            let mut halves = decoded.split(':');
            return match (halves.next(), halves.next()) {
                (Some(public), Some(secret)) if !public.is_empty() && !secret.is_empty() => {
                    let known = secret == self.secret;
                    if known { None } else { unauthorized(&format!("Invalid credentials. {host}")) }
                }
                _ => unauthorized(&format!("Invalid authorization header. {host}")),
            };
        }
        match header.strip_prefix("Bearer ") {
            Some(public) if public == self.public => {
                let message = "Access denied - insufficient permissions for this endpoint";
                Some(Answer::json(403, &json!({"message": message})))
            }
            Some(_) => unauthorized(&format!("Invalid public key. {host}")),
            None => unauthorized("Invalid authorization header"),
        }
    }
}

/// Request headers, looked up in any case.
#[derive(Clone, Copy)]
pub(crate) struct Headers<'a>(pub &'a [(String, String)]);

impl<'a> Headers<'a> {
    /// The first header of this name, trimmed.
    pub(crate) fn get(self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// A header of Langfuse's own, which may be spelled with underscores; empty counts as absent.
    pub(crate) fn langfuse(self, name: &str) -> Option<&'a str> {
        let present = |name: &str| self.get(name).filter(|value| !value.is_empty());
        present(name).or_else(|| present(&name.replace('-', "_")))
    }
}

/// What the server answers, and what the request did.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Headers beside length and connection.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The rows this request stored.
    pub accepted: Vec<Row>,
    /// Whether a span of this request was answered 200 and is not stored.
    pub lost: bool,
}

impl Answer {
    /// An answer in JSON.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json; charset=utf-8", body.to_string().into_bytes())
    }

    /// An answer of any type.
    pub fn new(status: u16, content_type: &str, body: Vec<u8>) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Self { status, headers, body, accepted: Vec::new(), lost: false }
    }
}

/// Paths that answer another method with 405.
const KNOWN: [&str; 9] = [
    INGEST_PATH,
    "/api/public/health",
    "/api/public/projects",
    "/api/public/models",
    "/api/public/v2/observations",
    "/api/public/v2/metrics",
    "/api/public/ingestion",
    "/api/public/scores",
    "/api/public/v2/scores",
];

impl Events {
    /// Any request to the server. `target` is the path, with the query if there is one.
    pub fn handle(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(String, String)],
        body: &[u8],
    ) -> Answer {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let headers = Headers(headers);
        let refusal = || self.keys.refusal(headers.get("authorization"));
        match (method, path) {
            ("GET", "/api/public/health") => {
                Answer::json(200, &json!({"status": "OK", "version": "4.16.0"}))
            }
            ("POST", INGEST_PATH) => {
                let refusal = refusal();
                refusal.unwrap_or_else(|| self.export(&headers, body))
            }
            ("GET", "/api/public/projects") => refusal().unwrap_or_else(projects),
            ("GET", path) if READ.contains(&path) => {
                refusal().unwrap_or_else(|| self.read(path, query))
            }
            ("POST", "/api/public/models") => {
                let refusal = refusal();
                refusal.unwrap_or_else(|| models::create(&mut self.models, body))
            }
            (method, path) if is_of_deletion(method, path) => {
                let refusal = refusal();
                refusal.unwrap_or_else(|| self.delete(path, body))
            }
            ("POST", "/api/public/ingestion") => {
                let refusal = refusal();
                refusal.unwrap_or_else(|| match self.scores.scoring {
                    Scoring::Events => self.scores.ingest(body),
                    Scoring::Lists => not_found("This endpoint is no longer available."),
                })
            }
            ("POST", "/api/public/scores") => {
                let refusal = refusal();
                refusal.unwrap_or_else(|| self.scores.post(body, "2026-11-23T00:00:00.000Z"))
            }
            ("GET", "/api/public/dataset-items") => {
                refusal().unwrap_or_else(|| self.datasets.list(query))
            }
            (method, path) if is_of_prompts(path) => {
                let refusal = refusal();
                refusal.unwrap_or_else(|| self.prompts.handle(method, path, query, body))
            }
            (method, path) => self.handle_rest(method, path, headers, body),
        }
    }

    fn handle_rest(
        &mut self,
        method: &str,
        path: &str,
        headers: Headers<'_>,
        body: &[u8],
    ) -> Answer {
        if is_of_storage(path) {
            return self.media.handle(method, path, headers, body);
        }
        let refusal = || self.keys.refusal(headers.get("authorization"));
        match (method, path) {
            (method, path) if is_of_media(path) => {
                let refusal = refusal();
                refusal.unwrap_or_else(|| self.media.handle(method, path, headers, body))
            }
            (method, path) if is_of_datasets(path) => {
                let refusal = refusal();
                refusal.unwrap_or_else(|| self.datasets.handle(method, path, body))
            }
            ("GET", path) if retired(path) => refusal().unwrap_or_else(retired_answer),
            (_, path) if KNOWN.contains(&path) => {
                let message = "Method not allowed";
                Answer::json(405, &json!({"message": message, "error": "MethodNotAllowedError"}))
            }
            _ => page(),
        }
    }
}

/// Paths that list what is stored.
const READ: [&str; 6] = [
    "/api/public/models",
    "/api/public/v2/observations",
    "/api/public/v2/metrics",
    "/api/public/observations",
    "/api/public/v2/scores",
    "/api/public/v3/scores",
];

impl Events {
    fn read(&mut self, path: &str, query: &str) -> Answer {
        let answer = self.stored(path, query);
        if path.ends_with("/observations") && answer.status == 200 {
            self.finish_deletion();
        }
        answer
    }

    fn stored(&self, path: &str, query: &str) -> Answer {
        let of_version_4 = |api: &str| {
            not_found(&format!("The {api} API is only available in a Langfuse v4 write mode."))
        };
        match (path, self.reading) {
            ("/api/public/models", _) => models::list(&self.models, query),
            ("/api/public/v2/observations", Reading::Merged) => {
                observations::list(&self.rows(), query)
            }
            ("/api/public/v2/observations", Reading::Unmerged) => {
                observations::list(self.accepted(), query)
            }
            ("/api/public/v2/observations", Reading::Old) => of_version_4("observations v2"),
            ("/api/public/v2/metrics", Reading::Merged) => metrics::sums(&self.rows(), query),
            ("/api/public/v2/metrics", Reading::Unmerged) => metrics::sums(self.accepted(), query),
            ("/api/public/v2/metrics", Reading::Old) => of_version_4("metrics v2"),
            ("/api/public/v3/scores", Reading::Merged | Reading::Unmerged) => {
                score_list::list(&self.scores.rows(), query)
            }
            ("/api/public/v2/scores", Reading::Old) => {
                score_list_v2::list(&self.scores.rows(), query)
            }
            ("/api/public/observations", Reading::Old) => {
                observations::list_old(&self.older_rows(), query)
            }
            ("/api/public/observations" | "/api/public/v2/scores", _) => retired_answer(),
            _ => page(),
        }
    }
}

fn retired_answer() -> Answer {
    not_found(
        "This endpoint is not available on deployments running in Langfuse v4 events_only mode.",
    )
}

/// The web application answers what is no API route, with a page.
fn page() -> Answer {
    let page = b"<!DOCTYPE html><html><title>404</title></html>".to_vec();
    Answer::new(404, "text/html; charset=utf-8", page)
}

fn not_found(message: &str) -> Answer {
    Answer::json(404, &json!({"message": message, "error": "LangfuseNotFoundError"}))
}

/// Read endpoints of the older tables.
fn retired(path: &str) -> bool {
    let roots = ["/api/public/traces", "/api/public/observations", "/api/public/sessions"];
    roots.iter().any(|root| {
        path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

fn projects() -> Answer {
    let organization = json!({"id": "mock-organization", "name": "Mock organization"});
    let project = json!({"id": "mock-project", "name": "Mock project", "organization": organization, "metadata": {}});
    Answer::json(200, &json!({"data": [project]}))
}
