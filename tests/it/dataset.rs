//! `dataset add` saves turns as items of a dataset: accepted, linked to their trace, once.

use serde_json::{Map, Value, json};

use crate::sandbox::{Ran, Recording, Sandbox, unused_address};
use langfuse_mock::{MockLangfuse, Reply, Row};

/// A session of four turns, and one compaction.
const SESSION: &str = "912a4919-16f4-48ff-afb9-2a856b816505";

fn add(sandbox: &Sandbox, arguments: &[&str]) -> Ran {
    sandbox.run(&[&["dataset", "add", "--dataset", "bugs"], arguments].concat())
}

fn sent(mock: &MockLangfuse) -> Sandbox {
    let sandbox = Sandbox::traced(mock);
    sandbox.session("v2.1.330/compact").whole();
    sandbox.run(&["replay", SESSION]).exits(0);
    sandbox
}

/// The stored items, in the order of their turns.
fn items(mock: &MockLangfuse) -> Vec<Map<String, Value>> {
    let versions = mock.dataset_items();
    let mut items: Vec<Map<String, Value>> =
        versions.into_iter().map(|mut all| all.pop().unwrap()).collect();
    items.sort_by_key(|item| item["metadata"]["turn_number"].to_string());
    items
}

fn contents(messages: &Value, role: &str) -> Vec<String> {
    let messages = messages.as_array().unwrap();
    let of_role = messages.iter().filter(|message| message["role"] == role);
    of_role.map(|message| message["content"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_item_is_the_conversation_up_to_the_prompt_and_its_answer() {
    let mock = MockLangfuse::start();
    let sandbox = sent(&mock);
    add(&sandbox, &["912a#2", "--create"]).exits(0);
    let [item] = items(&mock).try_into().unwrap();
    let asked = contents(&item["input"], "user");
    assert!(asked[0].ends_with("Prompt one"), "{asked:?}");
    assert_eq!(asked.last().unwrap(), "Prompt two");
    assert_eq!(contents(&item["input"], "assistant"), ["One."]);
    assert_eq!(item["expectedOutput"], json!({"role": "assistant", "content": "Two."}));
    let metadata = &item["metadata"];
    for (name, value) in [
        ("session", SESSION),
        ("turn_number", "2"),
        ("project", "project"),
        ("branch", "main"),
        ("model", "claude-opus-5-5"),
        ("version", "2.1.330"),
    ] {
        assert_eq!(metadata[name], value, "{metadata}");
    }
    let commit = metadata["commit"].as_str().unwrap();
    assert_eq!(commit.len(), 7, "{commit}");
}

/// A repository instead of the recording's own, with a commit an hour before the session and one of today.
fn repository(sandbox: &mut Sandbox) -> (std::path::PathBuf, [String; 2]) {
    let folder = sandbox.path("app");
    let sandbox = sandbox.has_git();
    let git = |arguments: &[&str]| sandbox.git(&folder, arguments);
    std::fs::create_dir_all(folder.join("inner")).unwrap();
    git(&["init", "--quiet", "--initial-branch=main"]);
    git(&["remote", "add", "origin", "https://me:secret@example.org/team/app.git"]);
    let commit = |name: &str, date: &str| {
        std::fs::write(folder.join("file"), name).unwrap();
        git(&["add", "file"]);
        sandbox.git_at(date, &folder, &["commit", "--quiet", "--message", name]);
        git(&["rev-parse", "HEAD"])
    };
    let commits = ["2024-11-20T00:00:00Z", "2026-11-30T00:00:00Z"].map(|date| commit(date, date));
    (folder, commits)
}

#[test]
fn an_item_has_the_data_for_a_rerun() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    let (folder, [first, _]) = repository(&mut sandbox);
    let recording = Recording::open("v2.1.330/compact")
        .replaced("/home/dev/project", folder.join("inner").to_str().unwrap());
    for transcript in &recording.sessions {
        sandbox.grow(transcript, usize::MAX);
    }
    add(&sandbox, &["912a#2", "--create"]).exits(0);
    let [item] = items(&mock).try_into().unwrap();
    assert_eq!(
        item["metadata"]["rerun"],
        json!({
            "prompt": "Prompt two", "prompt_is_whole": true, "repository": "example.org/team/app",
            "directory": "inner", "commit": first, "branch": "main", "permission_mode": "default",
            "model": "claude-opus-5-5", "effort": "medium",
        })
    );
}

#[test]
fn a_commit_that_the_rows_name_wins_over_times() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    let (folder, [_, today]) = repository(&mut sandbox);
    let recording =
        Recording::open("v2.1.330/compact").replaced("/home/dev/project", folder.to_str().unwrap());
    let named = recording.sessions[0].rows().find_map(|row| {
        let status = row["attachment"]["context"]["gitStatus"].as_str()?;
        let (_, log) = status.split_once("Recent commits:\n")?;
        Some(log.split_whitespace().next()?.to_owned())
    });
    let recording =
        recording.replaced(&format!("{} first", named.unwrap()), &format!("{} first", &today[..7]));
    for transcript in &recording.sessions {
        sandbox.grow(transcript, usize::MAX);
    }
    add(&sandbox, &["912a", "--create"]).exits(0);
    for item in items(&mock) {
        assert_eq!(item["metadata"]["rerun"]["commit"], *today, "{item:?}");
    }
}

#[test]
fn a_prompt_that_was_masked_is_not_whole() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let key = "ghp_16C7e42F292c6912E7710c838347Ae178B4a";
    let recording = Recording::open("v2.1.330/simple").replaced("Say hello", key);
    for transcript in &recording.sessions {
        sandbox.grow(transcript, usize::MAX);
    }
    add(&sandbox, &["2c97", "--create"]).exits(0);
    let [item] = items(&mock).try_into().unwrap();
    let rerun = &item["metadata"]["rerun"];
    assert_eq!(rerun["prompt_is_whole"], false, "{rerun}");
    assert!(!rerun.to_string().contains(key));
    assert_eq!(rerun.get("commit"), None);
}

