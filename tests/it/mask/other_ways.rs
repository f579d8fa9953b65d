//! Requests other than spans: images, headers, scores, corrections and deletions. None of them has a secret of the table, for
//! any receiver.

use std::io::Read;

use flate2::read::GzDecoder;
use langfuse_mock::{MockLangfuse, Request};
use serde_json::json;

use super::leaving::{TOKEN, assert_without_secrets, samples, session};
use crate::sandbox::Sandbox;

/// The value of a header of the user, only for Langfuse.
const IDENTITY: &str = "hunter2hunter2hunter2hunter2";

/// A whole request except that header.
fn text(request: &Request) -> String {
    let mut body = request.body.clone();
    if request.header("content-encoding") == Some("gzip") {
        body.clear();
        GzDecoder::new(request.body.as_slice()).read_to_end(&mut body).unwrap();
    }
    let is_other = |header: &&(String, String)| !header.0.eq_ignore_ascii_case("x-identity");
    let headers: Vec<_> = request.headers.iter().filter(is_other).collect();
    format!("{} {headers:?} {}", request.path, String::from_utf8_lossy(&body))
}

fn is_to_storage(request: &Request) -> bool {
    request.path.contains("/mock-storage")
}

/// All options that send data are enabled.
fn traced(mock: &MockLangfuse) -> Sandbox {
    let mut sandbox = Sandbox::traced(mock);
    for (name, value) in [
        ("CC_LANGFUSE_DEBUG", "true"),
        ("CC_LANGFUSE_MEDIA", "true"),
        ("CC_LANGFUSE_REQUEST", "full"),
        ("CC_LANGFUSE_SCORES", "true"),
        ("LANGFUSE_HEADERS", &json!({"x-identity": IDENTITY}).to_string()),
    ] {
        sandbox.set(name, value);
    }
    sandbox
}

/// Each kind of request was sent.
fn assert_all_taken(requests: &[Request]) {
    let taken: Vec<(&str, &str)> =
        requests.iter().map(|request| (&*request.method, &*request.path)).collect();
    for (method, path) in [
        ("POST", "/otel/"),
        ("POST", "/media"),
        ("PUT", "/mock-storage"),
        ("PATCH", "/media/"),
        ("POST", "/ingestion"),
        ("POST", "/scores"),
        ("DELETE", "/traces"),
    ] {
        let is_there = taken.iter().any(|(one, at)| *one == method && at.contains(path));
        assert!(is_there, "{method} {path}: {taken:?}");
    }
}

#[test]
fn no_request_or_output_has_a_secret() {
    let mock = MockLangfuse::start();
    let sandbox = traced(&mock);
    let session = session(&sandbox, "v2.1.330/image");
    session.whole().stop(0);
    session.end();
    assert_eq!(mock.media().len(), 1);
    let samples: String = serde_json::from_str(&format!("\"{}\"", samples())).unwrap();
    let corrected = sandbox.write("corrected.md", samples.as_bytes());
    let turn = format!("{}#1", session.argument());
    let comment = format!("wrong: {TOKEN}");
    let mut shown = String::new();
    for arguments in [
        &["score", &turn, "--correct", corrected.to_str().unwrap(), "--dry-run"][..],
        &["score", &turn, "--correct", corrected.to_str().unwrap()],
        &["score", &turn, "quality=bad", "--comment", &comment],
        &["verify", &session.argument()],
        &["status", "--json"],
        &["forget", &turn, "--dry-run"],
        &["forget", &turn, "--yes", "--wait", "0", "--json"],
    ] {
        let ran = sandbox.run(arguments);
        shown.push_str(&ran.stdout);
        shown.push_str(&ran.stderr);
    }
    let requests = mock.requests();
    assert_all_taken(&requests);
    for request in &requests {
        let place = format!("{} {}", request.method, request.path);
        let text = text(request);
        assert!(!text.contains(IDENTITY), "{place}");
        assert_without_secrets(&text, &place);
        assert_eq!(request.header("x-identity").is_some(), !is_to_storage(request), "{place}");
    }
    let corrections = requests.iter().filter(|request| request.path.ends_with("/scores"));
    let correction = corrections.map(text).next().unwrap();
    assert!(correction.contains("[masked: github-token, 40 chars]"), "{correction}");
    for (path, content, _) in sandbox.state_files() {
        shown.push_str(&String::from_utf8_lossy(&content));
        assert!(!shown.contains(IDENTITY), "{}", path.display());
    }
    shown.push_str(&sandbox.log());
    assert!(!shown.contains(IDENTITY), "{shown}");
    assert_without_secrets(&shown, "shown, kept or logged");
}
