//! The fuzzer's corpus, run as ordinary tests. `fuzz/README.md` describes how to find more.

#[path = "../../fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "public in the crate of its own that it is to the fuzzer")]
mod targets;

use std::fs;
use std::path::Path;

/// Runs every file of a corpus, also truncated and with one byte changed.
fn all_of(corpus: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(corpus);
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let content = fs::read(entry.unwrap().path()).unwrap();
        target(&content);
        target(&content[..content.len() / 3]);
        for at in (0..content.len()).step_by(content.len() / 7 + 1) {
            let mut changed = content.clone();
            changed[at] ^= 1;
            target(&changed);
        }
        count += 1;
    }
    assert!(count > 3, "{count} files");
}

#[test]
fn any_standard_input_is_an_event_or_rejected() {
    all_of("stdin", targets::stdin);
}

#[test]
fn any_transcript_is_sent_the_same_each_time() {
    all_of("transcript", targets::transcript);
}

#[test]
fn any_configuration_is_resolved_and_shows_no_key() {
    all_of("config", targets::config);
}

#[test]
fn any_state_is_used_or_not_changed() {
    all_of("state", targets::state);
}

#[test]
fn any_response_has_a_verdict() {
    all_of("reply", targets::reply);
}
