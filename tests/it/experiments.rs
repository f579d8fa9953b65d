//! A run of Claude Code that an evaluation started is part of its experiment, by the environment of the run, even if that
//! environment is gone when the turns are sent.

use langfuse_mock::{MockLangfuse, PUBLIC_KEY, Reply, Row, SECRET_KEY};
use serde_json::json;

use crate::sandbox::{Sandbox, traced_to, unused_address};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn set(sandbox: &mut Sandbox, variables: &[(&str, &str)]) {
    for (name, value) in variables {
        sandbox.set(&format!("CC_LANGFUSE_EXPERIMENT_{name}"), *value);
    }
}

/// An evaluation's variables for one item.
fn item(sandbox: &mut Sandbox) {
    set(
        sandbox,
        &[
            ("ID", "run-7"),
            ("NAME", "new prompt"),
            ("DATASET_ID", "dataset-1"),
            ("ITEM_ID", "item-3"),
            ("ITEM_VERSION", "2026-11-20T10:00:00Z"),
            ("EXPECTED_OUTPUT", "two files"),
        ],
    );
}

fn forget(sandbox: &mut Sandbox) {
    for name in ["ID", "NAME", "DATASET_ID", "ITEM_ID", "ITEM_VERSION", "EXPECTED_OUTPUT"] {
        set(sandbox, &[(name, "")]);
    }
}

fn told<'a>(row: &'a Row, key: &str) -> Option<&'a str> {
    row.experiment.get(key).map(String::as_str)
}

fn is_root(row: &Row) -> bool {
    row.name == "claude-code"
}

fn assert_is_item(rows: &[Row]) {
    assert!(!rows.is_empty());
    for row in rows {
        let root = rows.iter().find(|root| root.trace_id == row.trace_id && is_root(root)).unwrap();
        let everywhere =
            ["id", "name", "dataset_id", "item_id", "item_root_span_id"].map(|key| told(row, key));
        let expected = ["run-7", "new prompt", "dataset-1", "item-3", &*root.span_id];
        assert_eq!(everywhere, expected.map(Some), "{}", row.name);
        let of_root = ["item_version", "item_expected_output"].map(|key| told(row, key));
        let expected =
            ["2026-11-20T10:00:00Z", "two files"].map(|text| is_root(row).then_some(text));
        assert_eq!(of_root, expected, "{}", row.name);
    }
}

#[test]
fn every_span_of_a_run_is_in_its_experiment() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    item(&mut sandbox);
    let session = sandbox.session("v2.1.330/subagent");
    session.answered(0).stop(0).silent();
    session.whole().end().silent();
    assert_is_item(&mock.rows());
    let by_hooks = mock.rows();
    mock.clear();
    session.replay(&["--again"]).exits(0);
    assert_eq!(mock.rows(), by_hooks);
}

#[test]
fn an_experiment_has_its_version_branch_model_and_commit() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    item(&mut sandbox);
    set(&mut sandbox, &[("DESCRIPTION", "shorter instructions")]);
    sandbox.session("v2.1.332/git-outcomes").whole().replay(&[]).exits(0);
    let rows = mock.rows();
    assert!(rows.len() > 5);
    for row in &rows {
        let everywhere = ["description", "metadata.claude_code_version", "metadata.branch"];
        let expected = ["shorter instructions", "2.1.332", &row.metadata["branch"]];
        assert_eq!(everywhere.map(|key| told(row, key)), expected.map(Some), "{}", row.name);
        // Known at the end of a turn.
        let of_root = ["metadata.model", "metadata.commit"].map(|key| told(row, key));
        let last = row.metadata.get("commits").map(|all| all.rsplit(' ').next().unwrap());
        match is_root(row) {
            true => assert_eq!(of_root, [Some("claude-opus-5-5"), last]),
            false => assert_eq!(of_root, [None, None], "{}", row.name),
        }
    }
    assert!(rows.iter().any(|row| told(row, "metadata.commit").is_some()));
}

