//! `CC_LANGFUSE_MEDIA`: spans name images and documents by the hash of their bytes. These are uploaded after the spans, once,
//! only to the storage that Langfuse names.

use langfuse_mock::{MockLangfuse, Reply, Request};
use serde_json::{Value, json};

use crate::sandbox::{Received, Sandbox, traced_to};

const PIXELS: &str = "iVBORw0KGgoAAAANSUhEUgAAAAQAAAAECAIAAAAmkwkpAAAAEElEQVR4nGP4z8AARwzEcQCukw/x0F8jngAAAABJRU5ErkJggg==";

fn traced(mock: &MockLangfuse, variables: &[(&str, &str)]) -> Sandbox {
    let sandbox = Sandbox::new();
    configure(&sandbox, mock, variables);
    sandbox
}

fn configure(sandbox: &Sandbox, mock: &MockLangfuse, variables: &[(&str, &str)]) {
    let mut env = traced_to(&mock.url());
    for (name, value) in variables {
        env[*name] = json!(value);
    }
    sandbox.config(&json!({"env": env}));
}

const ON: (&str, &str) = ("CC_LANGFUSE_MEDIA", "true");

fn about_media(mock: &MockLangfuse) -> Vec<Request> {
    let requests = mock.requests().into_iter();
    requests
        .filter(|request| request.path.contains("/media") || request.path.contains("/mock-storage"))
        .collect()
}

/// The texts of all inputs and outputs.
fn contents(mock: &MockLangfuse) -> String {
    let rows = mock.rows().into_iter();
    rows.flat_map(|row| [row.input, row.output]).flatten().collect::<Vec<_>>().join("\n")
}

fn reference(mock: &MockLangfuse) -> String {
    let id = mock.media().keys().next().expect("a medium").clone();
    format!("@@@langfuseMedia:type=image/png|id={id}|source=bytes@@@")
}

#[test]
fn an_image_is_uploaded_after_the_spans_that_name_it() {
    let mock = MockLangfuse::start();
    let sandbox = traced(&mock, &[ON]);
    let session = sandbox.session("v2.1.330/image");
    session.whole().replay(&[]).exits(0);
    let media = mock.media();
    assert_eq!(media.len(), 1, "{media:?}");
    let medium = media.values().next().unwrap();
    assert_eq!((medium.content_type.as_str(), medium.status), ("image/png", Some(200)));
    use base64::Engine;
    let bytes = base64::engine::general_purpose::STANDARD.decode(PIXELS).unwrap();
    assert_eq!(medium.bytes, bytes);
    let (reference, rows) = (reference(&mock), mock.rows());
    let tool = rows.iter().find(|row| row.kind == "TOOL").unwrap();
    assert_eq!(tool.output.as_deref(), Some(&*reference));
    let call = rows.iter().filter(|row| row.kind == "GENERATION").max_by_key(|row| row.start_ms);
    let input: Value = serde_json::from_str(call.unwrap().input.as_deref().unwrap()).unwrap();
    let part = json!({"type": "image_url", "image_url": {"url": reference}});
    assert_eq!(input[0]["content"][0], part, "{input}");
    for (_, span, _) in &medium.places {
        assert!(rows.iter().any(|row| row.span_id == *span));
    }
    assert!(!contents(&mock).contains(PIXELS));
    // Spans first; only Langfuse gets our keys.
    let paths: Vec<String> = mock.requests().into_iter().map(|request| request.path).collect();
    let first = paths.iter().position(|path| path.contains("media")).unwrap();
    assert!(paths[..first].iter().any(|path| path.contains("/otel/")));
    assert!(paths[first..].iter().all(|path| !path.contains("/otel/")), "{paths:?}");
    let puts = about_media(&mock).into_iter().filter(|request| request.method == "PUT");
    let puts: Vec<Request> = puts.collect();
    assert_eq!(puts.len(), 1);
    let names = puts[0].headers.iter().map(|(name, _)| name.to_ascii_lowercase());
    let names: Vec<String> = names.collect();
    assert!(!names.iter().any(|name| name == "authorization" || name.contains("langfuse")));
    // Uploaded once.
    let before = mock.requests().len();
    session.replay(&[]).exits(0);
    assert_eq!(mock.requests().len(), before);
    session.replay(&["--again"]).exits(0);
    assert_eq!(about_media(&mock).iter().filter(|request| request.method == "PUT").count(), 1);
}

#[test]
fn nothing_is_uploaded_by_default_and_never_below_full() {
    for variables in [
        &[][..],
        &[("CC_LANGFUSE_MEDIA", "false")],
        &[ON, ("CC_LANGFUSE_CAPTURE", "no-tool-content")],
        &[ON, ("CC_LANGFUSE_CAPTURE", "metadata")],
    ] {
        let mock = MockLangfuse::start();
        let sandbox = traced(&mock, variables);
        sandbox.session("v2.1.330/image").whole().replay(&[]).exits(0);
        let text = contents(&mock);
        assert!(about_media(&mock).is_empty() && !text.contains("@@@"), "{variables:?}: {text}");
        assert!(!text.contains(PIXELS), "{variables:?}");
        let cursor = std::fs::read_to_string(sandbox.cursor()).unwrap();
        assert!(!cursor.contains("sha256"), "{variables:?}: {cursor}");
    }
}

