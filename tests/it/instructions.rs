//! `instructions push` stores a project's CLAUDE.md files and agent types as versions of prompts, from rows, masked, once.

use std::fs;
use std::path::Path;

use langfuse_mock::{MockLangfuse, Reply};
use serde_json::{Map, Value, json};

use crate::sandbox::{PROJECT, Ran, Sandbox, mode, traced_to, unused_address};

/// The recorded session with the first texts, and the one with changed texts.
const FIRST: &str = "78e9a408-c2a0-4b57-8b81-6d43fbe7c206";
const SECOND: &str = "0c2589f7-85ec-482c-8159-eab034db9b6c";
const MAIN: &str = "claude-code/project/CLAUDE.md";

/// Writes a recorded session to disk, with replaced texts.
fn write_recorded(sandbox: &Sandbox, session: &str, replaced: &[(&str, &str)]) {
    let text = fs::read_to_string(format!("tests/fixtures/instructions/{session}.jsonl")).unwrap();
    let text = replaced.iter().fold(text, |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    });
    sandbox.write(&format!(".claude/projects/-home-dev-project/{session}.jsonl"), text.as_bytes());
}

fn push(sandbox: &Sandbox, arguments: &[&str]) -> Ran {
    sandbox.run(&[&["instructions", "push", "--project", PROJECT], arguments].concat())
}

fn states(ran: &Ran) -> Vec<(String, u64, String)> {
    let of = |line: &Value| {
        let text = |name: &str| line[name].as_str().unwrap().to_owned();
        (text("prompt"), line["version"].as_u64().unwrap(), text("state"))
    };
    ran.json().iter().map(of).collect()
}

/// The main file's line.
fn main_state(ran: &Ran) -> (u64, String) {
    let main = states(ran).into_iter().find(|(name, ..)| name == MAIN);
    main.map(|(_, version, state)| (version, state)).unwrap()
}

fn versions(mock: &MockLangfuse, name: &str) -> Vec<Map<String, Value>> {
    mock.prompts().remove(name).unwrap()
}

#[test]
fn each_text_of_the_newest_session_is_a_version() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    write_recorded(&sandbox, FIRST, &[]);
    let pushed = states(&push(&sandbox, &["--json"]).exits(0));
    let names: Vec<&str> = pushed.iter().map(|(name, ..)| name.as_str()).collect();
    let expected = [
        "claude-code/project/.claude/rules/style.md",
        MAIN,
        "claude-code/project/extra.md",
        "claude-code/project/sub/CLAUDE.md",
        "claude-code/project/agents/helper",
    ];
    assert_eq!(names, expected);
    assert!(pushed.iter().all(|(_, version, state)| (*version, &**state) == (1, "added")));
    let [main] = versions(&mock, MAIN).try_into().unwrap();
    assert_eq!(main["prompt"], "Be brief. RULE-ONE\n@extra.md");
    assert_eq!(main["labels"], json!(["current", "latest"]));
    let message = main["commitMessage"].as_str().unwrap();
    assert!(message.starts_with("branch main, text "), "{message}");
    assert_eq!(message.len(), "branch main, text ".len() + 12, "{message}");
    let [helper] = versions(&mock, "claude-code/project/agents/helper").try_into().unwrap();
    assert_eq!(helper["prompt"], "helper: Helps (Tools: All tools)");
    let [nested] = versions(&mock, "claude-code/project/sub/CLAUDE.md").try_into().unwrap();
    assert_eq!(nested["prompt"], "In sub: SUB-RULE");
}

#[test]
fn only_a_changed_text_makes_a_new_version() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    write_recorded(&sandbox, FIRST, &[]);
    push(&sandbox, &[]).exits(0);
    let again = states(&push(&sandbox, &["--json"]).exits(0));
    assert!(again.iter().all(|(_, version, state)| (*version, &**state) == (1, "unchanged")));
    write_recorded(&sandbox, SECOND, &[]);
    assert_eq!(main_state(&push(&sandbox, &["--json"]).exits(0)), (2, "added".to_owned()));
    let [first, second] = versions(&mock, MAIN).try_into().unwrap();
    assert_eq!(second["prompt"], "Be long. RULE-TWO");
    assert_eq!((&first["labels"], &second["labels"]), (&json!([]), &json!(["current", "latest"])));
}

