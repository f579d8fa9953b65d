//! Attacks by a repository, observed at the servers: no key and no text is sent with less protection, or to another place,
//! than its user chose.

mod mixes;

use std::fs;
use std::path::PathBuf;

use langfuse_mock::{MockLangfuse, Reply, SECRET_KEY};
use serde_json::{Value, json};

use crate::sandbox::{ConnectionProbe, Received, Sandbox, Session, traced_to};

/// A user with keys for a server, in a clone.
struct Clone {
    mine: MockLangfuse,
    sandbox: Sandbox,
    /// Values that Claude Code merged into the environment of hooks.
    merged: Vec<String>,
}

impl Clone {
    /// `more`: variables of the user's configuration file.
    fn new(more: &Value) -> Self {
        let clone =
            Self { mine: MockLangfuse::start(), sandbox: Sandbox::new(), merged: Vec::new() };
        let mut env = traced_to(&clone.mine.url());
        env.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        clone.sandbox.config(&json!({"env": env}));
        fs::create_dir_all(clone.folder().join(".git")).unwrap();
        clone
    }

    fn folder(&self) -> PathBuf {
        self.sandbox.path("clone")
    }

    /// Sets a variable in a file of the project, which Claude Code merges into the environment of hooks.
    fn brings(&mut self, file: &str, env: &Value) {
        let text = json!({"env": env}).to_string();
        self.sandbox.write(&format!("clone/.claude/{file}"), text.as_bytes());
        for (name, value) in env.as_object().unwrap() {
            self.sandbox.set(name, value.as_str().unwrap());
            self.merged.push(name.clone());
        }
    }

    /// From now on commands run in the user's own terminal.
    fn leave(&mut self) {
        for name in &self.merged {
            self.sandbox.unset(name);
        }
    }

    fn session(&self) -> Session<'_> {
        self.sandbox.session_in(&self.folder(), "v2.1.330/stream-multi")
    }

    fn status(&self) -> String {
        let folder = self.folder().display().to_string();
        self.sandbox.run(&["status", "--project", &folder]).stdout
    }
}

fn texts(mock: &MockLangfuse) -> String {
    let rows = mock.rows().into_iter();
    rows.flat_map(|row| [row.input, row.output]).flatten().collect()
}

#[test]
fn a_wider_capture_of_a_clone_is_ignored_and_reported() {
    for file in ["settings.json", "settings.local.json"] {
        let mut clone = Clone::new(&json!({"CC_LANGFUSE_CAPTURE": "metadata"}));
        clone.brings(file, &json!({"CC_LANGFUSE_CAPTURE": "full", "CC_LANGFUSE_MASK": "false"}));
        clone.session().answered(0).stop(0);
        clone.leave();
        clone.session().whole().replay(&[]).exits(0);
        clone.sandbox.run(&["flush"]).exits(0);
        assert_eq!(clone.mine.answers().len(), 3);
        assert!(!texts(&clone.mine).contains("Answer"), "{}", texts(&clone.mine));
        for told in [clone.sandbox.log(), clone.status()] {
            for name in ["CC_LANGFUSE_CAPTURE", "CC_LANGFUSE_MASK"] {
                assert!(told.contains(&format!("{name} in ")), "{told}");
            }
            assert!(told.contains("claude-langfuse allow "), "{told}");
        }
    }
}

#[test]
fn weaker_protection_is_shown_and_counts_after_allow() {
    let mut clone = Clone::new(&json!({"CC_LANGFUSE_CAPTURE": "metadata"}));
    clone.brings("settings.json", &json!({"CC_LANGFUSE_CAPTURE": "full"}));
    let folder = clone.folder().display().to_string();
    let mut terminal = clone.sandbox.at_terminal(120, &["allow", &folder]);
    let (code, screen) = terminal.sees("Allow this?").types("y").ends();
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("CC_LANGFUSE_CAPTURE=full (now metadata)"), "{screen}");
    let session = clone.session();
    session.answered(0).stop(0);
    assert_eq!(clone.mine.answers(), ["Answer 1."]);
    assert!(!clone.status().contains("ignored"), "{}", clone.status());
    drop(session);
    // A pull request adds values.
    clone.brings(
        "settings.json",
        &json!({"CC_LANGFUSE_CAPTURE": "full", "CC_LANGFUSE_MASK": "false"}),
    );
    let session = clone.session();
    session.answered(1).stop(1);
    assert_ne!(clone.mine.answers()[1], "Answer 2.");
}

