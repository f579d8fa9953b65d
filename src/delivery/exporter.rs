//! One observation from the plan to the ledger: whether it has to be sent and may leave, the request it goes with, and what
//! was acknowledged. Turns and agents hand their observations to it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use base::Timestamp;

use super::contexts::Contexts;
use super::ledger::Ledger;
use super::pending::PendingTurns;
use super::plan::{Inputs, changed, encode_span};
use super::prompt_links::PromptLinker;
use super::queue::{Owner, QueuedScore};
use super::requests::Requests;
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
    /// Turns and agents of which something can't leave as it was agreed.
    pub withheld: BTreeSet<String>,
    /// The time of the last row that was read when marks of schema 2 were made.
    pub known_until: Option<Timestamp>,
    /// Texts that are known to leave as they are.
    clean: Clean,
    requests: Requests,
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
            requests: Requests::default(),
            prompts,
            file: PathBuf::new(),
        }
    }

    /// The turns from the open one on follow.
    pub(super) fn begin_open_walk(&mut self) {
        self.ledger.pending = PendingTurns::default();
        let before = self.ledger.cursor.open_turn.as_ref().filter(|open| open.is_behind);
        self.contexts.terms.begin_walk(before.map(|open| open.uuid.clone()));
    }

    /// A new turn begins: what is there twice is nearly always in one turn.
    pub(super) fn begin_turn(&mut self) {
        self.clean = Clean::default();
    }

    /// Observations of this file follow.
    pub(super) fn begin_file(&mut self, file: &Path) {
        if self.file != file {
            file.clone_into(&mut self.file);
            self.requests = Requests::default();
        }
    }

    /// Queues an observation that has to be sent, and sends the queue once it is a request's worth.
    /// `prompt`: what its model calls are linked to.
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
            // A hook of the session goes on behind the turn; others leave the turn to that.
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
            self.requests.content(&changed.observation, &self.file, &policy);
        self.name_media(&mut changed.observation, &policy);
        let inputs = Inputs { owner, context, policy: &policy, prompt, refusals };
        self.uploader.push(encode_span(changed, &inputs, &mut self.clean));
        self.send_full();
    }

    /// Queues the scores of a turn that are not acknowledged as they are. Each is sent once its turn's spans are acknowledged, and
    /// holds the cursor back as they do. `is_cut`: rows of the turn are gone for now, and what was acknowledged stands.
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

    /// Sends everything that waits, until the server takes no more.
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
