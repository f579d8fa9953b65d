//! The HTTP face without sockets: authorization, routes and answers.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::datasets::is_of_datasets;
use super::deletion::is_of_deletion;
use super::media::{is_of_media, is_of_storage};
use super::metrics;
use super::models;
use super::observations;
use super::prompts::is_of_prompts;
use super::score_list;
use super::{Events, INGEST_PATH, Reading, Row, Scoring};

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

    /// The refusal of the request. Langfuse finds the key by its secret half; a wrong public half is only logged there.
    fn refusal(&self, authorization: Option<&str>) -> Option<Answer> {
        let unauthorized = |message: &str| Some(Answer::json(401, &json!({"message": message})));
        let host = "Confirm that you've configured the correct host.";
        let Some(header) = authorization.filter(|header| !header.is_empty()) else {
            return unauthorized("No authorization header");
        };
        if let Some(encoded) = header.strip_prefix("Basic ") {
            let decoded = STANDARD.decode(encoded.trim()).unwrap_or_default();
            let decoded = String::from_utf8(decoded).unwrap_or_default();
            return match decoded.split(':').collect::<Vec<_>>()[..] {
                [] | [_] | ["", ..] | [_, "", ..] => {
                    unauthorized(&format!("Invalid authorization header. {host}"))
                }
                [_, secret, ..] if secret == self.secret => None,
                _ => unauthorized(&format!("Invalid credentials. {host}")),
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

/// The answer of the server, and the effect of the request.
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

    /// A refusal, as the public API writes them.
    pub(crate) fn refused(status: u16, error: &str, message: &str) -> Self {
        Self::json(status, &json!({"message": message, "error": error}))
    }

    pub(crate) fn invalid(message: &str) -> Self {
        Self::refused(400, "InvalidRequestError", message)
    }

    pub(crate) fn not_found(message: &str) -> Self {
        Self::refused(404, "LangfuseNotFoundError", message)
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::refused(405, "MethodNotAllowedError", "Method not allowed")
    }

    /// Next's own answer to a body above its limit.
    pub(crate) fn too_long() -> Self {
        Self::new(413, "text/plain", b"Body exceeds limit".to_vec())
    }
}

const HEALTH: &str = "/api/public/health";

/// A request with the right keys.
struct Call<'a> {
    method: &'a str,
    path: &'a str,
    query: &'a str,
    headers: Headers<'a>,
    body: &'a [u8],
}

type Route = fn(&mut Events, &Call<'_>) -> Answer;

/// The handler of a request that needs the keys; `None` if there is none.
fn route(method: &str, path: &str) -> Option<Route> {
    let route: Route = match (method, path) {
        ("POST", INGEST_PATH) => |events, it| events.export(&it.headers, it.body),
        ("GET", "/api/public/projects") => |_, _| projects(),
        ("GET", path) if READ.contains(&path) => |events, it| events.read(it.path, it.query),
        ("POST", "/api/public/models") => |events, it| models::create(&mut events.models, it.body),
        (method, path) if is_of_deletion(method, path) => {
            |events, it| events.delete(it.path, it.body)
        }
        ("POST", "/api/public/ingestion") => |events, it| match events.scores.scoring {
            Scoring::Events => events.scores.ingest(it.body),
            Scoring::Lists => Answer::not_found("This endpoint is no longer available."),
        },
        ("POST", "/api/public/scores") => {
            |events, it| events.scores.post(it.body, "2026-11-23T00:00:00.000Z")
        }
        ("GET", "/api/public/dataset-items") => |events, it| events.datasets.list(it.query),
        (_, path) if is_of_prompts(path) => {
            |events, it| events.prompts.handle(it.method, it.path, it.query, it.body)
        }
        (_, path) if is_of_media(path) => {
            |events, it| events.media.handle(it.method, it.path, it.headers, it.body)
        }
        (_, path) if is_of_datasets(path) => {
            |events, it| events.datasets.handle(it.method, it.path, it.body)
        }
        ("GET", path) if is_retired(path) => |_, _| retired(),
        _ => return None,
    };
    Some(route)
}

impl Events {
    /// Handles any request to the server. `target` is the path, with the query if there is one.
    pub fn handle(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(String, String)],
        body: &[u8],
    ) -> Answer {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let headers = Headers(headers);
        if (method, path) == ("GET", HEALTH) {
            return Answer::json(200, &json!({"status": "OK", "version": "4.16.0"}));
        }
        if is_of_storage(path) {
            return self.media.handle(method, path, headers, body);
        }
        match route(method, path) {
            Some(route) => {
                let refusal = self.keys.refusal(headers.get("authorization"));
                refusal.unwrap_or_else(|| route(self, &Call { method, path, query, headers, body }))
            }
            None if is_known(path) => Answer::method_not_allowed(),
            None => page(),
        }
    }
}

/// Whether another method of the path has an answer.
fn is_known(path: &str) -> bool {
    path == HEALTH || ["GET", "POST"].iter().any(|method| route(method, path).is_some())
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
            let message = format!("The {api} API is only available in a Langfuse v4 write mode.");
            Answer::not_found(&message)
        };
        let rows = match self.reading {
            Reading::Merged => self.rows(),
            Reading::Unmerged => self.accepted().to_vec(),
            Reading::Old => self.older_rows(),
        };
        match (path, self.reading == Reading::Old) {
            ("/api/public/models", _) => models::list(&self.models, query),
            ("/api/public/v2/observations", false) => observations::list(&rows, query),
            ("/api/public/v2/observations", true) => of_version_4("observations v2"),
            ("/api/public/v2/metrics", false) => metrics::sums(&rows, query),
            ("/api/public/v2/metrics", true) => of_version_4("metrics v2"),
            ("/api/public/v3/scores", false) => score_list::list(&self.scores.rows(), query),
            ("/api/public/v2/scores", true) => score_list::list_v2(&self.scores.rows(), query),
            ("/api/public/observations", true) => observations::list_old(&rows, query),
            ("/api/public/observations" | "/api/public/v2/scores", false) => retired(),
            _ => page(),
        }
    }
}

fn retired() -> Answer {
    Answer::not_found(
        "This endpoint is not available on deployments running in Langfuse v4 events_only mode.",
    )
}

/// The web application answers other paths with a page.
fn page() -> Answer {
    let page = b"<!DOCTYPE html><html><title>404</title></html>".to_vec();
    Answer::new(404, "text/html; charset=utf-8", page)
}

/// Read endpoints of the older tables.
fn is_retired(path: &str) -> bool {
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
