//! Set-ups of users and of attackers, with their verdicts.

use claude_langfuse::config::Scope;
use serde_json::{Value, json};

use super::{CLOUD, MINE, Setup, THEIRS, keys, ok, told, with};

/// The result for a session.
#[derive(Debug, Clone)]
enum Verdict {
    /// Sent with this key to this host.
    Works(&'static str, &'static str),
    /// The same, and these names are reported as ignored.
    Ignores(&'static str, &'static str, &'static [&'static str]),
    /// Nothing is sent or declined until it is allowed; then it is sent there.
    Refused(&'static str, &'static str),
    /// Nothing is sent or declined, for this reason.
    Broken(&'static str),
    Off,
}

use Verdict::{Broken, Ignores, Off, Refused, Works};

fn consent() -> Value {
    json!({"TRACE_TO_LANGFUSE": "true"})
}

fn consenting(env: Value) -> Value {
    with(env, "TRACE_TO_LANGFUSE", "true")
}

fn at(env: Value, host: &str) -> Value {
    with(env, "LANGFUSE_BASE_URL", host)
}

fn mine() -> Value {
    at(keys("mine"), MINE)
}

fn theirs() -> Value {
    at(keys("theirs"), THEIRS)
}

fn ours(env: &Value) -> Value {
    let renamed = env.as_object().unwrap().iter();
    Value::Object(renamed.map(|(name, value)| (format!("CC_{name}"), value.clone())).collect())
}

