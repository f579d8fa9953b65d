//! The hooks of one settings file. Pure. Values of an unexpected shape are ignored, as Claude Code ignores them.

use serde_json::{Map, Value};

use super::command::{our_program, runs_other_exporter, words};

/// The plugin that the Nix module can create. It is no other exporter.
const OUR_PLUGIN: &str = "langfuse-traces";

/// One registered hook command.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub event: String,
    /// The command, with its arguments.
    pub command: String,
    /// Its timeout in seconds, if there is one.
    pub timeout: Option<f64>,
    /// A matcher filters its events.
    pub narrowed: bool,
    /// Claude Code does not wait for it, and kills it at exit.
    pub asynchronous: bool,
}

impl Entry {
    /// Our program as written in the command; `None` for other people's hooks.
    pub fn our_program(&self) -> Option<String> {
        our_program(&words(&self.command)).map(str::to_owned)
    }
}

/// The hooks of one settings file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Hooks {
    /// Our own entries, in any form.
    pub ours: Vec<Entry>,
    /// Other exporters: a description, and the command or name in the file.
    pub other_exporters: Vec<(String, String)>,
    /// `disableAllHooks`, if it is set.
    pub disable_all: Option<bool>,
    /// `allowManagedHooksOnly`, which counts only in an administrator's file.
    pub managed_only: bool,
}

impl Hooks {
    pub fn of(settings: &Map<String, Value>) -> Self {
        let switch = |name: &str| settings.get(name).and_then(Value::as_bool);
        let (mut ours, mut other_exporters) = (Vec::new(), Vec::new());
        for entry in entries(settings) {
            let words = words(&entry.command);
            if our_program(&words).is_some() {
                ours.push(entry);
            } else if runs_other_exporter(&words) {
                let what = format!("the {} hook '{}'", entry.event, entry.command);
                other_exporters.push((what, entry.command));
            }
        }
        let plugins = settings.get("enabledPlugins").and_then(Value::as_object);
        for (name, enabled) in plugins.into_iter().flatten() {
            let is_on = !matches!(enabled, Value::Bool(false) | Value::Null);
            if is_on && name.contains("langfuse") && !name.starts_with(OUR_PLUGIN) {
                other_exporters.push((format!("the plugin {name}"), name.clone()));
            }
        }
        Self {
            ours,
            other_exporters,
            disable_all: switch("disableAllHooks"),
            managed_only: switch("allowManagedHooksOnly") == Some(true),
        }
    }
}

fn entries(settings: &Map<String, Value>) -> Vec<Entry> {
    let mut entries = Vec::new();
    let events = settings.get("hooks").and_then(Value::as_object);
    for (event, groups) in events.into_iter().flatten() {
        for group in groups.as_array().into_iter().flatten() {
            let hooks = group.get("hooks").and_then(Value::as_array);
            for hook in hooks.into_iter().flatten() {
                entries.extend(entry(event, is_narrowed(event, group), hook));
            }
        }
    }
    entries
}

fn entry(event: &str, narrowed: bool, hook: &Value) -> Option<Entry> {
    if hook.get("type").and_then(Value::as_str) != Some("command") {
        return None;
    }
    Some(Entry {
        event: event.to_owned(),
        command: command_of(hook)?,
        timeout: hook.get("timeout").and_then(Value::as_f64),
        narrowed,
        asynchronous: ["async", "asyncRewake"]
            .iter()
            .any(|key| hook.get(key).and_then(Value::as_bool) == Some(true)),
    })
}

/// The command of a hook with its arguments; `None` for prompts, requests and other kinds.
pub(super) fn command_of(hook: &Value) -> Option<String> {
    let mut command = hook.get("command")?.as_str()?.to_owned();
    let arguments = hook.get("args").and_then(Value::as_array);
    for argument in arguments.into_iter().flatten() {
        command.push(' ');
        command.push_str(argument.as_str().unwrap_or_default());
    }
    Some(command)
}

/// Whether a group's matcher filters its events. Claude Code ignores it for Stop.
pub(super) fn is_narrowed(event: &str, group: &Value) -> bool {
    let matcher = group.get("matcher").and_then(Value::as_str);
    event != "Stop" && !matches!(matcher, None | Some("" | "*"))
}
