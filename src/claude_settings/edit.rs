//! Adds and removes our entry in the content of a settings file. Everything else stays, in its order.

use serde_json::{Map, Value, json};

use super::command::{BY_NAME, our_program, words};
use super::hooks::{command_of, is_narrowed};
use super::{EVENTS, SESSION_END_TIMEOUT};

/// Registers `command` for each of [`EVENTS`], once: an existing entry of ours is repaired in place, further ones
/// are removed.
///
/// # Errors
/// When `hooks`, or one of the events in it, has another shape than Claude Code's.
pub(super) fn register(settings: &mut Map<String, Value>, command: &str) -> Result<(), String> {
    let hooks = settings.entry("hooks").or_insert_with(|| json!({}));
    let Value::Object(hooks) = hooks else {
        return Err("\"hooks\" is not a JSON object".to_owned());
    };
    for event in EVENTS {
        let groups = hooks.entry(event).or_insert_with(|| json!([]));
        let Value::Array(groups) = groups else {
            return Err(format!("\"hooks.{event}\" is not a JSON array"));
        };
        let mut kept = false;
        retain(groups, |group, hook| {
            let keep = !is_ours(hook) || (!kept && !is_narrowed(event, group));
            if keep && is_ours(hook) {
                kept = true;
                repair(hook, event, command);
            }
            keep
        });
        if !kept {
            let mut hook = json!({"type": "command"});
            repair(&mut hook, event, command);
            groups.push(json!({"hooks": [hook]}));
        }
    }
    Ok(())
}

/// Removes our entries under any event, with groups and events that become empty: all of them, or only those with
/// this command.
pub(super) fn unregister(settings: &mut Map<String, Value>, only: Option<&str>) {
    let Some(Value::Object(hooks)) = settings.get_mut("hooks") else {
        return;
    };
    let events = hooks.len();
    hooks.retain(|_, groups| {
        let Value::Array(groups) = groups else {
            return true;
        };
        let before = groups.len();
        retain(groups, |_, hook| match only {
            Some(command) => command_of(hook).as_deref() != Some(command),
            None => !is_ours(hook),
        });
        before == groups.len() || !groups.is_empty()
    });
    if hooks.is_empty() && events > 0 {
        settings.shift_remove("hooks");
    }
}

fn is_ours(hook: &Value) -> bool {
    command_of(hook).is_some_and(|command| our_program(&words(&command)).is_some())
}

/// Keeps the hooks for which `keep` is true, and removes groups that lose their last one.
fn retain(groups: &mut Vec<Value>, mut keep: impl FnMut(&Value, &mut Value) -> bool) {
    groups.retain_mut(|group| {
        let Some(Value::Array(hooks)) = group.get_mut("hooks") else {
            return true;
        };
        let mut taken = std::mem::take(hooks);
        let before = taken.len();
        taken.retain_mut(|hook| keep(group, hook));
        let lost_its_last = taken.is_empty() && before > 0;
        if let Some(hooks) = group.get_mut("hooks") {
            *hooks = Value::Array(taken);
        }
        !lost_its_last
    });
}