#[allow(clippy::too_many_lines, reason = "it is one table")]
fn setups() -> Vec<(&'static str, Setup, Verdict)> {
    let none = Setup::default;
    let files = json!({
        "LANGFUSE_PUBLIC_KEY": "pk-lf-own",
        "LANGFUSE_SECRET_KEY_FILE": "/proc/self/environ",
    });
    vec![
        // These work at once.
        (
            "all in settings.local.json",
            Setup { personal: consenting(theirs()), ..none() },
            Works("theirs", THEIRS),
        ),
        (
            "all but the host in settings.local.json",
            Setup { personal: consenting(keys("theirs")), ..none() },
            Works("theirs", CLOUD),
        ),
        (
            "keys and host in the user's settings, consent in the project's",
            Setup { user: mine(), shared: consent(), ..none() },
            Works("mine", MINE),
        ),
        (
            "keys and host in config.json, consent in the project's settings.local.json",
            Setup { config: mine(), personal: consent(), ..none() },
            Works("mine", MINE),
        ),
        ("all in the shell", Setup { shell: consenting(mine()), ..none() }, Works("mine", MINE)),
        (
            "a devcontainer's remoteEnv, consent in the project's",
            Setup { shell: mine(), shared: consent(), ..none() },
            Works("mine", MINE),
        ),
        (
            "a host in the project's that config.json has too",
            Setup {
                config: mine(),
                shared: consenting(json!({"LANGFUSE_HOST": "https://MINE.example/"})),
                ..none()
            },
            Works("mine", MINE),
        ),
        (
            "an application's variables by direnv beside keys in config.json",
            Setup { config: mine(), shell: theirs(), ..none() },
            Ignores(
                "mine",
                MINE,
                &["LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY", "LANGFUSE_BASE_URL"],
            ),
        ),
        (
            "an application's host alone beside config.json's",
            Setup { config: mine(), shell: json!({"LANGFUSE_HOST": THEIRS}), ..none() },
            Ignores("mine", MINE, &["LANGFUSE_HOST"]),
        ),
        (
            "managed settings over a repository's other host",
            Setup {
                user: keys("mine"),
                managed: consenting(with(
                    json!({"LANGFUSE_BASE_URL": MINE}),
                    "CC_LANGFUSE_CAPTURE",
                    "metadata",
                )),
                shared: json!({"LANGFUSE_BASE_URL": THEIRS, "CC_LANGFUSE_CAPTURE": "full"}),
                ..none()
            },
            Works("mine", MINE),
        ),
        (
            "another account in projects",
            Setup { config: theirs(), entry: json!({"env": mine()}), shared: consent(), ..none() },
            Works("mine", MINE),
        ),
        (
            "--settings over a project's file",
            Setup { flags: consenting(mine()), shared: theirs(), ..none() },
            Works("mine", MINE),
        ),
        (
            "--settings with variables of ours where config.json has keys too",
            Setup { config: theirs(), flags: ours(&mine()), shared: theirs(), ..none() },
            Works("mine", MINE),
        ),
        (
            "a committed proxy for https",
            Setup {
                config: mine(),
                shared: consenting(json!({"HTTPS_PROXY": "http://proxy.example:3128"})),
                ..none()
            },
            Works("mine", MINE),
        ),
        (
            "the same host in projects makes a team's host the user's",
            Setup {
                user: keys("mine"),
                entry: json!({"env": {"LANGFUSE_BASE_URL": MINE}}),
                shared: json!({"LANGFUSE_BASE_URL": MINE}),
                ..none()
            },
            Works("mine", MINE),
        ),
        // These are refused until they are allowed.
        (
            "a team's committed host, keys in each person's shell",
            Setup { shell: keys("mine"), shared: json!({"LANGFUSE_BASE_URL": MINE}), ..none() },
            Refused("mine", MINE),
        ),
        (
            "a team's committed host, keys in settings.local.json",
            Setup { personal: keys("own"), shared: json!({"LANGFUSE_BASE_URL": MINE}), ..none() },
            Refused("own", MINE),
        ),
        (
            "keys and host by direnv that the project repeats",
            Setup { shell: mine(), shared: mine(), ..none() },
            Refused("mine", MINE),
        ),
        (
            "keys committed in settings.json",
            Setup { shared: consenting(theirs()), ..none() },
            Refused("theirs", THEIRS),
        ),
        (
            "a pair over two project files",
            Setup {
                personal: json!({"LANGFUSE_PUBLIC_KEY": "pk-lf-mine"}),
                shared: json!({"LANGFUSE_SECRET_KEY": super::SECRET}),
                ..none()
            },
            Refused("mine", CLOUD),
        ),
        (
            "CI by environment with a hostile settings.json",
            Setup {
                shell: consenting(mine()),
                shared: json!({"LANGFUSE_BASE_URL": THEIRS, "LANGFUSE_HOST": THEIRS}),
                ..none()
            },
            Refused("mine", THEIRS),
        ),
        (
            "a host as an array",
            Setup { user: mine(), shared: json!({"LANGFUSE_BASE_URL": [THEIRS]}), ..none() },
            Refused("mine", THEIRS),
        ),
        // These must be fixed before anything can be allowed.
        (
            "key files in the project's files",
            Setup { personal: consenting(files), ..none() },
            Broken("not-allowed"),
        ),
        (
            "half of the project, half of the shell",
            Setup {
                personal: json!({"LANGFUSE_PUBLIC_KEY": "pk-lf-theirs"}),
                shell: keys("mine"),
                ..none()
            },
            Broken("half-a-pair"),
        ),
        // These are ignored and reported.
        (
            "less protection by the project",
            Setup {
                config: mine(),
                shared: json!({
                    "CC_LANGFUSE_MASK": "false",
                    "CC_LANGFUSE_NOTIFY": false,
                    "CC_LANGFUSE_MASK_PATTERNS": "!^sk-",
                    "CC_LANGFUSE_HOOK_BUDGET": 60.0,
                    "CC_LANGFUSE_MAX_CHARS": 1,
                    "CC_LANGFUSE_STATE_DIR": "/tmp/theirs",
                    "LANGFUSE_CA_FILE": "/tmp/ca",
                    "LANGFUSE_TIMEOUT": 600,
                    "SSL_CERT_FILE": "/tmp/ca",
                    "NIX_SSL_CERT_FILE": "/tmp/ca",
                }),
                ..none()
            },
            Ignores(
                "mine",
                MINE,
                &[
                    "CC_LANGFUSE_MASK",
                    "CC_LANGFUSE_NOTIFY",
                    "CC_LANGFUSE_MASK_PATTERNS",
                    "CC_LANGFUSE_HOOK_BUDGET",
                    "CC_LANGFUSE_MAX_CHARS",
                    "CC_LANGFUSE_STATE_DIR",
                    "LANGFUSE_CA_FILE",
                    "LANGFUSE_TIMEOUT",
                    "SSL_CERT_FILE",
                    "NIX_SSL_CERT_FILE",
                ],
            ),
        ),
        (
            "a wider capture than the user's",
            Setup {
                config: with(mine(), "CC_LANGFUSE_CAPTURE", "metadata"),
                personal: json!({"CC_LANGFUSE_CAPTURE": "no-tool-content"}),
                ..none()
            },
            Ignores("mine", MINE, &["CC_LANGFUSE_CAPTURE"]),
        ),
        (
            "keys of the project beside allow: false",
            Setup {
                config: mine(),
                entry: json!({"allow": false}),
                shared: with(theirs(), "CC_LANGFUSE_MASK", "false"),
                ..none()
            },
            Works("mine", MINE),
        ),
        (
            "an empty host that would take the user's away",
            Setup { user: mine(), personal: json!({"LANGFUSE_BASE_URL": ""}), ..none() },
            Works("mine", MINE),
        ),
        (
            "consent by nobody",
            Setup { config: with(mine(), "TRACE_TO_LANGFUSE", ""), ..none() },
            Off,
        ),
    ]
}

