//! `show` prints exactly the observations of a replay, and whether the tokens are complete.

mod page;

use std::collections::BTreeMap;

use base::Timestamp;
use langfuse_mock::{MockLangfuse, Row};
use serde_json::{Value, json};

use crate::sandbox::{Recording, Sandbox};

#[test]
fn a_session_is_shown_as_its_trees_with_their_tokens() {
    let sandbox = Sandbox::new();
    sandbox.session("v2.1.330/subagent-background").whole();
    sandbox.session("v2.1.330/tool-error").whole();
    sandbox
        .screen()
        .types("claude-langfuse show bd098")
        .types("claude-langfuse show bd098 --turn 2")
        .types("claude-langfuse show 81dd")
        .is("show");
    assert!(sandbox.state().is_empty(), "{:?}", sandbox.state());
}

#[test]
fn the_difference_from_claude_codes_count_is_named() {
    let sandbox = Sandbox::new();
    for recording in ["v2.1.330/compact", "v2.1.330/cut-off", "v2.1.330/esc-first"] {
        sandbox.session(recording).whole();
    }
    write_recorded(&sandbox, "v2.1.330/fork");
    write_recorded(&sandbox, "v2.1.330/interrupt");
    let sessions = ["912a", "aa57", "f4d5", "f61d", "4c42", "d263"];
    let shown = sessions.iter().fold(sandbox.screen(), |screen, session| {
        screen.types(&format!("claude-langfuse show {session}"))
    });
    shown.is("show_gap");
}

#[test]
fn eighty_columns_show_input_outcome_and_cost() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    for name in ["v2.1.330/tool-error", "v2.1.332/git-outcomes", "v2.1.330/simple"] {
        let mut session = sandbox.session(name);
        session.recording = session.recording.replaced("claude-opus-5-5", "claude-opus-4-8");
        session.whole();
    }
    sandbox.run(&["doctor"]);
    sandbox.set("COLUMNS", "80");
    sandbox
        .screen()
        .types("claude-langfuse show 4fe4")
        .types("claude-langfuse show 81dd --failed")
        .types("claude-langfuse show 4fe4 --failed")
        .types("claude-langfuse show 4fe4#1 --full")
        .is("show_columns");
    let failed = sandbox.run(&["show", "81dd", "--failed", "--json"]).exits(0).json();
    let levels = failed.iter().filter(|row| row["type"] == "tool").map(|row| &row["level"]);
    assert_eq!(levels.collect::<Vec<_>>(), ["ERROR", "ERROR", "WARNING", "ERROR", "ERROR"]);
}

#[test]
fn neither_a_line_nor_a_whole_text_shows_a_secret() {
    let sandbox = Sandbox::new();
    let key = format!("sk-ant-api03-{}", "A1b2".repeat(22));
    let mut session = sandbox.session("v2.1.330/tool-error");
    session.recording = session
        .recording
        .replaced("rm -rf x", &format!("curl -H 'x-api-key: {key}'"))
        .replaced("Five errors seen.", &format!("It is {key}"));
    session.whole();
    for options in [["show", "81dd"].as_slice(), &["show", "81dd", "--full"]] {
        let shown = sandbox.run(options).exits(0).stdout;
        assert!(shown.contains("Bash curl -H") && shown.contains("It is "), "{shown}");
        assert!(!shown.contains(&key), "{shown}");
    }
}

#[test]
fn turns_are_selected_after_the_session() {
    let sandbox = Sandbox::new();
    let path = sandbox.session("v2.1.330/compact").whole().argument();
    let shown = |arguments: &[&str]| sandbox.run(arguments).exits(0).stdout;
    let second = shown(&["show", "912a", "--turn", "2"]);
    assert_eq!(shown(&["show", "912a#2"]), second);
    assert_eq!(shown(&["show", &format!("{path}#2")]), second);
    let headings = |text: String| -> Vec<String> {
        let lines = text.lines().filter(|line| line.starts_with("turn "));
        lines.map(|line| line[..6].to_owned()).collect()
    };
    assert_eq!(headings(shown(&["show", "912a#1..2"])), ["turn 1", "turn 2"]);
    assert_eq!(headings(shown(&["show", "912a#2.."])).first().unwrap(), "turn 2");
    assert_eq!(headings(shown(&["show", "912a#..1"])), ["turn 1"]);
}

