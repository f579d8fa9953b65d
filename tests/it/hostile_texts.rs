//! Control characters, and marks that reorder a line: no command prints them unescaped, from any source.

use std::fs;

use langfuse_mock::MockLangfuse;
use serde_json::{Value, json};

use crate::sandbox::Sandbox;

/// Clipboard access, a cleared screen, an 8-bit control, an overwritten line, a reordered one, one with a line end.
const HOSTILE: &str = "\u{1b}]52;c;aGk=\u{7}\u{1b}[2J\u{9b}31m\rX\u{202e}Y\u{2066}\u{2028}Z\u{7f}";

const SESSION: &str = "2c97";

/// Characters that must not remain, apart from the program's own styles.
fn control_characters(text: &str) -> Vec<char> {
    let styles = ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[31m", "\u{1b}[32m", "\u{1b}[33m"];
    let text = styles.iter().fold(text.to_owned(), |text, style| text.replace(style, ""));
    let hostile: Vec<char> = HOSTILE.chars().filter(|letter| !letter.is_ascii_graphic()).collect();
    text.chars().filter(|letter| hostile.contains(letter) && *letter != ' ').collect()
}

/// A session with hostile texts in all shown fields, in a folder with a hostile name.
fn hostile(mock: &MockLangfuse) -> Sandbox {
    let mut sandbox = Sandbox::traced(mock);
    let escaped = json!(HOSTILE).to_string();
    let escaped = escaped.trim_matches('"');
    let mut session = sandbox.session("v2.1.330/simple");
    for text in ["claude-opus-5-5", "2.1.330", "Hello from the mock.", "/home/dev/project"] {
        session.recording = session.recording.replaced(text, &format!("{text}{escaped}"));
    }
    session.whole();
    let folder = sandbox.path(&format!("code/app{}", HOSTILE.replace('/', "")));
    fs::create_dir_all(&folder).unwrap();
    sandbox.set("PWD", folder.display().to_string());
    sandbox
}

#[test]
fn no_command_prints_control_characters() {
    let mock = MockLangfuse::start();
    for forced in ["0", "1"] {
        let mut sandbox = hostile(&mock);
        if forced == "1" {
            sandbox.set("CLICOLOR_FORCE", "1");
        }
        let folder = sandbox.path(&format!("code/app{}", HOSTILE.replace('/', "")));
        let folder = folder.to_str().unwrap();
        let commands: [&[&str]; 14] = [
            &["show", SESSION],
            &["show", SESSION, "--json"],
            &["sessions"],
            &["sessions", "--json"],
            &["replay", SESSION],
            &["verify", SESSION],
            &["verify", SESSION, "--json"],
            &["status", "--project", folder],
            &["status", "--project", folder, "--json"],
            &["doctor", "--project", folder],
            &["doctor", "--project", folder, "--json"],
            &["config", "--project", folder],
            &["replay", HOSTILE],
            &["show", HOSTILE],
        ];
        for arguments in commands {
            let ran = sandbox.run(arguments);
            for text in [&ran.stdout, &ran.stderr] {
                assert_eq!(control_characters(text), [], "{arguments:?}: {text}");
            }
            if arguments.contains(&"--json") {
                let lines = ran.stdout.lines();
                lines.for_each(|line| drop(serde_json::from_str::<Value>(line).unwrap()));
            }
        }
    }
}

#[test]
fn log_and_notices_have_no_control_characters() {
    let mut sandbox = Sandbox::new();
    let env =
        json!({"TRACE_TO_LANGFUSE": "true", "LANGFUSE_SECRET_KEY_FILE": format!("/x{HOSTILE}")});
    sandbox.config(&json!({"env": env}));
    sandbox.set("CLAUDE_CODE_SESSION_ATTENDED", "1").set("CC_LANGFUSE_DEBUG", "true");
    let session = sandbox.session("v2.1.330/simple");
    let mut event = session.whole().stop_event(0);
    event["session_id"] = json!(format!("id{HOSTILE}"));
    let ran = session.start(&event).end();
    let notice: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(control_characters(notice["systemMessage"].as_str().unwrap()), []);
    assert!(!sandbox.log().is_empty());
    assert_eq!(control_characters(&sandbox.log()), [], "{}", sandbox.log());
}

#[test]
fn doctor_does_not_print_the_users_name() {
    let sandbox = Sandbox::new();
    let home = sandbox.path("").display().to_string();
    let home = home.trim_end_matches('/');
    let encoded: String = home
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' })
        .collect();
    sandbox.write(&format!(".claude/projects/{encoded}-code-app/2c97.jsonl"), b"{}\n");
    for arguments in [&["doctor", "--offline"][..], &["doctor", "--offline", "--json"]] {
        let told = sandbox.run(arguments).stdout;
        assert!(told.contains("~-code-app"), "{told}");
        assert!(!told.contains(&encoded) && !told.contains(home), "{told}");
    }
}
