//! One changed byte in a valid configuration: either the session's configuration stays the same, or the program detects it, or
//! the result is another valid configuration.

use claude_langfuse::config::{Config, Env, Files, Scope, resolve};
use serde_json::{Value, json};

use super::{Attended, CONFIG, stop};
use crate::sandbox::Received;

/// Number of corruptions to try with the built program.
const CORRUPTIONS: usize = 30;

/// The effect of a corruption, computed from the two texts.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Effect {
    /// The configuration is invalid.
    Suspended,
    /// The values are the same.
    Same,
    /// The values differ but are valid: another key, another host, another project's path.
    Undetectable,
}

fn effect(valid: &str, corrupted: &[u8]) -> Effect {
    let Some(new) = std::str::from_utf8(corrupted)
        .ok()
        .and_then(|text| serde_json::from_str::<Value>(text).ok())
    else {
        return Effect::Suspended;
    };
    let old: Value = serde_json::from_str(valid).unwrap();
    if new == old {
        return Effect::Same;
    }
    let shape = |value: &Value| shape(value, &[]);
    match shape(&new) == shape(&old) {
        true => Effect::Undetectable,
        false => Effect::Suspended,
    }
}

/// The parts of a configuration with a fixed meaning: the names, and the switches. A project's path may be any absolute
/// path, a value any text.
fn shape(value: &Value, path: &[&str]) -> Value {
    let Value::Object(members) = value else {
        return match path.last() {
            Some(&"TRACE_TO_LANGFUSE") => value.clone(),
            _ => json!(value.is_string()),
        };
    };
    let named = |(name, value): (&String, &Value)| {
        let inner = shape(value, &[path, &[name.as_str()]].concat());
        match path {
            ["projects"] => json!([name.starts_with('/'), inner]),
            _ => json!([name, inner]),
        }
    };
    members.iter().map(named).collect()
}

/// Each byte with its lowest bit flipped (letters stay letters), its highest (not UTF-8), or replaced by a quote.
fn corruptions(valid: &str) -> impl Iterator<Item = (usize, Vec<u8>)> {
    (0..valid.len()).flat_map(move |position| {
        let byte = valid.as_bytes()[position];
        [byte ^ 1, byte ^ 0x80, b'"'].map(|other| {
            let mut bytes = valid.as_bytes().to_vec();
            bytes[position] = other;
            (position, bytes)
        })
    })
}

#[test]
fn any_corruption_suspends_or_is_another_valid_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("project");
    let valid = json!({
        "env": {"LANGFUSE_PUBLIC_KEY": "pk-lf-1", "LANGFUSE_SECRET_KEY": "sk-lf-1", "CC_LANGFUSE_TRACE_TAGS": "a,b"},
        "projects": {project.to_str().unwrap(): {"env": {"TRACE_TO_LANGFUSE": "true"}}},
    });
    let valid = serde_json::to_string_pretty(&valid).unwrap();
    let path = folder.path().join("config.json");
    let resolved = |text: &[u8]| -> Config {
        std::fs::write(&path, text).unwrap();
        let env = Env { config_override: Some(path.clone()), ..Env::default() };
        let files = Files::new();
        resolve(&env, &files, Some(&project), Scope::OwnHook)
    };
    assert!(resolved(valid.as_bytes()).enabled);
    let mut seen = [0; 3];
    for (position, text) in corruptions(&valid) {
        let effect = effect(&valid, &text);
        let config = resolved(&text);
        let what = format!("byte {position}: {}", String::from_utf8_lossy(&text));
        assert_eq!(config.suspended.is_some(), effect == Effect::Suspended, "{effect:?}, {what}");
        if effect == Effect::Same {
            assert!(config.enabled, "{what}");
        }
        seen[effect as usize] += 1;
    }
    assert!(seen.iter().all(|count| *count > 10), "{seen:?}");
}

#[test]
fn thirty_corruptions_between_two_turns_suspend_or_change_nothing() {
    let length = Attended::new().valid.len();
    let mut suspended = 0;
    // The number alone decides which bytes.
    for position in (0..CORRUPTIONS).map(|number| number * length / CORRUPTIONS) {
        let attended = Attended::new();
        let (_, text) = corruptions(&attended.valid).nth(position * 3).unwrap();
        let effect = effect(&attended.valid, &text);
        if effect == Effect::Undetectable {
            continue;
        }
        let what = format!("byte {position}, {effect:?}: {}", String::from_utf8_lossy(&text));
        let session = attended.session();
        assert_eq!(stop(&session, 0), None);
        let (before, requests) = (attended.cursors(), attended.mock.requests().len());
        attended.sandbox.write(CONFIG, &text);
        let said = stop(&session, 1);
        let project = attended.project.to_str().unwrap();
        let status = attended.sandbox.run(&["status", "--project", project]);
        if effect == Effect::Suspended {
            assert!(said.is_some(), "{what}");
            assert_eq!(attended.cursors(), before, "{what}");
            assert_eq!(attended.mock.requests().len(), requests, "{what}");
            status.exits(3);
            suspended += 1;
        } else {
            assert_eq!(said, None, "{what}");
            status.exits(0);
        }
        attended.repair();
        assert_eq!(stop(&session, 2), None, "{what}");
        let answers = attended.mock.answers();
        assert_eq!(answers, ["Answer 1.", "Answer 2.", "Answer 3."], "{what}");
        assert_eq!(attended.mock.generations_sent(), 3, "{what}");
    }
    assert!(suspended > CORRUPTIONS / 3, "{suspended}");
}
