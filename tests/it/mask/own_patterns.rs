//! The user's own patterns: additional masks, exceptions, and invalid patterns.

use serde_json::json;

use super::{applied, applied_to_value, observation, policy};
use claude_langfuse::trace::{Content, MetadataKey, Status};

#[test]
fn own_patterns_are_masked_under_their_own_names() {
    let policy = policy(&[(
        "CC_LANGFUSE_MASK_PATTERNS",
        r#"["CASE-\\d{4}", {"name": "Customer", "pattern": "customer (\\w+)"}]"#,
    )]);
    assert_eq!(
        applied(&policy, "CASE-1234 of customer smith, CASE-12"),
        "[masked: custom, 9 chars] of customer [masked: customer, 5 chars], CASE-12"
    );
    let value = json!({"a": ["CASE-1234"], "CASE-5678": 1});
    assert_eq!(
        applied_to_value(&policy, &value),
        json!({"a": ["[masked: custom, 9 chars]"], "[masked: custom, 9 chars]": 1})
    );
    let once = applied(&policy, "customer smith");
    assert_eq!(applied(&policy, &once), once);
}

#[test]
fn an_allowed_text_is_not_masked_by_a_rule() {
    let token = format!("ghp_{}", "a1B2".repeat(9));
    let policy = policy(&[("CC_LANGFUSE_MASK_PATTERNS", "!^ghp_a1B2\n!^hunter\nCASE-\\d+")]);
    assert_eq!(applied(&policy, &token), token);
    assert_eq!(
        applied(&policy, "PASSWORD=hunter2 CASE-1"),
        "PASSWORD=hunter2 [masked: custom, 6 chars]"
    );
    let value = json!({"password": "hunter2", "token": "a1b2c3d4e5f6a7b8"});
    assert_eq!(applied_to_value(&policy, &value)["password"], "hunter2");
    assert_eq!(applied_to_value(&policy, &value)["token"], "[masked: token, 16 chars]");
}

#[test]
fn overlapping_own_patterns_and_rules_are_both_masked() {
    let token = format!("ghp_{}", "a1B2".repeat(9));
    let policy = policy(&[("CC_LANGFUSE_MASK_PATTERNS", "by [a-z]+ ghp_a1")]);
    assert_eq!(
        applied(&policy, &format!("made by me {token}.")),
        "made [masked: custom, 46 chars]."
    );
}

#[test]
fn an_invalid_pattern_sends_no_content_and_is_reported() {
    for wrong in ["CASE-(", "[1]", r#"[{"pattern": 1}]"#, ".*"] {
        let policy = policy(&[("CC_LANGFUSE_MASK_PATTERNS", wrong)]);
        assert!(policy.problem().is_some(), "{wrong}");
        let mut observation = observation();
        observation.input = Some(Content::Text("CASE-1234".to_owned()));
        observation.output = Some(Content::Json(json!(["CASE-1234"])));
        observation.status = Some(Status::quoting("CASE-1234"));
        policy.apply(&mut observation);
        let left_out = Some(Content::Text("[not captured: 9 chars]".to_owned()));
        assert_eq!((&observation.input, &observation.output), (&left_out, &left_out));
        assert_eq!(observation.status, Some(Status::quoting("[not captured: 9 chars]")));
        let why = &observation.metadata[&MetadataKey::Masked];
        assert!(
            why.starts_with("all content left out: CC_LANGFUSE_MASK_PATTERNS ")
                && !why.contains("CASE"),
            "{why}"
        );
    }
}

#[test]
fn patterns_are_not_shown_and_policies_can_be_compared() {
    let with = |patterns: &str| policy(&[("CC_LANGFUSE_MASK_PATTERNS", patterns)]);
    assert!(!format!("{:?}", with("CASE-\\d+")).contains("CASE"));
    assert_eq!(with("a+"), with("a+"));
    assert_ne!(with("a+"), with("b+"));
}

#[test]
fn own_keys_and_their_base64_are_masked_in_any_place_despite_allow_patterns() {
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;
    let (public, secret) = ("pk-lf-of-this-program", "plain words of this program");
    let policy = policy(&[
        ("TRACE_TO_LANGFUSE", "true"),
        ("LANGFUSE_PUBLIC_KEY", public),
        ("LANGFUSE_SECRET_KEY", secret),
        ("CC_LANGFUSE_MASK_PATTERNS", "!plain\n!pk-lf"),
    ]);
    let header = BASE64_STANDARD.encode(format!("{public}:{secret}"));
    let file = BASE64_STANDARD.encode(format!("LANGFUSE_SECRET_KEY={secret}\nA=1\n"));
    for text in [public, secret, &header, &file] {
        let masked = applied(&policy, &format!("x{text}x"));
        assert!(masked.contains("[masked: langfuse-key, "), "{masked}");
        let pieces = text.as_bytes().windows(20);
        let left = pieces.filter(|piece| masked.contains(str::from_utf8(piece).unwrap())).count();
        // For a whole file in base64, the parts before and after the key stay.
        assert!(left == 0 || text == file && left < 20, "{masked}");
    }
}
