//! Counts of inherited turns in `status` and `replay`.

use serde_json::json;

use super::{COPY, Place, answer, prompt, two_turns};

#[test]
fn reports_count_inherited_turns() {
    let mut fork = two_turns(COPY);
    let queued = json!({
        "type": "queue-operation", "operation": "enqueue", "content": "Three?", "sessionId": COPY,
        "timestamp": "2024-10-05T21:00:05.000Z",
    });
    fork.insert(0, queued);
    fork.extend([prompt(COPY, "p3", 6, "Three?"), answer(COPY, "a3", 7, "Three.")]);
    let mut place = Place::new();
    place.stop(COPY, &fork, "Three.");
    place.sandbox.set("CLAUDE_CODE_SESSION_ID", COPY);
    let told = place.sandbox.run(&["status"]).exits(0);
    assert!(told.stdout.contains("inherited"), "{}", told.stdout);
    let told = place.sandbox.run(&["status", "--json"]).exits(0).json();
    assert_eq!(told[0]["inherited"], json!({"turns": 2, "sessions": 1, "session": null}));
    place.sandbox.unset("CLAUDE_CODE_SESSION_ID");
    let told = place.sandbox.run(&["status"]).exits(0);
    assert!(told.stdout.contains("2 turns, sent by the sessions that had them first"), "{told:?}");
    let told = place.sandbox.run(&["replay", COPY]).exits(0);
    assert!(told.stdout.contains("2 turns skipped (of the session copied from)"), "{told:?}");
    let told = place.sandbox.run(&["replay", COPY, "--json"]).exits(0).json();
    assert!(told.iter().all(|line| line["inherited"] == 2), "{told:?}");
}
