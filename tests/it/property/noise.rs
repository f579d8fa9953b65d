//! Rows and fields that this program does not know, and fields that are there but null, change no byte of what is sent.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::cases;
use super::recorded::{Growing, any_session};

/// Lines that say nothing to anyone yet, or that are no rows at all.
const LINES: [&str; 14] = [
    "",
    "{",
    "[]",
    "null",
    "42",
    "\"text\"",
    "{}",
    "{\"type\":null}",
    "{\"type\":\"telemetry\",\"uuid\":\"1\",\"timestamp\":\"2030-01-01T00:00:00.000Z\",\"message\":{\"content\":\"hi\"}}",
    "{\"type\":\"system\",\"subtype\":\"new_thing\",\"timestamp\":\"2030-01-01T00:00:00.000Z\",\"content\":\"hi\"}",
    "{\"attachment\":{\"type\":\"new_thing\",\"prompt\":\"hi\"},\"type\":\"attachment\",\"uuid\":\"2\"}",
    "{\"type\":\"user\",\"message\":null,\"uuid\":\"3\",\"timestamp\":\"2030-01-01T00:00:00.000Z\"}",
    "{\"type\":\"assistant\",\"message\":{\"id\":null,\"content\":null},\"uuid\":\"4\"}",
    "{\"type\":\"user\",\"uuid\":\"5\",\"message\":{\"role\":\"user\",\"con",
];

/// Known names: null is as good as absent.
const KNOWN: [&str; 20] = [
    "attachment",
    "cwd",
    "effort",
    "entrypoint",
    "error",
    "forkedFrom",
    "gitBranch",
    "isAbortedMidStream",
    "isApiErrorMessage",
    "isCompactSummary",
    "isMeta",
    "origin",
    "permissionDecision",
    "promptSource",
    "requestRef",
    "requestSessionId",
    "sessionId",
    "subtype",
    "toolUseResult",
    "version",
];

/// Names of releases to come.
const NEW: [&str; 4] = ["aNewField", "schema2", "attachments", "type2"];

/// One change to a file.
#[derive(Clone, Debug)]
enum Noise {
    Line(&'static str),
    Field {
        place: &'static str,
        name: &'static str,
        value: Value,
        first: bool,
    },
}

fn noise() -> impl Strategy<Value = Noise> {
    let value = prop::sample::select(vec![
        json!(null),
        json!("text \"attachment\":{\"type\":\"x\"}"),
        json!({"attachment": {"type": "date"}, "type": "user", "deep": [1, {"a": null}]}),
        json!([{"type": "summary"}, 1.5, true]),
        json!(-1),
    ]);
    let place = || prop::sample::select(vec!["", "", "message", "usage"]);
    let new = (
        place(),
        prop::sample::select(NEW.to_vec()),
        value,
        any::<bool>(),
    );
    let known = (prop::sample::select(KNOWN.to_vec()), any::<bool>());
    prop_oneof![
        prop::sample::select(LINES.to_vec()).prop_map(Noise::Line),
        new.prop_map(|(place, name, value, first)| Noise::Field {
            place,
            name,
            value,
            first
        }),
        known.prop_map(|(name, first)| Noise::Field {
            place: "",
            name,
            value: Value::Null,
            first
        }),
    ]
}

impl Noise {
    /// The row with this change, and what comes before it.
    fn apply(&self, row: &str, before: &mut String) -> String {
        match self {
            Self::Line(line) => {
                *before += &format!("{line}\n");
                row.to_owned()
            }
            Self::Field {
                place,
                name,
                value,
                first,
            } => {
                let Ok(mut parsed) = serde_json::from_str::<Value>(row) else {
                    return row.to_owned();
                };
                let members = match *place {
                    "" => parsed.as_object_mut(),
                    "message" => parsed["message"].as_object_mut(),
                    _ => parsed["message"]["usage"].as_object_mut(),
                };
                if let Some(members) = members {
                    insert(members, name, value, *first);
                }
                parsed.to_string()
            }
        }
    }
}

fn insert(members: &mut Map<String, Value>, name: &str, value: &Value, first: bool) {
    if !members.contains_key(name) {
        let index = if first { 0 } else { members.len() };
        members.shift_insert(index, name.to_owned(), value.clone());
    }
}

fn noisy(file: &Growing, noise: &[(u16, Noise)]) -> Growing {
    // The file that tells of a workflow's end has no lines of its own.
    let has_rows = file.path.extension().is_some_and(|kind| kind == "jsonl");
    let in_it = |(_, noise): &&(u16, Noise)| has_rows || !matches!(noise, Noise::Line(_));
    let text = String::from_utf8(file.bytes.clone()).unwrap();
    let rows: Vec<&str> = text.lines().collect();
    let mut out = String::new();
    for (index, row) in rows.iter().enumerate() {
        let hits = |share: &u16| usize::from(*share) * rows.len() / 65_536 == index;
        let mut row = (*row).to_owned();
        for (_, noise) in noise.iter().filter(in_it).filter(|(share, _)| hits(share)) {
            row = noise.apply(&row, &mut out);
        }
        out += &row;
        out.push('\n');
    }
    Growing::new(file.path.clone(), out.into_bytes())
}

proptest! {
    #![proptest_config(cases(70))]

    #[test]
    fn what_is_not_known_changes_no_byte_that_is_sent(
        session in any_session(),
        own in prop::collection::vec((any::<u16>(), noise()), 1..20),
        agents in prop::collection::vec((any::<u16>(), noise()), 0..20),
    ) {
        let mut changed = session.clone();
        changed.main = noisy(&session.main, &own);
        changed.agents = session.agents.iter().map(|file| noisy(file, &agents)).collect();
        prop_assert_eq!(&changed.replayed().bodies, &session.bodies);
    }
}
