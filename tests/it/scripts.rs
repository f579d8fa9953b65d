//! The contract for scripts, in every command: one shape of errors, one meaning of exit codes, each warning once.

use std::fs;

use langfuse_mock::MockLangfuse;
use serde_json::{Value, json};

use crate::client::tls::{EXPIRED, bundle, tls_server};
use crate::sandbox::{Sandbox, traced_to, unused_address};

#[test]
fn every_command_with_json_prints_its_errors_in_json() {
    let sandbox = Sandbox::new();
    for arguments in [
        &["status", "--project", "nowhere"][..],
        &["doctor", "--project", "nowhere"],
        &["config", "--project", "nowhere"],
        &["config", "check", "--project", "nowhere"],
        &["install", "--project", "nowhere"],
        &["uninstall", "--project", "nowhere"],
        &["show", "ffff"],
        &["replay", "ffff"],
        &["verify", "ffff"],
        &["dataset", "add", "ffff", "--dataset", "bugs"],
    ] {
        let ran = sandbox.run(&[arguments, &["--json"]].concat()).exits(1);
        let [told] = ran.json().try_into().unwrap();
        assert_eq!(told["schema"], 1, "{arguments:?}");
        assert_eq!(told["error"]["code"], "failed", "{arguments:?}");
        let message = told["error"]["message"].as_str().unwrap();
        assert!(message.starts_with("could not find "), "{message}");
        assert_eq!(ran.stderr, "", "{arguments:?}");
    }
}

#[test]
fn failed_sessions_have_errors_of_one_shape() {
    let mock = MockLangfuse::start();
    let down = format!("http://{}", unused_address());
    for (name, value, code, exit) in [
        ("LANGFUSE_SECRET_KEY", "sk-lf-wrong", "keys_refused", 5),
        ("LANGFUSE_BASE_URL", &down, "unreachable", 4),
        ("LANGFUSE_BASE_URL", "nothing", "misconfigured", 3),
    ] {
        let sandbox = Sandbox::new();
        let mut variables = traced_to(&mock.url());
        variables[name] = json!(value);
        sandbox.config(&json!({"env": variables}));
        let session = sandbox.session("v2.1.330/simple");
        session.whole();
        for command in ["replay", "verify"] {
            let ran = sandbox.run(&[command, session.id(), "--json"]);
            let told: Vec<Value> = ran.exits(exit).json();
            let error = &told[0]["error"];
            assert_eq!(error["code"], code, "{command}: {told:?}");
            assert!(error["message"].is_string(), "{command}: {told:?}");
        }
    }
}

#[test]
fn a_dry_run_that_could_not_read_a_session_has_failed_and_reads_the_others() {
    let sandbox = Sandbox::new();
    let session = sandbox.session("v2.1.330/simple");
    session.whole();
    let ran = sandbox.run(&["replay", "--dry-run", "no/such.jsonl", session.id()]).exits(1);
    assert!(ran.stderr.contains("could not open transcript"), "{ran:?}");
    assert_eq!(ran.json().len(), 1);
}

#[test]
fn a_certificate_counts_the_same_in_every_command() {
    let (server, _) = tls_server(EXPIRED);
    let (_folder, roots) = bundle();
    let sandbox = Sandbox::new();
    let mut variables = traced_to(&format!("https://localhost:{}", server.address.port()));
    variables["LANGFUSE_CA_FILE"] = json!(roots);
    sandbox.config(&json!({"env": variables}));
    let session = sandbox.session("v2.1.330/simple");
    session.whole();
    for arguments in [&["doctor"][..], &["verify", session.id()], &["replay", session.id()]] {
        let ran = sandbox.run(arguments).exits(3);
        let told = ran.stdout + &ran.stderr;
        assert!(told.contains("certificate"), "{arguments:?}: {told}");
    }
    let told = sandbox.run(&["replay", session.id()]).stdout;
    assert!(told.contains("help: set LANGFUSE_CA_FILE to a PEM file"), "{told}");
}

#[test]
fn each_command_prints_a_configuration_warning_once_per_run() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::new();
    let mut variables = traced_to(&mock.url());
    variables["CC_LANGFUSE_MAX_CHARS"] = json!("many");
    sandbox.config(&json!({"env": variables}));
    let first = sandbox.session("v2.1.330/simple");
    first.whole();
    sandbox.session("v2.1.330/stream-multi").whole();
    for arguments in [
        &["replay", "--all"][..],
        &["replay", "--all", "--dry-run"],
        &["verify", "--since", "2020-01-01"],
        &["show", first.id()],
        &["sessions"],
        &["flush"],
    ] {
        let ran = sandbox.run(arguments).exits(0);
        let warnings = ran.stderr.matches("\"many\" is not a whole number").count();
        assert_eq!(warnings, 1, "{arguments:?}: {}", ran.stderr);
    }
}

#[test]
fn a_missing_explicit_configuration_file_ends_the_command() {
    let sandbox = Sandbox::new();
    sandbox.session("v2.1.330/simple").whole();
    for arguments in [
        &["replay", "--all"][..],
        &["verify", "--since", "2020-01-01"],
        &["sessions"],
        &["show", "2c97"],
        &["flush"],
        &["pause"],
        &["resume"],
        &["status"],
        &["doctor", "--offline"],
        &["config"],
        &["config", "check"],
    ] {
        let ran = sandbox.run(&[arguments, &["--config", "nowhere.json"]].concat());
        let told = ran.exits(3).stderr;
        assert!(
            told.contains("could not find configuration file: nowhere.json"),
            "{arguments:?}: {told}"
        );
    }
    assert!(sandbox.state().is_empty());
    let told = sandbox.run(&["status", "--json", "--config", "nowhere.json"]).exits(3).json();
    assert_eq!(told[0]["error"]["code"], "misconfigured");
}

#[test]
fn unreadable_lines_are_reported() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/simple");
    session.whole();
    let text = fs::read_to_string(session.path()).unwrap();
    fs::write(session.path(), format!("{{\"type\":\"user\",\n{text}")).unwrap();
    for command in ["show", "replay"] {
        let told = sandbox.run(&[command, session.id()]).exits(0).stdout;
        assert!(told.contains("1 line can't be read"), "{command}: {told}");
    }
}
