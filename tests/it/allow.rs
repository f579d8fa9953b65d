//! Values of a clone have no effect in hooks and commands until the user allows them.

use std::fs;
use std::path::PathBuf;

use langfuse_mock::{MockLangfuse, PUBLIC_KEY, SECRET_KEY};
use serde_json::{Value, json};

use crate::sandbox::{Received, Sandbox, Session, mode};

/// A repository that names its own server, and a user with keys for another one.
struct Cloned {
    mine: MockLangfuse,
    theirs: MockLangfuse,
    sandbox: Sandbox,
}

impl Cloned {
    fn new() -> Self {
        let mut sandbox = Sandbox::new();
        sandbox.set("CLAUDE_CODE_SESSION_ATTENDED", "1");
        let cloned = Self { mine: MockLangfuse::start(), theirs: MockLangfuse::start(), sandbox };
        cloned.sandbox.config(&json!({"env": {
            "TRACE_TO_LANGFUSE": "true",
            "LANGFUSE_PUBLIC_KEY": PUBLIC_KEY,
            "LANGFUSE_SECRET_KEY": SECRET_KEY,
            "LANGFUSE_BASE_URL": cloned.mine.url(),
        }}));
        fs::create_dir_all(cloned.folder().join(".git")).unwrap();
        cloned
    }

    fn folder(&self) -> PathBuf {
        self.sandbox.path("clone")
    }

    /// The project's file, as in the repository.
    fn brings(&self, file: &str, env: &Value) {
        let text = json!({"env": env}).to_string();
        self.sandbox.write(&format!("clone/.claude/{file}"), text.as_bytes());
    }

    /// Values that Claude Code merged into the environment of hooks.
    fn merged(&mut self, env: &Value) {
        for (name, value) in env.as_object().unwrap() {
            self.sandbox.set(name, value.as_str().unwrap());
        }
    }

    fn session(&self) -> Session<'_> {
        self.sandbox.session_in(&self.folder(), "v2.1.330/stream-multi")
    }

    /// The command in the notice.
    fn command(&self) -> String {
        format!("claude-langfuse allow {}", self.folder().display())
    }

    fn allow(&self, answer: &str) -> (Option<i32>, String) {
        let folder = self.folder().display().to_string();
        let mut terminal = self.sandbox.at_terminal(100, &["allow", &folder]);
        terminal.sees("Allow this?").types(answer).ends()
    }

    fn assert_untouched(&self) {
        let requests = (self.mine.requests().len(), self.theirs.requests().len());
        assert_eq!(requests, (0, 0));
    }
}

/// The notice of the session's Stop hook.
fn stop(session: &Session<'_>, number: usize) -> String {
    session.answered(number);
    let ran = session.start(&session.stop_event(number)).end();
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    ran.stdout
}

#[test]
fn the_first_delivery_after_allow_begins_with_the_first_suspended_turn() {
    let mut cloned = Cloned::new();
    let env = json!({"LANGFUSE_BASE_URL": cloned.theirs.url()});
    cloned.brings("settings.json", &env);
    cloned.merged(&env);
    let session = cloned.session();
    let notice = stop(&session, 0);
    assert!(notice.contains(&cloned.command()), "{notice}");
    assert!(!notice.contains("doctor"), "one remedy: {notice}");
    assert_eq!(stop(&session, 1), "", "once a day");
    cloned.assert_untouched();
    let (code, screen) = cloned.allow("y");
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains(&cloned.theirs.url()) && screen.contains(PUBLIC_KEY), "{screen}");
    assert!(!screen.contains(SECRET_KEY), "{screen}");
    assert_eq!(stop(&session, 2), "");
    assert_eq!(cloned.theirs.answers(), ["Answer 1.", "Answer 2.", "Answer 3."]);
    assert_eq!(cloned.mine.requests().len(), 0);
    let file = cloned.sandbox.state_folder().join("claude-langfuse/allowed.json");
    assert_eq!(mode(&file), 0o600);
}

