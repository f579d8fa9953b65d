//! Problems of the configuration and of the state folder.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use langfuse_mock::{PUBLIC_KEY, Reply, SECRET_KEY};
use serde_json::{Value, json};

use super::Clinic;

#[test]
fn an_incomplete_key_pair() {
    let clinic = Clinic::healthy();
    clinic.configured(&json!({"LANGFUSE_SECRET_KEY": null}));
    clinic.fails(
        "keys",
        "has no LANGFUSE_SECRET_KEY beside it",
        "set both keys in the same place",
        3,
    );
}

#[test]
fn no_keys() {
    let clinic = Clinic::healthy();
    clinic.configured(&json!({"LANGFUSE_SECRET_KEY": null, "LANGFUSE_PUBLIC_KEY": null}));
    clinic.fails("keys", "no Langfuse keys", "~/.config/claude-langfuse/config.json", 3);
}

#[test]
fn swapped_keys() {
    let clinic = Clinic::healthy();
    clinic
        .configured(&json!({"LANGFUSE_SECRET_KEY": PUBLIC_KEY, "LANGFUSE_PUBLIC_KEY": SECRET_KEY}));
    clinic.fails("keys", "is not a public key", "swap the two keys", 3);
}

#[test]
fn a_missing_or_empty_key_file() {
    let clinic = Clinic::healthy();
    clinic.configured(&json!({"LANGFUSE_SECRET_KEY": null, "LANGFUSE_SECRET_KEY_FILE": "~/key"}));
    clinic.fails("keys", "~/key: No such file", "fix the path or the file", 3);
    clinic.sandbox.write("key", b"\n");
    clinic.fails("keys", "file is empty", "fix the path or the file", 3);
    let directory = clinic.sandbox.path("folder");
    fs::create_dir(&directory).unwrap();
    clinic.configured(&json!({"LANGFUSE_SECRET_KEY": null, "LANGFUSE_SECRET_KEY_FILE": directory}));
    clinic.fails("keys", "could not read key file", "fix the path or the file", 3);
}

#[test]
fn a_world_readable_key_file() {
    let clinic = Clinic::healthy();
    let path = clinic.sandbox.write("key", SECRET_KEY.as_bytes());
    clinic.configured(&json!({"LANGFUSE_SECRET_KEY": null, "LANGFUSE_SECRET_KEY_FILE": "~/key"}));
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    clinic.warns("config", "key file is world-readable", "chmod 600");
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    clinic.sandbox.run(&["doctor"]).exits(0);
}

#[test]
fn a_broken_configuration_file() {
    let clinic = Clinic::healthy();
    clinic.sandbox.write(".config/claude-langfuse/config.json", b"{\"env\": {");
    clinic.fails("config", "could not parse the file", "fix the file", 3);
}

#[test]
fn an_invalid_value() {
    let clinic = Clinic::healthy();
    clinic.configured(&json!({"TRACE_TO_LANGFUSE": "ture"}));
    clinic.fails("config", "\"ture\" is neither true nor false", "use true or false", 3);
    clinic.configured(&json!({"CC_LANGFUSE_MASK_PATTERNS": "("}));
    clinic.fails("mask", "CC_LANGFUSE_MASK_PATTERNS can't be read", "fix or remove the pattern", 3);
}

#[test]
fn a_name_that_is_misspelled_or_of_another_hook() {
    let clinic = Clinic::healthy();
    clinic.configured(&json!({"LANGFUSE_BASEURL": "https://langfuse.example"}));
    clinic.fails("config", "LANGFUSE_BASEURL", "use LANGFUSE_BASE_URL", 3);
    clinic.configured(&json!({}));
    clinic.settings(|settings| settings["env"] = json!({"CC_LANGFUSE_FLUSH_TIMEOUT": "35"}));
    clinic.warns(
        "config",
        "CC_LANGFUSE_FLUSH_TIMEOUT in ~/.claude/settings.json",
        "use CC_LANGFUSE_HOOK_BUDGET",
    );
}

#[test]
fn an_applications_host_that_is_ignored() {
    let mut clinic = Clinic::healthy();
    clinic.sandbox.set("LANGFUSE_BASE_URL", "https://langfuse.example");
    clinic.warns("config", "LANGFUSE_BASE_URL in the environment: ignored", "use CC_LANGFUSE_");
}

#[test]
fn an_invalid_address() {
    let clinic = Clinic::healthy();
    clinic.configured(&json!({"LANGFUSE_BASE_URL": "cloud.langfuse.com"}));
    clinic.fails("keys", "does not begin with https://", "use a URL such as", 3);
}

#[test]
fn missing_consent() {
    let clinic = Clinic::healthy();
    clinic.configured(&json!({"TRACE_TO_LANGFUSE": null}));
    clinic.warns(
        "consent",
        "tracing is off in ~: TRACE_TO_LANGFUSE is not set",
        "set TRACE_TO_LANGFUSE to true",
    );
    clinic.configured(&json!({"TRACE_TO_LANGFUSE": "false"}));
    clinic.warns("consent", "TRACE_TO_LANGFUSE in ~/.config", "set it to true there");
}

#[test]
fn a_forgotten_pause() {
    let clinic = Clinic::healthy();
    clinic.sandbox.run(&["pause"]).exits(0);
    clinic.warns("pause", "tracing is paused", "claude-langfuse resume");
}

#[test]
fn a_read_only_state_folder() {
    let clinic = Clinic::healthy();
    let file = clinic.sandbox.write("file", b"");
    clinic.configured(&json!({"CC_LANGFUSE_STATE_DIR": file}));
    clinic.fails("state", "can't write to ~/file/claude-langfuse: ", "CC_LANGFUSE_STATE_DIR", 1);
}

/// A limit on the size of files acts like a full disk: a write fails.
#[test]
fn a_full_disk() {
    let clinic = Clinic::healthy();
    let script = format!(
        "trap '' XFSZ; ulimit -f 8; exec '{}' doctor --json --offline",
        env!("CARGO_BIN_EXE_claude-langfuse")
    );
    let output = Command::new("sh")
        .args(["-c", &script])
        .env_clear()
        .env("HOME", clinic.sandbox.path(""))
        .env("PATH", "/usr/bin:/bin")
        .current_dir(clinic.sandbox.path(""))
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let failed = findings.iter().find(|one| one["verdict"] == "fail").unwrap();
    assert_eq!(failed["check"], "state", "{report:#}");
    assert!(failed["help"].as_str().unwrap().starts_with("free disk space"), "{report:#}");
    let left =
        clinic.sandbox.state().into_iter().any(|path| path.to_string_lossy().contains("doctor"));
    assert!(!left, "{:?}", clinic.sandbox.state());
}

#[test]
fn a_state_folder_readable_by_others() {
    let clinic = Clinic::healthy();
    let folder = clinic.sandbox.path(".claude/state/claude-langfuse");
    fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
    clinic.warns("state", "other users can read", "chmod 700 ~/.claude/state/claude-langfuse");
}

#[test]
fn waiting_sessions_after_an_outage() {
    let clinic = Clinic::healthy();
    clinic.mock.reply_always(Some(Reply::Status(503)));
    clinic.sandbox.session("v2.1.330/simple").whole().stop(0);
    clinic.mock.reply_always(None);
    clinic.warns("waiting", "1 session with unsent turns", "claude-langfuse flush");
    clinic.sandbox.run(&["flush"]).exits(0);
    let report = clinic.sandbox.run(&["doctor", "--json"]).exits(0).json().remove(0);
    let findings = report["findings"].as_array().unwrap();
    assert!(findings.iter().all(|one| one["check"] != "waiting"), "{report:#}");
}