#[test]
fn tool_calls_of_an_item_are_those_of_the_trace() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/background-shell");
    session.whole().replay(&[]).exits(0);
    add(&sandbox, &[session.id(), "--create"]).exits(0);
    let rows = mock.rows();
    let outputs: Vec<Value> = rows.iter().filter_map(Row::output_json).collect();
    let sent: Vec<&Value> = outputs.iter().map(|output| &output["tool_calls"]).collect();
    let items = items(&mock);
    let messages = items.iter().flat_map(|item| item["input"].as_array().unwrap());
    let calls = messages.filter_map(|message| message.get("tool_calls"));
    let calls: Vec<&Value> = calls.collect();
    assert!(!calls.is_empty());
    for call in calls {
        assert!(call[0]["function"]["arguments"].is_string(), "{call}");
        assert!(sent.contains(&call), "{call}");
    }
}

#[test]
fn an_item_is_linked_to_the_root_of_its_turn() {
    let mock = MockLangfuse::start();
    let sandbox = sent(&mock);
    add(&sandbox, &[SESSION, "--create"]).exits(0);
    let items = items(&mock);
    assert_eq!(items.len(), 4);
    for item in items {
        let rows = mock.rows();
        let root = rows.iter().find(|row| item["sourceObservationId"] == *row.span_id).unwrap();
        assert_eq!(item["sourceTraceId"], *root.trace_id);
        assert_eq!(root.name, "claude-code");
        assert_eq!(item["metadata"]["turn_number"], root.metadata["turn_number"]);
    }
}

#[test]
fn added_twice_nothing_changes() {
    let mock = MockLangfuse::start();
    let sandbox = sent(&mock);
    for state in ["added", "unchanged"] {
        let told = add(&sandbox, &[SESSION, "--create", "--json"]).exits(0).json();
        assert_eq!(told.len(), 4);
        assert!(told.iter().all(|item| item["state"] == state), "{told:?}");
    }
    assert!(mock.dataset_items().iter().all(|versions| versions.len() == 1));
    let expected = sandbox.write("expected.txt", b"Three.\n");
    let told = add(&sandbox, &["912a#3", "--expected", expected.to_str().unwrap(), "--json"])
        .exits(0)
        .json();
    assert_eq!(told[0]["state"], "changed");
    assert_eq!(items(&mock)[2]["expectedOutput"]["content"], "Three.");
}

#[test]
fn control_characters_make_no_new_version() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let recording = Recording::open("v2.1.330/tools").replaced("oops", "\\u001b[31moops\\u0007");
    for transcript in &recording.sessions {
        sandbox.grow(transcript, usize::MAX);
    }
    let id = recording.sessions[0].session.clone();
    for _ in 0..2 {
        add(&sandbox, &[&id, "--create"]).exits(0);
    }
    assert_eq!(mock.dataset_items()[0].len(), 1);
}

#[test]
fn the_same_turn_in_another_dataset_is_another_item() {
    let mock = MockLangfuse::start();
    let sandbox = sent(&mock);
    for dataset in ["bugs", "team/evals é"] {
        let arguments = ["dataset", "add", "912a#1", "--dataset", dataset, "--create"];
        sandbox.run(&arguments).exits(0);
    }
    assert_eq!(mock.datasets(), ["bugs", "team/evals é"]);
    assert_eq!(mock.dataset_items().len(), 2);
}

#[test]
fn a_turn_that_is_not_over_waits() {
    let sandbox = Sandbox::new();
    let recording = Recording::open("v2.1.330/tools").moved_to_now();
    let session = &recording.sessions[0];
    let rows: Vec<Value> = session.rows().collect();
    let last = rows.iter().rposition(|row| row["type"] == "assistant");
    sandbox.grow(session, last.unwrap());
    let ran = add(&sandbox, &[&session.session, "--dry-run"]).exits(1);
    assert!(ran.stderr.contains("turn 1: the turn is still open"), "{}", ran.stderr);
}

