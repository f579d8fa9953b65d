//! Agents and background tasks: their outcome, its reason, and their tool call.

mod forks;
mod unlaunched;

use langfuse_mock::{MockLangfuse, Row};
use serde_json::Value;

use crate::sandbox::{Recording, Sandbox};

/// The spans of a replay of a recording with one session.
fn shown(recording: &str) -> Vec<Row> {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session(recording);
    sandbox.write_others(&session.recording);
    session.whole().replay(&[]).exits(0);
    mock.rows()
}

/// The rows with this value of a metadata key.
fn with<'a>(rows: &'a [Row], key: &str, value: &str) -> Vec<&'a Row> {
    let has = |row: &&Row| row.metadata.get(key).is_some_and(|have| have == value);
    rows.iter().filter(has).collect()
}

/// The one row with this value of a metadata key.
fn only<'a>(rows: &'a [Row], key: &str, value: &str) -> &'a Row {
    match with(rows, key, value)[..] {
        [row] => row,
        ref others => panic!("{} rows with {key} {value}", others.len()),
    }
}

fn noted<'a>(row: &'a Row, key: &str) -> Option<&'a str> {
    row.metadata.get(key).map(String::as_str)
}

#[test]
fn a_failed_agent_has_its_reason_in_foreground_and_background() {
    let rows = shown("v2.1.330/agent-failed");
    for agent in ["foreground job", "background job"] {
        let row = only(&rows, "agent_description", agent);
        assert_eq!(row.level, "ERROR", "{agent}");
        assert_eq!(
            row.status_message.as_deref(),
            Some("API Error: 400 mock: bad request in the agent"),
            "{agent}"
        );
        assert_eq!(noted(row, "agent_outcome"), Some("failed"), "{agent}");
        // One answered attempt, and six failed ones.
        assert_eq!(noted(row, "failed_requests"), Some("6"), "{agent}");
    }
}

#[test]
fn an_agent_has_its_outcome_from_any_row() {
    for (recording, outcome) in [
        ("v1.0.128/subagent", "completed"),
        ("v2.1.50/subagent", "completed"),
        ("v2.1.197/subagent-background", "completed"),
        ("v2.1.330/subagent-nested", "completed"),
        ("v2.1.330/agent-resumed", "completed"),
        ("v2.1.330/agent-killed", "killed"),
        ("v2.1.330/agent-lost", "stopped"),
    ] {
        let rows = shown(recording);
        let agents: Vec<&Row> =
            rows.iter().filter(|row| noted(row, "agent_id").is_some()).collect();
        assert!(!agents.is_empty(), "{recording}");
        for agent in agents {
            assert_eq!(noted(agent, "agent_outcome"), Some(outcome), "{recording}");
        }
    }
}

#[test]
fn a_background_command_has_its_task_and_the_outcome_known_in_its_turn() {
    let rows = shown("v2.1.330/background-shell");
    let tool = |task| {
        let row = only(&rows, "background_task_id", task);
        let notes = ["background_task_status", "exit_code"].map(|key| noted(row, key));
        (row.name.as_str(), row.level.as_str(), row.status_message.as_deref(), notes)
    };
    assert_eq!(tool("by0d75sde"), ("Bash", "DEFAULT", None, [Some("completed"), Some("0")]));
    let failed = "Background command \"bad job\" failed with exit code 3";
    assert_eq!(tool("bhnt83i16"), ("Bash", "ERROR", Some(failed), [Some("failed"), Some("3")]));
    // Stopped by the model, without a notification.
    assert_eq!(tool("beh7l6p89"), ("Bash", "WARNING", Some("stopped"), [Some("killed"), None]));
}

#[test]
fn a_turn_opened_by_a_task_has_its_outcome_and_points_to_its_tool() {
    let rows = shown("v2.1.330/background-shell");
    for (task, status, level, message) in [
        ("by0d75sde", "completed", "DEFAULT", None),
        (
            "bhnt83i16",
            "failed",
            "WARNING",
            Some("Background command \"bad job\" failed with exit code 3"),
        ),
    ] {
        let turn = only(&rows, "task_id", task);
        let tool = only(&rows, "background_task_id", task);
        assert!(turn.parent_span_id.is_none());
        assert_eq!(noted(turn, "task_tool_use_id"), noted(tool, "tool_use_id"));
        assert_eq!(noted(turn, "task_status"), Some(status));
        assert_eq!((turn.level.as_str(), turn.status_message.as_deref()), (level, message));
    }
}