#[test]
fn an_earlier_text_that_returns_is_current_again() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    write_recorded(&sandbox, FIRST, &[]);
    push(&sandbox, &[]).exits(0);
    write_recorded(&sandbox, SECOND, &[]);
    push(&sandbox, &[]).exits(0);
    write_recorded(&sandbox, SECOND, &[("Be long. RULE-TWO", "Be brief. RULE-ONE\\n@extra.md")]);
    assert_eq!(main_state(&push(&sandbox, &["--json"]).exits(0)), (1, "labelled".to_owned()));
    let [first, second] = versions(&mock, MAIN).try_into().unwrap();
    assert_eq!((&first["labels"], &second["labels"]), (&json!(["current"]), &json!(["latest"])));
}

#[test]
fn a_lost_table_is_rebuilt_from_the_server() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    for session in [FIRST, SECOND] {
        write_recorded(&sandbox, session, &[]);
        push(&sandbox, &[]).exits(0);
    }
    let folder = sandbox.path(".claude/state/claude-langfuse/prompts");
    let table = fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    assert_eq!(mode(&table), 0o600);
    let kept = fs::read_to_string(&table).unwrap();
    assert!(!kept.contains("RULE"), "{kept}");
    fs::remove_file(&table).unwrap();
    assert_eq!(main_state(&push(&sandbox, &["--json"]).exits(0)), (2, "unchanged".to_owned()));
    let learned: Value = serde_json::from_slice(&fs::read(&table).unwrap()).unwrap();
    let main = learned.as_array().unwrap().iter().find(|one| one["name"] == MAIN).unwrap();
    assert_eq!(main["version"], 2);
    assert_eq!(main["pushed_at"], 1_795_392_000_000_u64, "as old as the version");
    assert_eq!(versions(&mock, MAIN).len(), 2);
}

#[test]
fn a_deleted_version_is_created_again() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    write_recorded(&sandbox, FIRST, &[]);
    push(&sandbox, &[]).exits(0);
    mock.delete_prompt(MAIN);
    assert_eq!(main_state(&push(&sandbox, &["--json"]).exits(0)), (1, "added".to_owned()));
}

#[test]
fn a_version_with_a_lost_response_is_not_created_twice() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    write_recorded(&sandbox, FIRST, &[]);
    // The list of versions, then the version.
    mock.reply_about_prompts(Reply::Normal);
    mock.reply_about_prompts(Reply::AcceptThenReset);
    push(&sandbox, &[]).exits(4);
    push(&sandbox, &[]).exits(0);
    let counts: Vec<usize> = mock.prompts().values().map(Vec::len).collect();
    assert_eq!(counts, [1; 5]);
}

