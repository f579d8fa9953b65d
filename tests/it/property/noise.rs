//! Unknown rows and fields, and fields that are null, change no sent byte.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::cases;
use super::recorded::{Growing, any_session};

/// Lines of unknown types, or that are not rows.
const LINES: [&str; 15] = [
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
    "{\"parentUuid\":\"1\",\"isSidechain\":false,\"type\":\"telemetry\",\"message\":{\"role\":\"user\",\"content\":\"hi\"},\"turnOrigin\":\"human\",\"turnPosition\":{\"promptIndex\":9},\"uuid\":\"6\"}",
    "{\"type\":\"user\",\"uuid\":\"5\",\"message\":{\"role\":\"user\",\"con",
];

/// Known names: null is equal to absent.
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

/// For these, any value but null has a meaning.
const MEANINGFUL: [&str; 2] = ["forkedFrom", "toolUseResult"];

/// Known names that no span needs: absent and null are equal to any value.
const NEEDLESS: [&str; 16] = [
    "apiBlockIndex",
    "attributionAgent",
    "hookInfos",
    "imagePasteIds",
    "level",
    "logicalParentUuid",
    "madeBy",
    "perTurnEffort",
    "preservedMessages",
    "promptCacheRequested",
    "rendered",
    "sandboxed",
    "session_id",
    "slug",
    "sourceToolAssistantUUID",
    "userType",
];

/// Names of future releases.
const NEW: [&str; 4] = ["aNewField", "schema2", "attachments", "type2"];

/// The place of a change in a row.
const PLACES: [&str; 14] = [
    "",
    "/message",
    "/message/usage",
    "/message/usage/cache_creation",
    "/message/usage/server_tool_use",
    "/message/content/0",
    "/message/content/0/source",
    "/toolUseResult",
    "/attachment",
    "/permissionDecision",
    "/compactMetadata",
    "/turnPosition",
    "/origin",
    "/error",
];

