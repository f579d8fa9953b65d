//! `usage --verify` compares the sent turns with Langfuse's own sums.

use langfuse_mock::{MockLangfuse, Reading};
use serde_json::{Value, json};

use crate::sandbox::{Ran, Sandbox, traced_to, unused_address};

const SESSIONS: [&str; 3] =
    ["v2.1.330/subagent-background", "v2.1.330/compact", "v2.1.330/model-switch"];

/// Sent recordings with models that have a price.
fn sent(mock: &MockLangfuse) -> Sandbox {
    let sandbox = Sandbox::traced(mock);
    for name in SESSIONS {
        let mut session = sandbox.session(name);
        session.recording = session.recording.replaced("claude-opus-5-5", "claude-opus-4-8");
        session.whole();
        for agent in &session.recording.agents {
            sandbox.grow(agent, usize::MAX);
        }
    }
    sandbox.run(&["replay", "--all"]).exits(0);
    sandbox
}

fn verify(sandbox: &Sandbox) -> Ran {
    sandbox.run(&["usage", "--verify", "--json"])
}

#[test]
fn sent_sums_equal_those_of_langfuse() {
    let mock = MockLangfuse::start();
    let sandbox = sent(&mock);
    let lines = verify(&sandbox).exits(0).json();
    let (summary, models) = lines.split_last().unwrap();
    assert!(models.len() > 1, "{models:?}");
    for model in models {
        assert_eq!(model["equal"], true, "{model}");
        assert_eq!(model["calls"], model["langfuse"]["calls"], "{model}");
        assert!(model["calls"].as_u64().unwrap() > 0, "{model}");
    }
    assert!(models.iter().any(|model| model["cost_usd"].as_f64().unwrap() > 0.0), "{models:?}");
    assert_eq!((&summary["sessions"], &summary["equal"]), (&Value::from(3), &Value::from(true)));
    let total = sandbox.run(&["usage", "--json"]).exits(0).json().pop().unwrap()["total"].clone();
    let sum: u64 = models.iter().map(|model| model["calls"].as_u64().unwrap()).sum();
    assert_eq!(total["calls"], sum);
    assert!(total["cost_usd"].as_f64().unwrap() > 0.0, "the prices were kept");
    sandbox
        .screen()
        .types("claude-langfuse usage --verify")
        .types("claude-langfuse usage --verify --by model")
        .is("usage_verify");
}

#[test]
fn a_call_missing_in_langfuse_is_a_difference() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(1).replay(&[]).exits(0);
    session.whole();
    let lines = verify(&sandbox).exits(1).json();
    assert_eq!(lines[0]["equal"], false, "{lines:?}");
    let ran = sandbox.run(&["usage", "--verify"]).exits(1);
    assert!(ran.stderr.contains("claude-langfuse verify --all"), "{}", ran.stderr);
}

#[test]
fn duplicate_rows_are_a_difference() {
    let mock = MockLangfuse::start();
    let sandbox = sent(&mock);
    sandbox.run(&["replay", "--all", "--again"]).exits(0);
    verify(&sandbox).exits(0);
    // Until the server has merged them.
    mock.show(Reading::Unmerged);
    verify(&sandbox).exits(1);
}

#[test]
fn sessions_that_were_not_sent_are_counted_and_not_compared() {
    let mock = MockLangfuse::start();
    let sandbox = sent(&mock);
    sandbox.session("v2.1.330/simple").whole();
    let lines = verify(&sandbox).exits(0).json();
    assert_eq!(lines.last().unwrap()["not_sent"], 1);
}

#[test]
fn an_unreachable_server_is_an_error() {
    let mock = MockLangfuse::start();
    let sandbox = sent(&mock);
    mock.show(Reading::Old);
    let ran = sandbox.run(&["usage", "--verify"]).exits(3);
    assert!(ran.stderr.contains("Langfuse 4"), "{}", ran.stderr);
    mock.show(Reading::Merged);
    let mut env = traced_to(&mock.url());
    env["LANGFUSE_SECRET_KEY"] = "sk-lf-another".into();
    sandbox.config(&json!({"env": env}));
    sandbox.run(&["usage", "--verify"]).exits(5);
    let nobody = Sandbox::traced_to(&format!("http://{}", unused_address()));
    let lines = verify(&nobody).exits(0).json();
    assert_eq!(lines[0]["sessions"], 0, "nothing was sent there");
}
