//! Models without a price: named with the request that sets one.

use langfuse_mock::MockLangfuse;
use serde_json::Value;

use crate::sandbox::Sandbox;

/// The findings about prices other than successes.
fn warnings(sandbox: &Sandbox) -> Vec<Value> {
    let report = sandbox.run(&["doctor", "--json"]).json().remove(0);
    let findings = report["findings"].as_array().unwrap().iter();
    let is_it = |one: &&Value| one["check"] == "prices" && one["verdict"] != "ok";
    findings.filter(is_it).cloned().collect()
}

#[test]
fn the_printed_request_sets_the_price_of_a_model() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    sandbox.session("v2.1.330/simple").whole();
    let warned = warnings(&sandbox);
    assert_eq!(warned.len(), 1, "{warned:?}");
    let message = warned[0]["message"].as_str().unwrap();
    assert!(message.starts_with("Langfuse has no price for claude-opus-5-5 (1 call "), "{message}");
    let help = warned[0]["help"].as_str().unwrap();
    assert!(help.contains("with the prices of claude-opus-5, change them"), "{help}");
    let (_, request) = help.split_once("curl ").unwrap();
    let ran = std::process::Command::new("sh")
        .args(["-c", &format!("printf '%s\\n' {request}")])
        .env("LANGFUSE_PUBLIC_KEY", "pk-lf-test")
        .env("LANGFUSE_SECRET_KEY", "sk-lf-test")
        .output()
        .unwrap();
    let words = String::from_utf8(ran.stdout).unwrap();
    let words: Vec<&str> = words.lines().collect();
    assert_eq!(
        words[..5],
        ["-u", "pk-lf-test:sk-lf-test", "-H", "Content-Type: application/json", "-d"]
    );
    let keys = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, words[1]);
    let sent = ureq::post(words[6])
        .header("authorization", format!("Basic {keys}"))
        .header("content-type", "application/json")
        .send(words[5]);
    assert_eq!(sent.unwrap().status(), 200, "{words:?}");
    assert_eq!(warnings(&sandbox), Vec::<Value>::new());
    // Turns sent afterwards have a cost, in Langfuse and locally.
    sandbox.run(&["replay", "--all"]).exits(0);
    let call = mock.rows().into_iter().find(|row| row.kind == "GENERATION").unwrap();
    assert_eq!(call.tier.as_deref(), Some("Standard"));
    let cost = call.total_cost().unwrap();
    assert!(cost > 0.0, "{call:?}");
    let sums = sandbox.run(&["usage", "--verify", "--json"]).exits(0).json();
    assert_eq!(sums[0]["equal"], true, "{sums:?}");
    for cost_usd in [&sums[0]["cost_usd"], &sums[0]["langfuse"]["cost_usd"]] {
        assert!((cost_usd.as_f64().unwrap() - cost).abs() < 1e-9, "{sums:?}");
    }
}
