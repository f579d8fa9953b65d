//! Links the model calls of a turn to prompts in Langfuse: the versions as which its instructions were pushed before
//! the turn opened.

use transcript::Instructions;
use transcript::session::Turn;

use super::Job;
use crate::state::{Cursor, PromptVersions, Store};
use crate::trace::{Context, PromptLink, PromptLinks};

/// Finds the prompt versions that the destination has.
pub(super) struct PromptLinker<'a> {
    job: &'a Job,
    store: Option<&'a Store>,
    /// Read at the first turn with instructions.
    versions: Option<PromptVersions>,
}

impl<'a> PromptLinker<'a> {
    pub(super) fn new(job: &'a Job, store: Option<&'a Store>) -> Self {
        Self { job, store, versions: None }
    }

    /// Adds the links to a turn's context, and keeps them there for agents that finish much later. `named` holds the
    /// instructions at the turn's first model call, so that all of its calls have one version.
    pub(super) fn link(
        &mut self,
        mut context: Context,
        turn: &Turn,
        named: &Instructions,
        cursor: &mut Cursor,
    ) -> Context {
        let project = self.job.attributes.project.as_ref().or(cursor.project.as_ref());
        context.prompts =
            project.map(|project| self.links(turn, named, project)).unwrap_or_default();
        if let Some(kept) = cursor.contexts.get_mut(&turn.opening.uuid) {
            kept.prompts.clone_from(&context.prompts);
        }
        context
    }

    fn links(&mut self, turn: &Turn, named: &Instructions, project: &str) -> PromptLinks {
        if named.is_empty() {
            return PromptLinks::default();
        }
        let (store, destination) = (self.store, &self.job.destination);
        let read = || store.map(|store| store.prompt_versions(destination)).unwrap_or_default();
        let versions = self.versions.get_or_insert_with(read);
        if *versions == PromptVersions::default() {
            return PromptLinks::default();
        }
        let link = |digest: &str| {
            let pushed = versions.linked(project, digest, turn.opening.at)?;
            Some(PromptLink { name: pushed.name.clone(), version: pushed.version })
        };
        // `push` uploads no file above the project.
        let session = named.project_files().into_iter().find_map(link);
        let agents =
            named.agents().filter_map(|(name, digest)| Some((name.to_owned(), link(digest)?)));
        PromptLinks { session, agents: agents.collect() }
    }
}
