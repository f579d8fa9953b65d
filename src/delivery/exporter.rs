//! Takes one observation from plan to ledger: decides whether it must be sent and may leave, queues it, and records
//! acknowledgements. Turns and agents export their observations here.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use base::Timestamp;

use super::contexts::Contexts;
use super::ledger::Ledger;
use super::pending::PendingTurns;
use super::plan::{Inputs, changed, encode_span};
use super::prompt_links::PromptLinker;
use super::queue::{Owner, QueuedScore};
use super::request_shapes::RequestShapes;
use super::upload::Uploader;
use super::{Extent, Job};
use crate::langfuse::batch;
use crate::privacy::Clean;
use crate::score::{MAX_TEXT_UTF16, Score, Value};
use crate::state::SkipReason;
use crate::trace::{Context, Observation, PromptLink, digest};

pub(super) struct Exporter<'a> {
    pub job: &'a Job,
    pub contexts: Contexts<'a>,
    pub ledger: Ledger<'a>,
    pub uploader: Uploader<'a>,
    /// Turns and agents with spans that can't leave under their agreement.
    pub withheld: BTreeSet<String>,
    /// The time of the last row that was read when marks of schema 2 were made.
    pub known_until: Option<Timestamp>,
    /// Texts of the turn that need no masking.
    clean: Clean,
    request_shapes: RequestShapes,
    pub prompts: PromptLinker<'a>,
    /// The file whose observations are being exported.
    pub file: PathBuf,
}

impl<'a> Exporter<'a> {
    pub(super) fn new(
        job: &'a Job,
        contexts: Contexts<'a>,
        ledger: Ledger<'a>,
        uploader: Uploader<'a>,
        prompts: PromptLinker<'a>,
    ) -> Self {
        Self {
            job,
            contexts,
            ledger,
            uploader,
            withheld: BTreeSet::new(),
            known_until: None,
            clean: Clean::default(),
            request_shapes: RequestShapes::default(),
            prompts,
            file: PathBuf::new(),
        }
    }

    /// Continues with the turns from the open one on.
    pub(super) fn begin_open_walk(&mut self) {
        self.ledger.pending = PendingTurns::default();
        let before = self.ledger.cursor.open_turn.as_ref().filter(|open| open.is_behind);
        self.contexts.terms.begin_walk(before.map(|open| open.uuid.clone()));
    }

    /// Begins a turn: nearly all repeated texts are within one turn.
    pub(super) fn begin_turn(&mut self) {
        self.clean = Clean::default();
    }

    /// Continues with observations of this file.
    pub(super) fn begin_file(&mut self, file: &Path) {
        if self.file != file {
            file.clone_into(&mut self.file);
            self.request_shapes = RequestShapes::default();
        }
    }

    /// Queues a changed observation, and sends the queue once it is full. `prompt`: the pushed prompt behind its
    /// model calls.
    pub(super) fn export(
        &mut self,
        observation: Observation,
        owner: &Owner,
        context: &Context,
        prompt: Option<&PromptLink>,
    ) {
        let span_id = observation.span_id.clone();
        let mark = self.ledger.mark(owner, &span_id);
        let changed = changed(observation, mark, self.known_until);
        let policy = self.contexts.terms.policy_of(context);
        let is_withheld = changed.is_some() && policy.is_none();
        if is_withheld {
            // A hook of the session skips the turn. Any other delivery leaves the turn to such a hook.
            let (Owner::Turn(id) | Owner::Subagent(id)) = owner;
            self.withheld.insert(id.clone());
        }
        let refusals = self.ledger.cursor.refused.get(&span_id).copied().unwrap_or_default();
        if let Owner::Turn(_) = owner {
            let is_skipped = is_withheld && self.job.extent == Extent::Live;
            self.ledger.add_span(owner, &span_id, changed.is_some() && !is_skipped);
            if is_skipped {
                self.ledger.skip_turn(SkipReason::PolicyNotMet);
            }
        }
        let Some((mut changed, policy)) =
            changed.zip(policy).filter(|_| !self.uploader.is_stopped())
        else {
            return;
        };
        changed.observation.request =
            self.request_shapes.content(&changed.observation, &self.file, &policy);
        self.name_media(&mut changed.observation, &policy);
        let inputs = Inputs { owner, context, policy: &policy, prompt, refusals };
        self.uploader.push(encode_span(changed, &inputs, &mut self.clean));
        self.send_full();
    }

    /// Queues the scores of a turn that differ from their acknowledged state. A score is sent once all spans of its
    /// turn are acknowledged, and holds the cursor back until then. `is_cut`: rows of the turn are gone for now, so
    /// that acknowledged scores stay.
    pub(super) fn export_scores(
        &mut self,
        turn: &str,
        scores: Vec<Score>,
        context: &Context,
        is_cut: bool,
    ) {
        for mut score in scores {
            if let Value::Text(text) = &mut score.value {
                let Some(policy) = self.contexts.terms.policy_of(context) else {
                    continue;
                };
                policy.apply_to_name(text);
                if text.encode_utf16().count() > MAX_TEXT_UTF16 {
                    continue;
                }
            }
            let mark = digest(batch(std::slice::from_ref(&score)).as_bytes());
            let before = self.ledger.cursor.scored.get(&score.id);
            let is_new = !is_cut && before != Some(&mark);
            self.ledger.add_score(score.id.clone(), is_new);
            if is_new {
                self.uploader.push_score(QueuedScore { turn: turn.to_owned(), score, mark });
            }
        }
    }

    /// Sends the whole queue, until the server accepts no more.
    pub(super) fn send(&mut self) {
        self.ledger.save_noted();
        while let Some(receipt) = self.uploader.send_next() {
            self.ledger.settle(receipt);
        }
        self.send_scores();
        self.uploader.clear();
    }

    fn send_full(&mut self) {
        if !self.uploader.is_full() {
            return;
        }
        self.ledger.save_noted();
        while self.uploader.is_full()
            && let Some(receipt) = self.uploader.send_next()
        {
            self.ledger.settle(receipt);
        }
        self.send_scores();
    }

    fn send_scores(&mut self) {
        let Self { uploader, ledger, .. } = self;
        while let Some(scores) = uploader.send_scores(|turn| ledger.pending.is_acknowledged(turn)) {
            ledger.settle_scores(scores);
        }
    }
}