#[test]
fn expected_output_may_be_json() {
    let mock = MockLangfuse::start();
    let sandbox = sent(&mock);
    let expected = sandbox.write("expected.json", br#"{"files": ["a"]}"#);
    add(&sandbox, &["912a#1", "--create", "--expected", expected.to_str().unwrap()]).exits(0);
    assert_eq!(items(&mock)[0]["expectedOutput"], json!({"files": ["a"]}));
}

#[test]
fn a_dry_run_prints_the_requests_and_opens_no_connection() {
    let mock = MockLangfuse::start();
    let sandbox = sent(&mock);
    let before = mock.requests().len();
    let shown = add(&sandbox, &["912a#2", "--dry-run"]).exits(0).json();
    assert_eq!(mock.requests().len(), before);
    add(&sandbox, &["912a#2", "--create"]).exits(0);
    let requests = mock.requests();
    let posted = requests.iter().rfind(|request| request.method == "POST").unwrap();
    assert_eq!(posted.json.as_ref().unwrap(), &shown[0]);
    let alone = Sandbox::new();
    alone.session("v2.1.330/compact").whole();
    add(&alone, &["912a#2", "--dry-run"]).exits(0);
}

#[test]
fn a_pause_asked_for_by_the_server_is_waited_for() {
    let mock = MockLangfuse::start();
    let sandbox = sent(&mock);
    mock.reply_about_datasets(Reply::RateLimited(0));
    let ran = add(&sandbox, &["912a#1", "--create"]).exits(0);
    assert!(ran.stderr.contains("continuing in 1 s"), "{}", ran.stderr);
    assert_eq!(mock.dataset_items().len(), 1);
}

#[test]
fn the_response_decides_the_exit_code() {
    for (reply, exit) in [
        (Reply::Status(401), 5),
        (Reply::Status(503), 4),
        (Reply::Status(302), 3),
        (Reply::RateLimited(7200), 4),
        (Reply::Status(400), 6),
        (Reply::Status(413), 6),
    ] {
        let mock = MockLangfuse::start();
        let sandbox = sent(&mock);
        let told = format!("{reply:?}");
        mock.reply_about_datasets(reply);
        let ran = add(&sandbox, &["912a#1", "--create", "--json"]);
        assert_eq!(ran.code, Some(exit), "{told}: {ran:?}");
        assert!(ran.json()[0]["error"]["message"].is_string(), "{told}");
        assert!(mock.dataset_items().is_empty());
    }
    let sandbox = Sandbox::traced_to(&format!("http://{}", unused_address()));
    sandbox.session("v2.1.330/simple").whole();
    add(&sandbox, &["2c97"]).exits(4);
}

#[test]
fn an_item_that_is_too_large_is_not_sent() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    let long = "long text ".repeat(600_000);
    let recording = Recording::open("v2.1.330/simple").replaced("Say hello", &long);
    for transcript in &recording.sessions {
        sandbox.grow(transcript, usize::MAX);
    }
    sandbox.set("CC_LANGFUSE_MAX_CHARS", "100000000");
    let ran = add(&sandbox, &["2c97", "--create"]).exits(6);
    assert!(ran.stderr.contains("CC_LANGFUSE_MAX_CHARS"), "{}", ran.stderr);
    assert!(mock.dataset_items().is_empty());
    sandbox.set("CC_LANGFUSE_MAX_CHARS", "100000");
    add(&sandbox, &["2c97"]).exits(0);
    assert_eq!(mock.dataset_items().len(), 1);
}

#[test]
fn terminal_screens() {
    let mock = MockLangfuse::start();
    let sandbox = sent(&mock);
    sandbox.session("v2.1.330/esc-first").whole();
    let screen = || sandbox.screen().hide(mock.url(), "http://langfuse.test");
    screen()
        .types("claude-langfuse dataset --help")
        .types("claude-langfuse dataset add --help")
        .is("dataset_help");
    screen()
        .types("claude-langfuse dataset add 912a#2 --dataset bugs")
        .types("claude-langfuse dataset add 912a#2 --dataset bugs --json")
        .types("claude-langfuse dataset add 912a --dataset bugs --create")
        .types("claude-langfuse dataset add 912a#1 --dataset bugs --dry-run")
        .types("claude-langfuse dataset add 912a#2..3 --dataset bugs")
        .types("claude-langfuse dataset add 912a#2 --dataset bugs --json")
        .is("dataset");
    screen()
        .types("claude-langfuse dataset add")
        .types("claude-langfuse dataset add ffff --dataset bugs")
        .types("claude-langfuse dataset add 912a#9 --dataset bugs")
        .types("claude-langfuse dataset add 912a --dataset bugs --expected README.md")
        .types("claude-langfuse dataset add 912a#1 --dataset bugs --expected nowhere")
        .types("claude-langfuse dataset add f4d5#1 --dataset bugs")
        .is("dataset_errors");
    let mut sandbox = Sandbox::new();
    sandbox.session("v2.1.330/simple").whole();
    sandbox
        .screen()
        .types("claude-langfuse dataset add 2c97 --dataset bugs")
        .is("dataset_without_keys");
    sandbox.set("CC_LANGFUSE_CAPTURE", "metadata");
    sandbox
        .screen()
        .types("claude-langfuse dataset add 2c97 --dataset bugs")
        .is("dataset_of_nothing");
}
