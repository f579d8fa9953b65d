//! Scores computed from the rows of a turn alone; `docs/scores.md` explains them. A figure that the rows do not show
//! is left out, not sent as zero.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;
use transcript::session::{Activity, ToolCall, Turn};
use transcript::{GitOperation, Patch, Usage, text_of};

use super::test_run::TestRun;
use super::{Comment, Judge, Score, Subject, Value};
use crate::trace::{Context, SpanIds};

/// The scores of a complete turn in the session's own file. Agents have files and times of their own.
pub fn outcomes(turn: &Turn, context: &Context) -> Vec<Score> {
    if turn.as_manual_compaction().is_some() || !turn.has_begun() {
        return Vec::new();
    }
    let trace = context.trace_id.clone();
    let subject = if context.parent.is_some() || context.experiment.is_some() {
        let ids = SpanIds::of(&trace, &turn.opening.uuid);
        Subject::Observation(trace, ids.turn(&turn.opening.uuid))
    } else {
        Subject::Trace(trace)
    };
    let filed = turn.opening.at;
    let score = |(name, value): (&str, Value)| Score {
        id: Score::id(Judge::Transcript, &subject, name),
        subject: subject.clone(),
        name: name.to_owned(),
        value,
        comment: Comment::Kept,
        environment: context.environment.clone(),
        filed,
        judged: turn.activity.last_at.unwrap_or(filed).max(filed),
    };
    let mut scores: Vec<Score> = figures(turn).into_iter().map(score).collect();
    if context.parent.is_none() {
        scores.extend(late_pull_request(turn, context));
    }
    scores
}

/// A pull request in a row after the turn's end, where it can be in no span. It becomes a score of the session.
/// Claude Code names it again whenever a process ends, so that its URL is part of the id.
fn late_pull_request(turn: &Turn, context: &Context) -> Option<Score> {
    let url = turn.activity.late_pull_request.as_ref()?;
    let subject = Subject::Session(context.session_id.clone());
    let filed = turn.opening.at;
    Some(Score {
        id: Score::id(Judge::Transcript, &subject, &format!("pull_request:{url}")),
        subject,
        name: "pull_request".to_owned(),
        value: Value::Text(url.clone()),
        comment: Comment::Kept,
        environment: context.environment.clone(),
        filed,
        judged: turn.activity.last_at.unwrap_or(filed).max(filed),
    })
}

/// The names of all figures.
pub const FIGURES: [&str; 14] = [
    "tool_error_rate",
    "tools_denied",
    "command_retries",
    "files_changed",
    "lines_added",
    "lines_removed",
    "tests_run",
    "tests_passed",
    "commits",
    "pull_requests",
    "cache_hit_ratio",
    "compactions",
    "user_wait_seconds",
    "interrupted",
];

/// The value of a figure for a turn that has no score of its name, because it has nothing to count; `None` if that is unknown.
pub fn figure_of_nothing(name: &str) -> Option<Value> {
    match name {
        "interrupted" => Some(Value::Boolean(false)),
        "tools_denied" | "command_retries" | "files_changed" | "commits" | "pull_requests"
        | "compactions" => Some(Value::Numeric(0.0)),
        _ => None,
    }
}

/// A zero count is left out: otherwise such a figure is on most turns, and hides the others.
fn some(count: u64) -> Option<f64> {
    (count > 0).then(|| number(count))
}

/// The figures of a turn, by name.
pub fn figures(turn: &Turn) -> Vec<(&'static str, Value)> {
    let activity = &turn.activity;
    let tests = tests(activity);
    let lines = lines_changed(activity);
    let numbers = [
        ("tool_error_rate", tool_error_rate(activity)),
        ("tools_denied", tools_denied(activity)),
        ("command_retries", command_retries(activity)),
        ("files_changed", files_changed(activity)),
        ("lines_added", lines.map(|lines| number(lines.added))),
        ("lines_removed", lines.map(|lines| number(lines.removed))),
        ("tests_run", tests.map(|tests| number(tests.run()))),
        ("tests_passed", tests.map(|tests| number(tests.passed))),
        ("commits", commits(activity)),
        ("pull_requests", pull_requests(activity)),
        ("cache_hit_ratio", cache_hit_ratio(&activity.usage())),
        ("compactions", some(activity.compactions.len() as u64)),
        ("user_wait_seconds", user_wait_seconds(turn)),
    ];
    let numbers =
        numbers.into_iter().filter_map(|(name, figure)| Some((name, Value::Numeric(figure?))));
    let interrupted = activity.interrupted.then_some(("interrupted", Value::Boolean(true)));
    numbers.chain(interrupted).collect()
}

/// Whether a tool, the last test run or the turn itself failed.
pub fn has_failed(turn: &Turn) -> bool {
    let activity = &turn.activity;
    activity.interrupted
        || activity.failed
        || ran(activity).any(|(_, is_error)| is_error)
        || tests(activity).is_some_and(|tests| tests.passed < tests.run())
}

/// Every count that a file can have is exact as a float.
#[allow(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
pub fn number(count: u64) -> f64 {
    count as f64
}

