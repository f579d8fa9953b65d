//! Arguments after `hook` in its registration. Exit code 2, for wrong usage, would disturb the user.

use langfuse_mock::MockLangfuse;
use serde_json::json;

use crate::sandbox::{Received, Sandbox, traced_to};

#[test]
fn a_configuration_file_may_be_named() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::new();
    let config = json!({"env": traced_to(&mock.url())}).to_string();
    let file = sandbox.write("other.json", config.as_bytes());
    let session = sandbox.session("v2.1.330/simple");
    session.whole();
    let event = session.stop_event(0).to_string();
    let file = file.to_str().unwrap();
    for (arguments, answers) in [
        (&["hook"][..], 0),
        (&["hook", "--config", "nowhere.json"], 0),
        (&["--config", file, "hook"], 1),
    ] {
        let running = sandbox.start(arguments, event.as_bytes());
        running.end().silent();
        assert_eq!(mock.answers().len(), answers, "{arguments:?}");
    }
}

#[test]
fn unknown_arguments_are_logged_and_the_hook_runs() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/simple");
    session.whole();
    let event = session.stop_event(0).to_string();
    for arguments in [
        &["hook", "--nonsense"][..],
        &["hook", "and", "more"],
        &["--nonsense", "hook"],
        &["hook", "--config"],
    ] {
        let running = sandbox.start(arguments, event.as_bytes());
        running.end().silent();
    }
    assert_eq!(mock.answers(), ["Hello from the mock."]);
    let log = sandbox.log();
    let told = "command line is not understood: error: unexpected argument '--nonsense'";
    assert!(log.contains(told), "{log}");
}