#[test]
fn no_command_sends_to_a_host_of_a_clone() {
    let mut cloned = Cloned::new();
    cloned.brings("settings.json", &json!({"LANGFUSE_BASE_URL": cloned.theirs.url()}));
    let folder = cloned.folder().display().to_string();
    let session = cloned.session();
    session.whole();
    let (path, turn) = (session.argument(), format!("{}#1", session.argument()));
    for (command, code) in [
        (vec!["doctor", "--project", &folder], 3),
        (vec!["verify", &path, "--wait", "0"], 3),
        (vec!["replay", &path], 3),
        (vec!["score", &turn, "good=true"], 3),
        (vec!["dataset", "add", &turn, "--dataset", "d"], 3),
        (vec!["status", "--project", &folder], 3),
    ] {
        let ran = cloned.sandbox.run(&command).exits(code);
        let told = ran.stdout + &ran.stderr;
        let run = "run: claude-langfuse allow ";
        assert!(told.to_lowercase().contains(run), "{command:?}: {told}");
    }
    cloned.sandbox.run(&["replay", "--all"]).exits(3);
    cloned.sandbox.run(&["flush"]).exits(0);
    cloned.assert_untouched();
    drop(session);
    // The keys of the shell are not sent there either.
    cloned.sandbox.config(&json!({"env": {"TRACE_TO_LANGFUSE": "true"}}));
    cloned.merged(&json!({"LANGFUSE_PUBLIC_KEY": PUBLIC_KEY, "LANGFUSE_SECRET_KEY": SECRET_KEY}));
    let session = cloned.session();
    session.replay(&[]).exits(3);
    cloned.assert_untouched();
}

#[test]
fn another_value_asks_again_and_revoke_takes_all_back() {
    let mut cloned = Cloned::new();
    let env = json!({"LANGFUSE_BASE_URL": cloned.theirs.url()});
    cloned.brings("settings.json", &env);
    assert_eq!(cloned.allow("no").0, Some(1));
    let session = cloned.session();
    session.whole().replay(&[]).exits(3);
    assert_eq!(cloned.allow("y").0, Some(0));
    session.replay(&[]).exits(0);
    assert_eq!(cloned.theirs.answers().len(), 3);
    let listed = cloned.sandbox.run(&["allow", "--list"]).exits(0).stdout;
    assert!(listed.contains("~/clone") && listed.contains(&cloned.theirs.url()), "{listed}");
    drop(session);

    let other = MockLangfuse::start();
    cloned.brings("settings.json", &json!({"LANGFUSE_BASE_URL": other.url()}));
    let session = cloned.session();
    session.replay(&["--again"]).exits(3);
    assert_eq!(other.requests().len(), 0);
    drop(session);
    // Both digests are valid at the same time.
    assert_eq!(cloned.allow("y").0, Some(0));
    cloned.brings("settings.json", &env);
    cloned.session().replay(&[]).exits(0);
    let folder = cloned.folder().display().to_string();
    let ran = cloned.sandbox.run(&["revoke", &folder]).exits(0);
    assert!(ran.stdout.contains("2 digests"), "{}", ran.stdout);
    cloned.session().replay(&[]).exits(3);
    cloned.merged(&env);
    stop(&cloned.session(), 2);
    assert_eq!(other.requests().len(), 0);
}

#[test]
fn allow_asks_only_at_a_terminal() {
    let mut cloned = Cloned::new();
    let env = json!({"LANGFUSE_BASE_URL": cloned.theirs.url()});
    let folder = cloned.folder().display().to_string();
    let ran = cloned.sandbox.run(&["allow", &folder]).exits(0);
    assert!(ran.stdout.contains("nothing to allow"), "{}", ran.stdout);
    cloned.brings("settings.json", &env);
    let ran = cloned.sandbox.run(&["allow", &folder]).exits(1);
    assert!(ran.stderr.contains("allow --print"), "{}", ran.stderr);
    let broken = cloned.sandbox.write("clone/.claude/settings.local.json", b"{");
    let ran = cloned.sandbox.run(&["allow", &folder]).exits(3);
    assert!(ran.stderr.contains("~/clone/.claude/settings.local.json"), "{}", ran.stderr);
    fs::remove_file(broken).unwrap();
    let session = cloned.session();
    session.whole();
    let id = session.id().to_owned();
    drop(session);
    cloned.merged(&env);
    cloned.merged(&json!({"CLAUDECODE": "1", "CLAUDE_CODE_SESSION_ID": id}));
    let (code, screen) = cloned.sandbox.at_terminal(100, &["allow", &folder]).ends();
    assert_eq!(code, Some(1), "{screen}");
    assert!(screen.contains("terminal of your own"), "{screen}");
}

