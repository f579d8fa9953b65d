//! The context of a turn, or of an agent with its own trace: the attributes on all of its spans, fixed when it is
//! first met.

use transcript::session::{Opening, Turn};

use super::ledger::Ledger;
use super::terms::Terms;
use super::{Extent, Job, titles};
use crate::config::{in_main_checkout, project_name, repository_identity};
use crate::state::Cursor;
use crate::trace::{Attributes, Context, Repository, SessionFacts};

/// Creates the context of an agent that nothing launched.
pub(super) type AgentContext = fn(&Opening, &SessionFacts, &Attributes) -> Context;

pub(super) struct Contexts<'a> {
    job: &'a Job,
    pub terms: Terms<'a>,
    /// The repository was looked for in this run.
    sought_repository: bool,
}

impl<'a> Contexts<'a> {
    pub(super) fn new(job: &'a Job, terms: Terms<'a>) -> Self {
        Self { job, terms, sought_repository: false }
    }

    /// Returns the stored context of the turn, or creates it.
    pub(super) fn of_turn(&mut self, turn: &Turn, ledger: &mut Ledger<'_>) -> Context {
        let opening = &turn.opening;
        let known = ledger.cursor.contexts.get(&opening.uuid).cloned();
        let (agreed, attributes) = self.terms.of_turn(&opening.uuid, known.as_ref(), ledger);
        if let Some(mut context) = known {
            if context.title_row.is_some() {
                context.title = turn.title_before.as_ref().map(|title| title.text.clone());
                self.mask_title(&mut context);
            }
            if context.agreed.is_none() && self.job.extent == Extent::Live {
                context.agreed = Some(agreed);
                ledger.cursor.contexts.insert(opening.uuid.clone(), context.clone());
            }
            return context;
        }
        let number = ledger.next_number();
        let facts = self.facts(&mut ledger.cursor);
        let mut context = match turn.as_manual_compaction() {
            Some(_) => Context::of_compaction(opening, &facts, &attributes),
            None if opening.is_missing => Context::of_continued_turn(opening, &facts, &attributes),
            None => Context::of_turn(opening, number, &facts, &attributes),
        };
        // No other turn reveals a title from a skipped turn.
        let title = turn.title_before.as_ref().filter(|title| !ledger.skips(title.offset));
        context.title_row = title.map(|title| title.offset);
        context.title = title.map(|title| title.text.clone());
        context.agreed = Some(agreed);
        let Some(policy) = self.terms.policy_of(&context) else {
            self.job.policy.apply_to_context(&mut context);
            return context;
        };
        policy.apply_to_context(&mut context);
        ledger.cursor.contexts.insert(opening.uuid.clone(), context.clone());
        context
    }

    /// The stored context of a turn whose agents still run.
    pub(super) fn of_launcher(&self, turn: &str, cursor: &mut Cursor) -> Option<Context> {
        let own_from = cursor.own_from;
        let context = cursor.contexts.get_mut(turn)?;
        if let (None, Some(row)) = (&context.title, context.title_row) {
            context.title = titles::title_in_row(self.job, own_from, row).map(|title| title.text);
            self.mask_title(context);
        }
        Some(context.clone())
    }

    fn mask_title(&self, context: &mut Context) {
        match (self.terms.policy_of(context), &mut context.title) {
            (Some(policy), Some(title)) => policy.apply_to_title(title),
            _ => context.title = None,
        }
    }

    /// Stores the context of an agent that is the root of a trace, under the uuid of its opening row.
    pub(super) fn keep_of_agent(
        &mut self,
        opening: &Opening,
        context_of: AgentContext,
        ledger: &mut Ledger<'_>,
    ) {
        // A session that was killed at once has no row of its own with a directory.
        let directory = opening.header.cwd.as_ref().map(std::path::PathBuf::from);
        let start = &mut ledger.cursor.start_directory;
        *start = start.take().or(directory);
        let (agreed, attributes) = self.terms.of_start(&opening.uuid, ledger);
        let mut context = context_of(opening, &self.facts(&mut ledger.cursor), &attributes);
        self.job.policy.apply_to_context(&mut context);
        context.agreed = Some(agreed);
        ledger.cursor.contexts.insert(opening.uuid.clone(), context);
    }

    fn facts(&mut self, cursor: &mut Cursor) -> SessionFacts {
        let start = cursor.start_directory.clone();
        if cursor.repository.is_none()
            && let Some(start) = start.as_deref().filter(|_| !self.sought_repository)
        {
            // Once per run: without a repository each turn would check every folder up to the root, with two calls
            // each.
            self.sought_repository = true;
            cursor.repository = repository_identity(start).map(Repository);
            cursor.main_directory = in_main_checkout(start);
        }
        if cursor.project.is_none() {
            let repository = cursor.repository.as_ref().map(|repository| repository.0.as_str());
            cursor.project = start.as_deref().and_then(|start| project_name(start, repository));
        }
        SessionFacts {
            session_id: cursor.session_id.clone(),
            project: cursor.project.clone(),
            repository: cursor.repository.clone(),
            parent_session: cursor.parent_session.clone(),
        }
    }
}