#[test]
fn json_has_everything_that_would_be_sent() {
    let sandbox = Sandbox::new();
    sandbox.session("v2.1.330/compact").whole();
    sandbox.session("v2.1.330/tool-error").whole();
    sandbox
        .screen()
        .types("claude-langfuse show 912a --turn 2 --json")
        .types("claude-langfuse show 912a --turn 9 --json")
        .is("show_json");
}

#[test]
fn unknown_and_ambiguous_names_are_reported_with_a_remedy() {
    let sandbox = Sandbox::new();
    let session = sandbox.session("v2.1.330/stream-multi");
    session.whole();
    let text = session.transcript().text(usize::MAX);
    for name in ["aaaa1111", "aaaa2222", "agent-a1"] {
        sandbox.write(&format!(".claude/projects/-p/{name}.jsonl"), text.as_bytes());
    }
    sandbox
        .screen()
        .types("claude-langfuse show aaaa")
        .types("claude-langfuse show ffff")
        .types("claude-langfuse show no/such/file.jsonl")
        .types("claude-langfuse show .claude/projects")
        .types("claude-langfuse show .claude/projects/-p/agent-a1.jsonl")
        .types("claude-langfuse show aaaa1111 --turn 9")
        .types("claude-langfuse show aaaa1111#2..9")
        .types("claude-langfuse show aaaa1111#two")
        .types("claude-langfuse show aaaa1111#2 --turn 3")
        .types("claude-langfuse show")
        .is("show_errors");
}

#[test]
fn help_has_examples() {
    let sandbox = Sandbox::new();
    sandbox.screen().types("claude-langfuse show --help").is("show_help");
}

#[test]
fn lines_fit_a_narrow_terminal() {
    let mut sandbox = Sandbox::new();
    sandbox.session("v2.1.330/subagent-background").whole();
    sandbox.set("COLUMNS", "32");
    let shown = sandbox.run(&["show", "bd098"]).exits(0).stdout;
    let trees = shown.lines().take_while(|line| !line.starts_with("tokens"));
    let widths: Vec<usize> = trees.map(|line| line.chars().count()).collect();
    assert!(widths.len() > 10 && widths.iter().all(|width| *width <= 32), "{shown}");
}

#[test]
fn styles_are_shown_if_enabled() {
    let shown = |variables: &[(&str, &str)]| {
        let mut sandbox = Sandbox::new();
        sandbox.session("v2.1.330/tool-error").whole();
        for (name, value) in variables {
            sandbox.set(name, *value);
        }
        sandbox.run(&["show", "81dd"]).exits(0).stdout
    };
    let plain = shown(&[]);
    let styled = shown(&[("CLICOLOR_FORCE", "1")]);
    assert!(!plain.contains('\u{1b}'), "{plain}");
    assert!(styled.contains("\u{1b}[31mBash "), "{styled}");
    assert_eq!(shown(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]), plain);
    assert_eq!(shown(&[("CLICOLOR_FORCE", "0")]), plain);
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let sandbox = Sandbox::new();
    let path = sandbox.session("v2.1.330/tools").whole().argument();
    for options in ["", "--json"] {
        let program = env!("CARGO_BIN_EXE_claude-langfuse");
        let script = format!(
            "set -o pipefail; for i in 1 2 3; do '{program}' show '{path}' {options}; done | head -c 10 >/dev/null"
        );
        let status = std::process::Command::new("bash")
            .args(["-c", &script])
            .env("HOME", sandbox.path(""))
            .status();
        assert!(status.unwrap().success(), "{options}");
    }
}

#[test]
fn control_characters_are_escaped() {
    let sandbox = Sandbox::new();
    let mut session = sandbox.session("v2.1.330/subagent-background");
    session.recording =
        session.recording.replaced("Start a slow job", "\\u001b[2J\\u0007Start a slow job");
    session.whole();
    let shown = sandbox.run(&["show", session.id()]).exits(0).stdout;
    assert!(shown.contains("[2J Start a slow job"), "{shown}");
    assert!(!shown.contains('\u{1b}') && !shown.contains('\u{7}'));
}

