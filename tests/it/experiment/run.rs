//! `experiment run` with a mock of Claude Code.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::place::Place;
use crate::sandbox::is_turn;

#[test]
fn each_run_is_an_item_of_the_experiment_with_scores_on_its_root() {
    let place = Place::new();
    place.items(&["right one", "wrong one"]);
    let told = place.run(&["--check", "grep -q right answer", "--json"]).exits(0).json();
    let outcomes: Vec<(&str, f64)> = told
        .iter()
        .map(|run| {
            (run["outcome"].as_str().unwrap(), run["figures"]["check_passed"].as_f64().unwrap())
        })
        .collect();
    assert_eq!(outcomes, [("answered", 1.0), ("answered", 0.0)]);
    let rows = place.mock.rows();
    assert_eq!(rows.len(), 4);
    for row in &rows {
        assert_eq!(row.experiment["id"], "bugs");
        assert_eq!(row.experiment["dataset_id"], "dataset");
        assert_eq!(row.metadata["repository"], "example.org/team/app");
        assert_eq!(row.metadata["project"], "app");
    }
    let root =
        rows.iter().find(|row| is_turn(row) && row.experiment["item_id"] == "item-001").unwrap();
    assert_eq!(root.experiment["item_expected_output"], "Done.");
    let scores = place.mock.scores();
    let of_root: Vec<(&str, Value)> = scores
        .iter()
        .filter(|score| score.text("observationId") == root.span_id)
        .map(|score| (score.name(), score.value()))
        .collect();
    for (name, value) in [
        ("check_passed", json!(0)),
        ("cost_usd", json!(0.25)),
        ("diff_files", json!(1.0)),
        ("diff_lines", json!(1.0)),
        ("seconds", json!(1.5)),
        ("tokens", json!(120.0)),
    ] {
        assert!(of_root.contains(&(name, value)), "{name}: {of_root:?}");
    }
    let exports = place.mock.exports();
    assert!(exports.iter().all(|export| export.status == Some(200) && !export.lost));
    place.assert_nothing_left();
}

#[test]
fn a_run_works_at_the_commit_of_its_item_in_any_checkout() {
    let place = Place::new();
    place.item("old", &json!({"commit": place.commits[0], "directory": "inner"}));
    place.item("new", &json!({"commit": place.commits[1], "directory": "inner"}));
    for (item, version) in [("old", "1"), ("new", "2")] {
        let check = format!("test $(cat version) = {version} && test ! -e .git");
        let told = place.run(&["--items", item, "--name", item, "--check", &check, "--json"]);
        assert_eq!(told.exits(0).json()[0]["figures"]["check_passed"], 1.0, "{item}");
    }
}

#[test]
fn instructions_of_another_revision_replace_the_items() {
    let place = Place::new();
    place.items(&["one"]);
    let check = "grep -q right answer && test -z \"$(git status --porcelain CLAUDE.md)\"";
    for (revision, passed) in [("main", 0.0), ("better", 1.0)] {
        let told =
            place.run(&["--instructions", revision, "--check", check, "--json"]).exits(0).json();
        let figures = &told[0]["figures"];
        assert_eq!(figures["check_passed"], passed, "{revision}");
        assert_eq!(figures["diff_lines"], 1.0, "instructions are no change of the run");
    }
    let told = place.run(&["--instructions", "nowhere"]).exits(1);
    assert!(told.stderr.contains("nowhere is no revision"), "{}", told.stderr);
}

#[test]
fn git_commands_of_a_run_do_not_change_the_repository() {
    let place = Place::new();
    place.items(&["spoil"]);
    let before = place.files();
    place.run(&["--check", "true"]).exits(0);
    assert!(place.files() == before, "the repository has changed");
    for name in ["pushed", "spoiled"] {
        assert!(!place.sandbox.path(name).exists(), "{name}");
    }
    let log = std::fs::read_to_string(place.sandbox.path("log")).unwrap();
    assert_eq!(log.lines().count(), 3, "{log}");
    place.assert_nothing_left();
}

#[test]
fn a_hundred_failing_or_hanging_runs_leave_nothing() {
    let place = Place::new();
    let kinds = ["fail", "rubbish", "crash", "leave right", "right", "hang", "spoil", "wrong"];
    // A hanging run takes its whole time limit.
    let prompts: Vec<&str> =
        (0..100).map(|number| kinds[if number < 8 { number } else { number % 5 }]).collect();
    place.items(&prompts);
    let before = place.files();
    let told = place.run(&["--timeout", "5s", "--parallel", "4", "--json"]).exits(1);
    assert_eq!(told.json().len(), 100);
    let outcomes: BTreeSet<String> =
        told.json().iter().map(|run| run["outcome"].as_str().unwrap().to_owned()).collect();
    assert_eq!(outcomes, ["answered", "failed", "timed_out"].map(str::to_owned).into());
    assert!(place.files() == before, "the repository has changed");
    place.assert_nothing_left();
}

#[test]
fn a_budget_is_exceeded_by_no_more_than_one_call() {
    let place = Place::new();
    place.items(&["a", "b", "c", "d", "e"]);
    let told = place.run(&["--max-usd", "0.6"]).exits(1);
    assert!(told.stderr.contains("the budget of $0.60 is spent"), "{}", told.stderr);
    assert_eq!(place.started().len(), 3);
    let budgets = std::fs::read_to_string(place.sandbox.path("budgets")).unwrap();
    assert_eq!(budgets, "0.600000\n0.350000\n0.100000\n");
    place.run(&["--max-usd", "0.6"]).exits(1);
    assert_eq!(place.started().len(), 3, "the runs before count");
    place.run(&["--max-usd", "2"]).exits(0);
    assert_eq!(place.started().len(), 5);
    place.run(&["--max-usd", "2", "--parallel", "2"]).exits(2);
}

