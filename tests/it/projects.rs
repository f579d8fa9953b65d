//! A session is sent with its own project's configuration and keys of one layer, or not at all.

mod layers;

use langfuse_mock::{MockLangfuse, Reply};
use serde_json::{Value, json};

use crate::sandbox::{Received, Sandbox};

/// Two Langfuse projects, and a directory for each.
struct Two {
    here: MockLangfuse,
    there: MockLangfuse,
    sandbox: Sandbox,
}

impl Two {
    fn new() -> Self {
        let here = MockLangfuse::start_with_keys("pk-lf-here", "sk-lf-here");
        let there = MockLangfuse::start_with_keys("pk-lf-there", "sk-lf-there");
        let sandbox = Sandbox::new();
        let path = |name: &str| sandbox.path(name).display().to_string();
        sandbox.config(&json!({"projects": {
            path("here"): {"env": keys("here", &here)},
            path("there"): {"env": keys("there", &there)},
        }}));
        Self { here, there, sandbox }
    }
}

fn keys(name: &str, server: &MockLangfuse) -> Value {
    json!({
        "TRACE_TO_LANGFUSE": "true",
        "LANGFUSE_PUBLIC_KEY": format!("pk-lf-{name}"),
        "LANGFUSE_SECRET_KEY": format!("sk-lf-{name}"),
        "LANGFUSE_BASE_URL": server.url(),
    })
}

#[test]
fn a_projects_hook_sends_its_own_session_to_its_own_server() {
    let Two { here, there, sandbox } = Two::new();
    sandbox.session_in(&sandbox.path("here"), "v2.1.330/simple").answered(0).stop(0);
    sandbox.session_in(&sandbox.path("there/deep/inside"), "v2.1.330/thinking").answered(0).stop(0);
    assert_eq!(here.answers(), ["Hello from the mock."]);
    assert_eq!(there.answers(), ["Answer after thought."]);
}

#[test]
fn a_projects_hook_never_sends_waiting_sessions_of_another_project() {
    let Two { here, there, sandbox } = Two::new();
    here.reply_next(Reply::Status(503));
    sandbox.session_in(&sandbox.path("here"), "v2.1.330/simple").whole().end();
    sandbox.end_backoff();
    sandbox.session_in(&sandbox.path("there"), "v2.1.330/thinking").answered(0).stop(0);
    assert_eq!(here.requests().len(), 1);
    assert_eq!(there.answers(), ["Answer after thought."]);
    sandbox.run(&["flush"]).exits(0);
    assert_eq!(here.answers(), ["Hello from the mock."]);
    assert_eq!(there.answers(), ["Answer after thought."]);
}

#[test]
fn the_start_folder_of_the_session_counts_and_not_the_hooks() {
    let Two { here, there, mut sandbox } = Two::new();
    let started = sandbox.path("here").display().to_string();
    sandbox.set("CLAUDE_PROJECT_DIR", started);
    let session = sandbox.session_in(&sandbox.path("here"), "v2.1.330/simple");
    let mut event = session.answered(0).stop_event(0);
    event["cwd"] = json!(sandbox.path("there"));
    session.start(&event).end().silent();
    assert_eq!(here.answers(), ["Hello from the mock."]);
    assert_eq!(there.requests().len(), 0);
}

/// `cd` in a session: later rows and hooks have another directory, but the session's file does not move.
#[test]
fn a_session_in_another_directory_stays_with_its_start_project() {
    let Two { here, there, mut sandbox } = Two::new();
    let [started, gone] = ["here", "there"].map(|name| sandbox.path(name).display().to_string());
    sandbox.set("CLAUDE_PROJECT_DIR", started.clone());
    let mut session = sandbox.session_in(&sandbox.path("here"), "v2.1.330/stream-multi");
    let second = session.transcript().answer("Answer 1.", 0).unwrap() + 1;
    for line in session.recording.sessions[0].lines.iter_mut().skip(second) {
        *line = line.replace(&format!("\"cwd\":\"{started}\""), &format!("\"cwd\":\"{gone}\""));
    }
    let mut event = session.answered(1).stop_event(1);
    event["cwd"] = json!(gone);
    session.start(&event).end().silent();
    session.whole();
    // Later, by a command that only has the file.
    sandbox.run(&["flush"]).exits(0);
    assert_eq!(here.answers(), ["Answer 2.", "Answer 3."]);
    assert_eq!(there.requests().len(), 0);
    for row in here.rows() {
        assert_eq!(row.metadata["project"], "here");
        assert_eq!(row.metadata["cwd"], gone);
    }
}

#[test]
fn replay_sends_each_session_to_the_server_of_its_project() {
    let Two { here, there, sandbox } = Two::new();
    sandbox.session_in(&sandbox.path("here"), "v2.1.330/simple").whole();
    sandbox.session_in(&sandbox.path("there"), "v2.1.330/thinking").whole();
    sandbox.session_in(&sandbox.path("nowhere"), "v2.1.330/tools").whole();
    let ran = sandbox.run(&["replay", "--all"]).exits(0);
    assert!(ran.stdout.contains("1 session skipped"), "{}", ran.stdout);
    assert_eq!(here.answers(), ["Hello from the mock."]);
    assert_eq!(there.answers().len(), 2);
    let folder = sandbox.projects().display().to_string();
    // The third project has no keys: the others are still sent.
    sandbox.run(&["replay", "--again", &folder]).exits(3);
    assert_eq!(here.generations_sent(), 2);
    assert_eq!(there.generations_sent(), 4);
}