#[test]
fn without_variables_turns_belong_to_no_experiment() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    sandbox.session("v2.1.330/simple").whole().replay(&[]).exits(0);
    assert!(mock.rows().iter().all(|row| row.experiment.is_empty()));
}

#[test]
fn under_the_callers_span_that_span_is_the_item() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    item(&mut sandbox);
    sandbox.set("CC_LANGFUSE_TRACEPARENT", PARENT);
    sandbox.session("v2.1.330/subagent").whole().replay(&[]).exits(0);
    for row in mock.rows() {
        let model = is_root(&row).then_some("claude-opus-5-5");
        assert_eq!(told(&row, "metadata.model"), model);
        assert_eq!(told(&row, "item_id"), Some("item-3"));
        assert_eq!(told(&row, "item_root_span_id"), Some("b7ad6b7169203331"));
        assert_eq!(told(&row, "item_expected_output"), None, "it is the caller's to tell");
    }
}

#[test]
fn a_compaction_between_turns_is_no_run_of_an_item() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    item(&mut sandbox);
    sandbox.session("v2.1.330/compact").whole().replay(&[]).exits(0);
    let rows = mock.rows();
    let (compactions, turns): (Vec<Row>, Vec<Row>) =
        rows.into_iter().partition(|row| row.name == "compaction");
    assert!(!compactions.is_empty() && compactions.iter().all(|row| row.experiment.is_empty()));
    assert_is_item(&turns);
}

#[test]
fn an_incomplete_experiment_is_ignored_and_reported() {
    for (given, other) in
        [("ID", "CC_LANGFUSE_EXPERIMENT_ITEM_ID"), ("ITEM_ID", "CC_LANGFUSE_EXPERIMENT_ID")]
    {
        let mock = MockLangfuse::start();
        let mut sandbox = Sandbox::traced(&mock);
        set(&mut sandbox, &[(given, "x"), ("NAME", "y")]);
        let checked = sandbox.run(&["config", "check"]).exits(3);
        assert!(checked.stdout.contains(other), "{}", checked.stdout);
        sandbox.session("v2.1.330/simple").whole().replay(&[]).exits(0);
        assert!(mock.rows().iter().all(|row| row.experiment.is_empty()));
    }
}

#[test]
fn a_version_is_a_time_and_a_name_may_be_missing() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    set(&mut sandbox, &[("ID", "run-7"), ("ITEM_ID", "item-3"), ("ITEM_VERSION", "v1")]);
    let checked = sandbox.run(&["config", "check"]).exits(3);
    assert!(checked.stdout.contains("not a time"), "{}", checked.stdout);
    sandbox.session("v2.1.330/simple").whole().replay(&[]).exits(0);
    for row in mock.rows() {
        assert_eq!((told(&row, "name"), told(&row, "item_version")), (Some("run-7"), None));
    }
}

/// Any later sender of a run's turns lacks the run's environment.
#[test]
fn experiments_seen_by_a_hook_are_on_its_turns_for_any_sender() {
    for failure in [Reply::Status(503), Reply::Reset, Reply::Status(401)] {
        let mock = MockLangfuse::start();
        let mut sandbox = Sandbox::traced(&mock);
        item(&mut sandbox);
        sandbox.set("CC_LANGFUSE_TRACE_SEED", "case-3");
        let what = format!("{failure:?}");
        mock.reply_next(failure);
        sandbox.session("v2.1.330/subagent").answered(0).stop(0).silent();
        assert_eq!(mock.rows().len(), 0, "{what}");
        forget(&mut sandbox);
        sandbox.set("CC_LANGFUSE_TRACE_SEED", "");
        sandbox.run(&["flush"]).exits(0);
        assert_is_item(&mock.rows());
        let seeded = claude_langfuse::trace::TraceId::of_seed("case-3:1");
        assert!(mock.rows().iter().all(|row| row.trace_id == seeded.as_str()), "{what}");
    }
}

