//! Each figure by the rows that it is made of, and by those that it must not be made of.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use transcript::Transcript;
use transcript::session::{Turn, Turns};

use super::{Score, Subject, Value, outcomes};
use crate::trace::{Attributes, Context, SessionFacts};

/// A turn of rows as Claude Code writes them: a prompt, and what comes after it.
struct Played {
    rows: Vec<Json>,
    tools: usize,
}

fn at(second: usize) -> String {
    format!("2026-11-23T10:00:{second:02}.000Z")
}

impl Played {
    fn prompt() -> Self {
        let message = json!({"role": "user", "content": "do it"});
        let row = json!({
            "type": "user", "uuid": "opening", "turnOrigin": "human", "promptSource": "typed", "message": message,
        });
        Self { rows: Vec::new(), tools: 0 }.row(row)
    }

    fn row(mut self, mut row: Json) -> Self {
        row["timestamp"] = at(self.rows.len()).into();
        if row["uuid"].is_null() {
            row["uuid"] = format!("row-{}", self.rows.len()).into();
        }
        self.rows.push(row);
        self
    }

    fn says(self, content: &Json, usage: &Json) -> Self {
        let id = format!("msg_{}", self.rows.len());
        let message = json!({"id": id, "model": "claude-opus-5", "role": "assistant", "content": [content], "usage": usage});
        self.row(json!({"type": "assistant", "message": message}))
    }

    fn answer(self) -> Self {
        let usage = json!({"input_tokens": 10, "cache_read_input_tokens": 80, "cache_creation_input_tokens": 10, "output_tokens": 5});
        self.says(&json!({"type": "text", "text": "done"}), &usage)
    }

    /// A tool, and what came of it.
    fn tool(mut self, name: &str, input: Json, result: &str, mut row: Json) -> Self {
        self.tools += 1;
        let id = format!("toolu_{}", self.tools);
        let asked = json!({"type": "tool_use", "id": id, "name": name, "input": input});
        let is_error = row.get("is_error").cloned().unwrap_or(json!(false));
        let block = json!({"type": "tool_result", "tool_use_id": id, "content": result, "is_error": is_error});
        row["type"] = "user".into();
        row["message"] = json!({"role": "user", "content": [block]});
        self.says(&asked, &json!({})).row(row)
    }

    fn bash(self, command: &str, result: &str, is_error: bool) -> Self {
        let input = json!({"command": command});
        self.tool("Bash", input, result, json!({"is_error": is_error}))
    }

    fn edit(self, name: &str, input: Json, patch: Json) -> Self {
        self.tool(name, input, "changed", json!({"toolUseResult": {"structuredPatch": patch}}))
    }

    fn turn(self) -> Turn {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.jsonl");
        let lines: Vec<String> = self.rows.iter().map(|row| format!("{row}\n")).collect();
        std::fs::write(&path, lines.concat()).unwrap();
        let mut transcript = Transcript::open(&path, 0).unwrap();
        let mut turns = Turns::default();
        while let Some(entry) = transcript.next_entry().unwrap() {
            assert!(turns.push(entry).is_none());
        }
        turns.finish().unwrap()
    }

    fn scores(self) -> Vec<Score> {
        let turn = self.turn();
        let context =
            Context::of_turn(&turn.opening, 1, &SessionFacts::default(), &Attributes::default());
        outcomes(&turn, &context)
    }