#[test]
fn another_branch_moves_no_label() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    write_recorded(&sandbox, FIRST, &[]);
    push(&sandbox, &[]).exits(0);
    write_recorded(&sandbox, SECOND, &[(r#""gitBranch":"main""#, r#""gitBranch":"new-rules""#)]);
    let line = push(&sandbox, &["--json"]).exits(0).json().remove(1);
    assert_eq!((&line["state"], &line["current"]), (&json!("added"), &json!(false)), "{line}");
    let [first, second] = versions(&mock, MAIN).try_into().unwrap();
    assert_eq!((&first["labels"], &second["labels"]), (&json!(["current"]), &json!(["latest"])));
    assert!(second["commitMessage"].as_str().unwrap().starts_with("branch new-rules, text "));
}

#[test]
fn the_default_branch_is_the_one_that_origin_has_checked_out() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    let folder = sandbox.path("app");
    fs::create_dir_all(&folder).unwrap();
    let git = |sandbox: &Sandbox, arguments: &[&str]| sandbox.git(&folder, arguments);
    let sandbox = sandbox.has_git();
    git(sandbox, &["init", "--quiet", "--initial-branch=trunk"]);
    git(sandbox, &["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk"]);
    let place = folder.display().to_string();
    let push = |branch: &str| {
        let branch = format!(r#""gitBranch":"{branch}""#);
        write_recorded(sandbox, FIRST, &[(PROJECT, &place), (r#""gitBranch":"main""#, &branch)]);
        let ran = sandbox.run(&["instructions", "push", "--project", "app", "--json"]).exits(0);
        ran.json().remove(0)["current"].clone()
    };
    assert_eq!(push("main"), false);
    assert_eq!(push("trunk"), true);
}

#[test]
fn all_checkouts_of_a_repository_have_the_same_names() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    sandbox.write("app/.git/HEAD", b"");
    let inner = sandbox.path("app/inner");
    fs::create_dir_all(&inner).unwrap();
    // A session of a subfolder also has the file of the top folder.
    let (top, inner) = (sandbox.path("app").display().to_string(), inner.display().to_string());
    write_recorded(
        &sandbox,
        FIRST,
        &[(&format!(r#""cwd":"{PROJECT}""#), &format!(r#""cwd":"{inner}""#)), (PROJECT, &top)],
    );
    sandbox.run(&["instructions", "push", "--project", "app"]).exits(0);
    assert!(mock.prompts().contains_key("claude-code/app/CLAUDE.md"), "{:?}", mock.prompts());
}

#[test]
fn a_file_outside_the_project_is_not_pushed() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    write_recorded(&sandbox, FIRST, &[("/home/dev/project/extra.md", "/home/dev/notes/extra.md")]);
    let ran = push(&sandbox, &[]).exits(0);
    let note = "/home/dev/notes/extra.md is not pushed: it lies outside of the project";
    assert!(ran.stderr.contains(note), "{}", ran.stderr);
    assert_eq!(mock.prompts().len(), 4);
}

#[test]
fn a_text_with_langfuse_syntax_is_not_pushed_and_the_others_are() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    write_recorded(
        &sandbox,
        FIRST,
        &[("Be brief. RULE-ONE", "Be brief.\\nUse ${{ secrets.NAME }}")],
    );
    let ran = push(&sandbox, &[]).exits(6);
    let reason = "could not push CLAUDE.md: line 2 has '{{', which is a variable in Langfuse";
    assert!(ran.stderr.contains(reason), "{}", ran.stderr);
    assert!(!mock.prompts().contains_key(MAIN));
    assert_eq!(mock.prompts().len(), 4);
}

#[test]
fn a_masked_secret_is_in_no_version_and_more_masks_make_another() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    let key = "ghp_16C7e42F292c6912E7710c838347Ae178B4a";
    write_recorded(&sandbox, FIRST, &[("RULE-ONE", &format!("RULE-ONE {key}"))]);
    push(&sandbox, &[]).exits(0);
    let text = versions(&mock, MAIN)[0]["prompt"].to_string();
    assert!(text.contains("RULE-ONE [masked: github-token, 40 chars]"), "{text}");
    sandbox.set("CC_LANGFUSE_MASK_PATTERNS", r#"["RULE-[A-Z]+"]"#);
    push(&sandbox, &[]).exits(0);
    let [_, second] = versions(&mock, MAIN).try_into().unwrap();
    assert!(!second["prompt"].as_str().unwrap().contains("RULE-ONE"), "{second:?}");
    push(&sandbox, &[]).exits(0);
    assert_eq!(versions(&mock, MAIN).len(), 2);
    for request in mock.requests() {
        assert!(!String::from_utf8_lossy(&request.body).contains(key));
    }
}

#[test]
fn only_the_capture_mode_full_pushes() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    write_recorded(&sandbox, FIRST, &[]);
    for capture in ["no-tool-content", "metadata"] {
        sandbox.set("CC_LANGFUSE_CAPTURE", capture);
        for option in [&[][..], &["--dry-run"]] {
            let ran = push(&sandbox, option).exits(3);
            assert!(ran.stderr.contains("CC_LANGFUSE_CAPTURE is not full"), "{}", ran.stderr);
        }
    }
    sandbox.unset("CC_LANGFUSE_CAPTURE");
    sandbox.set("CC_LANGFUSE_MAX_CHARS", "20");
    let ran = push(&sandbox, &[]).exits(6);
    let reason = "CLAUDE.md: it has 28 characters, and CC_LANGFUSE_MAX_CHARS is 20";
    assert!(ran.stderr.contains(reason), "{}", ran.stderr);
    assert!(!mock.prompts().contains_key(MAIN));
}

#[test]
fn a_dry_run_prints_the_requests_and_sends_nothing() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    write_recorded(&sandbox, FIRST, &[]);
    let printed = push(&sandbox, &["--dry-run"]).exits(0).json();
    assert_eq!(mock.requests().len(), 0);
    assert!(!sandbox.path(".claude/state").exists());
    push(&sandbox, &[]).exits(0);
    let sent: Vec<Value> = mock
        .requests()
        .iter()
        .filter(|request| request.method == "POST")
        .map(|request| serde_json::from_slice(&request.body).unwrap())
        .collect();
    assert_eq!(printed, sent);
}

#[test]
fn a_session_without_instructions_is_an_error_with_a_remedy() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let ran = sandbox.run(&["instructions", "push"]).exits(1);
    assert!(ran.stderr.contains("no sessions found"), "{}", ran.stderr);
    assert!(ran.stderr.contains("--project names another folder"), "{}", ran.stderr);
    sandbox.session("v2.0.76/simple").whole();
    let ran = push(&sandbox, &[]).exits(1);
    assert!(ran.stderr.contains("Claude Code 2.1.332 and later"), "{}", ran.stderr);
    assert_eq!(mock.requests().len(), 0);
}

#[test]
fn exit_codes_distinguish_rejected_keys_a_missing_endpoint_and_an_unreachable_server() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    write_recorded(&sandbox, FIRST, &[]);
    for (reply, code, reason) in [
        (Reply::Status(401), 5, "key"),
        (Reply::Status(404), 3, "has no endpoint for prompts"),
        (Reply::Status(503), 4, "503"),
        (Reply::Html, 3, "page"),
    ] {
        mock.reply_about_prompts(reply);
        let ran = push(&sandbox, &[]).exits(code);
        assert!(ran.stderr.contains(reason), "{code}: {}", ran.stderr);
        assert!(ran.stderr.contains("could not push claude-code/project/"), "{}", ran.stderr);
    }
    let url = format!("http://{}", unused_address());
    sandbox.config(&json!({"env": traced_to(&url)}));
    let error = push(&sandbox, &["--json"]).exits(4).json().remove(0);
    assert_eq!(error["error"]["code"], "unreachable");
    sandbox.config(&json!({}));
    push(&sandbox, &[]).exits(3);
    assert!(mock.prompts().is_empty());
}

#[test]
fn a_rejected_prompt_does_not_block_the_others() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    write_recorded(&sandbox, FIRST, &[("/home/dev/project/extra.md", "/home/dev/project/a<b>.md")]);
    let ran = push(&sandbox, &[]).exits(6);
    assert!(ran.stderr.contains("could not push claude-code/project/a<b>.md"), "{}", ran.stderr);
    assert_eq!(mock.prompts().len(), 4);
    assert!(Path::new(&sandbox.path(".claude/state/claude-langfuse/prompts")).exists());
}

#[test]
fn terminal_screens() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    write_recorded(&sandbox, FIRST, &[]);
    let screen = || sandbox.screen().hide(mock.url(), "http://langfuse.test");
    screen()
        .types("claude-langfuse instructions --help")
        .types("claude-langfuse instructions push --help")
        .is("instructions_help");
    screen()
        .types("claude-langfuse instructions push --project /home/dev/project --dry-run")
        .types("claude-langfuse instructions push --project /home/dev/project")
        .types("claude-langfuse instructions push --project /home/dev/project")
        .is("instructions");
    write_recorded(&sandbox, SECOND, &[("STYLE-RULE", "Say {{name}}.")]);
    screen()
        .types("claude-langfuse instructions push --project /home/dev/project --json")
        .types("claude-langfuse instructions push --project nowhere")
        .types("claude-langfuse instructions push")
        .is("instructions_errors");
}