#[test]
fn every_setup_has_its_verdict_for_a_hook_and_for_a_command() {
    for (name, setup, verdict) in setups() {
        // Only hooks see the command line of Claude Code.
        let configs = match setup.flags.is_null() {
            true => setup.resolve().to_vec(),
            false => vec![setup.world(true).resolve(Scope::OwnHook)],
        };
        for config in configs {
            let found = told(&config);
            let mut ignored: Vec<&str> =
                config.ignored.iter().filter_map(|one| one.variable.as_deref()).collect();
            ignored.sort_unstable();
            match verdict {
                Works(key, host) => {
                    assert_eq!((&found, config.enabled), (&ok(key, host), true), "{name}");
                    assert!(ignored.is_empty(), "{name}: {ignored:?}");
                }
                Ignores(key, host, names) => {
                    assert_eq!((&found, config.enabled), (&ok(key, host), true), "{name}");
                    let mut names = names.to_vec();
                    names.sort_unstable();
                    assert_eq!(ignored, names, "{name}");
                }
                Refused(..) => {
                    assert_eq!((found, config.enabled), (Err("not-allowed"), true), "{name}")
                }
                Broken(code) => assert_eq!((found, config.enabled), (Err(code), true), "{name}"),
                Off => assert!(!config.enabled && config.suspended.is_none(), "{name}"),
            }
        }
    }
}

#[test]
fn a_refused_value_works_after_allow_also_below_a_parent_in_projects() {
    for (name, setup, verdict) in setups() {
        let Refused(key, host) = verdict else {
            continue;
        };
        let mut hook = setup.world(true);
        let request = hook.resolve(Scope::OwnHook).request.expect(name);
        let mut command = setup.world(false);
        let root = command.project();
        command.env.allowed.insert((root, request.digest.clone()));
        assert_eq!(told(&command.resolve(Scope::Explicit)), ok(key, host), "{name}");
        hook.env.allowed.insert((hook.project(), request.digest.clone()));
        assert_eq!(told(&hook.resolve(Scope::OwnHook)), ok(key, host), "{name}");
        let declared = Setup { entry: json!({"allow": [request.digest]}), ..setup };
        assert_eq!(declared.leads_to(), ok(key, host), "{name}");
    }
}
