//! `export` writes conversations in the formats of training and evaluation tools, masked as in traces.

mod output;
mod schema;

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::missing;
use crate::sandbox::{Ran, Recording, Sandbox};

const FORMATS: [&str; 3] = ["messages", "openai", "anthropic"];

fn lines(ran: &Ran) -> Vec<Value> {
    let read = |line| serde_json::from_str(line).unwrap();
    ran.stdout.split_terminator('\n').map(read).collect()
}

fn export(sandbox: &Sandbox, arguments: &[&str]) -> Vec<Value> {
    lines(&sandbox.run(&[&["export"], arguments].concat()).exits(0))
}

/// All recordings of all releases.
fn everything() -> Sandbox {
    let sandbox = Sandbox::new();
    let recordings = Recording::names();
    assert!(recordings.len() > 60);
    recordings.iter().for_each(|name| write_recorded(&sandbox, name));
    sandbox
}

/// All sessions of a recording.
fn write_recorded(sandbox: &Sandbox, name: &str) {
    for transcript in &Recording::open(name).sessions {
        sandbox.grow(transcript, usize::MAX);
    }
}

#[test]
fn a_line_is_a_conversation_in_the_requested_format() {
    let sandbox = Sandbox::new();
    sandbox.session("v2.1.330/tool-error").whole();
    let first =
        |format: &str| export(&sandbox, &["81dd", "--format", format])[0]["messages"].clone();
    let calls = |messages: &Value| -> Vec<Value> {
        let messages = messages.as_array().unwrap();
        messages.iter().filter(|it| it["role"] == "assistant").take(1).cloned().collect()
    };
    let call = |format: &str| calls(&first(format)).remove(0);
    let id = call("messages")["tool_calls"][0]["id"].clone();
    let command = json!({"command": "echo out; echo err >&2; exit 3", "description": "fail"});
    let function = json!({"name": "Bash", "arguments": command.to_string()});
    for format in ["messages", "openai"] {
        assert_eq!(
            call(format)["tool_calls"],
            json!([{"id": id, "type": "function", "function": function}]),
            "{format}"
        );
    }
    assert_eq!(
        call("anthropic")["content"].as_array().unwrap().last().unwrap(),
        &json!({"type": "tool_use", "id": id, "name": "Bash", "input": command})
    );
    let answer = |messages: &Value, role: &str| {
        let all = messages.as_array().unwrap();
        all.iter().find(|it| it["role"] == role && !it["tool_call_id"].is_null()).cloned()
    };
    let said = answer(&first("openai"), "tool").unwrap();
    assert_eq!(said["tool_call_id"], id);
    assert_eq!(said.get("is_error"), None, "their messages have no place for it");
    assert_eq!(answer(&first("messages"), "tool").unwrap()["is_error"], true);
}

#[test]
fn per_turn_each_line_has_all_earlier_messages() {
    let sandbox = Sandbox::new();
    sandbox.session("v2.1.330/resume").whole();
    let turns = export(&sandbox, &["--all", "--per", "turn"]);
    let asked: Vec<Vec<Value>> = turns.iter().map(|line| of(line, "user")).collect();
    assert_eq!(asked.iter().map(Vec::len).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(asked[2][..2], asked[1][..]);
    let numbers: Vec<&Value> = turns.iter().map(|line| &line["turn"]).collect();
    assert_eq!(numbers, [1, 2, 3]);
    assert_eq!(
        export(&sandbox, &["--all"]),
        turns[2..],
        "a conversation is as it stood at its end"
    );
    let id = turns[0]["session"].as_str().unwrap();
    let some = export(&sandbox, &[&format!("{id}#2.."), "--per", "turn"]);
    assert_eq!(some, turns[1..]);
    let upto = export(&sandbox, &[&format!("{id}#2")]);
    assert_eq!(upto, turns[1..2]);
}

fn of(line: &Value, role: &str) -> Vec<Value> {
    let messages = line["messages"].as_array().unwrap();
    messages.iter().filter(|it| it["role"] == role).cloned().collect()
}

#[test]
fn each_line_loads_in_the_vendors_types() {
    let sandbox = everything();
    for arguments in [&["--per", "turn", "--thinking"][..], &["--per", "conversation"]] {
        let of_format =
            |format| export(&sandbox, &[&["--all", "--format", format], arguments].concat());
        let all = of_format("openai");
        assert!(all.len() > 60, "{}", all.len());
        all.iter().for_each(schema::assert_openai);
        of_format("anthropic").iter().for_each(schema::assert_anthropic);
        of_format("messages").iter().for_each(schema::assert_messages);
    }
}

/// The vendors' own types, if Python has them: `pip install openai anthropic`. Otherwise the schemas above replace them.
#[test]
fn each_line_loads_in_the_types_of_the_vendors_own_sdk() {
    let sandbox = everything();
    for vendor in ["openai", "anthropic"] {
        let lines = sandbox
            .run(&["export", "--all", "--per", "turn", "--thinking", "--format", vendor])
            .exits(0)
            .stdout;
        let check = Command::new("python3")
            .args(["-c", include_str!("export/sdk.py"), vendor])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut check) = check else {
            return missing::tool("SDKs not tried: python3 is missing");
        };
        // The reader may close before it has read a line.
        let _ = check.stdin.take().unwrap().write_all(lines.as_bytes());
        let output = check.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        if output.status.code() == Some(77) {
            missing::tool(&format!("SDK not tried: {}", told.trim()));
            continue;
        }
        assert!(output.status.success(), "{vendor}: {told}");
        assert!(lines.matches('\n').count() > 60);
        let count = String::from_utf8(output.stdout).unwrap();
        assert_eq!(count.trim(), lines.matches('\n').count().to_string());
    }
}