/// While a hook waits for the last row, it connects and finds no server.
#[test]
fn experiments_seen_by_a_hook_are_kept_without_a_server() {
    let address = unused_address();
    let mut sandbox = Sandbox::traced_to(&format!("http://{address}"));
    item(&mut sandbox);
    let session = sandbox.session("v2.1.330/subagent");
    session.before_answer(0).stop(0).silent();
    session.whole();
    forget(&mut sandbox);
    let mock = MockLangfuse::start_at(&address.to_string(), PUBLIC_KEY, SECRET_KEY);
    sandbox.run(&["flush"]).exits(0);
    assert_is_item(&mock.rows());
}

/// During a back-off hooks send nothing, but keep the experiment.
#[test]
fn experiments_seen_by_a_hook_are_kept_during_a_back_off() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    mock.reply_next(Reply::RateLimited(3600));
    sandbox.session("v2.1.330/simple").answered(0).stop(0).silent();
    let requests = mock.requests().len();
    item(&mut sandbox);
    let session = sandbox.session("v2.1.330/subagent");
    session.answered(0).stop(0).silent();
    assert_eq!(mock.requests().len(), requests, "no socket was opened");
    let id = session.id().to_owned();
    forget(&mut sandbox);
    sandbox.run(&["flush"]).exits(0);
    let rows = mock.rows();
    let own: Vec<Row> =
        rows.into_iter().filter(|row| row.session_id.as_deref() == Some(&*id)).collect();
    assert_is_item(&own);
}

/// The variables in the shell of `flush` or `replay --all` belong to the person who runs them.
#[test]
fn flush_and_replay_all_ignore_experiments_of_their_shell() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    item(&mut sandbox);
    sandbox.session("v2.1.330/simple").whole();
    sandbox.run(&["replay", "--all"]).exits(0);
    assert!(!mock.rows().is_empty());
    assert!(mock.rows().iter().all(|row| row.experiment.is_empty()));
}

#[test]
fn expected_output_is_masked() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    let token = format!("ghp_{}", "a1B2".repeat(9));
    set(
        &mut sandbox,
        &[("ID", "run-7"), ("ITEM_ID", "item-3"), ("EXPECTED_OUTPUT", &format!("prints {token}"))],
    );
    sandbox.session("v2.1.330/simple").answered(0).stop(0).silent();
    let root = mock.rows().into_iter().find(is_root).unwrap();
    let expected = told(&root, "item_expected_output").unwrap();
    assert!(expected.starts_with("prints [masked") && !expected.contains("a1B2"), "{expected}");
    let state = sandbox.state_files();
    assert!(state.iter().all(|(_, content, _)| !String::from_utf8_lossy(content).contains("a1B2")));
}

#[test]
fn an_experiment_may_be_in_the_configuration_of_a_project() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    let mut env = traced_to(&mock.url());
    env["CC_LANGFUSE_EXPERIMENT_ID"] = "run-7".into();
    sandbox.config(&json!({"env": env}));
    set(&mut sandbox, &[("ITEM_ID", "item-3")]);
    sandbox.session("v2.1.330/simple").whole().replay(&[]).exits(0);
    for row in mock.rows() {
        assert_eq!((told(&row, "id"), told(&row, "item_id")), (Some("run-7"), Some("item-3")));
    }
}

/// The results page of an experiment shows the scores of root observations.
#[test]
fn scores_of_its_turns_name_the_root_observation() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    item(&mut sandbox);
    sandbox.set("CC_LANGFUSE_SCORES", "true");
    sandbox.set("CC_LANGFUSE_EXPERIMENT_DESCRIPTION", "shorter prompt");
    let session = sandbox.session("v2.1.330/simple");
    session.whole().replay(&[]).exits(0);
    sandbox.run(&["score", &format!("{}#1", session.id()), "good=true"]).exits(0);
    let rows = mock.rows();
    let root = rows.iter().find(|row| row.name == "claude-code").unwrap();
    assert_eq!(root.experiment["description"], "shorter prompt");
    let scores = mock.scores();
    assert_eq!(scores.len(), 2, "{scores:?}");
    for score in scores {
        assert_eq!(score.text("observationId"), root.span_id, "{}", score.name());
    }
}