/// A part of a whole, with four digits; `None` of nothing.
pub fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| (number(part) / number(whole) * 10_000.0).round() / 10_000.0)
}

fn is_refused(tool: &ToolCall) -> bool {
    let result = tool.result.as_ref().filter(|_| !tool.stopped);
    result.is_some_and(|result| result.denial.is_some())
}

/// Completed tools, and whether they failed.
fn ran(activity: &Activity) -> impl Iterator<Item = (&ToolCall, bool)> {
    activity.tools.iter().filter_map(|tool| {
        let result = tool.result.as_ref()?;
        let ran = !tool.stopped && result.denial.is_none();
        ran.then_some((tool, result.is_error))
    })
}

fn tool_error_rate(activity: &Activity) -> Option<f64> {
    let (mut all, mut failed) = (0, 0);
    for (_, is_error) in ran(activity) {
        all += 1;
        failed += u64::from(is_error);
    }
    share(failed, all)
}

fn tools_denied(activity: &Activity) -> Option<f64> {
    let refused = activity.tools.iter().filter(|tool| is_refused(tool)).count();
    some(refused as u64)
}

/// Commands that were repeated unchanged after they had failed.
fn command_retries(activity: &Activity) -> Option<f64> {
    let mut failed_before: BTreeMap<&str, bool> = BTreeMap::new();
    let mut retries = 0;
    for (tool, is_error) in ran(activity) {
        if let Some(command) = input(tool, "command").filter(|_| tool.request.name == "Bash") {
            let failed = failed_before.insert(command.trim(), is_error);
            retries += u64::from(failed == Some(true));
        }
    }
    some(retries)
}

/// Edits that were made, each with its file.
fn edits(activity: &Activity) -> Vec<(&ToolCall, &str)> {
    let edit = |(tool, is_error): (_, bool)| {
        let tool: &ToolCall = tool;
        let key = match tool.request.name.as_str() {
            "Edit" | "MultiEdit" | "Write" => "file_path",
            "NotebookEdit" => "notebook_path",
            _ => return None,
        };
        Some((tool, input(tool, key).filter(|_| !is_error)?))
    };
    ran(activity).filter_map(edit).collect()
}

fn files_changed(activity: &Activity) -> Option<f64> {
    let files = edits(activity).into_iter().map(|(_, file)| file).collect::<BTreeSet<_>>();
    some(files.len() as u64)
}

fn lines_changed(activity: &Activity) -> Option<Patch> {
    let patches = edits(activity).into_iter().filter_map(|(tool, _)| patch(tool));
    patches.reduce(|all, patch| Patch {
        added: all.added + patch.added,
        removed: all.removed + patch.removed,
    })
}

/// The patch of a new file is empty: all its lines are new.
fn patch(tool: &ToolCall) -> Option<Patch> {
    let patch = tool.result.as_ref()?.patch?;
    let content = input(tool, "content").filter(|_| patch == Patch::default());
    Some(match content {
        Some(content) if tool.request.name == "Write" => {
            Patch { added: content.lines().count() as u64, removed: 0 }
        }
        _ => patch,
    })
}

/// The last command whose output ends with the figures of a test runner.
fn tests(activity: &Activity) -> Option<TestRun> {
    let commands = activity.tools.iter().rev().filter(|tool| tool.request.name == "Bash");
    let mut runs = commands.filter_map(|tool| {
        let result = tool.result.as_ref().filter(|result| result.denial.is_none())?;
        TestRun::read(&text_of(&result.content))
    });
    runs.next()
}

/// An amended commit replaces one that was counted, here or in an earlier turn.
fn commits(activity: &Activity) -> Option<f64> {
    let commits = activity.git_operations().filter_map(|operation| operation.commit.as_ref());
    let count = commits.filter(|commit| !commit.is_amended()).count();
    some(count as u64)
}

fn pull_requests(activity: &Activity) -> Option<f64> {
    let created = activity.git_operations().filter_map(GitOperation::created_pull_request);
    let urls = created.collect::<BTreeSet<_>>();
    some(urls.len() as u64)
}

fn cache_hit_ratio(usage: &Usage) -> Option<f64> {
    let Usage { input, cache_read, cache_write, .. } = *usage;
    let all = input.saturating_add(cache_read).saturating_add(cache_write);
    share(cache_read, all)
}

/// The time between the prompt and the row in which Claude Code names the turn's duration without waiting. A queued
/// prompt was typed long before.
fn user_wait_seconds(turn: &Turn) -> Option<f64> {
    let (at, took) = turn.activity.took?;
    if turn.opening.prompt.source.as_deref() == Some("queued") {
        return None;
    }
    let waited = at.since(turn.opening.at).saturating_sub(took);
    let seconds = (waited.as_secs_f64() * 10.0).round() / 10.0;
    (seconds > 0.0).then_some(seconds)
}

fn input<'a>(tool: &'a ToolCall, key: &str) -> Option<&'a str> {
    tool.request.input.get(key).and_then(Json::as_str)
}

#[cfg(test)]
mod tests;
