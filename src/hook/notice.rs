//! Notices to the user, in a hook's output: delivery fails until the user fixes something. Without them a broken
//! configuration would look like success.

use std::io::Write;

use base::Timestamp;
use serde_json::json;

use super::{Hook, Kind};
use crate::config::{Destination, Request};
use crate::state::Store;
use crate::trace::digest;

/// The name of a missing destination.
const NOWHERE: &str = "nowhere";

impl Hook {
    /// Reports a configuration without a usable destination.
    pub(super) fn report_configuration(&self, problem: &str, reason: &str) {
        log::error!("{reason}");
        let store = Store::new(&self.config.state_dir);
        self.notify_user(&store, NOWHERE, problem, &delivery_failure(reason));
    }

    /// Reports values that a project needs permission for. Each set is reported once, because an allowed project may
    /// change.
    pub(super) fn report_request(&self, request: &Request, reason: &str) {
        log::error!("{reason}");
        let store = Store::new(&self.config.state_dir);
        let problem = format!("not-allowed-{}", request.digest);
        let text = format!("claude-langfuse sends nothing of this project: {reason}");
        self.notify_user(&store, NOWHERE, &problem, &text);
    }

    /// Reports a known failure of the destination that only the user can fix.
    pub(super) fn report_destination(&self, store: &Store, destination: &str) {
        let known = store.backoff(destination);
        if let (Some(problem), Some(reason)) = (known.problem, &known.reason) {
            self.notify_user(store, destination, &problem.to_string(), &delivery_failure(reason));
        }
    }

    /// Reports once a destination that `settings.local.json` brought, because an unpacked folder may hold one.
    pub(super) fn report_first_delivery(&self, store: &Store, destination: &Destination) {
        let Some(place) = self.config.brought_by.as_deref().filter(|_| self.is_attended()) else {
            return;
        };
        let topic = format!("first-delivery-{}", digest(place.as_bytes()));
        if !store.may_notify_once(&destination.id(), &topic, Timestamp::now()) {
            return;
        }
        let Destination { base_url, public_key, .. } = destination;
        print(&format!(
            "claude-langfuse sends the sessions of this project to {base_url} with {public_key}, as {place} says. 'claude-langfuse trace off' ends that."
        ));
    }

    /// Claude Code shows a system message to the person, and hides it from the model.
    fn notify_user(&self, store: &Store, destination: &str, problem: &str, text: &str) {
        if self.is_attended() && store.may_notify(destination, problem, Timestamp::now()) {
            print(text);
        }
    }

    /// Only a Stop can show a notice, and only in an attended session: a script would collect noise.
    fn is_attended(&self) -> bool {
        let is_attended = match self.env.variable("CLAUDE_CODE_SESSION_ATTENDED") {
            Some(value) => matches!(value, "1" | "true"),
            // Older releases lack the variable.
            None => self.env.variable("CLAUDE_CODE_ENTRYPOINT") == Some("cli"),
        };
        self.kind == Kind::Stop && self.config.notify && is_attended
    }
}

fn print(text: &str) {
    // A closed output is no failure.
    let _ = writeln!(std::io::stdout(), "{}", json!({ "systemMessage": base::printable(text) }));
}

fn delivery_failure(reason: &str) -> String {
    format!(
        "claude-langfuse can't deliver: {reason}. Run 'claude-langfuse doctor' to see what to do."
    )
}