#[test]
fn a_notification_within_a_turn_points_to_its_tool_too() {
    let rows = shown("v2.1.330/agent-killed");
    let event = only(&rows, "task_id", "a4ec2736585ac795c");
    let launch = rows.iter().find(|row| row.name == "Agent").unwrap();
    assert_eq!((event.kind.as_str(), event.name.as_str()), ("EVENT", "notification"));
    assert_eq!(noted(event, "task_tool_use_id"), noted(launch, "tool_use_id"));
    assert_eq!(noted(event, "task_status"), Some("killed"));
    assert_eq!(event.level, "WARNING");
    assert_eq!(
        event.status_message.as_deref(),
        Some("Agent \"endless job\" was stopped by Claude")
    );
}

/// Rows of agents have no `toolUseResult`: only its text distinguishes the launch of a nested agent from an answer.
#[test]
fn an_agent_below_another_one_is_not_done_when_it_is_launched_in_the_background() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/agent-deep");
    session.answered(0);
    for agent in &session.recording.agents {
        // The inner agents are cut off while the innermost one's tool runs.
        let rows = agent.rows_at(&session.recording.firings[0]);
        sandbox.grow(agent, rows);
    }
    session.end();
    let rows = mock.rows();
    let outcome = |agent| noted(only(&rows, "agent_description", agent), "agent_outcome");
    assert_eq!(outcome("one"), Some("completed"));
    assert_eq!(outcome("two"), None);
}

/// The one chain of a recording's run.
fn run<'a>(rows: &'a [Row], status: &str) -> &'a Row {
    let chain = only(rows, "workflow_status", status);
    assert_eq!((chain.kind.as_str(), chain.name.as_str()), ("CHAIN", "workflow"));
    assert_eq!(noted(chain, "workflow_name"), Some("count-things"));
    chain
}

#[test]
fn a_workflow_lasts_as_long_as_its_run_and_shows_its_results() {
    let rows = shown("v2.1.330/workflow");
    let chain = run(&rows, "completed");
    let result = r#"{"counted":["1 file.","0 folders."],"verdict":{"ok":true}}"#;
    assert_eq!(chain.output.as_deref(), Some(result));
    assert_eq!(chain.level, "DEFAULT");
    let below: Vec<&Row> =
        rows.iter().filter(|row| row.parent_span_id.as_ref() == Some(&chain.span_id)).collect();
    assert_eq!(below.len(), 3);
    for agent in below {
        let within = chain.start_ms <= agent.start_ms && agent.end_ms <= chain.end_ms;
        assert!(within, "{:?}", agent.output);
    }
}

/// The journal is Claude Code's own account of the steps.
#[test]
fn the_steps_of_a_workflow_are_those_of_its_journal() {
    let recording = Recording::open("v2.1.330/workflow");
    let journal = recording.others.iter();
    let mut journal = journal.filter(|other| other.path.ends_with("journal.jsonl"));
    let lines = journal.next().expect("a journal").content.lines();
    let lines: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    let rows = shown("v2.1.330/workflow");
    let of_kind = |kind: &'static str| lines.iter().filter(move |line| line["type"] == kind);
    assert_eq!(of_kind("started").count(), 3);
    for step in of_kind("started") {
        let agent = only(&rows, "agent_id", step["agentId"].as_str().unwrap());
        assert_eq!(noted(agent, "workflow_phase"), step["phase"].as_str());
        assert_eq!(noted(agent, "agent_description"), step["label"].as_str());
    }
    assert_eq!(of_kind("result").count(), 3);
    for step in of_kind("result") {
        let agent = only(&rows, "agent_id", step["agentId"].as_str().unwrap());
        let output = agent.output.as_deref().unwrap();
        let output = serde_json::from_str(output).unwrap_or_else(|_| Value::from(output));
        assert_eq!(output, step["result"]);
    }
}

#[test]
fn a_failed_stopped_or_lost_workflow_has_its_outcome() {
    let rows = shown("v2.1.330/workflow-failed");
    let ended = |row: &Row| (row.level.clone(), row.status_message.clone().unwrap());
    let expected = |level: &str, why: &str| (level.to_owned(), why.to_owned());
    assert_eq!(ended(run(&rows, "failed")), expected("ERROR", "Error: no verdict"));
    assert_eq!(ended(run(&rows, "killed")), expected("WARNING", "killed"));
    let rows = shown("v2.1.330/workflow-lost");
    assert_eq!(ended(run(&rows, "stopped")), expected("WARNING", "stopped"));
}

