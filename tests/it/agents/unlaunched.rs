//! Agents without a tool call: commands of the person, and agents without a launch row.

use langfuse_mock::{MockLangfuse, Row};

use super::{noted, only};
use crate::sandbox::{Recording, Sandbox};

const AGENT: &str = "aa8167aec2d83018e";
const TUI: &str = "v2.1.332/skill-fork-tui";

/// The recording without those rows of its session that contain one of these texts.
fn without(texts: &[&str]) -> Recording {
    let mut recording = Recording::open(TUI);
    let has = |line: &String| texts.iter().any(|text| line.contains(text));
    recording.sessions[0].lines.retain(|line| !has(line));
    recording
}

/// The spans of a replay of the whole recording.
fn replayed(recording: &Recording) -> Vec<Row> {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    write_recorded(&sandbox, recording);
    let path = sandbox.projects().join(&recording.sessions[0].path);
    sandbox.run(&["replay", path.to_str().unwrap()]).exits(0);
    mock.rows()
}

fn write_recorded(sandbox: &Sandbox, recording: &Recording) {
    sandbox.write_others(recording);
    for file in recording.sessions.iter().chain(&recording.agents) {
        sandbox.grow(file, usize::MAX);
    }
}

/// The agent's row, and its parents.
fn agent_and_parent(rows: &[Row]) -> (&Row, Option<&Row>) {
    let agent = only(rows, "agent_id", AGENT);
    let parent = agent.parent_span_id.as_ref();
    let parent = rows.iter().find(|row| Some(&row.span_id) == parent);
    (agent, parent)
}

#[test]
fn the_answer_of_a_typed_forked_skill_is_its_output() {
    for (recording, prompt, answer) in [
        ("v2.1.332/skill-fork", "/apart", "Fork 1 done."),
        ("v2.1.332/skill-fork", "/apart", "Fork 2 done."),
        ("v2.1.197/skill-fork", "/apart now", "Apart done."),
        ("v2.1.197/skill-fork", "/aside", "Aside done."),
        (TUI, "/apart", "Running in the background as @apart"),
    ] {
        let mock = MockLangfuse::start();
        let sandbox = Sandbox::traced(&mock);
        write_recorded(&sandbox, &Recording::open(recording));
        let folder = sandbox.projects().display().to_string();
        sandbox.run(&["replay", &folder]).exits(0);
        let rows = mock.rows();
        let is_turn =
            |row: &&Row| row.parent_span_id.is_none() && row.output.as_deref() == Some(answer);
        let turn = rows.iter().find(is_turn).expect("the turn");
        assert_eq!(turn.input.as_deref(), Some(prompt), "{recording}");
        assert_eq!(turn.level, "DEFAULT", "{recording}");
        let below = |row: &&Row| row.parent_span_id.as_ref() == Some(&turn.span_id);
        let agents: Vec<&Row> = rows.iter().filter(below).collect();
        assert_eq!(agents.len(), 1, "{recording} {prompt}");
        assert!(agents[0].metadata.contains_key("agent_id"), "{recording}");
    }
}

#[test]
fn an_agent_without_a_launch_row_belongs_to_the_turn_of_its_notification() {
    let rows = replayed(&without(&["forked-skill-launch"]));
    let (_, parent) = agent_and_parent(&rows);
    let notified = parent.and_then(|turn| noted(turn, "task_id"));
    assert_eq!(notified, Some(AGENT));
}

#[test]
fn an_unlinked_agent_has_its_own_trace() {
    let recording = without(&[AGENT, "/apart"]);
    let rows = replayed(&recording);
    let (agent, parent) = agent_and_parent(&rows);
    assert!(parent.is_none());
    assert_eq!(noted(agent, "unlinked_agent"), Some("true"));
    assert_eq!(agent.trace_name.as_deref(), Some("Claude Code: project"));
    rows.iter().for_each(crate::metadata::validate);
    let calls = rows.iter().filter(|row| row.kind == "GENERATION").count();
    assert_eq!(calls, 5);
}

/// Not sent earlier: its launch may not be written yet.
#[test]
fn an_unlinked_agent_waits_until_its_session_continues() {
    let recording = without(&[AGENT, "/apart"]);
    let fresh = replayed(&recording);
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    sandbox.write_others(&recording);
    recording.agents.iter().for_each(|agent| sandbox.grow(agent, usize::MAX));
    let session = &recording.sessions[0];
    let path = sandbox.projects().join(&session.path);
    let is_sent = || {
        let rows = mock.rows();
        rows.iter().any(|row| noted(row, "agent_id") == Some(AGENT))
    };
    let mut seen = Vec::new();
    for firing in &recording.firings {
        let answer = firing.event["last_assistant_message"].as_str();
        let rows = answer.and_then(|text| session.answer(text, 0));
        sandbox.grow(session, rows.map_or(usize::MAX, |row| row + 1));
        let mut event = firing.event.clone();
        event["transcript_path"] = path.to_str().unwrap().into();
        let hook = sandbox.start(&["hook"], format!("{event}\n").as_bytes());
        hook.end().silent();
        seen.push(is_sent());
    }
    assert_eq!(seen.first(), Some(&false));
    let rows = |rows: &[Row]| rows.iter().map(Row::to_json).collect::<Vec<_>>();
    sandbox.run(&["replay", path.to_str().unwrap()]).exits(0);
    assert_eq!(rows(&mock.rows()), rows(&fresh));
}
