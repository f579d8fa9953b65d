//! Other exporters of the same turns are named with the line to change; exporters to other destinations are not.

use std::fs;

use langfuse_mock::{MockLangfuse, PUBLIC_KEY};
use serde_json::{Value, json};

use crate::sandbox::Sandbox;

const SETTINGS: &str = ".claude/settings.json";

/// Claude Code's OpenTelemetry, with traces to this endpoint.
fn telemetry(endpoint: &str) -> Value {
    json!({
        "CLAUDE_CODE_ENABLE_TELEMETRY": "1",
        "CLAUDE_CODE_ENHANCED_TELEMETRY_BETA": "1",
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
    })
}

fn with(mut env: Value, changes: &[(&str, Value)]) -> Value {
    for (name, value) in changes {
        env[*name] = value.clone();
    }
    env
}

/// The exporters that `status` names.
fn named(sandbox: &Sandbox) -> Vec<Value> {
    let told = sandbox.run(&["status", "--json"]).json().remove(0);
    told["recorded_twice"].as_array().unwrap().clone()
}

fn named_of(sandbox: &Sandbox, env: &Value) -> Vec<Value> {
    let settings = serde_json::to_string_pretty(&json!({"env": env})).unwrap();
    sandbox.write(SETTINGS, settings.as_bytes());
    named(sandbox)
}

#[test]
fn claude_codes_own_telemetry_to_the_same_project_is_named_by_every_command() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let found = named_of(&sandbox, &telemetry(&format!("{}/api/public/otel", mock.url())));
    assert_eq!(found.len(), 1, "{found:?}");
    let help = found[0]["help"].as_str().unwrap();
    assert!(help.starts_with("remove OTEL_TRACES_EXPORTER in ") && help.ends_with(":5"), "{help}");
    let line = fs::read_to_string(sandbox.path(SETTINGS)).unwrap();
    assert!(line.lines().nth(4).unwrap().contains("OTEL_TRACES_EXPORTER"), "{line}");
    let screen = sandbox.run(&["status"]).stdout;
    assert!(screen.contains("twice      Claude Code's OpenTelemetry"), "{screen}");
    let checked = sandbox.run(&["config", "check"]).exits(0).stdout;
    assert!(checked.contains("warn  recorded twice: Claude Code's OpenTelemetry"), "{checked}");
    let checked = sandbox.run(&["doctor", "--offline"]).exits(1).stdout;
    assert!(checked.contains("fail  recorded twice: Claude Code's OpenTelemetry"), "{checked}");
}

/// As observed on the wire with Claude Code 2.1.332.
#[test]
fn telemetry_to_another_project_is_not_reported() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let ours = format!("{}/api/public/otel", mock.url());
    let traces = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
    // "pk-lf-other:sk" and the mock's own key.
    let other = "Authorization=Basic%20cGstbGYtb3RoZXI6c2s=";
    let own = "Authorization=Basic cGstbGYtdGVzdDpzaw==,x-langfuse-ingestion-version=4";
    assert_eq!(PUBLIC_KEY, "pk-lf-test");
    let (headers, protocol) = ("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_PROTOCOL");
    let collector = "http://localhost:4318";
    for (env, count) in [
        (telemetry(&ours), 1),
        (with(telemetry(collector), &[(traces, json!(format!("{ours}/v1/traces")))]), 1),
        (with(telemetry(&ours), &[(headers, json!(own))]), 1),
        (with(telemetry(&ours), &[("OTEL_TRACES_EXPORTER", json!("console, otlp"))]), 1),
        (with(telemetry(&ours), &[("CLAUDE_CODE_ENHANCED_TELEMETRY_BETA", json!(1))]), 1),
        (telemetry(collector), 0),
        (telemetry(&mock.url()), 0),
        (telemetry("https://us.cloud.langfuse.com/api/public/otel"), 0),
        (with(telemetry(&ours), &[(traces, json!("https://otel.example/v1/traces"))]), 0),
        (with(telemetry(&ours), &[(headers, json!(other))]), 0),
        (with(telemetry(&ours), &[("OTEL_TRACES_EXPORTER", json!("none"))]), 0),
        (with(telemetry(&ours), &[("CLAUDE_CODE_ENABLE_TELEMETRY", json!("0"))]), 0),
        (with(telemetry(&ours), &[(protocol, json!("http/protobuf"))]), 1),
        (with(telemetry(&ours), &[(protocol, json!("grpc"))]), 0),
        (
            json!({
                "CLAUDE_CODE_ENABLE_TELEMETRY": "1", "OTEL_TRACES_EXPORTER": "otlp",
                "OTEL_EXPORTER_OTLP_ENDPOINT": ours,
            }),
            0,
        ),
        (
            json!({
                "CLAUDE_CODE_ENABLE_TELEMETRY": "1", "ENABLE_ENHANCED_TELEMETRY_BETA": "1",
                "OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": ours,
            }),
            1,
        ),
        (with(telemetry(&ours), &[("CLAUDE_CODE_ENHANCED_TELEMETRY_BETA", json!("false"))]), 0),
        (
            json!({
                "CLAUDE_CODE_ENABLE_TELEMETRY": "1", "OTEL_METRICS_EXPORTER": "otlp",
                "OTEL_LOGS_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": ours,
            }),
            0,
        ),
    ] {
        let found = named_of(&sandbox, &env);
        assert_eq!(found.len(), count, "{env}: {found:?}");
    }
}

