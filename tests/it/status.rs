//! `status` reports from local files whether delivery works, without network.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use langfuse_mock::{MockLangfuse, Reply};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::sandbox::{Sandbox, mode, traced_to};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

#[test]
fn all_is_well_after_a_delivery() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    sandbox.session("v2.1.330/simple").whole().stop(0);
    age_state(&sandbox, 2 * HOUR);
    let (requests, state) = (mock.requests().len(), sandbox.state_files());
    sandbox
        .screen()
        .hide(mock.url(), "https://langfuse.example")
        .types("claude-langfuse status")
        .types("claude-langfuse status --line")
        .is("status");
    assert_eq!(mock.requests().len(), requests, "it asked the server");
    assert_eq!(sandbox.state_files(), state, "it wrote state");
    let told = sandbox.run(&["status", "--json"]).exits(0).json().remove(0);
    let trace = &mock.rows()[0].trace_id;
    assert_eq!(told["last_trace"], format!("{}/trace/{trace}", mock.url()));
    assert_eq!((&told["state"], &told["source"]), (&json!("on"), &json!("config file")));
    assert_eq!((&told["waiting"]["sessions"], &told["error"]), (&json!(0), &json!(null)));
}

#[test]
fn off_is_no_failure_and_missing_keys_are_a_failure() {
    let sandbox = Sandbox::new();
    sandbox
        .screen()
        .types("claude-langfuse status")
        .types("claude-langfuse status --line")
        .types("claude-langfuse status --project nowhere")
        .types("claude-langfuse status --line --json")
        .is("status_off");
    sandbox.config(&json!({"env": {"TRACE_TO_LANGFUSE": "true"}}));
    sandbox
        .screen()
        .types("claude-langfuse status")
        .types("claude-langfuse status --line")
        .is("status_without_keys");
    let told = sandbox.run(&["status", "--json"]).exits(3).json().remove(0);
    assert_eq!(told["error"]["message"], "no Langfuse keys");
}

#[test]
fn failing_and_waiting_deliveries_are_reported_with_a_remedy() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    mock.reply_always(Some(Reply::Status(401)));
    sandbox.session("v2.1.330/simple").whole().stop(0);
    age_state(&sandbox, 3 * MINUTE);
    next_try_in(&sandbox, 20 * MINUTE + 30);
    sandbox
        .screen()
        .hide(mock.url(), "https://langfuse.example")
        .hide(mock.address().to_string(), "langfuse.example:443")
        .types("claude-langfuse status")
        .types("claude-langfuse status --line")
        .is("status_of_refused_keys");
    let told = sandbox.run(&["status", "--json"]).exits(1).json().remove(0);
    assert_eq!(told["error"]["problem"], "keys");
    // The server is back, and nothing waits.
    mock.reply_always(None);
    sandbox.run(&["flush"]).exits(0);
    sandbox.run(&["status"]).exits(0);
}

#[test]
fn every_problem_has_a_remedy_of_its_own() {
    let html = MockLangfuse::start();
    html.reply_always(Some(Reply::Html));
    let moved = MockLangfuse::start();
    moved.reply_always(Some(Reply::Redirect("https://elsewhere.example/".to_owned())));
    let down = MockLangfuse::start();
    down.reply_always(Some(Reply::Status(503)));
    for (mock, remedy) in [
        (&html, "sign in to the network"),
        (&moved, "check the address"),
        (&down, "nothing is lost"),
    ] {
        let sandbox = Sandbox::traced(mock);
        sandbox.session("v2.1.330/simple").whole().stop(0);
        let told = sandbox.run(&["status"]).exits(1).stdout;
        assert!(told.contains(&format!("help: {remedy}")), "{told}");
    }
}

#[test]
fn a_pause_shows() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let project = sandbox.path("code/app");
    fs::create_dir_all(&project).unwrap();
    sandbox.run(&["pause", "--project", "code/app"]).exits(0);
    let line = |arguments: &[&str]| sandbox.run(arguments).exits(0).stdout;
    assert_eq!(line(&["status", "--line"]), "langfuse on\n");
    assert_eq!(line(&["status", "--line", "--project", "code/app"]), "langfuse paused\n");
    let told = line(&["status", "--project", "code/app"]);
    assert!(told.contains("'claude-langfuse resume' ends it"), "{told}");
    let told =
        sandbox.run(&["status", "--json", "--project", "code/app"]).exits(0).json().remove(0);
    assert_eq!(told["state"], "paused");
    assert!(told["paused_since"].is_string());
}

#[test]
fn each_destination_has_its_own_last_delivery() {
    let (one, other) = (MockLangfuse::start(), MockLangfuse::start());
    let sandbox = Sandbox::traced(&one);
    sandbox.session("v2.1.330/simple").whole().stop(0);
    let mut env = traced_to(&other.url());
    env["LANGFUSE_PUBLIC_KEY"] = json!("pk-lf-other");
    sandbox.config(&json!({"env": env}));
    let told = sandbox.run(&["status"]).exits(0).stdout;
    assert!(told.contains("nothing yet"), "{told}");
}

#[test]
fn a_delivery_is_recorded_with_its_time_and_trace() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    sandbox.session("v2.1.330/simple").whole().stop(0);
    let mut state = sandbox.state().into_iter();
    let path = state.find(|path| path.parent().unwrap().ends_with("deliveries")).unwrap();
    let note: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let names: Vec<&String> = note.as_object().unwrap().keys().collect();
    assert_eq!(names, ["at", "trace", "checksum"]);
    assert_eq!(note["trace"], json!(mock.rows()[0].trace_id));
    assert_eq!(mode(&path), 0o600);
}

/// Moves all times in the state folder back by this long.
fn age_state(sandbox: &Sandbox, seconds: u64) {
    let then = SystemTime::now() - Duration::from_secs(seconds);
    for path in sandbox.state().into_iter().filter(|path| path.is_file()) {
        if path.to_string_lossy().contains("/deliveries/") {
            let ago = i64::try_from(seconds).unwrap() * 1000;
            edit(&path, "at", now_in_milliseconds() - ago);
        }
        File::options().write(true).open(&path).unwrap().set_modified(then).unwrap();
    }
}

/// Sets the remaining back-off, without changing the file's time.
fn next_try_in(sandbox: &Sandbox, seconds: u64) {
    let path = sandbox
        .state()
        .into_iter()
        .find(|path| path.to_string_lossy().contains("/destinations/"))
        .unwrap();
    let changed = path.metadata().unwrap().modified().unwrap();
    edit(&path, "not_before", now_in_milliseconds() + i64::try_from(seconds).unwrap() * 1000);
    File::options().write(true).open(&path).unwrap().set_modified(changed).unwrap();
}

fn edit(path: &PathBuf, member: &str, milliseconds: i64) {
    let mut note: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    note[member] = json!(milliseconds);
    // A change by the test must not look like damage.
    note.as_object_mut().unwrap().remove("checksum");
    fs::write(path, note.to_string()).unwrap();
}

fn now_in_milliseconds() -> i64 {
    i64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000).unwrap()
}
