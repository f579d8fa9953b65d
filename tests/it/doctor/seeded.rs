//! Seeded problems, each in its own home: doctor finds each with a remedy, and reports no others.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use serde_json::{Value, json};

use super::DoctorHome;
use super::cloud::Cloud;
use crate::sandbox::PROGRAM;

/// Changes of `env` in config.json: what | change | verdict | check | message | help | exit code.
const VALUES: &str = r#"
two secret keys | {"LANGFUSE_PUBLIC_KEY": "sk-lf-other"} | fail | keys | LANGFUSE_PUBLIC_KEY in ~/.config/claude-langfuse/config.json is a secret key, as the other one | set it to the key that begins with pk-lf- | 3
two public keys | {"LANGFUSE_SECRET_KEY": "pk-lf-other"} | fail | keys | is a public key, as the other one | set it to the key that begins with sk-lf- | 3
both keys in the place of one | {"LANGFUSE_PUBLIC_KEY": "pk-lf-test:sk-lf-test"} | fail | keys | secret key in the wrong place: LANGFUSE_PUBLIC_KEY | and nothing else | 3
a path in the place of the key | {"LANGFUSE_SECRET_KEY": "~/.secrets/key"} | fail | keys | is a path, not a key | use LANGFUSE_SECRET_KEY_FILE | 3
a relative path of the key file | {"LANGFUSE_SECRET_KEY": null, "LANGFUSE_SECRET_KEY_FILE": "secrets/key"} | fail | keys | secrets/key: not an absolute path | fix the path or the file | 3
a key file below an unset variable | {"LANGFUSE_SECRET_KEY": null, "LANGFUSE_SECRET_KEY_FILE": "${NOWHERE}/key"} | fail | keys | NOWHERE is not set | fix the path or the file | 3
the key in the place of its file | {"LANGFUSE_SECRET_KEY": null, "LANGFUSE_SECRET_KEY_FILE": "sk-lf-0a1b2c3d"} | fail | keys | sk-lf-…: not an absolute path | fix the path or the file | 3
a password in the URL | {"LANGFUSE_BASE_URL": "https://me:pass@langfuse.example"} | fail | keys | contains a user name or password | use a URL such as | 3
a port beyond 65535 | {"LANGFUSE_BASE_URL": "https://langfuse.example:99999"} | fail | keys | has an invalid port | use a URL such as | 3
a query in the URL | {"LANGFUSE_BASE_URL": "https://langfuse.example/?tab=traces"} | fail | keys | contains a query or a fragment | use a URL such as | 3
an unencrypted host elsewhere | {"LANGFUSE_BASE_URL": "http://langfuse.example"} | warn | config | keys and sessions are sent unencrypted | use https:// | 0
two hosts under two names | {"LANGFUSE_HOST": "https://us.cloud.langfuse.com"} | warn | config | LANGFUSE_HOST in ~/.config/claude-langfuse/config.json: ignored: LANGFUSE_BASE_URL beside it counts | remove one of the two | 0
a key beside its file | {"LANGFUSE_SECRET_KEY_FILE": "~/key"} | warn | config | LANGFUSE_SECRET_KEY_FILE in ~/.config/claude-langfuse/config.json: ignored: LANGFUSE_SECRET_KEY beside it counts | remove one of the two | 0
a capture mode that there is not | {"CC_LANGFUSE_CAPTURE": "none"} | fail | config | "none" is not a capture mode | use full, no-tool-content or metadata | 3
masking switched off | {"CC_LANGFUSE_MASK": "false"} | warn | mask | secrets are sent as they are: CC_LANGFUSE_MASK in ~/.config | remove it | 0
a length with a unit | {"CC_LANGFUSE_MAX_CHARS": "100k"} | fail | config | "100k" is not a whole number above 0 | use a number of characters | 3
a budget with a unit | {"CC_LANGFUSE_HOOK_BUDGET": "3s"} | fail | config | "3s" is not a number of seconds | use seconds, from 0.1 to 60 | 3
metadata without quotes | {"CC_LANGFUSE_METADATA": "{team: a}"} | fail | config | CC_LANGFUSE_METADATA in ~/.config/claude-langfuse/config.json: is not a JSON object | use a JSON object | 3
tags that are half a list | {"CC_LANGFUSE_TRACE_TAGS": "[\"a\","} | fail | config | is not a JSON array of strings | use tags with commas | 3
a reserved environment | {"LANGFUSE_TRACING_ENVIRONMENT": "langfuse-prod"} | fail | config | is not a valid name of an environment | not beginning with langfuse | 3
a placeholder that is none | {"CC_LANGFUSE_TRACE_NAME": "{project} on {branch}"} | warn | config | only {project} is replaced | remove the other braces | 0
a request mode that there is not | {"CC_LANGFUSE_REQUEST": "all"} | fail | config | "all" is not off, tools or full | use off, tools | 3
headers as curl has them | {"LANGFUSE_HEADERS": "X-Team: a"} | fail | config | LANGFUSE_HEADERS in ~/.config/claude-langfuse/config.json: is not a JSON object | use a JSON object of texts | 3
a dataset item in a file | {"CC_LANGFUSE_EXPERIMENT_ITEM_ID": "item"} | fail | config | belongs to one run of Claude Code | set it in the environment of the run | 3
a certificate file that is not there | {"LANGFUSE_CA_FILE": "~/ca.pem"} | warn | config | LANGFUSE_CA_FILE in ~/.config/claude-langfuse/config.json: could not read the certificates in ~/ca.pem | fix the path or the file | 0
a relative state folder | {"CC_LANGFUSE_STATE_DIR": "state"} | fail | config | CC_LANGFUSE_STATE_DIR in ~/.config/claude-langfuse/config.json: is not an absolute path | use an absolute path | 3
a variable that there is not | {"CC_LANGFUSE_COLOUR": "red"} | fail | config | CC_LANGFUSE_COLOUR in ~/.config/claude-langfuse/config.json: unknown variable | claude-langfuse --help | 3
"#;

