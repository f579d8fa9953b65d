//! Paths that are not UTF-8: Unix allows any bytes, JSON does not.

use langfuse_mock::MockLangfuse;

use crate::sandbox::{PROGRAM, Ran, Received, Sandbox};

/// Runs the program in a shell where `$D` is a folder `café` in Latin-1, with the session's transcript at its usual place
/// in it.
fn shell(sandbox: &Sandbox, command: &str) -> Ran {
    let folder = sandbox.path("").display().to_string();
    let prepare = format!(
        "D=\"{folder}$(printf 'caf\\351')\"; mkdir -p \"$D\"; cp -r {folder}.claude/projects \"$D\""
    );
    sandbox.shell(&format!("{prepare}; {}", command.replace("claude-langfuse", PROGRAM)), b"")
}

#[test]
fn a_transcript_may_be_named_by_any_path() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/simple");
    session.whole();
    let path = session.path();
    let path = path.strip_prefix(sandbox.projects()).unwrap().display().to_string();
    let command = |arguments: &str| {
        shell(
            &sandbox,
            &format!(
                "claude-langfuse {}",
                arguments.replace("PATH", &format!("\"$D/projects/{path}\""))
            ),
        )
    };
    for arguments in [
        "show PATH",
        "show PATH#1",
        "export PATH",
        "replay PATH",
        "verify PATH",
        "replay --again \"$D/projects\"/*",
    ] {
        let ran = command(arguments).exits(0);
        assert!(
            ran.stdout.contains("Hello") || !arguments.starts_with("show"),
            "{arguments}: {ran:?}"
        );
    }
    assert_eq!(mock.answers(), ["Hello from the mock."]);
    let ran = command("replay PATH.jsonl").exits(1);
    assert!(ran.stdout.contains("caf\u{fffd}") || ran.stderr.contains("caf\u{fffd}"), "{ran:?}");
}

#[test]
fn claude_codes_folder_may_have_any_path() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/simple");
    session.whole();
    let id = session.id();
    let without =
        "rm -r .claude/projects; export CC_LANGFUSE_HOOK_BUDGET=60 CLAUDE_CONFIG_DIR=\"$D\"";
    let ran = shell(&sandbox, &format!("{without}; claude-langfuse sessions")).exits(0);
    assert!(ran.stdout.contains(&id[..8]), "{ran:?}");
    session.whole();
    let event = session.stop_event(0).to_string();
    let hook = format!("{without}; echo '{event}' | claude-langfuse hook; ls \"$D/state\"");
    let ran = shell(&sandbox, &hook).exits(0);
    assert!(ran.stdout.contains("langfuse_hook.log"), "{ran:?}");
    assert_eq!(mock.answers(), ["Hello from the mock."]);
}

#[test]
fn config_json_can_not_name_a_path_that_is_not_utf_8() {
    let sandbox = Sandbox::traced_to("http://127.0.0.1:9");
    let ran = shell(&sandbox, "claude-langfuse trace on \"$D\"").exits(3);
    assert!(ran.stderr.contains("is not UTF-8"), "{ran:?}");
    let path = sandbox.path(".config/claude-langfuse/config.json");
    assert!(!std::fs::read_to_string(path).unwrap().contains("caf"));
}
