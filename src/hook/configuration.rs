//! The configuration of a hook's session: Claude Code merged its settings files into the environment, and the files tell whose the
//! values are.

use std::path::Path;

use transcript::origin;

use super::event::Event;
use crate::config::{
    Config, Env, Files, MergedSettings, Scope, has_guarded, names_brought_by_project, resolve,
};
use crate::state::{Store, grant};

/// The configuration of a session that was started in `start`. Files are read and names are noted only if it is traced.
pub(super) fn configure(env: &mut Env, event: Option<&Event>, start: Option<&Path>) -> Config {
    let files = Files::new();
    let store = env.default_state_dir().map(|folder| Store::new(&folder));
    let notes = store.as_ref().zip(event.map(|event| event.session_id.as_str()));
    let seen = notes.map(|(store, session)| store.project_names(session)).unwrap_or_default();
    let mut merged = MergedSettings { seen, ..MergedSettings::default() };
    env.merged = Some(merged.clone());
    let mut config = resolve(env, &files, start, Scope::OwnHook);
    // Without keys and a host in the environment there are no owners to tell apart, and the transcript is not read yet.
    if !config.enabled || !has_guarded(env) {
        return config;
    }
    let started_in = event.and_then(|event| origin(&event.transcript).ok()?.0);
    if let Some(folder) = started_in.filter(|folder| Some(folder.as_path()) != start) {
        merged.folders.push(folder);
        env.merged = Some(merged.clone());
        config = resolve(env, &files, start, Scope::OwnHook);
    }
    let brought = names_brought_by_project(env, &files, start);
    if let Some((store, session)) = notes
        && !brought.is_subset(&merged.seen)
    {
        merged.seen.extend(brought);
        if let Err(error) = store.save_project_names(session, &merged.seen) {
            log::warn!("{error:#}");
        }
    }
    grant(&mut config, env);
    config
}