/// Every recording: the shown observations are the rows of a replay, with the same tokens.
#[test]
fn show_and_replay_have_the_same_observations() {
    for name in Recording::names() {
        let mock = MockLangfuse::start();
        let sandbox = Sandbox::traced(&mock);
        let recording = Recording::open(&name);
        write_recorded(&sandbox, &name);
        let folder = sandbox.projects().display().to_string();
        let mut shown = BTreeMap::new();
        for session in &recording.sessions {
            let path = sandbox.projects().join(&session.path);
            let told = sandbox.run(&["show", path.to_str().unwrap(), "--json"]).exits(0).json();
            let (sum, observations) = told.split_last().unwrap();
            assert_eq!(sum["observations"], observations.len(), "{name}");
            shown.extend(observations.iter().map(|one| (key(one), one.clone())));
        }
        assert_eq!(mock.requests().len(), 0);
        sandbox.run(&["replay", &folder]).exits(0);
        let sent: BTreeMap<_, _> = mock.rows().iter().map(of_row).collect();
        let told: BTreeMap<_, _> =
            shown.into_iter().map(|(key, one)| (key, usage(&one["usage"]))).collect();
        assert_eq!(told, sent, "{name}");
    }
}

fn key(observation: &Value) -> [String; 4] {
    ["trace", "id", "start", "name"].map(|field| observation[field].as_str().unwrap().to_owned())
}

fn usage(usage: &Value) -> Value {
    match usage {
        Value::Object(usage) if !usage.is_empty() => json!(usage),
        _ => Value::Null,
    }
}

fn of_row(row: &Row) -> ([String; 4], Value) {
    let start = Timestamp::from_millis(row.start_ms.try_into().unwrap()).rfc3339();
    let mut usage = row.usage.clone();
    usage.remove("total");
    let key = [row.trace_id.clone(), row.span_id.clone(), start, row.name.clone()];
    (key, self::usage(&json!(usage)))
}

/// Writes all files of a recording with several sessions.
fn write_recorded(sandbox: &Sandbox, name: &str) {
    let recording = Recording::open(name);
    for transcript in recording.sessions.iter().chain(&recording.agents) {
        sandbox.grow(transcript, usize::MAX);
    }
    sandbox.write_others(&recording);
}

/// It continues in the background, in another file, which has its root.
#[test]
fn a_turn_whose_root_is_elsewhere_has_one_heading() {
    let sandbox = Sandbox::new();
    let session = "11111111-2222-4333-8444-555555555555";
    let row = |uuid: &str, second: u32, fields: Value| {
        let mut row = json!({
            "uuid": uuid, "sessionId": session, "timestamp": format!("2024-10-05T21:00:{second:02}.000Z"),
            "cwd": "/home/dev/project", "version": "2.1.332",
        });
        row.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        row
    };
    let prompt = json!({"type": "user", "turnOrigin": "human", "message": {"role": "user", "content": "Work."}});
    let call = |tool: &str| {
        let block =
            json!({"type": "tool_use", "id": tool, "name": "Bash", "input": {"command": tool}});
        let message = json!({
            "id": format!("msg_{tool}"), "role": "assistant", "model": "claude-opus-5", "stop_reason": "tool_use",
            "content": [block], "usage": {"input_tokens": 10, "output_tokens": 1},
        });
        json!({"type": "assistant", "message": message})
    };
    let result = |tool: &str| {
        let result = json!({"type": "tool_result", "tool_use_id": tool, "content": "done"});
        json!({"type": "user", "message": {"role": "user", "content": [result]}})
    };
    let rows = [
        row("p", 1, prompt),
        row("a", 2, call("one")),
        row("b", 3, result("one")),
        row("c", 4, call("two")),
        row("d", 5, result("two")),
        json!({"type": "continued-in", "sessionId": session, "continuedInSessionId": "another"}),
    ];
    let text: String = rows.iter().map(|row| format!("{row}\n")).collect();
    let path = format!(".claude/projects/-home-dev-project/{session}.jsonl");
    sandbox.write(&path, text.as_bytes());
    sandbox.screen().types("claude-langfuse show 1111").is("show_rootless");
    let shown = sandbox.run(&["show", "1111", "--json"]).exits(0).json();
    assert_eq!(shown.last().unwrap()["turns"], 1);
    let page = sandbox.path("page.html");
    sandbox.run(&["show", "1111", "--html", page.to_str().unwrap()]).exits(0);
    let page = std::fs::read_to_string(page).unwrap();
    assert_eq!(page.matches("id=turn-1 ").count(), 1);
}