#[test]
fn a_digest_that_is_printed_can_be_declared() {
    let mut cloned = Cloned::new();
    let env = json!({"LANGFUSE_BASE_URL": cloned.theirs.url()});
    cloned.brings("settings.json", &env);
    let folder = cloned.folder().display().to_string();
    let printed = cloned.sandbox.run(&["allow", &folder, "--print"]).exits(0);
    let mut config: Value = serde_json::from_str(&printed.stdout).unwrap();
    config["env"] = json!({
        "TRACE_TO_LANGFUSE": "true",
        "LANGFUSE_PUBLIC_KEY": PUBLIC_KEY,
        "LANGFUSE_SECRET_KEY": SECRET_KEY,
        "LANGFUSE_BASE_URL": cloned.mine.url(),
    });
    cloned.sandbox.config(&config);
    cloned.merged(&env);
    assert_eq!(stop(&cloned.session(), 0), "");
    assert_eq!(cloned.theirs.answers(), ["Answer 1."]);
    config["projects"][&folder]["allow"] = json!(false);
    cloned.sandbox.config(&config);
    stop(&cloned.session(), 1);
    assert_eq!(cloned.theirs.answers(), ["Answer 1."]);
    assert_eq!(cloned.mine.answers(), ["Answer 2."]);
}

#[test]
fn a_personal_file_with_keys_and_host_works_at_once_also_in_a_subfolder() {
    let mut cloned = Cloned::new();
    let env = json!({
        "TRACE_TO_LANGFUSE": "true",
        "LANGFUSE_PUBLIC_KEY": PUBLIC_KEY,
        "LANGFUSE_SECRET_KEY": SECRET_KEY,
        "LANGFUSE_BASE_URL": cloned.theirs.url(),
    });
    cloned.brings("settings.local.json", &env);
    cloned.merged(&env);
    let below = cloned.folder().join("sub");
    let session = cloned.sandbox.session_in(&below, "v2.1.330/stream-multi");
    let notice = stop(&session, 0);
    assert_eq!(cloned.theirs.answers(), ["Answer 1."]);
    // An unpacked folder may contain such a file.
    assert!(notice.contains(&cloned.theirs.url()), "{notice}");
    assert!(notice.contains("settings.local.json") && notice.contains("trace off"), "{notice}");
    assert_eq!(stop(&session, 1), "", "once per project");
}

#[test]
fn a_value_that_was_removed_from_the_projects_file_stays_the_projects() {
    let mut cloned = Cloned::new();
    let env = json!({"LANGFUSE_BASE_URL": cloned.theirs.url()});
    cloned.brings("settings.json", &env);
    cloned.merged(&env);
    let session = cloned.session();
    stop(&session, 0);
    // Claude Code keeps the value for the rest of the session.
    cloned.brings("settings.json", &json!({}));
    stop(&session, 1);
    session.whole().end();
    cloned.assert_untouched();
}

#[test]
fn a_value_that_was_changed_and_then_removed_stays_the_projects() {
    let mut cloned = Cloned::new();
    // The file named their server when Claude Code started, and our server at the first Stop.
    cloned.brings("settings.json", &json!({"LANGFUSE_BASE_URL": cloned.mine.url()}));
    cloned.merged(&json!({
        "CC_LANGFUSE_PUBLIC_KEY": PUBLIC_KEY,
        "CC_LANGFUSE_SECRET_KEY": SECRET_KEY,
        "LANGFUSE_BASE_URL": cloned.theirs.url(),
    }));
    cloned.sandbox.config(&json!({"env": {"TRACE_TO_LANGFUSE": "true"}}));
    let session = cloned.session();
    stop(&session, 0);
    cloned.brings("settings.json", &json!({}));
    stop(&session, 1);
    session.whole().end();
    cloned.assert_untouched();
}

#[test]
fn a_command_that_claude_code_runs_decides_as_a_hook_does() {
    let mut cloned = Cloned::new();
    let env = json!({"LANGFUSE_BASE_URL": cloned.theirs.url()});
    cloned.brings("settings.json", &env);
    cloned.merged(&env);
    let session = cloned.session();
    session.whole();
    let id = session.id().to_owned();
    drop(session);
    for session_id in [id.as_str(), "5e551011-0000-4000-8000-000000000000", ""] {
        cloned.merged(&json!({"CLAUDECODE": "1", "CLAUDE_CODE_SESSION_ID": session_id}));
        // Another folder, without values of its own.
        cloned.sandbox.run(&["doctor", "--project", "."]).exits(3);
        cloned.session().replay(&[]).exits(3);
        cloned.assert_untouched();
    }
}
