//! Headers of every request, for servers behind an identity proxy. Only requests contain their values.

use langfuse_mock::MockLangfuse;
use serde_json::json;

use crate::sandbox::{Sandbox, traced_to};

const SECRET: &str = "hunter2hunter2hunter2hunter2";

fn headers() -> String {
    json!({"CF-Access-Client-Id": "me.access", "CF-Access-Client-Secret": SECRET}).to_string()
}

/// All requests of the mock have the headers.
fn assert_sent(mock: &MockLangfuse) {
    let requests = mock.requests();
    assert!(!requests.is_empty());
    for request in requests {
        let found = request.headers.iter().any(|(name, value)| {
            name.eq_ignore_ascii_case("cf-access-client-secret") && value == SECRET
        });
        assert!(found, "{} {}", request.method, request.path);
    }
}

#[test]
fn every_request_has_the_headers_and_nothing_shows_them() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    sandbox.set("LANGFUSE_HEADERS", headers());
    sandbox.set("CC_LANGFUSE_DEBUG", "true");
    sandbox.set("CC_LANGFUSE_SCORES", "true");
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(0).stop(0);
    session.whole().replay(&[]).exits(0);
    for command in [
        vec!["verify", session.id()],
        vec!["doctor"],
        vec!["doctor", "--json"],
        vec!["config"],
        vec!["config", "--json"],
        vec!["config", "check"],
        vec!["status", "--json"],
        vec!["replay", "--again", "--dry-run", session.id()],
        vec!["score", &format!("{}#1", session.id()), "good=true", "--dry-run"],
    ] {
        let ran = sandbox.run(&command);
        let shown = format!("{}{}", ran.stdout, ran.stderr);
        assert!(!shown.contains(SECRET), "{command:?}: {shown}");
    }
    let config = sandbox.run(&["config"]).stdout;
    assert!(config.contains("CF-Access-Client-Id: …, CF-Access-Client-Secret: …"), "{config}");
    assert_sent(&mock);
    let log = sandbox.log();
    assert!(!log.contains(SECRET), "{log}");
}

#[test]
fn a_file_holds_the_headers_outside_the_configuration() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::new();
    let path = sandbox.path("headers.json");
    std::fs::write(&path, headers()).unwrap();
    let mut env = traced_to(&mock.url());
    env["LANGFUSE_HEADERS_FILE"] = json!(path);
    sandbox.config(&json!({"env": env}));
    sandbox.session("v2.1.330/simple").whole().replay(&[]).exits(0);
    assert_sent(&mock);
    std::fs::write(&path, format!("[\"{SECRET}\"]")).unwrap();
    let ran = sandbox.run(&["config", "check"]);
    let shown = format!("{}{}", ran.stdout, ran.stderr);
    assert!(shown.contains("LANGFUSE_HEADERS_FILE") && !shown.contains(SECRET), "{shown}");
}

#[test]
fn a_project_can_not_set_headers_until_it_is_allowed() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    let project = sandbox.path("project");
    let settings = json!({"env": {"LANGFUSE_HEADERS": headers()}}).to_string();
    sandbox.write("project/.claude/settings.local.json", settings.as_bytes());
    // As Claude Code merges it for its hooks.
    sandbox.set("LANGFUSE_HEADERS", headers());
    sandbox.set("CLAUDE_PROJECT_DIR", project.display().to_string());
    let session = sandbox.session_in(&project, "v2.1.330/stream-multi");
    session.answered(0).stop(0);
    assert!(!mock.requests().is_empty());
    for request in mock.requests() {
        assert!(request.headers.iter().all(|(_, value)| value != SECRET), "{}", request.path);
    }
    assert!(!sandbox.log().contains(SECRET), "{}", sandbox.log());
}