#[test]
fn the_same_command_runs_unanswered_items() {
    let place = Place::new();
    place.items(&["right", "fail", "wrong"]);
    place.run(&[]).exits(1);
    assert_eq!(place.started(), ["right", "fail", "wrong"]);
    place.item("item-001", &json!({"prompt": "mended"}));
    place.run(&[]).exits(0);
    assert_eq!(place.started()[3..], ["mended"]);
    let told = place.run(&[]).exits(0);
    assert!(told.stderr.contains("nothing is left to run"), "{}", told.stderr);
    let told = place.run(&["--check", "true"]).exits(1);
    assert!(told.stderr.contains("its check was none, and is true now"), "{}", told.stderr);
    place.run(&["--repeat", "2"]).exits(0);
    assert_eq!(place.started().len(), 7);
}

#[test]
fn ctrl_c_ends_everything_and_the_same_command_continues() {
    let place = Place::new();
    place.items(&["right", "hang", "hang", "wrong"]);
    let running = place.start(&["--yes", "--parallel", "2"]);
    let begun = Instant::now();
    while place.started().len() < 3 {
        assert!(begun.elapsed() < Duration::from_secs(120), "nothing was started");
        std::thread::sleep(Duration::from_millis(10));
    }
    running.signal("INT");
    let ran = running.end().exits(130);
    assert!(ran.stderr.contains("goes on with what is left"), "{}", ran.stderr);
    place.assert_nothing_left();
    let left = place.run(&["--dry-run", "--json"]).exits(0).json();
    assert_eq!(left[0]["experiments"][0]["runs"].as_array().unwrap().len(), 3);
}

#[test]
fn nothing_is_run_without_consent() {
    let place = Place::new();
    place.items(&["right"]);
    let ran = place.start(&[]).end().exits(2);
    assert!(ran.stderr.contains("--yes"), "{}", ran.stderr);
    place.run(&["--dry-run"]).exits(0);
    assert!(place.started().is_empty());
    assert!(place.mock.rows().is_empty());
}

#[test]
fn a_server_that_rejects_spans_loses_nothing() {
    let place = Place::new();
    place.items(&["right"]);
    place.mock.reply_always(Some(langfuse_mock::Reply::Status(503)));
    let told = place.run(&["--json"]).exits(1).json();
    assert_eq!((&told[0]["outcome"], &told[0]["sent"]), (&json!("answered"), &json!(false)));
    place.mock.reply_always(None);
    place.sandbox.run(&["replay", told[0]["session"].as_str().unwrap()]).exits(0);
    assert!(place.mock.rows().iter().all(|row| row.experiment["item_id"] == "item-000"));
    assert_eq!(place.mock.rows().len(), 2);
}

#[test]
fn terminal_screens() {
    let place = Place::new();
    place.items(&["right", "wrong", "fail", "right", "wrong"]);
    place.item("lost", &json!({"commit": "0123456789012345678901234567890123456789"}));
    place.item("other", &json!({"repository": "example.org/team/other"}));
    place.item("masked", &json!({"prompt_is_whole": false}));
    let project = place.repository.to_str().unwrap().to_owned();
    let claude = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/experiment/claude.sh");
    let screen = || {
        place
            .sandbox
            .screen()
            .hide(place.mock.url(), "http://langfuse.test")
            .hide(claude, "claude")
            .hide(&project, "app")
    };
    screen()
        .types("claude-langfuse experiment --help")
        .types("claude-langfuse experiment run --help")
        .types("claude-langfuse experiment show --help")
        .types("claude-langfuse experiment compare --help")
        .is("experiment_help");
    let run = format!(
        "claude-langfuse experiment run bugs --project {project} --cli {claude} --check ./test.sh"
    );
    screen()
        .types(&format!("{run} --instructions main --dry-run"))
        .types(&format!(
            "{run} --model sonnet,opus --items item-000,item-001 --repeat 2 --parallel 3 --timeout 90s \
             --permission-mode plan --name modes --yes --dry-run"
        ))
        .types(&format!("{run} --items item-000 --max-usd 2.5 --dry-run --json"))
        .types(&format!("{run} --max-usd 2.5 --parallel 3"))
        .types(&format!("claude-langfuse experiment show nothing --project {project} --json"))
        .types(&format!("claude-langfuse experiment compare one two --project {project} --json"))
        .is("experiment_plan");
    for (name, revision) in [("before", "main"), ("after", "better")] {
        let options =
            ["--instructions", revision, "--name", name, "--check", "grep -q right answer"];
        place.run(&options).exits(1);
    }
    let state = |text: &str| format!("claude-langfuse experiment {text} --project {project}");
    screen().types(&state("compare before after")).is("experiment_compare");
    let shown = place.sandbox.run(&["experiment", "show", "after", "--project", &project]).exits(0);
    assert!(shown.stdout.contains("4 of 5 runs answered"), "{}", shown.stdout);
    assert!(shown.stdout.contains("failed (api_error)"), "{}", shown.stdout);
}