#[test]
fn a_workflow_is_not_sent_before_it_ends_unless_its_session_does() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/workflow-lost");
    session.answered(0).stop(0);
    for agent in &session.recording.agents {
        sandbox.grow(agent, usize::MAX);
    }
    session.stop(0);
    let chain = || mock.rows().into_iter().find(|row| row.kind == "CHAIN");
    assert!(chain().is_none());
    session.end();
    let chain = chain().expect("the session is over");
    assert_eq!(chain.level, "WARNING");
    assert_eq!(chain.status_message.as_deref(), Some("no result"));
    let rows = mock.rows();
    let step = only(&rows, "workflow_phase", "Count");
    assert_eq!(chain.end_ms, step.end_ms);
    assert_eq!(step.status_message.as_deref(), Some("no result"));
}

#[test]
fn a_fifo_in_place_of_a_workflows_end_and_an_impossible_depth_block_nothing() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/workflow-lost");
    session.answered(0);
    let below = session.path().with_extension("");
    let run = "wf_0be9dea5-b6c";
    let fifo = below.join(format!("workflows/{run}.json"));
    std::fs::create_dir_all(fifo.parent().unwrap()).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    let agent = &session.recording.agents[0];
    sandbox.grow(agent, usize::MAX);
    let meta = sandbox.projects().join(&agent.path).with_extension("meta.json");
    std::fs::write(&meta, format!("{{\"spawnDepth\":{}}}", u64::MAX)).unwrap();
    session.end();
    let rows = mock.rows();
    let chain = rows.iter().find(|row| row.kind == "CHAIN");
    assert!(chain.is_some(), "{}", sandbox.log());
}

/// Up to 2.1.50 agents have no meta file; only the call that launched them has the description.
#[test]
fn an_agent_has_its_description_and_depth_in_every_release() {
    for (recording, description) in [
        ("v1.0.128/subagent", "count files"),
        ("v2.0.76/subagent", "count files"),
        ("v2.1.50/subagent", "count files"),
        ("v2.1.197/subagent", "count files"),
        ("v2.1.330/subagent", "count files"),
    ] {
        let rows = shown(recording);
        let launched =
            rows.iter().filter(|row| row.kind == "AGENT" && row.parent_span_id.is_some());
        let said = |row: &Row| {
            ["agent_description", "agent_depth"].map(|key| noted(row, key).map(str::to_owned))
        };
        let all: Vec<_> = launched.map(said).collect();
        assert_eq!(all, [[Some(description.to_owned()), Some("1".to_owned())]], "{recording}");
    }
}

#[test]
fn entrypoint_identifies_sessions_of_the_agent_sdk() {
    for (recording, entrypoint) in [
        ("v2.1.330/sdk-user", "sdk-py"),
        ("v2.1.330/sdk-inline", "sdk-py"),
        ("v2.1.330/sdk-empty", "sdk-py"),
        ("v2.1.330/sdk-query", "sdk-py"),
        ("v2.1.330/sdk-ts", "sdk-ts"),
        ("v2.1.330/simple", "sdk-cli"),
        ("v2.1.330/esc-first", "cli"),
    ] {
        let rows = shown(recording);
        assert!(!rows.is_empty(), "{recording}");
        assert_eq!(with(&rows, "entrypoint", entrypoint).len(), rows.len(), "{recording}");
    }
}

/// 2.1.197 writes it with a hyphen, in another field.
#[test]
fn turn_origin_is_the_same_in_every_release() {
    for recording in ["v2.1.197/subagent-background", "v2.1.330/subagent-background"] {
        let rows = shown(recording);
        let opened = with(&rows, "turn_origin", "task_notification");
        assert_eq!(opened.len(), 2, "{recording}");
    }
}

#[test]
fn a_file_of_an_agent_that_leads_to_another_session_is_not_sent() {
    const OTHER: &str = "words of another session";
    for is_link in [true, false] {
        let mock = MockLangfuse::start();
        let sandbox = Sandbox::traced(&mock);
        let mut other = sandbox.session_in(&sandbox.path("private"), "v2.1.330/thinking");
        other.recording = other.recording.replaced("Answer after thought.", OTHER);
        other.whole();
        let session = sandbox.session("v2.1.330/subagent");
        session.whole();
        let agent = sandbox.projects().join(&session.recording.agents[0].path);
        std::fs::remove_file(&agent).unwrap();
        match is_link {
            true => std::os::unix::fs::symlink(other.path(), &agent).unwrap(),
            false => _ = std::fs::copy(other.path(), &agent).unwrap(),
        }
        session.end();
        session.replay(&[]);
        assert!(!mock.rows().is_empty());
        let sent = mock.exports().iter().any(|request| {
            request.json.as_ref().is_some_and(|json| json.to_string().contains(OTHER))
        });
        assert!(!sent, "link: {is_link}");
    }
}
