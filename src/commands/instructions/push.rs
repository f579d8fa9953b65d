//! Sends prompts. A known text gets no new version.

use std::io::{self, Write};

use anyhow::Result;
use base::Timestamp;
use serde_json::json;

use super::prompt::{CURRENT, Prompt, Prompts};
use crate::commands::delivery_context::DeliveryContext;
use crate::commands::exit_status::{ExitStatus, misconfigured, status_error};
use crate::commands::output::{exact_stdout, print_error, print_json, print_note, stdout};
use crate::commands::remedy::failure;
use crate::commands::retry_after::RetryingClient;
use crate::config::Config;
use crate::langfuse::{StoredPrompt, Verdict};
use crate::state::{PromptVersion, PromptVersions, Store};

/// Prints the prompts.
pub(super) fn preview(prompts: &Prompts) -> Result<ExitStatus> {
    for prompt in &prompts.prompts {
        writeln!(exact_stdout(), "{}", prompt.body())?;
    }
    Ok(report_refused(prompts))
}

/// Sends each prompt that the server lacks. A rejected prompt does not hold up the others.
pub(super) fn send(
    prompts: &Prompts,
    context: &DeliveryContext,
    config: &Config,
    json: bool,
) -> Result<ExitStatus> {
    let mut status = report_refused(prompts);
    let unusable = |problem| misconfigured(format!("could not push instructions: {problem}"));
    let destination = config.destination.as_ref().map_err(unusable)?;
    let store = Store::new(&config.state_dir);
    let mut pusher = Pusher {
        client: RetryingClient::new(context.client(config, destination)?, config),
        versions: store.prompt_versions(&destination.id()),
    };
    for prompt in &prompts.prompts {
        match pusher.push(prompt) {
            Ok(pushed) => {
                store.save_prompt_versions(&destination.id(), &pusher.versions)?;
                print_pushed(prompt, &pushed, json)?;
            }
            Err(verdict) => {
                let (reason, failed) = failure(&verdict, destination);
                let message = format!("could not push {}: {reason}", prompt.name);
                if failed != ExitStatus::ContentRejected {
                    return Err(status_error(failed, message));
                }
                print_error(&message);
                status = status.max(failed);
            }
        }
    }
    Ok(status)
}

/// Reports the instructions that are not sent.
fn report_refused(prompts: &Prompts) -> ExitStatus {
    for path in &prompts.outside {
        print_note(&format!("{path} is not pushed: it lies outside of the project"));
    }
    prompts.refused.iter().for_each(|reason| print_error(reason));
    if prompts.refused.is_empty() { ExitStatus::Done } else { ExitStatus::ContentRejected }
}

struct Pusher {
    client: RetryingClient,
    versions: PromptVersions,
}

struct Pushed {
    version: u32,
    change: Change,
}

#[derive(Clone, Copy)]
enum Change {
    Added,
    /// The label moved to an existing version.
    Labelled,
    Nothing,
}

impl Pusher {
    fn push(&mut self, prompt: &Prompt) -> Result<Pushed, Verdict> {
        let mut known = self.known(prompt)?;
        if known.is_none() {
            known = self.find(prompt)?;
        }
        let Some(StoredPrompt { version, labels, .. }) = known else {
            let body = prompt.body();
            let made = self.client.ask(|client, deadline| client.create_prompt(&body, deadline))?;
            self.remember(prompt, made.version, Timestamp::now());
            return Ok(Pushed { version: made.version, change: Change::Added });
        };
        if !prompt.is_current || labels.iter().any(|label| label == CURRENT) {
            return Ok(Pushed { version, change: Change::Nothing });
        }
        self.client.ask(|client, deadline| {
            client.label_prompt(&prompt.name, version, CURRENT, deadline)
        })?;
        Ok(Pushed { version, change: Change::Labelled })
    }

    /// The version that an earlier push made, unless somebody deleted it since.
    fn known(&mut self, prompt: &Prompt) -> Result<Option<StoredPrompt>, Verdict> {
        let same = self.versions.same(&prompt.name, &prompt.hash, &prompt.sent_hash());
        match same.map(|same| same.version) {
            Some(version) => self.version(prompt, version),
            None => Ok(None),
        }
    }

    /// The version on the server with the same text: another machine may have pushed it, or the table was lost.
    fn find(&mut self, prompt: &Prompt) -> Result<Option<StoredPrompt>, Verdict> {
        let versions =
            self.client.ask(|client, deadline| client.prompt_versions(&prompt.name, deadline))?;
        for version in versions {
            if let Some(found) = self.version(prompt, version)? {
                // A push is as old as its version, whichever machine made it.
                let at = found.created_at().unwrap_or_else(Timestamp::now);
                self.remember(prompt, version, at);
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// A version, if it has the text of the prompt.
    fn version(&mut self, prompt: &Prompt, version: u32) -> Result<Option<StoredPrompt>, Verdict> {
        let stored =
            self.client.ask(|client, deadline| client.prompt(&prompt.name, version, deadline))?;
        Ok(stored.filter(|stored| stored.prompt == prompt.text.as_str()))
    }

    fn remember(&mut self, prompt: &Prompt, version: u32, pushed_at: Timestamp) {
        self.versions.add(PromptVersion {
            name: prompt.name.clone(),
            version,
            text: prompt.hash.clone(),
            sent: prompt.sent_hash(),
            pushed_at,
        });
    }
}

fn print_pushed(prompt: &Prompt, pushed: &Pushed, json: bool) -> io::Result<()> {
    let Pushed { version, change } = pushed;
    let (state, phrase) = match change {
        Change::Added => ("added", "added"),
        Change::Labelled => ("labelled", "is current again"),
        Change::Nothing => ("unchanged", "is unchanged"),
    };
    if json {
        let object = json!({
            "prompt": prompt.name, "version": version, "state": state, "current": prompt.is_current, "text": prompt.sent_hash(),
        });
        return print_json("instruction", object);
    }
    let current = if prompt.is_current { ", current" } else { "" };
    let current = if matches!(change, Change::Labelled) { "" } else { current };
    writeln!(stdout(), "{}: version {version} {phrase}{current}", prompt.name)
}
