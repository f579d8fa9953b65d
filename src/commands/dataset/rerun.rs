//! The facts that a rerun of a turn needs beside its conversation: the prompt, the commit at its start, modes, and
//! the outcome.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;
use base::Timestamp;
use serde_json::{Map, Value, json};
use transcript::conversation::Conversation;
use transcript::session::{Calls, Turn};
use transcript::{Block, text_of};

use crate::commands::delivery_context::SessionTarget;
use crate::commands::git::Git;
use crate::config::repository_identity;
use crate::privacy::Policy;
use crate::score::{self, figures};

/// The turns of a session, by the uuid of their opening rows.
pub(super) struct Reruns {
    turns: BTreeMap<String, TurnNotes>,
    start: Option<PathBuf>,
}

struct TurnNotes {
    prompt: String,
    /// The prompt is its text alone: no image, no command, and nothing that depends on a running session.
    is_plain: bool,
    at: Timestamp,
    cwd: Option<PathBuf>,
    branch: Option<String>,
    permission_mode: Option<String>,
    model: Option<String>,
    effort: Option<String>,
    /// The commits of its commands.
    commits: Vec<String>,
    /// The last commit of earlier turns of the session.
    commit_before: Option<String>,
    tests: Vec<(&'static str, f64)>,
}

impl Reruns {
    pub(super) fn read(session: &SessionTarget) -> Result<Self> {
        let mut turns = BTreeMap::new();
        let mut last_commit = None;
        session.outline_with(|turn| {
            let notes = TurnNotes::of(turn, last_commit.clone());
            last_commit = notes.commits.last().cloned().or(last_commit.take());
            turns.insert(turn.opening.uuid.clone(), notes);
        })?;
        Ok(Self { turns, start: session.start.clone() })
    }

    /// The part of an item's metadata that `experiment run` reads.
    pub(super) fn of_turn(
        &self,
        uuid: &str,
        calls: &Calls,
        conversation: &Conversation,
        policy: &Policy,
    ) -> Option<Value> {
        let notes = self.turns.get(uuid)?;
        let mut prompt = json!([{"role": "user", "content": notes.prompt}]);
        policy.apply_to_messages(&mut prompt);
        let prompt = prompt.pointer("/0/content").and_then(Value::as_str).unwrap_or_default();
        let mut rerun = Map::new();
        let mut add = |name: &str, value: Value| {
            if !value.is_null() {
                rerun.insert(name.to_owned(), value);
            }
        };
        add("prompt", prompt.into());
        add("prompt_is_whole", (notes.is_plain && prompt == notes.prompt).into());
        let masked = |text: &Option<String>| {
            let mut text = text.clone();
            text.iter_mut().for_each(|text| policy.apply_to_name(text));
            text.map_or(Value::Null, Value::from)
        };
        let checkout = notes.checkout(self.start.as_deref());
        if let Some(checkout) = &checkout {
            add("repository", masked(&repository_identity(&checkout.top)));
            add("directory", masked(&checkout.directory));
            let named = conversation.commit_before(&calls.first);
            let exact = conversation.commit_within(uuid, &calls.first);
            add("commit", masked(&checkout.commit(notes, named, exact)));
        }
        add("branch", masked(&notes.branch));
        add("permission_mode", masked(&notes.permission_mode));
        add("model", masked(&notes.model));
        add("effort", masked(&notes.effort));
        let whole = |sha: &String| {
            let whole = checkout.as_ref().and_then(|checkout| checkout.git.commit(sha));
            whole.unwrap_or_else(|| sha.clone())
        };
        let commits: Vec<String> = notes.commits.iter().map(whole).collect();
        if !commits.is_empty() {
            add("commits", commits.into());
        }
        for (name, count) in &notes.tests {
            add(name, json!(count));
        }
        Some(rerun.into())
    }
}

impl TurnNotes {
    fn of(turn: &Turn, commit_before: Option<String>) -> Self {
        let opening = &turn.opening;
        let prompt = text_of(&opening.prompt.content);
        let is_text = |block: &Block| matches!(block, Block::Text(_));
        let first = turn.activity.generations.first();
        let commits = turn.activity.git_operations().filter_map(|git| git.commit.as_ref());
        let tests = figures(turn).into_iter().filter_map(|(name, value)| match value {
            score::Value::Numeric(count) if name.starts_with("tests_") => Some((name, count)),
            _ => None,
        });
        Self {
            is_plain: opening.prompt.content.iter().all(is_text)
                && opening.prompt.command.is_none()
                && opening.prompt.notification.is_none()
                && !opening.is_missing
                && !prompt.trim().is_empty(),
            prompt,
            at: opening.at,
            cwd: opening.header.cwd.as_ref().map(PathBuf::from),
            branch: opening.header.branch.clone().filter(|branch| !branch.is_empty()),
            permission_mode: opening.prompt.permission_mode.clone(),
            model: first.map(|call| call.requested_model.as_ref().unwrap_or(&call.model).clone()),
            effort: first.and_then(|call| call.effort.clone()),
            commits: commits.map(|commit| commit.sha.clone()).collect(),
            commit_before,
            tests: tests.collect(),
        }
    }

    /// The checkout in which the turn worked, if it still exists.
    fn checkout(&self, start: Option<&Path>) -> Option<Checkout> {
        let folder = self.cwd.as_deref().filter(|cwd| cwd.is_dir()).or(start)?;
        if !folder.is_dir() {
            return None;
        }
        let git = Git::new(folder);
        let top = PathBuf::from(git.text(&["rev-parse", "--show-toplevel"]).ok()?);
        let folder = folder.canonicalize().ok()?;
        let below = folder.strip_prefix(&top).ok().and_then(Path::to_str);
        let directory = below.filter(|below| !below.is_empty()).map(str::to_owned);
        Some(Checkout { git, top, directory })
    }
}

struct Checkout {
    git: Git,
    top: PathBuf,
    /// The working directory below the top.
    directory: Option<String>,
}

impl Checkout {
    /// The commit that was checked out when the turn began. `exact`: Claude Code recorded it during the turn.
    /// `named`: before the turn. The newest commit of the branch at that time is used only if it descends from those.
    fn commit(
        &self,
        notes: &TurnNotes,
        named: Option<&str>,
        exact: Option<&str>,
    ) -> Option<String> {
        let git = &self.git;
        if let Some(exact) = exact.and_then(|exact| git.commit(exact)) {
            return Some(exact);
        }
        let known = [named, notes.commit_before.as_deref()];
        let known = known.into_iter().flatten().filter_map(|known| git.commit(known));
        let known = known
            .reduce(|first, second| if git.is_ancestor(&first, &second) { second } else { first });
        let by_time = notes.branch.as_ref().and_then(|branch| self.newest(branch, notes.at));
        match (by_time, known) {
            (Some(by_time), Some(known)) if !git.is_ancestor(&known, &by_time) => Some(known),
            (by_time, known) => by_time.or(known),
        }
    }

    /// The newest commit of a branch before a time.
    fn newest(&self, branch: &str, at: Timestamp) -> Option<String> {
        let branch = self.git.commit(&format!("refs/heads/{branch}"))?;
        let before = format!("--before={}", at.rfc3339());
        let found = self.git.text(&["rev-list", "-1", &before, &branch]).ok()?;
        (!found.is_empty()).then_some(found)
    }
}