#[test]
fn a_proxy_of_a_clone_sees_no_unencrypted_request() {
    let probe = ConnectionProbe::new();
    let mut clone = Clone::new(&json!({"LANGFUSE_BASE_URL": "http://langfuse.invalid"}));
    let proxy = probe.url();
    clone.brings("settings.json", &json!({"http_proxy": proxy, "ALL_PROXY": proxy}));
    clone.session().answered(0).stop(0);
    clone.leave();
    clone.session().replay(&[]);
    clone.sandbox.run(&["flush"]);
    probe.assert_untouched();
}

#[test]
fn a_clone_can_not_change_home_or_configuration_of_a_hook() {
    let theirs = MockLangfuse::start();
    for name in ["HOME", "XDG_CONFIG_HOME", "CLAUDE_CONFIG_DIR"] {
        let mut clone = Clone::new(&json!({}));
        let evil = clone.folder().join("evil").display().to_string();
        let config = json!({"env": traced_to(&theirs.url())}).to_string();
        for path in ["evil/.config/claude-langfuse/config.json", "evil/claude-langfuse/config.json"]
        {
            clone.sandbox.write(&format!("clone/{path}"), config.as_bytes());
        }
        let settings = json!({"env": traced_to(&theirs.url())}).to_string();
        for path in ["evil/.claude/settings.json", "evil/settings.json"] {
            clone.sandbox.write(&format!("clone/{path}"), settings.as_bytes());
        }
        clone.brings("settings.json", &json!({name: evil}));
        let session = clone.session();
        session.answered(0).stop(0);
        assert_eq!(clone.mine.answers(), ["Answer 1."], "{name}");
        assert!(clone.sandbox.state_folder().join("claude-langfuse").is_dir(), "{name}");
        // A command that Claude Code runs in the clone.
        clone.sandbox.set("CLAUDECODE", "1");
        let id = clone.session().id().to_owned();
        clone.sandbox.set("CLAUDE_CODE_SESSION_ID", id);
        let session = clone.session();
        session.whole();
        let argument = session.argument();
        let folder = clone.folder().display().to_string();
        clone.sandbox.shell(
            &format!("cd '{folder}' && '{}' replay '{argument}'", crate::sandbox::PROGRAM),
            b"",
        );
        assert_eq!(theirs.requests().len(), 0, "{name}");
    }
}

#[test]
fn a_key_file_of_a_clone_sends_no_other_file() {
    let theirs = MockLangfuse::start();
    for file in ["settings.json", "settings.local.json"] {
        let mut clone = Clone::new(&json!({}));
        let environ = "/proc/self/environ";
        clone.brings(
            file,
            &json!({
                "LANGFUSE_PUBLIC_KEY": "pk-lf-theirs",
                "LANGFUSE_SECRET_KEY_FILE": environ,
                "LANGFUSE_BASE_URL": theirs.url(),
            }),
        );
        let session = clone.session();
        session.answered(0).stop(0);
        session.replay(&[]).exits(3);
        assert_eq!((theirs.requests().len(), clone.mine.requests().len()), (0, 0));
    }
}

#[test]
fn a_clone_can_not_switch_tracing_on_against_its_user() {
    let mut clone = Clone::new(&json!({"TRACE_TO_LANGFUSE": "false"}));
    clone.brings("settings.json", &json!({"TRACE_TO_LANGFUSE": "true"}));
    let session = clone.session();
    session.answered(0).stop(0);
    clone.sandbox.run(&["replay", "--all"]).exits(0);
    assert_eq!(clone.mine.requests().len(), 0);
    assert!(!clone.sandbox.state_folder().exists(), "{:?}", clone.sandbox.state());
    drop(session);
    clone.brings("settings.local.json", &json!({"TRACE_TO_LANGFUSE": "true"}));
    let session = clone.session();
    session.answered(1).stop(1);
    assert_eq!(clone.mine.answers(), ["Answer 2."]);
}