#[test]
fn unfinished_uploads_wait_and_flush_uploads_them() {
    let mock = MockLangfuse::start();
    let sandbox = traced(&mock, &[ON]);
    let session = sandbox.session("v2.1.330/image");
    mock.reply_about_media(Reply::Status(503));
    session.whole().end();
    let sent = mock.accepted_spans().len();
    assert!(sent > 0);
    assert!(contents(&mock).contains("@@@langfuseMedia"));
    assert!(mock.media().values().all(|medium| medium.bytes.is_empty()));
    let status = sandbox.run(&["status", "--json", "--project", "/"]).json();
    assert!(status[0]["waiting"]["media"].as_u64().unwrap() > 0, "{status:?}");
    let ran = sandbox.run(&["status", "--project", "/"]);
    assert!(ran.stdout.contains("not uploaded"), "{}", ran.stdout);
    for (path, content, _) in sandbox.state_files() {
        let content = String::from_utf8_lossy(&content).into_owned();
        assert!(!content.contains(PIXELS), "{}", path.display());
    }
    sandbox.run(&["flush"]).exits(0);
    assert_eq!(mock.media().values().next().unwrap().status, Some(200));
    assert_eq!(mock.accepted_spans().len(), sent);
    let status = sandbox.run(&["status", "--json", "--project", "/"]).json();
    assert_eq!(status[0]["waiting"], json!({"sessions": 0, "since": null, "media": 0}));
}

#[test]
fn a_failed_or_redirected_upload_is_reported_to_langfuse_and_not_retried() {
    let other = MockLangfuse::start();
    let location = format!("{}/mock-storage/x", other.url());
    for (reply, status) in [(Reply::Status(403), 403), (Reply::Redirect(location), 302)] {
        let mock = MockLangfuse::start();
        let sandbox = traced(&mock, &[ON]);
        mock.reply_about_media(Reply::Normal);
        mock.reply_about_media(reply);
        let session = sandbox.session("v2.1.330/image");
        session.whole();
        let ran = session.replay(&[]).exits(0);
        assert!(!ran.stderr.contains("Signature"), "{}", ran.stderr);
        let said: Vec<Value> = about_media(&mock)
            .into_iter()
            .filter(|request| request.method == "PATCH")
            .filter_map(|request| request.json)
            .collect();
        assert_eq!(said[0]["uploadHttpStatus"], status, "{said:?}");
        assert!(said[0]["uploadHttpError"].is_string());
    }
    assert!(other.requests().is_empty());
}

#[test]
fn the_policy_of_a_turn_applies_to_its_images() {
    let mock = MockLangfuse::start();
    let sandbox = traced(&mock, &[]);
    let session = sandbox.session("v2.1.330/image");
    session.answered(0).stop(0);
    session.whole().end();
    configure(&sandbox, &mock, &[ON]);
    session.replay(&["--again"]).exits(0);
    assert!(about_media(&mock).is_empty());
    session.replay(&["--again", "--capture", "full"]).exits(0);
    assert_eq!(mock.media().len(), 1);
}

#[test]
fn enabling_media_resends_nothing() {
    let mock = MockLangfuse::start();
    let sandbox = traced(&mock, &[]);
    let session = sandbox.session("v2.1.330/image");
    session.whole().replay(&[]).exits(0);
    let sent = mock.arrivals().len();
    configure(&sandbox, &mock, &[ON]);
    session.replay(&[]).exits(0);
    assert_eq!(mock.arrivals().len(), sent);
}

#[test]
fn forgetting_a_turn_deletes_its_images() {
    let mock = MockLangfuse::start();
    let sandbox = traced(&mock, &[ON]);
    let session = sandbox.session("v2.1.330/image");
    session.whole().replay(&[]).exits(0);
    assert_eq!(mock.media().len(), 1);
    sandbox.run(&["forget", session.id(), "--yes", "--wait", "2"]).exits(0);
    assert!(mock.media().is_empty());
}

#[test]
fn a_medium_that_is_too_large_or_of_another_type_stays_a_placeholder() {
    let mock = MockLangfuse::start();
    let sandbox = traced(&mock, &[ON]);
    let mut session = sandbox.session("v2.1.330/image");
    for line in &mut session.recording.sessions[0].lines {
        *line = line.replace("image/png", "image/x-unknown");
    }
    session.whole().replay(&[]).exits(0);
    assert!(about_media(&mock).is_empty());
    assert!(contents(&mock).contains("[image: image/x-unknown, 73 bytes]"), "{}", contents(&mock));
}