/// The same for variables of the shell.
const SHELL: &str = r#"
a traceparent that is none | {"CC_LANGFUSE_TRACEPARENT": "00-xyz"} | fail | config | CC_LANGFUSE_TRACEPARENT in the environment: "00-xyz" is not a traceparent | use 00-<32 hex digits> | 3
half a parent span | {"CC_LANGFUSE_PARENT_TRACE_ID": "0af7651916cd43dd8448eb211c80319c"} | fail | config | is ignored without the other one beside it | set CC_LANGFUSE_PARENT_TRACE_ID to 32 | 3
half a pair of keys for us | {"CC_LANGFUSE_PUBLIC_KEY": "pk-lf-app"} | fail | keys | CC_LANGFUSE_PUBLIC_KEY in the environment has no LANGFUSE_SECRET_KEY beside it | set both keys in the same place | 3
an application's keys | {"LANGFUSE_PUBLIC_KEY": "pk-lf-app", "LANGFUSE_SECRET_KEY": "sk-lf-app"} | warn | config | LANGFUSE_PUBLIC_KEY in the environment: ignored: config.json has keys of its own | use CC_LANGFUSE_PUBLIC_KEY | 0
a configuration elsewhere | {"XDG_CONFIG_HOME": "/nowhere"} | fail | keys | no Langfuse keys | in /nowhere/claude-langfuse/config.json | 3
"#;