#[test]
fn filters_exclude_sessions_and_turns() {
    let sandbox = Sandbox::new();
    sandbox.session("v2.1.330/resume").whole();
    sandbox.session("v2.1.330/api-error").whole();
    sandbox.session("v2.1.330/model-switch").whole();
    let count = |arguments: &[&str]| {
        export(&sandbox, &[&["--all", "--per", "turn"], arguments].concat()).len()
    };
    let all = count(&[]);
    assert_eq!(count(&["--min-turns", "1"]), all);
    assert_eq!(count(&["--min-turns", "99"]), 0);
    let haiku = count(&["--model", "claude-haiku"]);
    assert!(0 < haiku && haiku < all, "{haiku} of {all}");
    assert_eq!(count(&["--model", "gpt"]), 0);
    assert_eq!(count(&["--since", "2030-01-01"]), 0);
    assert_eq!(count(&["--until", "2030-01-01"]), all);
    let elsewhere = sandbox.path("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    assert_eq!(count(&["--project", elsewhere.to_str().unwrap()]), 0);
}

#[test]
fn no_failed_excludes_failed_turns() {
    let sandbox = Sandbox::new();
    write_recorded(&sandbox, "v2.1.330/interrupt");
    write_recorded(&sandbox, "v2.1.330/simple");
    let all = export(&sandbox, &["--all", "--per", "turn"]);
    let finished = export(&sandbox, &["--all", "--per", "turn", "--no-failed"]);
    assert!(!finished.is_empty() && finished.len() < all.len());
    assert!(finished.iter().all(|line| line["finished"] == true));
    assert!(all.iter().any(|line| line["finished"] == false));
}

#[test]
fn the_same_sessions_make_the_same_bytes_for_any_output() {
    let sandbox = everything();
    for format in FORMATS {
        let arguments = ["export", "--all", "--per", "turn", "--format", format];
        let printed = sandbox.run(&arguments).exits(0).stdout;
        assert_eq!(sandbox.run(&arguments).exits(0).stdout, printed);
        let path = sandbox.path("out.jsonl");
        let output = ["--output", path.to_str().unwrap()];
        let ran = sandbox.run(&[&arguments[..], &output].concat()).exits(0);
        assert_eq!(ran.stdout, "");
        assert_eq!(fs::read_to_string(&path).unwrap(), printed);
        assert_eq!(crate::sandbox::mode(&path), 0o600);
    }
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let sandbox = everything();
    let ran = sandbox.shell(
        &format!(
            "{} -q export --all --per turn | head -n 1",
            env!("CARGO_BIN_EXE_claude-langfuse")
        ),
        b"",
    );
    assert_eq!((ran.stdout.matches('\n').count(), &*ran.stderr), (1, ""));
}

#[test]
fn input_and_output_of_tools_are_omitted_when_not_captured() {
    let mut sandbox = Sandbox::new();
    sandbox.set("CC_LANGFUSE_CAPTURE", "no-tool-content");
    sandbox.session("v2.1.330/tools").whole();
    for format in FORMATS {
        let ran = sandbox.run(&["export", "--all", "--format", format]).exits(0);
        assert!(
            !ran.stdout.contains("oops") && ran.stdout.contains("[not captured: "),
            "{}",
            ran.stdout
        );
        assert!(ran.stderr.contains("CC_LANGFUSE_CAPTURE"), "{}", ran.stderr);
        match format {
            "openai" => lines(&ran).iter().for_each(schema::assert_openai),
            "anthropic" => lines(&ran).iter().for_each(schema::assert_anthropic),
            _ => lines(&ran).iter().for_each(schema::assert_messages),
        }
    }
}

#[test]
fn images_become_their_type_and_size() {
    let sandbox = Sandbox::new();
    sandbox.session("v2.1.330/image").whole();
    for format in FORMATS {
        let lines = export(&sandbox, &["--all", "--format", format]);
        let text = lines[0].to_string();
        assert!(text.contains("[image: image/png, ") && !text.contains("base64"), "{text}");
    }
}

#[test]
fn thinking_is_exported_on_request() {
    let sandbox = Sandbox::new();
    sandbox.session("v2.1.330/thinking").whole();
    for (format, mark) in [
        ("messages", r#""thinking":[{"type":"thinking","content":"#),
        ("openai", "<thinking>"),
        ("anthropic", r#"{"type":"thinking","thinking":"#),
    ] {
        let arguments = ["export", "--all", "--per", "turn", "--format", format];
        let without = sandbox.run(&arguments).exits(0).stdout;
        assert!(!without.contains(mark), "{format}");
        let with = sandbox.run(&[&arguments[..], &["--thinking"]].concat()).exits(0).stdout;
        assert!(with.contains(mark), "{format}: {with}");
    }
}

#[test]
fn an_answer_cut_off_in_its_thinking_needs_thinking() {
    let sandbox = Sandbox::new();
    let row = |kind: &str, uuid: &str, parent: Value, message: Value| {
        json!({
            "type": kind, "uuid": uuid, "parentUuid": parent, "message": message, "timestamp": "2024-11-23T06:00:00.000Z",
            "sessionId": "cut", "cwd": "/home/dev/project", "version": "2.1.197",
        })
    };
    let thoughts = json!([{"type": "thinking", "thinking": "Let me", "signature": ""}]);
    let rows = [
        row("user", "u1", Value::Null, json!({"role": "user", "content": "go"})),
        row(
            "assistant",
            "a1",
            json!("u1"),
            json!({"id": "msg_1", "role": "assistant", "model": "claude-opus-5", "content": thoughts}),
        ),
    ];
    let text: String = rows.iter().map(|row| format!("{row}\n")).collect();
    let path = sandbox.write(".claude/projects/-home-dev-project/cut.jsonl", text.as_bytes());
    let path = path.to_str().unwrap();
    for format in FORMATS {
        assert_eq!(export(&sandbox, &[path, "--format", format]), [Value::Null; 0], "{format}");
        assert_eq!(
            export(&sandbox, &[path, "--format", format, "--thinking"]).len(),
            1,
            "{format}"
        );
    }
    let twice = export(&sandbox, &[path, path, "--thinking"]);
    assert_eq!(twice.len(), 1, "named twice, it is one");
}

#[test]
fn terminal_screens() {
    let sandbox = Sandbox::new();
    sandbox.session("v2.1.330/simple").whole();
    sandbox.session("v2.1.330/resume").whole();
    let path = sandbox.projects().join("-home-dev-project/0broken.jsonl");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "{\"type\":\"user\",\"cwd\":\"/home/dev/project\"}\n{\"type\":\n{}\n")
        .unwrap();
    sandbox.screen().types("claude-langfuse export --help").is("export_help");
    sandbox
        .screen()
        .types("claude-langfuse export 2c97 --format openai")
        .types("claude-langfuse export 2c97 --format anthropic")
        .types("claude-langfuse export 2c97")
        .types("claude-langfuse export --all --output train.jsonl")
        .types("claude-langfuse export --all --project other --output train.jsonl")
        .types("claude-langfuse export --all --since 2024-11-01 --until 2024-11-02 --output train.jsonl")
        .types("claude-langfuse export --all --per turn --thinking --no-failed --output train.jsonl")
        .types("claude-langfuse export --all --min-turns 3 --model opus --output train.jsonl")
        .is("export");
    let mut sandbox = sandbox;
    fs::remove_file(path).unwrap();
    sandbox
        .screen()
        .types("claude-langfuse export")
        .types("claude-langfuse export ffff")
        .types("claude-langfuse export 2c97#9")
        .types("claude-langfuse export 2c97#x")
        .types("claude-langfuse export 2c97 --format pickle")
        .types("claude-langfuse export --all --output /nowhere/train.jsonl")
        .is("export_errors");
    sandbox.set("CC_LANGFUSE_CAPTURE", "metadata");
    sandbox.screen().types("claude-langfuse export 2c97").is("export_of_nothing");
}
