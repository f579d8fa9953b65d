//! The one thing that a hook says: that delivery fails until its user mends something. Silence would be taken for success.

use std::io::Write;

use base::Timestamp;
use serde_json::json;

use super::{Hook, Kind};
use crate::config::Request;
use crate::state::Store;

/// Stands for a destination where the configuration names none.
const NOWHERE: &str = "nowhere";

impl Hook {
    /// Tells of a configuration that leads nowhere.
    pub(super) fn tell_of_configuration(&self, problem: &str, reason: &str) {
        log::error!("{reason}");
        let store = Store::new(&self.config.state_dir);
        self.notify_user(&store, NOWHERE, problem, &undelivered(reason));
    }

    /// Tells of what the project's files ask for. Each is told of: a project that was allowed may change.
    pub(super) fn tell_of_request(&self, request: &Request, reason: &str) {
        log::error!("{reason}");
        let store = Store::new(&self.config.state_dir);
        let problem = format!("not-allowed-{}", request.digest);
        let text = format!("claude-langfuse sends nothing of this project: {reason}");
        self.notify_user(&store, NOWHERE, &problem, &text);
    }

    /// Tells of what the destination is known to fail for, if only the user can mend it.
    pub(super) fn tell_of_destination(&self, store: &Store, destination: &str) {
        let known = store.backoff(destination);
        if let (Some(problem), Some(reason)) = (known.problem, &known.reason) {
            self.notify_user(store, destination, &problem.to_string(), &undelivered(reason));
        }
    }

    /// Claude Code shows a system message to the person and keeps it from the model. Only a Stop has somebody to read it,
    /// and only where somebody sits: in a script it would be noise.
    fn notify_user(&self, store: &Store, destination: &str, problem: &str, text: &str) {
        let attended = self.env.variable("CLAUDE_CODE_SESSION_ATTENDED");
        let is_wanted = self.kind == Kind::Stop
            && self.config.notify
            && attended.is_some_and(|value| matches!(value, "1" | "true"));
        if !is_wanted || !store.may_notify(destination, problem, Timestamp::now()) {
            return;
        }
        // Where nobody listens there is nobody to be told.
        let _ =
            writeln!(std::io::stdout(), "{}", json!({ "systemMessage": base::printable(text) }));
    }
}

fn undelivered(reason: &str) -> String {
    format!(
        "claude-langfuse can't deliver: {reason}. Run 'claude-langfuse doctor' to see what to do."
    )
}
