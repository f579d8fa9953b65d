//! Media, requests, scores, experiments and headers are opt-in: without them the requests are the same as without these
//! features, and a Stop sends only spans.

use langfuse_mock::{MockLangfuse, Request};
use serde_json::json;

use crate::sandbox::{Sandbox, traced_to};

/// Each feature, explicitly disabled.
const OFF: [(&str, &str); 10] = [
    ("CC_LANGFUSE_MEDIA", "false"),
    ("CC_LANGFUSE_REQUEST", "off"),
    ("CC_LANGFUSE_SCORES", "false"),
    ("CC_LANGFUSE_EXPERIMENT_ID", ""),
    ("CC_LANGFUSE_EXPERIMENT_NAME", ""),
    ("CC_LANGFUSE_EXPERIMENT_DESCRIPTION", ""),
    ("CC_LANGFUSE_EXPERIMENT_ITEM_ID", ""),
    ("CC_LANGFUSE_TRACE_SEED", ""),
    ("CC_LANGFUSE_TRACEPARENT", ""),
    ("LANGFUSE_HEADERS", ""),
];

/// Bytes that differ between two servers, but not between two configurations.
const OF_THE_SERVER: [&str; 1] = ["host"];

/// All bytes that the hooks of a session send.
fn sent(recording: &str, variables: &[(&str, &str)]) -> Vec<Request> {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::new();
    sandbox.config(&json!({"env": traced_to(&mock.url())}));
    for (name, value) in variables {
        sandbox.set(name, *value);
    }
    let session = sandbox.session(recording);
    session.whole().stop(0);
    session.end();
    let mut requests = mock.requests();
    for request in &mut requests {
        request.headers.retain(|(name, _)| !OF_THE_SERVER.contains(&&*name.to_ascii_lowercase()));
    }
    requests
}

fn bytes(requests: &[Request]) -> Vec<String> {
    let said = |request: &Request| {
        let Request { method, path, headers, body, .. } = request;
        format!("{method} {path} {headers:?} {body:?}")
    };
    requests.iter().map(said).collect()
}

#[test]
fn disabled_options_change_no_byte() {
    for recording in ["v2.1.330/image", "v2.1.330/subagent", "v2.1.332/git-outcomes"] {
        let usual = sent(recording, &[]);
        assert!(!usual.is_empty());
        for request in &usual {
            let place = (&*request.method, &*request.path);
            assert_eq!(place, ("POST", langfuse_mock::INGEST_PATH), "{recording}");
        }
        assert!(bytes(&usual) == bytes(&sent(recording, &OFF)), "{recording}");
    }
}

#[test]
fn each_enabled_option_changes_something() {
    let usual = bytes(&sent("v2.1.330/image", &[]));
    for variables in [
        &[("CC_LANGFUSE_MEDIA", "true")][..],
        &[("CC_LANGFUSE_REQUEST", "tools")],
        &[("CC_LANGFUSE_SCORES", "true")],
        &[("CC_LANGFUSE_EXPERIMENT_ID", "run"), ("CC_LANGFUSE_EXPERIMENT_ITEM_ID", "item")],
        &[("CC_LANGFUSE_TRACE_SEED", "seed")],
        &[("LANGFUSE_HEADERS", r#"{"x-identity": "me"}"#)],
    ] {
        assert!(bytes(&sent("v2.1.330/image", variables)) != usual, "{variables:?}");
    }
}