#[test]
fn a_session_at_another_server_starts_as_at_first_contact() {
    let [first, second] = [MockLangfuse::start(), MockLangfuse::start()];
    let sandbox = Sandbox::traced(&first);
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(0).stop(0);
    sandbox.config(&json!({"env": crate::sandbox::traced_to(&second.url())}));
    session.answered(1).stop(1);
    assert_eq!(first.answers(), ["Answer 1."]);
    assert_eq!(second.answers(), ["Answer 2."]);
    session.whole().replay(&[]).exits(0);
    assert_eq!(second.answers(), ["Answer 1.", "Answer 2.", "Answer 3."]);
    assert_eq!(first.answers(), ["Answer 1."]);
}

#[test]
fn two_keys_of_one_server_are_two_destinations() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/simple");
    session.answered(0).stop(0);
    let mut env = crate::sandbox::traced_to(&mock.url());
    env["LANGFUSE_PUBLIC_KEY"] = json!("pk-lf-other");
    sandbox.config(&json!({"env": env}));
    session.whole().end();
    assert_eq!(mock.generations_sent(), 2);
}

#[test]
fn an_incomplete_key_pair_is_rejected_and_named() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let mut config: Value = json!({"env": crate::sandbox::traced_to(&mock.url())});
    config["projects"] = json!({"/home/dev": {"env": {"LANGFUSE_PUBLIC_KEY": "pk-lf-other"}}});
    sandbox.config(&config);
    let session = sandbox.session("v2.1.330/simple");
    session.answered(0).stop(0);
    assert_eq!(mock.requests().len(), 0);
    assert!(sandbox.log().contains("has no LANGFUSE_SECRET_KEY beside it"), "{}", sandbox.log());
    let ran = session.whole().replay(&[]).exits(3);
    assert!(ran.stderr.contains("has no LANGFUSE_SECRET_KEY beside it"), "{}", ran.stderr);
}

#[test]
fn an_applications_host_in_the_shell_is_ignored_and_named() {
    let [keys, other] = [MockLangfuse::start(), MockLangfuse::start()];
    let mut sandbox = Sandbox::traced(&keys);
    sandbox.set("LANGFUSE_BASE_URL", other.url());
    let session = sandbox.session("v2.1.330/simple");
    session.answered(0).stop(0);
    session.whole().replay(&[]).exits(0);
    assert_eq!(keys.answers(), ["Hello from the mock."]);
    assert_eq!(other.requests().len(), 0);
    let status = sandbox.run(&["status"]).exits(0).stdout;
    for told in [sandbox.log(), status] {
        assert!(told.contains("LANGFUSE_BASE_URL in the environment: ignored"), "{told}");
    }
}

#[test]
fn claude_codes_settings_files_count_in_a_replay_and_override_the_shell() {
    let [shell, settings] = [MockLangfuse::start(), MockLangfuse::start()];
    let mut sandbox = Sandbox::new();
    let mut env = crate::sandbox::traced_to(&settings.url());
    env["LANGFUSE_USER_ID"] = json!("user");
    let file = |env: Value| json!({"model": "opus", "env": env}).to_string().into_bytes();
    sandbox.write(".claude/settings.json", &file(env));
    sandbox.write("app/.claude/settings.json", &file(json!({"LANGFUSE_USER_ID": "project"})));
    sandbox.write(
        "app/.claude/settings.local.json",
        &file(json!({"CC_LANGFUSE_TRACE_TAGS": "local"})),
    );
    sandbox.set("LANGFUSE_BASE_URL", shell.url()).set("LANGFUSE_USER_ID", "shell");
    let session = sandbox.session_in(&sandbox.path("app"), "v2.1.330/simple");
    session.whole().replay(&[]).exits(0);
    assert_eq!(shell.requests().len(), 0);
    let rows = settings.rows();
    assert_eq!(rows.len(), 2);
    for row in rows {
        assert_eq!(row.user_id.as_deref(), Some("project"));
        assert!(row.tags.contains(&"local".to_owned()), "{:?}", row.tags);
    }
    // Consent and keys of settings files also count for sessions that nobody named.
    sandbox.session_in(&sandbox.path("app"), "v2.1.330/thinking").whole();
    sandbox.run(&["replay", "--all"]).exits(0);
    assert_eq!(settings.answers().len(), 3);
}

#[test]
fn a_hook_with_a_transcript_of_another_project_uses_that_projects_configuration() {
    let Two { here, there, mut sandbox } = Two::new();
    for name in ["here", "there", "nowhere"] {
        std::fs::create_dir_all(sandbox.path(name)).unwrap();
    }
    let own = sandbox.path("here").display().to_string();
    sandbox.set("CLAUDE_PROJECT_DIR", own);
    sandbox.session_in(&sandbox.path("there"), "v2.1.330/simple").answered(0).stop(0);
    sandbox.session_in(&sandbox.path("nowhere"), "v2.1.330/thinking").answered(0).stop(0);
    sandbox.session_in(&sandbox.path("here/deep"), "v2.1.330/refusal").whole().end();
    assert_eq!(there.answers(), ["Hello from the mock."]);
    assert!(here.answers().iter().all(|answer| !answer.contains("Answer after thought")));
    assert!(!here.requests().is_empty());
}

#[test]
fn a_transcript_of_a_deleted_project_is_sent_only_with_its_own_entry() {
    for (gone, arrives) in [("nowhere", 0), ("there", 1)] {
        let Two { here, there, mut sandbox } = Two::new();
        std::fs::create_dir_all(sandbox.path("here")).unwrap();
        let own = sandbox.path("here").display().to_string();
        sandbox.set("CLAUDE_PROJECT_DIR", own);
        sandbox.session_in(&sandbox.path(gone), "v2.1.330/simple").answered(0).stop(0);
        assert_eq!((here.requests().len(), there.answers().len()), (0, arrives), "{gone}");
    }
}