    fn figures(self) -> BTreeMap<String, f64> {
        let scores = self.scores().into_iter();
        scores
            .map(|score| match score.value {
                Value::Numeric(number) => (score.name, number),
                Value::Boolean(yes) => (score.name, f64::from(u8::from(yes))),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    /// One figure, `None` where it is not scored.
    fn figure(self, name: &str) -> Option<f64> {
        self.figures().get(name).copied()
    }
}

fn denied() -> Json {
    json!({"is_error": true, "toolDenialKind": "permission-rule", "toolDenialBeforeRun": true})
}

fn hunks(lines: &[&str]) -> Json {
    json!([{"lines": lines}])
}

#[test]
fn a_turn_that_only_answers_has_the_figures_that_every_turn_has() {
    let figures = Played::prompt().answer().figures();
    let expected = [("cache_hit_ratio", 0.8)];
    assert_eq!(figures, expected.map(|(name, figure)| (name.to_owned(), figure)).into());
}

#[test]
fn every_figure_has_a_published_meaning() {
    let table = include_str!("../../../docs/scores.md");
    let (_, table) = table.split_once("| score | unit |").unwrap();
    let rows = table.lines().skip(2).map_while(|row| row.strip_prefix("| `"));
    let names = rows.flat_map(|row| {
        let names = row.split(" |").next().unwrap_or_default();
        names.split(", ").map(|name| name.trim_matches('`').to_owned())
    });
    let played = Played::prompt()
        .edit("Edit", json!({"file_path": "a"}), hunks(&["+x"]))
        .bash("cargo test", "test result: ok. 1 passed; 0 failed; 0 ignored", false)
        .tool(
            "Bash",
            json!({}),
            "",
            json!({"toolUseResult": {"gitOperation": {
                "commit": {"sha": "1234567"}, "pr": {"url": "https://host/1", "action": "created"},
            }}}),
        )
        .tool("Bash", json!({"command": "rm"}), "denied", denied())
        .bash("make", "", true)
        .bash("make", "", false)
        .row(json!({"type": "system", "subtype": "compact_boundary", "compactMetadata": {"trigger": "auto"}}))
        .answer()
        .row(json!({"type": "user", "message": {"role": "user", "content": "[Request interrupted by user]"}}))
        .row(json!({"type": "system", "subtype": "turn_duration", "durationMs": 1}));
    let mut names: Vec<String> = names.collect();
    names.sort();
    assert_eq!(names, played.figures().into_keys().collect::<Vec<_>>());
}

#[test]
fn a_turn_of_which_nothing_came_is_not_scored() {
    assert_eq!(Played::prompt().scores(), []);
}

#[test]
fn tools_fail_when_they_ran_and_failed() {
    let played = || {
        Played::prompt()
            .bash("true", "", false)
            .bash("false", "Exit code 1", true)
            .bash("ls", "a", false)
            .tool("Bash", json!({"command": "rm"}), "denied", denied())
            .answer()
    };
    assert_eq!(played().figure("tool_error_rate"), Some(0.3333));
    assert_eq!(played().figure("tools_denied"), Some(1.0));
    let only_denied = Played::prompt().tool("Bash", json!({"command": "rm"}), "denied", denied());
    assert_eq!(only_denied.answer().figure("tool_error_rate"), None);
}

#[test]
fn a_turn_that_was_stopped_is_interrupted_and_its_tool_has_not_failed() {
    let text = json!({"role": "user", "content": [{"type": "text", "text": "[Request interrupted by user for tool use]"}]});
    let rejected = json!({"is_error": true, "toolDenialKind": "user-rejected"});
    let figures = Played::prompt()
        .tool("Bash", json!({"command": "sleep 9"}), "The user doesn't want to proceed", rejected)
        .row(json!({"type": "user", "message": text}))
        .figures();
    assert_eq!(figures.get("interrupted"), Some(&1.0));
    assert_eq!(figures.get("tools_denied"), None);
    assert_eq!(figures.get("tool_error_rate"), None);
}

#[test]
fn a_command_is_tried_again_when_its_last_run_failed() {
    let retries = |runs: &[(&str, bool)]| {
        let played = runs.iter().fold(Played::prompt(), |played, (command, is_error)| {
            played.bash(command, "", *is_error)
        });
        played.answer().figure("command_retries")
    };
    assert_eq!(retries(&[]), None);
    assert_eq!(retries(&[("make", false), ("make", false)]), None);
    assert_eq!(retries(&[("make", true), ("make -B", true)]), None);
    assert_eq!(
        retries(&[("make", true), ("ls", false), (" make\n", true), ("make", false)]),
        Some(2.0)
    );
    assert_eq!(retries(&[("make", true), ("make", false), ("make", true)]), Some(1.0));
}

#[test]
fn changes_are_those_of_edits_that_were_made() {
    let file = |name: &str| json!({"file_path": name});
    let figures = Played::prompt()
        .edit("Write", json!({"file_path": "a", "content": "one\ntwo\n"}), json!([]))
        .edit("Edit", file("a"), hunks(&[" one", "-two", "+2", "+3"]))
        .edit("Edit", file("b"), hunks(&["-x"]))
        .tool("Edit", file("c"), "not found", json!({"is_error": true}))
        .answer()
        .figures();
    let found =
        ["files_changed", "lines_added", "lines_removed"].map(|name| figures.get(name).copied());
    assert_eq!(found, [Some(2.0), Some(4.0), Some(2.0)]);
}

#[test]
fn changes_without_an_edit_are_not_scored() {
    let told = |played: Played| {
        let figures = played.answer().figures();
        ["files_changed", "lines_added"].map(|name| figures.contains_key(name))
    };
    let notebook = json!({"notebook_path": "n"});
    assert_eq!(
        [
            told(Played::prompt().bash("sed -i s/a/b/ x", "", false)),
            told(Played::prompt().tool("Agent", json!({"prompt": "edit"}), "edited", json!({}))),
            told(Played::prompt().tool("NotebookEdit", notebook, "edited", json!({}))),
            told(Played::prompt().edit("Edit", json!({"file_path": "a"}), hunks(&["+x"]))),
        ],
        [[false, false], [false, false], [true, false], [true, true]]
    );
}

#[test]
fn tests_are_those_of_the_last_run() {
    let ran = |passed: u8, failed: u8| {
        format!("Exit code 1\ntest result: FAILED. {passed} passed; {failed} failed; 0 ignored")
    };
    let figures = Played::prompt()
        .bash("cargo test", &ran(3, 2), true)
        .bash("cargo test", &ran(4, 1), true)
        .bash("git status", "clean", false)
        .answer()
        .figures();
    let found = ["tests_run", "tests_passed"].map(|name| figures.get(name).copied());
    assert_eq!(found, [Some(5.0), Some(4.0)]);
    assert_eq!(Played::prompt().bash("ls", "", false).answer().figure("tests_run"), None);
}

#[test]
fn without_tokens_there_is_no_share_of_them() {
    let played = Played::prompt().says(&json!({"type": "text", "text": "done"}), &json!({}));
    assert_eq!(played.figure("cache_hit_ratio"), None);
}

#[test]
fn the_wait_is_what_the_turn_did_not_take() {
    let took = |source: &str, milliseconds: u64| {
        let mut played = Played::prompt().answer();
        played.rows[0]["promptSource"] = source.into();
        let row = json!({"type": "system", "subtype": "turn_duration", "durationMs": milliseconds});
        played.row(row).figure("user_wait_seconds")
    };
    assert_eq!(took("typed", 1_234), Some(0.8));
    assert_eq!(took("typed", 2_011), None);
    assert_eq!(took("queued", 1_234), None);
    assert_eq!(Played::prompt().answer().figure("user_wait_seconds"), None);
}

#[test]
fn scores_are_filed_under_the_prompt_and_judged_at_the_last_row() {
    let scores = Played::prompt().bash("true", "", false).answer().scores();
    let times = |score: &Score| (score.filed.rfc3339(), score.judged.rfc3339());
    assert!(scores.iter().all(|score| times(score) == (at(0), at(3))));
    assert!(scores.iter().all(|score| matches!(score.subject, Subject::Trace(_))));
}

#[test]
fn commits_and_created_pull_requests_are_counted_once() {
    let ran = |git: Json| json!({"toolUseResult": {"gitOperation": git}});
    let commit = |sha: &str, kind: &str| ran(json!({"commit": {"sha": sha, "kind": kind}}));
    let pull_request = |action: &str| {
        ran(json!({"pr": {"number": 7, "url": "https://host/o/r/pull/7", "action": action}}))
    };
    let bash = |played: Played, row: Json| played.tool("Bash", json!({"command": "x"}), "ok", row);
    let played = bash(Played::prompt(), commit("1234567", "committed"));
    let played = bash(played, commit("2345678", "amended"));
    let played = bash(played, pull_request("created"));
    let played = bash(bash(played, pull_request("edited")), pull_request("created")).answer();
    let figures = played.figures();
    assert_eq!((figures["commits"], figures["pull_requests"]), (1.0, 1.0));
    let other = bash(Played::prompt(), ran(json!({"commit": 1, "push": {"branch": []}, "pr": {}})));
    assert_eq!(other.answer().figure("commits"), None);
}
