//! An invalid pattern is not ignored: nothing is sent.

use serde_json::json;

use crate::sandbox::{ConnectionProbe, Sandbox, traced_to};

#[test]
fn an_invalid_pattern_sends_nothing() {
    let probe = ConnectionProbe::new();
    for (variable, value) in [
        ("CC_LANGFUSE_MASK_PATTERNS", "[\"secret(\"]"),
        ("CC_LANGFUSE_MASK_PATTERNS", "{\"pattern\": \"secret\"}"),
    ] {
        let sandbox = Sandbox::new();
        let mut env = traced_to(&probe.url());
        env[variable] = json!(value);
        sandbox.config(&json!({"env": env}));
        let session = sandbox.session("v2.1.330/simple");
        session.whole().stop(0).silent();
        session.end().silent();
        session.replay(&[]).exits(3);
        let dry = session.replay(&["--dry-run"]).exits(3);
        assert!(dry.stdout.is_empty() && dry.stderr.contains(variable), "{dry:?}");
        probe.assert_untouched();
    }
}