/// One change to a file.
#[derive(Clone, Debug)]
enum Noise {
    /// A line before the row.
    Line(&'static str),
    /// An unknown field.
    Field { place: &'static str, name: &'static str, value: Value, first: bool },
    /// An unneeded field is null or absent.
    Without { name: &'static str, null: bool },
}

fn noise() -> impl Strategy<Value = Noise> {
    let value = prop::sample::select(vec![
        json!(null),
        json!("text \"attachment\":{\"type\":\"x\"}"),
        json!({"attachment": {"type": "date"}, "type": "user", "deep": [1, {"a": null}]}),
        json!([{"type": "summary"}, 1.5, true]),
        json!(-1),
    ]);
    let place = prop_oneof![Just(""), prop::sample::select(PLACES.to_vec())];
    let new = prop::sample::select(NEW.to_vec());
    let known = prop::sample::select(KNOWN.to_vec());
    // An unknown type.
    let odd = prop::sample::select(vec![json!(null), json!(42), json!([])]);
    let needless = prop::sample::select(NEEDLESS.to_vec());
    prop_oneof![
        prop::sample::select(LINES.to_vec()).prop_map(Noise::Line),
        (place, new, value, any::<bool>())
            .prop_map(|(place, name, value, first)| { Noise::Field { place, name, value, first } }),
        (known, odd, any::<bool>()).prop_map(|(name, odd, first)| Noise::Field {
            place: "",
            name,
            value: match MEANINGFUL.contains(&name) {
                true => Value::Null,
                false => odd,
            },
            first,
        }),
        (needless, any::<bool>()).prop_map(|(name, null)| Noise::Without { name, null }),
    ]
}

impl Noise {
    /// The row with this change, and the lines before it.
    fn apply(&self, row: &str, before: &mut String) -> String {
        let Ok(mut parsed) = serde_json::from_str::<Value>(row) else {
            return row.to_owned();
        };
        match self {
            Self::Line(line) => {
                *before += &format!("{line}\n");
                return row.to_owned();
            }
            Self::Field { place, name, value, first } => {
                let place = parsed.pointer_mut(place);
                let members = place.and_then(Value::as_object_mut);
                if let Some(members) = members.filter(|it| !is_shown_as_it_is(it)) {
                    insert(members, name, value, *first);
                }
            }
            Self::Without { name, null } => {
                let members = parsed.as_object_mut().unwrap();
                match members.get_mut(*name) {
                    Some(value) if *null => *value = Value::Null,
                    Some(_) => drop(members.shift_remove(*name)),
                    None => {}
                }
            }
        }
        parsed.to_string()
    }
}

/// Blocks of these kinds are unknown to the program, but not omitted.
fn is_shown_as_it_is(members: &Map<String, Value>) -> bool {
    let kind = members.get("type").and_then(Value::as_str);
    matches!(kind, Some("server_tool_use" | "web_search_tool_result"))
}

fn insert(members: &mut Map<String, Value>, name: &str, value: &Value, first: bool) {
    if !members.contains_key(name) {
        let index = if first { 0 } else { members.len() };
        members.shift_insert(index, name.to_owned(), value.clone());
    }
}

fn noisy(file: &Growing, noise: &[(u16, Noise)]) -> Growing {
    // The file with a workflow's end has no separate lines.
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

/// An unknown kind of block.
const BLOCK: &str = "hologram";

/// Adds such a block first or last to the messages of some rows.
fn with_blocks(file: &Growing, places: &[(u16, bool)]) -> Growing {
    let text = String::from_utf8(file.bytes.clone()).unwrap();
    let rows: Vec<&str> = text.lines().collect();
    let mut out = String::new();
    for (index, row) in rows.iter().enumerate() {
        let mut parsed: Value = serde_json::from_str(row).unwrap();
        let hits = |share: &u16| usize::from(*share) * rows.len() / 65_536 == index;
        for (_, first) in places.iter().filter(|(share, _)| hits(share)) {
            let content = parsed.pointer_mut("/message/content");
            if let Some(blocks) = content.and_then(Value::as_array_mut) {
                let place = if *first { 0 } else { blocks.len() };
                blocks.insert(place, json!({"type": BLOCK, "id": "h1", "text": 7}));
            }
        }
        out += &format!("{parsed}\n");
    }
    Growing::new(file.path.clone(), out.into_bytes())
}

proptest! {
    #![proptest_config(cases(70))]

    #[test]
    fn unknown_rows_and_fields_change_no_sent_byte(
        session in any_session(),
        own in prop::collection::vec((any::<u16>(), noise()), 1..20),
        agents in prop::collection::vec((any::<u16>(), noise()), 0..20),
    ) {
        let mut changed = session.clone();
        changed.main = noisy(&session.main, &own);
        changed.agents = session.agents.iter().map(|file| noisy(file, &agents)).collect();
        for (_, meta) in &mut changed.beside {
            let text = String::from_utf8(std::mem::take(meta)).unwrap();
            let fields = agents.iter().filter(|(_, noise)| matches!(noise, Noise::Field { .. }));
            let add = |text: String, (_, noise): &(u16, Noise)| noise.apply(&text, &mut String::new());
            *meta = fields.fold(text, add).into_bytes();
        }
        prop_assert_eq!(&changed.replayed().bodies, &session.bodies);
    }

    /// Only the observation with the block differs.
    #[test]
    fn a_new_content_block_changes_only_its_observation(
        session in any_session(),
        own in prop::collection::vec((any::<u16>(), any::<bool>()), 1..6),
        agents in prop::collection::vec((any::<u16>(), any::<bool>()), 0..6),
    ) {
        let mut changed = session.clone();
        changed.main = with_blocks(&session.main, &own);
        changed.agents = session.agents.iter().map(|file| with_blocks(file, &agents)).collect();
        let (before, after) = (&session.expected, changed.replayed().rows());
        prop_assert_eq!(before.len(), after.len());
        for (before, after) in before.iter().zip(&after) {
            let (before, mut after) = (before.to_json(), after.to_json());
            for content in ["input", "output"] {
                if after[content].to_string().contains(BLOCK) {
                    after[content] = before[content].clone();
                }
            }
            prop_assert_eq!(before, after);
        }
    }
}