#[test]
fn a_state_folder_of_a_clone_holds_nothing() {
    let mut clone = Clone::new(&json!({}));
    let evil = clone.folder().join("state").display().to_string();
    clone.brings("settings.local.json", &json!({"CC_LANGFUSE_STATE_DIR": evil}));
    let session = clone.session();
    session.answered(0).stop(0);
    assert_eq!(clone.mine.answers(), ["Answer 1."]);
    assert!(!clone.folder().join("state").exists());
}

#[test]
fn a_damaged_config_file_that_is_still_json_suspends() {
    let sandbox = Sandbox::new();
    let mock = MockLangfuse::start();
    let env = traced_to(&mock.url()).to_string();
    let off = env.replace(r#""TRACE_TO_LANGFUSE":"true""#, r#""TRACE_TO_LANGFUSE":"false""#);
    let twice = env.replacen('{', r#"{"TRACE_TO_LANGFUSE":"false","#, 1);
    let folder = sandbox.path("code").display().to_string();
    fs::create_dir_all(&folder).unwrap();
    let path = ".config/claude-langfuse/config.json";
    let session = sandbox.session_in(&sandbox.path("code"), "v2.1.330/stream-multi");
    sandbox.write(path, format!(r#"{{"env":{env}}}"#).as_bytes());
    session.answered(0).stop(0);
    for text in [
        format!(r#"{{"env":{env},"env":{off}}}"#),
        format!(r#"{{"env":{twice}}}"#),
        format!(
            r#"{{"env":{env},"projects":{{"{folder}":{{"env":{{}}}},"~/code/":{{"env":{off}}}}}}}"#
        ),
    ] {
        sandbox.write(path, text.as_bytes());
        session.answered(1).stop(1);
        assert_eq!(mock.answers(), ["Answer 1."], "{text}");
        let status = sandbox.run(&["status", "--project", &folder]).exits(3).stdout;
        assert!(status.contains("suspended"), "{status}");
        assert!(!status.contains(SECRET_KEY), "{status}");
    }
    sandbox.write(path, format!(r#"{{"env":{env}}}"#).as_bytes());
    session.answered(2).stop(2);
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 2.", "Answer 3."], "nothing was declined");
}

#[test]
fn a_variable_of_another_hook_that_affects_sending_is_a_problem_with_a_remedy() {
    for (name, remedy) in
        [("LANGFUSE_BASEURL", "LANGFUSE_BASE_URL"), ("CC_TRACE_TO_LANGFUSE", "TRACE_TO_LANGFUSE")]
    {
        let clone = Clone::new(&json!({name: "false"}));
        let session = clone.session();
        session.answered(0).stop(0);
        assert_eq!(clone.mine.requests().len(), 0, "{name}");
        let told = clone.sandbox.run(&["config", "check"]).exits(3).stdout;
        assert!(told.contains(name) && told.contains(&format!("use {remedy}")), "{told}");
    }
}

#[test]
fn a_variable_of_a_run_in_a_file_is_an_error_and_ignored() {
    let mut clone = Clone::new(&json!({"CC_LANGFUSE_TRACE_SEED": "mine"}));
    clone.brings(
        "settings.json",
        &json!({"CC_LANGFUSE_TRACEPARENT": format!(
            "00-{}-{}-01", "d".repeat(32), "e".repeat(16)
        )}),
    );
    let session = clone.session();
    session.answered(0).stop(0);
    let rows = clone.mine.rows();
    assert!(!rows.is_empty() && rows.iter().all(|row| row.trace_id != "d".repeat(32)));
    let folder = clone.folder().display().to_string();
    let told = clone.sandbox.run(&["config", "check", "--project", &folder]).exits(3).stdout;
    for name in ["CC_LANGFUSE_TRACE_SEED", "CC_LANGFUSE_TRACEPARENT"] {
        assert!(told.contains(name), "{told}");
    }
}

#[test]
fn a_session_switched_off_in_a_traced_folder_is_only_sent_by_name() {
    let mut clone = Clone::new(&json!({}));
    clone.brings("settings.local.json", &json!({"TRACE_TO_LANGFUSE": "false"}));
    let session = clone.session();
    session.answered(0).stop(0);
    // The recorded prompts are older than this hook.
    let rows: Vec<Value> = session.transcript().rows().collect();
    let is_prompt = |row: &Value| row["type"] == "user" && row.to_string().contains("Prompt 2");
    let second = rows.iter().find(|row| is_prompt(row)).unwrap();
    let note = format!(".claude/state/claude-langfuse/declined/{}", session.id());
    drop(session);
    assert!(clone.sandbox.path(&note).exists());
    clone.sandbox.write(&note, second["timestamp"].as_str().unwrap().as_bytes());
    // Later the file is removed, and config.json traces the folder.
    clone.leave();
    fs::remove_file(clone.folder().join(".claude/settings.local.json")).unwrap();
    let told = clone.sandbox.run(&["replay", "--all"]).exits(0).stdout;
    assert_eq!(clone.mine.requests().len(), 0, "{told}");
    assert!(told.contains("1 turn skipped (declined or paused)"), "{told}");
    let session = clone.session();
    session.answered(1).stop(1);
    clone.sandbox.run(&["replay", "--all", "--again"]).exits(0);
    assert_eq!(clone.mine.answers(), ["Answer 2."]);
    session.replay(&[]).exits(0);
    assert_eq!(clone.mine.answers(), ["Answer 1.", "Answer 2."]);
}

#[test]
fn replay_all_sends_neither_declined_nor_paused_turns_and_counts_them() {
    for again in [&[][..], &["--again"]] {
        let clone = Clone::new(&json!({}));
        let session = clone.session();
        session.answered(0).stop(0);
        clone.sandbox.run(&["pause"]).exits(0);
        session.answered(1).stop(1);
        clone.sandbox.run(&["resume"]).exits(0);
        session.answered(2).stop(2);
        session.whole().end();
        let command = [&["replay", "--all"], again].concat();
        let told = clone.sandbox.run(&command).exits(0).stdout;
        assert_eq!(clone.mine.answers(), ["Answer 1.", "Answer 3."], "{told}");
        assert!(told.contains("1 turn skipped (declined or paused)"), "{told}");
        clone.sandbox.run(&command).exits(0);
        assert_eq!(clone.mine.answers(), ["Answer 1.", "Answer 3."]);
        session.replay(&[]).exits(0);
        assert_eq!(clone.mine.answers(), ["Answer 1.", "Answer 2.", "Answer 3."]);
    }
}

#[test]
fn waiting_turns_of_a_removed_worktree_use_the_repositorys_configuration() {
    let sandbox = Sandbox::new();
    let mock = MockLangfuse::start();
    let (main, tree) = (sandbox.path("main"), sandbox.path("tree"));
    let git_dir = main.join(".git/worktrees/tree");
    fs::create_dir_all(&git_dir).unwrap();
    fs::create_dir_all(&tree).unwrap();
    fs::write(git_dir.join("gitdir"), tree.join(".git").display().to_string()).unwrap();
    fs::write(tree.join(".git"), format!("gitdir: {}\n", git_dir.display())).unwrap();
    let name = main.display().to_string();
    sandbox.config(&json!({"projects": {name: {"env": traced_to(&mock.url())}}}));
    mock.reply_next(Reply::Status(503));
    let session = sandbox.session_in(&tree, "v2.1.330/stream-multi");
    session.answered(0).stop(0);
    sandbox.end_backoff();
    // Like `git worktree remove`.
    fs::remove_dir_all(&tree).unwrap();
    fs::remove_dir_all(&git_dir).unwrap();
    sandbox.run(&["flush"]).exits(0);
    assert_eq!(mock.answers(), ["Answer 1."]);
    session.whole().replay(&[]).exits(0);
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 2.", "Answer 3."]);
}

#[test]
fn waiting_sessions_use_their_own_files_and_not_the_senders() {
    let mut clone = Clone::new(&json!({"CC_LANGFUSE_CAPTURE": "metadata"}));
    clone.mine.reply_next(Reply::Status(503));
    let session = clone.session();
    session.answered(0).stop(0);
    let id = session.id().to_owned();
    drop(session);
    clone.sandbox.end_backoff();
    clone.sandbox.set("CC_LANGFUSE_CAPTURE", "full");
    let other = clone.sandbox.session_in(&clone.folder(), "v2.1.330/thinking");
    other.answered(0).stop(0);
    let rows = clone.mine.rows();
    let waited: Vec<_> =
        rows.iter().filter(|row| row.session_id.as_deref() == Some(id.as_str())).collect();
    assert!(!waited.is_empty());
    assert!(waited.iter().all(|row| !format!("{row:?}").contains("Answer 1")));
}