#[test]
fn a_variable_of_the_shell_is_unset_there() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    for (name, value) in telemetry(&format!("{}/api/public/otel", mock.url())).as_object().unwrap()
    {
        sandbox.set(name, value.as_str().unwrap());
    }
    assert_eq!(named(&sandbox)[0]["help"], "run: unset OTEL_TRACES_EXPORTER");
    assert_eq!(named_of(&sandbox, &json!({"OTEL_TRACES_EXPORTER": ""})).len(), 0);
}

#[test]
fn a_langfuse_gateway_of_the_same_region_is_named() {
    let sandbox = Sandbox::traced_to("https://us.cloud.langfuse.com");
    for (url, count) in [
        ("https://gateway.us.cloud.langfuse.com/anthropic", 1),
        ("https://gateway.cloud.langfuse.com/anthropic", 0),
        ("https://api.anthropic.com", 0),
        ("http://localhost:4000", 0),
        ("https://langfuse-gateway.corp.example/anthropic", 1),
    ] {
        let found = named_of(&sandbox, &json!({"ANTHROPIC_BASE_URL": url}));
        assert_eq!(found.len(), count, "{url}: {found:?}");
    }
    let sandbox = Sandbox::traced_to("https://langfuse.corp.example");
    let url = json!({"ANTHROPIC_BASE_URL": "https://gateway.langfuse.corp.example/anthropic"});
    assert_eq!(named_of(&sandbox, &url).len(), 1);
}

#[test]
fn every_exporter_is_named_with_the_line_to_change() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    let mut env = telemetry(&format!("{}/api/public/otel", mock.url()));
    env["ANTHROPIC_BASE_URL"] = json!("https://langfuse-gateway.corp.example/anthropic");
    let hook = json!({"hooks": [{"type": "command", "command": "uv run langfuse_hook.py"}]});
    let settings = json!({
        "env": env, "hooks": {"Stop": [hook]},
        "enabledPlugins": {"langfuse-observability@langfuse-observability": true},
    });
    let settings = serde_json::to_string_pretty(&settings).unwrap();
    sandbox.write(SETTINGS, settings.as_bytes());
    sandbox.write("bin/claude-langfuse", &fs::read("/bin/sh").unwrap());
    sandbox.set("PATH", format!("{}:/usr/bin:/bin", sandbox.path("bin").display()));
    sandbox
        .screen()
        .hide(mock.url(), "https://langfuse.example")
        .hide(format!("{} {}", std::env::consts::OS, std::env::consts::ARCH), "linux x86_64")
        .types("claude-langfuse status")
        .types("claude-langfuse config check")
        .types("claude-langfuse doctor --offline")
        .is("recorded_twice");
}

#[test]
fn another_program_of_this_name_is_distinguished_from_another_copy_of_ours() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    let folder = sandbox.path("bin");
    sandbox.set("PATH", format!("{}:/usr/bin:/bin", folder.display()));
    sandbox.write("bin/claude-langfuse", &fs::read("/bin/sh").unwrap());
    let found = named(&sandbox);
    assert!(found[0]["message"].as_str().unwrap().contains("bin/claude-langfuse)"), "{found:?}");
    let settings = r#"{"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "claude-langfuse hook"}]}]}}"#;
    sandbox.write(SETTINGS, settings.as_bytes());
    let found = named(&sandbox);
    assert!(found[0]["message"].as_str().unwrap().contains("which the Stop hook in"), "{found:?}");
    sandbox.write(SETTINGS, b"{}");
    // A copy of ours, and a script that may run it.
    fs::copy(crate::sandbox::PROGRAM, folder.join("claude-langfuse")).unwrap();
    assert_eq!(named(&sandbox).len(), 0);
    sandbox.write("bin/claude-langfuse", b"#!/bin/sh\nexec true\n");
    assert_eq!(named(&sandbox).len(), 0);
}
