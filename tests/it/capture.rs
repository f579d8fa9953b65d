//! An invalid pattern is not ignored: nothing is sent.

use serde_json::json;

use crate::sandbox::{Doorbell, Sandbox, traced_to};

#[test]
fn an_invalid_pattern_sends_nothing() {
    let bell = Doorbell::new();
    for (variable, value) in [
        ("CC_LANGFUSE_MASK_PATTERNS", "[\"secret(\"]"),
        ("CC_LANGFUSE_MASK_PATTERNS", "{\"pattern\": \"secret\"}"),
    ] {
        let sandbox = Sandbox::new();
        let mut env = traced_to(&bell.url());
        env[variable] = json!(value);
        sandbox.config(&json!({"env": env}));
        let session = sandbox.session("v2.1.330/simple");
        session.whole().stop(0).unnoticed();
        session.end().unnoticed();
        session.replay(&[]).exits(3);
        let dry = session.replay(&["--dry-run"]).exits(3);
        assert!(dry.stdout.is_empty() && dry.stderr.contains(variable), "{dry:?}");
        bell.assert_untouched();
    }
}