/// The same for config.json as a whole, with the mock's `env` beside the change.
const FILE: &str = r#"
a slip in the path of a project | {"projects": {"~/cod/app": {"env": {"TRACE_TO_LANGFUSE": "true"}}}} | warn | config | project ~/cod/app is not a directory | fix the path, or remove the project | 0
a relative path of a project | {"projects": {"code/app": {"env": {}}}} | fail | config | project "code/app" is not an absolute path | use an absolute path | 3
a project with an option of Nix | {"projects": {"~/app": {"enable": true}}} | fail | config | project ~/app: unknown key "enable" | set TRACE_TO_LANGFUSE in "env" | 3
a variable beside env | {"TRACE_TO_LANGFUSE": "true"} | fail | config | unknown key "TRACE_TO_LANGFUSE" | move TRACE_TO_LANGFUSE into "env" | 3
projects as a list | {"projects": ["~/app"]} | fail | config | "projects" is not a JSON object | use {"env" | 3
"#;

/// One row of a table.
struct Fault {
    what: &'static str,
    change: Value,
    found: [&'static str; 4],
    code: i32,
}

fn faults(table: &'static str) -> Vec<Fault> {
    let lines = table.lines().filter(|line| !line.is_empty());
    let faults = lines.map(|line| {
        let parts: Vec<&'static str> = line.split(" | ").collect();
        let [what, change, verdict, check, message, help, code] = parts[..] else {
            panic!("{line}");
        };
        let change = serde_json::from_str(change).unwrap();
        let code = code.parse().unwrap();
        Fault { what, change, found: [verdict, check, message, help], code }
    });
    faults.collect()
}

impl DoctorHome {
    /// Doctor reports this, and no other check has a finding, except consequences of a suspended configuration.
    fn finds_only(&self, what: &str, options: &[&str], found: [&str; 4], code: i32) {
        let [verdict, check, message, help] = found;
        println!("{what}");
        let options = [&["--offline"], options].concat();
        let ran = self.finds(&options, verdict, check, message, help, code);
        let report = ran.json().remove(0);
        let findings = report["findings"].as_array().unwrap().iter();
        let bad = findings.filter(|one| one["verdict"] != "ok");
        let checks: BTreeSet<&str> = bad.map(|one| one["check"].as_str().unwrap()).collect();
        let follows = BTreeSet::from([check, "consent"]);
        assert!(checks.is_subset(&follows), "{what}: {report:#}");
    }
}

#[test]
fn faults_of_values_are_found() {
    for fault in faults(VALUES) {
        let home = DoctorHome::healthy();
        home.configured(&fault.change);
        home.finds_only(fault.what, &[], fault.found, fault.code);
    }
    for fault in faults(SHELL) {
        let mut home = DoctorHome::healthy();
        for (name, value) in fault.change.as_object().unwrap() {
            home.sandbox.set(name, value.as_str().unwrap());
        }
        home.finds_only(fault.what, &[], fault.found, fault.code);
    }
}

#[test]
fn faults_of_the_configuration_file_are_found() {
    for fault in faults(FILE) {
        let home = DoctorHome::healthy();
        let mut content = json!({"env": crate::sandbox::traced_to(&home.mock.url())});
        for (key, value) in fault.change.as_object().unwrap() {
            content[key] = value.clone();
        }
        home.sandbox.config(&content);
        home.finds_only(fault.what, &[], fault.found, fault.code);
    }
    const CONFIG: &str = ".config/claude-langfuse/config.json";
    let home = DoctorHome::healthy();
    let path = home.sandbox.path(CONFIG);
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    let found =
        ["warn", "config", "the key is in a file that is world-readable", "chmod 600 ~/.config"];
    home.finds_only("a key that everybody can read", &[], found, 0);
    fs::write(&path, r#"{"env": {"CC_LANGFUSE_DEBUG": "true", "CC_LANGFUSE_DEBUG": "false"}}"#)
        .unwrap();
    let found = ["fail", "config", "duplicate key \"CC_LANGFUSE_DEBUG\"", "fix the file"];
    home.finds_only("a variable twice", &[], found, 3);
    fs::remove_file(&path).unwrap();
    symlink("/nowhere", &path).unwrap();
    let found = ["fail", "config", "could not read the file: broken link", "fix the file"];
    home.finds_only("a link that leads nowhere", &[], found, 3);
}

#[test]
fn faults_of_key_and_certificate_files_are_found() {
    for (content, message) in [
        ("pk-lf-test\nsk-lf-test\n", "~/key: file has more than one line"),
        ("my secret key\n", "~/key: file is not one word of at most 200 characters"),
        ("pk-lf-test\n", "is a public key, as the other one"),
    ] {
        let home = DoctorHome::healthy();
        let key = home.sandbox.write("key", content.as_bytes());
        fs::set_permissions(key, Permissions::from_mode(0o600)).unwrap();
        home.configured(&json!({"LANGFUSE_SECRET_KEY": null, "LANGFUSE_SECRET_KEY_FILE": "~/key"}));
        let help = if message.starts_with('~') { "fix the path or the file" } else { "sk-lf-" };
        home.finds_only(content, &[], ["fail", "keys", message, help], 3);
    }
    let home = DoctorHome::healthy();
    home.sandbox.write("ca.pem", b"no certificate\n");
    home.configured(&json!({"LANGFUSE_CA_FILE": "~/ca.pem"}));
    let found = ["warn", "config", "found no certificate in ~/ca.pem", "fix the path or the file"];
    home.finds_only("a certificate file with something else", &[], found, 0);
}

/// A change of Claude Code's settings.
type Change = fn(&mut Value);

/// Changes of Claude Code's settings: what | change | finding | exit code.
const OF_THE_HOOK: [(&str, Change, [&str; 4], i32); 7] = [
    (
        "an event in small letters",
        |settings| {
            let stop = settings["hooks"].as_object_mut().unwrap().remove("Stop").unwrap();
            settings["hooks"]["stop"] = stop;
        },
        ["fail", "hooks", "not registered for Stop", "claude-langfuse install"],
        1,
    ),
    (
        "an event too many",
        |settings| {
            settings["hooks"]["SubagentStop"] = settings["hooks"]["Stop"].clone();
        },
        ["warn", "hooks", "also registered for SubagentStop", "remove that entry"],
        0,
    ),
    (
        "an entry of another type",
        |settings| settings["hooks"]["Stop"][0]["hooks"][0]["type"] = json!("prompt"),
        ["fail", "hooks", "not registered for Stop", "claude-langfuse install"],
        1,
    ),
    (
        "an entry without its group",
        |settings| settings["hooks"]["Stop"] = settings["hooks"]["Stop"][0]["hooks"].clone(),
        ["fail", "hooks", "not registered for Stop", "claude-langfuse install"],
        1,
    ),
    (
        "another command of ours",
        |settings| {
            for event in ["Stop", "SessionEnd"] {
                settings["hooks"][event][0]["hooks"][0]["command"] =
                    json!(format!("{PROGRAM} flush"));
            }
        },
        ["fail", "hooks", "does not call this program", "claude-langfuse install"],
        1,
    ),
    (
        "a program of an old generation",
        |settings| {
            let old = "/nix/store/0-old/bin/claude-langfuse";
            for event in ["Stop", "SessionEnd"] {
                settings["hooks"][event][0]["hooks"][0]["command"] =
                    json!(format!("[ -x '{old}' ] && exec '{old}' hook; :"));
            }
        },
        ["fail", "hooks", "is missing: /nix/store/0-old/bin", "claude-langfuse install"],
        1,
    ),
    (
        "a parent span in the settings",
        |settings| {
            let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
            settings["env"] = json!({"CC_LANGFUSE_TRACEPARENT": parent});
        },
        ["fail", "config", "belongs to one run of Claude Code", "remove it there"],
        3,
    ),
];

#[test]
fn faults_of_the_hook_are_found() {
    for (what, change, found, code) in OF_THE_HOOK {
        let home = DoctorHome::healthy();
        home.settings(change);
        home.finds_only(what, &[], found, code);
    }
}

#[test]
fn a_program_that_can_not_be_run_and_a_budget_beyond_the_timeout_are_found() {
    let home = DoctorHome::healthy();
    let program = home.sandbox.write("bin/claude-langfuse", b"#!/bin/sh\n");
    home.settings(|settings| {
        for event in ["Stop", "SessionEnd"] {
            settings["hooks"][event][0]["hooks"][0]["command"] =
                json!(format!("{} hook", program.display()));
        }
    });
    let found = ["fail", "hooks", "can't be run: ~/bin/claude-langfuse", "claude-langfuse install"];
    home.finds_only("a program without its right", &[], found, 1);
    let home = DoctorHome::healthy();
    home.configured(&json!({"CC_LANGFUSE_HOOK_BUDGET": "30"}));
    home.settings(|settings| settings["hooks"]["Stop"][0]["hooks"][0]["timeout"] = json!(20));
    let found = ["fail", "hooks", "before the end of its budget of 30 s", "remove \"timeout\""];
    home.finds_only("a budget beyond the timeout", &[], found, 1);
}

#[test]
fn faults_of_a_projects_files_are_found() {
    let app = ["--project", "app"];
    for (what, file, content, found, code) in [
        (
            "hooks switched off for all who clone it",
            "settings.json",
            r#"{"disableAllHooks": true}"#,
            ["fail", "hooks", "disableAllHooks in ~/app/.claude/settings.json", "remove disable"],
            1,
        ),
        (
            "a host of the repository",
            "settings.json",
            r#"{"env": {"LANGFUSE_BASE_URL": "https://langfuse.example"}}"#,
            ["fail", "keys", "is not allowed yet", "run: claude-langfuse allow ~/app"],
            3,
        ),
        (
            "masking switched off by the repository",
            "settings.json",
            r#"{"env": {"CC_LANGFUSE_MASK": "false"}}"#,
            ["warn", "config", "ignored until you allow it, true counts", "claude-langfuse allow"],
            0,
        ),
        (
            "a variable with a slip",
            "settings.local.json",
            r#"{"env": {"CC_LANGFUSE_HOOK_BUDGT": "5"}}"#,
            ["warn", "config", "unknown variable", "use CC_LANGFUSE_HOOK_BUDGET"],
            0,
        ),
        (
            "a switch that is off",
            "settings.local.json",
            r#"{"env": {"TRACE_TO_LANGFUSE": "false"}}"#,
            ["warn", "consent", "tracing is off in ~/app", "set it to true there"],
            0,
        ),
    ] {
        let home = DoctorHome::healthy();
        fs::create_dir_all(home.sandbox.path("app/.git")).unwrap();
        home.sandbox.write(&format!("app/.claude/{file}"), content.as_bytes());
        home.finds_only(what, &app, found, code);
    }
}

#[test]
fn a_state_folder_that_is_a_link_is_found() {
    let home = DoctorHome::healthy();
    let folder = home.sandbox.path(".claude/state/claude-langfuse");
    let elsewhere = home.sandbox.path("elsewhere");
    fs::rename(&folder, &elsewhere).unwrap();
    symlink(elsewhere, folder).unwrap();
    let found = ["fail", "state", "~/.claude/state/claude-langfuse is a link", "move it away"];
    home.finds_only("a link", &[], found, 1);
}

#[test]
fn a_proxy_without_an_address_or_url_is_found() {
    for (proxy, check, message, code) in [
        ("http://proxy.invalid:3128", "dns", "the host of the proxy proxy.invalid:3128", 4),
        ("corp proxy", "address", "could not read the address of the proxy", 3),
    ] {
        let mut home = DoctorHome::healthy();
        home.configured(&json!({"LANGFUSE_BASE_URL": "https://langfuse.example"}));
        home.sandbox.set("HTTPS_PROXY", proxy);
        home.fails(check, message, "check HTTPS_PROXY", code);
    }
}

/// A change of a home that is unusual but valid.
type Unusual = fn(&mut DoctorHome);

#[test]
fn healthy_homes_have_no_finding() {
    let homes: [(&str, Unusual); 9] = [
        ("a key file", |home| {
            let key = home.sandbox.write("key", b"sk-lf-test\n");
            fs::set_permissions(key, Permissions::from_mode(0o600)).unwrap();
            home.configured(
                &json!({"LANGFUSE_SECRET_KEY": null, "LANGFUSE_SECRET_KEY_FILE": "~/key"}),
            );
        }),
        ("a value for us beside one for all", |home| {
            let url = home.mock.url();
            home.configured(&json!({"LANGFUSE_HOST": null, "CC_LANGFUSE_BASE_URL": url}));
        }),
        ("one host under two names", |home| {
            let url = home.mock.url();
            home.configured(&json!({"LANGFUSE_HOST": format!("{url}/")}));
        }),
        ("the shell's own network", |home| {
            home.sandbox.set("HTTPS_PROXY", "http://127.0.0.1:1");
            home.sandbox.set("SSL_CERT_FILE", "/etc/ssl/certs/none.crt");
        }),
        ("masking as it is by default", |home| {
            home.configured(
                &json!({"CC_LANGFUSE_MASK": "true", "CC_LANGFUSE_TRACE_NAME": "{project}"}),
            );
        }),
        ("a certificate of one's own", |home| {
            let path = home.sandbox.write("ca.pem", Cloud::authority().as_bytes());
            home.configured(&json!({"LANGFUSE_CA_FILE": path}));
        }),
        ("a traced project", |home| {
            fs::create_dir_all(home.sandbox.path("code/app")).unwrap();
            let env = crate::sandbox::traced_to(&home.mock.url());
            let on = json!({"env": {"TRACE_TO_LANGFUSE": "true"}});
            home.sandbox.config(&json!({"env": env, "projects": {"~/code/app": on}}));
        }),
        ("a statusline and hooks of others", |home| {
            home.settings(|settings| {
                settings["statusLine"] =
                    json!({"type": "command", "command": "claude-langfuse status --line"});
                let other = json!({"hooks": [{"type": "command", "command": "notify-send done"}]});
                settings["hooks"]["Stop"].as_array_mut().unwrap().push(other);
            });
        }),
        ("telemetry that goes elsewhere", |home| {
            home.settings(|settings| {
                settings["env"] = json!({
                    "CLAUDE_CODE_ENABLE_TELEMETRY": "1", "OTEL_TRACES_EXPORTER": "otlp",
                    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318",
                });
            });
        }),
    ];
    for (what, change) in homes {
        let mut home = DoctorHome::healthy();
        change(&mut home);
        let report = home.sandbox.run(&["doctor", "--json"]).exits(0).json().remove(0);
        assert_eq!(report["verdict"], "ok", "{what}: {report:#}");
    }
}