/// Repairs an entry. Keys that people added stay.
fn repair(hook: &mut Value, event: &str, command: &str) {
    let Value::Object(hook) = hook else {
        return;
    };
    hook.insert("type".to_owned(), json!("command"));
    if hook.get("command").and_then(Value::as_str) != Some(BY_NAME) {
        hook.insert("command".to_owned(), json!(command));
    }
    // The command is written for a shell, and Claude Code must wait for it: at exit it kills asynchronous hooks.
    for key in ["args", "shell", "async", "asyncRewake"] {
        hook.shift_remove(key);
    }
    let enough = |timeout: &Value| timeout.as_f64() >= Some(f64::from(SESSION_END_TIMEOUT));
    if event == "SessionEnd" && !hook.get("timeout").is_some_and(enough) {
        hook.insert("timeout".to_owned(), json!(SESSION_END_TIMEOUT));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{BY_NAME, register, unregister};

    const COMMAND: &str = "[ -x '/p/claude-langfuse' ] && exec '/p/claude-langfuse' hook; :";

    fn registered(mut settings: Value) -> Value {
        register(settings.as_object_mut().unwrap(), COMMAND).unwrap();
        settings
    }

    fn unregistered(mut settings: Value) -> Value {
        unregister(settings.as_object_mut().unwrap(), None);
        settings
    }

    fn fresh() -> Value {
        json!({"hooks": {
            "Stop": [{"hooks": [{"type": "command", "command": COMMAND}]}],
            "SessionEnd": [{"hooks": [{"type": "command", "command": COMMAND, "timeout": 10}]}],
        }})
    }

    #[test]
    fn an_empty_file_gets_two_entries_and_loses_them_again() {
        assert_eq!(registered(json!({})), fresh());
        assert_eq!(registered(fresh()), fresh());
        assert_eq!(unregistered(fresh()), json!({}));
    }

    #[test]
    fn other_peoples_hooks_and_unknown_keys_stay_where_they_are() {
        let before = json!({
            "zeta": 1,
            "hooks": {
                "PreToolUse": [{"matcher": "Bash", "hooks": [{"type": "command", "command": "check"}]}],
                "Stop": [{"hooks": [{"type": "prompt", "prompt": "Done?"}]}, {"hooks": []}, "odd"],
                "NewEvent": {"odd": true},
            },
            "alpha": {"hook": "claude-langfuse hook"},
        });
        let after = registered(before.clone());
        let keys: Vec<&String> = after.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["zeta", "hooks", "alpha"]);
        let mut groups = after["hooks"]["Stop"].as_array().unwrap().clone();
        assert_eq!(groups.pop(), fresh()["hooks"]["Stop"].as_array().unwrap().first().cloned());
        assert_eq!(Value::Array(groups), before["hooks"]["Stop"]);
        assert_eq!(unregistered(after).to_string(), before.to_string());
    }

    #[test]
    fn entries_of_ours_in_other_forms_become_one() {
        let before = json!({"hooks": {
            "Stop": [
                {"hooks": [
                    {"type": "command", "command": "first"},
                    {"type": "command", "command": "/nix/store/x/bin/claude-langfuse", "args": ["hook"], "async": true, "statusMessage": "sending"},
                    {"type": "command", "command": "last"},
                ]},
                {"hooks": [{"type": "command", "command": "claude-langfuse hook"}]},
            ],
            "SessionEnd": [
                {"matcher": "clear", "hooks": [{"type": "command", "command": "claude-langfuse hook", "timeout": 60}]},
                {"hooks": [{"type": "command", "command": "claude-langfuse hook", "timeout": 1.5}]},
            ],
        }});
        assert_eq!(
            registered(before),
            json!({"hooks": {
                "Stop": [{"hooks": [
                    {"type": "command", "command": "first"},
                    {"type": "command", "command": COMMAND, "statusMessage": "sending"},
                    {"type": "command", "command": "last"},
                ]}],
                "SessionEnd": [{"hooks": [{"type": "command", "command": COMMAND, "timeout": 10}]}],
            }})
        );
    }

    #[test]
    fn an_entry_that_machines_share_stays_as_it_is() {
        let shared = |timeout: Value| {
            json!({"hooks": {
                "Stop": [{"hooks": [{"type": "command", "command": BY_NAME}]}],
                "SessionEnd": [{"hooks": [{"type": "command", "command": BY_NAME, "timeout": timeout}]}],
            }})
        };
        assert_eq!(registered(shared(json!(10))), shared(json!(10)));
        assert_eq!(registered(shared(json!(1))), shared(json!(10)));
    }

    #[test]
    fn unregister_by_command_keeps_other_entries_of_ours() {
        let mut settings = fresh();
        let shared = json!({"hooks": [{"type": "command", "command": BY_NAME}]});
        settings["hooks"]["Stop"].as_array_mut().unwrap().push(shared.clone());
        unregister(settings.as_object_mut().unwrap(), Some(COMMAND));
        assert_eq!(settings, json!({"hooks": {"Stop": [shared]}}));
    }

    #[test]
    fn adds_no_entry_to_settings_of_another_shape() {
        for settings in [
            json!({"hooks": []}),
            json!({"hooks": {"Stop": {}}}),
            json!({"hooks": {"SessionEnd": null}}),
        ] {
            let mut changed = settings.clone();
            let error = register(changed.as_object_mut().unwrap(), COMMAND).unwrap_err();
            assert!(error.contains("hooks"), "{error}");
        }
        assert_eq!(unregistered(json!({"hooks": []})), json!({"hooks": []}));
    }
}
