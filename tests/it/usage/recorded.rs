//! Recordings of the real Claude Code: sums, costs, commits.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use langfuse_mock::MockLangfuse;
use serde_json::Value;

use super::{DIMENSIONS, Tokens, summed, table, write_recorded};
use crate::sandbox::{Recording, Sandbox};

/// Counts the calls in all files below a folder, each once: by `requestRef`, else by message id.
fn count(folder: &Path) -> BTreeMap<String, Tokens> {
    let mut calls = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            for (call, tokens) in count(&path) {
                let known: &mut Tokens = calls.entry(call).or_default();
                *known = larger(*known, tokens);
            }
        } else if path.extension().is_some_and(|extension| extension == "jsonl") {
            for line in fs::read_to_string(&path).unwrap().lines() {
                count_row(&serde_json::from_str(line).unwrap_or_default(), &mut calls);
            }
        }
    }
    calls
}

fn count_row(row: &Value, calls: &mut BTreeMap<String, Tokens>) {
    let message = &row["message"];
    let is_call = row["type"] == "assistant"
        && row["isApiErrorMessage"] != true
        && message["model"] != "<synthetic>";
    let reference = row["requestRef"].as_str().or(message["id"].as_str());
    let Some(reference) = reference.filter(|_| is_call) else {
        return;
    };
    let field = |name: &str| message["usage"][name].as_u64().unwrap_or(0);
    let tokens = Tokens {
        input: field("input_tokens"),
        read: field("cache_read_input_tokens"),
        write: field("cache_creation_input_tokens"),
        output: field("output_tokens"),
    };
    let known = calls.entry(reference.to_owned()).or_default();
    *known = larger(*known, tokens);
}

fn larger(one: Tokens, other: Tokens) -> Tokens {
    Tokens {
        input: one.input.max(other.input),
        read: one.read.max(other.read),
        write: one.write.max(other.write),
        output: one.output.max(other.output),
    }
}

#[test]
fn every_dimension_sums_to_an_independent_count_of_each_recording() {
    for name in Recording::names() {
        let sandbox = Sandbox::new();
        write_recorded(&sandbox, &Recording::open(&name));
        let calls = count(&sandbox.projects());
        let tokens = calls.values().copied().fold(Tokens::default(), Tokens::plus);
        let expected = (tokens, calls.len() as u64);
        assert_eq!(summed(&sandbox, &["--by", "agent-type,session"]), expected, "{name}");
    }
}

#[test]
fn every_dimension_sums_to_an_independent_count_of_all_recordings() {
    let mut sandbox = Sandbox::new();
    let mut expected = (Tokens::default(), 0);
    for name in Recording::names() {
        write_recorded(&sandbox, &Recording::open(&name));
        // Two recordings may have equal message ids.
        let alone = Sandbox::new();
        write_recorded(&alone, &Recording::open(&name));
        let calls = count(&alone.projects());
        expected.0 = calls.values().copied().fold(expected.0, Tokens::plus);
        expected.1 += calls.len() as u64;
    }
    assert!(expected.1 > 300, "{expected:?}");
    for dimension in DIMENSIONS {
        assert_eq!(summed(&sandbox, &["--by", dimension]), expected, "{dimension}");
    }
    for zone in ["CET-1CEST,M3.5.0,M10.5.0/3", "<+13>-13", "HST10"] {
        sandbox.set("TZ", zone);
        assert_eq!(summed(&sandbox, &["--by", "day,model"]), expected, "{zone}");
    }
}

#[test]
fn costs_are_those_that_the_server_computes() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    for (name, model) in [
        ("v2.1.332/git-outcomes", "claude-opus-4-8"),
        ("v2.1.330/ttl-1h", "claude-sonnet-4-6-20260101"),
        ("v2.1.330/subagent", "claude-haiku-4-5-20251001"),
        ("v2.1.330/simple", "claude-unknown-9"),
    ] {
        write_recorded(&sandbox, &Recording::open(name).replaced("claude-opus-5-5", model));
    }
    sandbox.run(&["replay", "--all"]).exits(0);
    sandbox.run(&["doctor"]);
    let stored: f64 = mock.rows().iter().filter_map(langfuse_mock::Row::total_cost).sum();
    let (rows, last) = table(&sandbox, &["usage", "--by", "model"]);
    let total = last["total"]["cost_usd"].as_f64().unwrap();
    assert!(stored > 0.0 && (total - stored).abs() < 1e-9, "{total} {stored}");
    let unknown = rows.iter().find(|row| row["model"] == "claude-unknown-9").unwrap();
    assert_eq!(unknown["cost_usd"], Value::Null);
    assert_eq!(unknown["without_price"]["tokens"], unknown["tokens"]);
}

#[test]
fn commits_and_pull_requests_have_their_cost() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    write_recorded(
        &sandbox,
        &Recording::open("v2.1.332/git-outcomes").replaced("claude-opus-5-5", "claude-opus-4-8"),
    );
    sandbox.run(&["doctor"]);
    let day = time::OffsetDateTime::now_utc().date().to_string();
    sandbox.set("COLUMNS", "80");
    sandbox
        .screen()
        .hide(day, "TODAY")
        .types("claude-langfuse usage --by commit")
        .types("claude-langfuse usage --by pr")
        .types("claude-langfuse usage --by agent-type,model")
        .types("claude-langfuse usage --by session")
        .types("claude-langfuse usage --by project --json")
        .types("claude-langfuse usage --project . --since 2024-01-01 --until 2030-01-01")
        .types("claude-langfuse tools")
        .types("claude-langfuse tools --project . --since 2024-01-01 --until 2030-01-01")
        .types("claude-langfuse tools --by agent-type --json")
        .is("usage");
}

#[test]
fn claude_codes_cost_excludes_the_inherited_part_of_a_fork() {
    for (name, costs) in [
        ("v2.1.330/fork", [0.00044, 0.00088]),
        ("v2.1.330/branch-tui", [0.000592, 0.008828]),
        ("v2.1.330/resume", [0.0, 0.008842]),
    ] {
        let sandbox = Sandbox::new();
        write_recorded(&sandbox, &Recording::open(name));
        let (rows, _) = table(&sandbox, &["usage", "--by", "session"]);
        let mut found: Vec<f64> =
            rows.iter().map(|row| row["claude_code_cost_usd"].as_f64().unwrap()).collect();
        found.sort_by(f64::total_cmp);
        let expected = costs.into_iter().filter(|cost| *cost > 0.0).collect::<Vec<_>>();
        assert_eq!(found.len(), expected.len(), "{name}: {found:?}");
        let differ = found.iter().zip(&expected).any(|(one, other)| (one - other).abs() > 1e-9);
        assert!(!differ, "{name}: {found:?}");
    }
}

#[test]
fn a_copy_of_a_session_counts_once() {
    let sandbox = Sandbox::new();
    let recording = Recording::open("v2.1.330/subagent-background");
    write_recorded(&sandbox, &recording);
    let once = summed(&sandbox, &[]);
    for transcript in recording.sessions.iter().chain(&recording.agents) {
        let below = transcript.path.strip_prefix("-home-dev-project").unwrap();
        let copy = sandbox.projects().join("-elsewhere").join(below);
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::copy(sandbox.projects().join(&transcript.path), copy).unwrap();
    }
    assert_eq!(summed(&sandbox, &[]), once);
}
