//! The owner of keys and hosts: values of a repository count only with its user's consent.

mod consent;
mod redirects;
mod requests;
mod restricted;
mod setups;

use claude_langfuse::config::{Config, DestinationProblem, Request, Scope};
use serde_json::{Map, Value, json};

use super::{SECRET, World};

const CLOUD: &str = "https://cloud.langfuse.com";
const THEIRS: &str = "https://theirs.example";
const MINE: &str = "https://mine.example";

/// Values per source.
#[derive(Clone, Default)]
struct Setup {
    shell: Value,
    user: Value,
    config: Value,
    entry: Value,
    shared: Value,
    personal: Value,
    managed: Value,
    /// `--settings`, an SDK's `settings=`: only a hook can see them.
    flags: Value,
}

impl Setup {
    /// The files, and the shell with the values that Claude Code merges over it if `merged`.
    fn world(&self, merged: bool) -> World {
        let mut world = World::new();
        let project = world.project().display().to_string();
        let entry = match &self.entry {
            Value::Null => json!({}),
            entry => entry.clone(),
        };
        let mut env = object(&self.config);
        if self.says_consent() {
            env.retain(|_, value| !value.is_null());
        } else {
            env.insert("TRACE_TO_LANGFUSE".to_owned(), json!("true"));
        }
        world.config_file(&json!({"env": env, "projects": {project: entry}}));
        let files = [
            ("home/.claude/settings.json", &self.user),
            ("project/.claude/settings.json", &self.shared),
            ("project/.claude/settings.local.json", &self.personal),
            ("managed/managed-settings.json", &self.managed),
        ];
        let mut environment = object(&self.shell);
        for (path, env) in files {
            world.settings(path, &Value::Object(object(env)));
            if merged {
                environment.extend(object(env));
            }
        }
        if merged {
            environment.extend(object(&self.flags));
        }
        for (name, value) in environment {
            let text = match value {
                Value::String(text) => text,
                Value::Array(values) => values[0].as_str().unwrap().to_owned(),
                value => value.to_string(),
            };
            world.shell(&name, &text);
        }
        world
    }

    /// Whether the case sets consent itself; otherwise the configuration file does.
    fn says_consent(&self) -> bool {
        let all = [
            &self.shell,
            &self.user,
            &self.config,
            &self.entry["env"],
            &self.shared,
            &self.personal,
            &self.managed,
            &self.flags,
        ];
        all.iter().any(|env| env.get("TRACE_TO_LANGFUSE").is_some())
    }

    /// The result for a hook, and for a command that a person types.
    fn resolve(&self) -> [Config; 2] {
        [self.world(true).resolve(Scope::OwnHook), self.world(false).resolve(Scope::Explicit)]
    }

    /// The public key and the host, or the problem: equal for a hook and for a command that a person types.
    fn leads_to(&self) -> Result<(String, String), &'static str> {
        let [hook, command] = self.resolve();
        assert_eq!(told(&hook), told(&command), "a hook and a command decide alike");
        let digest =
            |config: &Config| config.request.as_ref().map(|request| request.digest.clone());
        assert_eq!(digest(&hook), digest(&command), "one permission is for both");
        told(&hook)
    }
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

fn told(config: &Config) -> Result<(String, String), &'static str> {
    match &config.destination {
        Ok(found) => Ok((found.public_key.clone(), found.base_url.clone())),
        Err(problem) => Err(problem.code()),
    }
}

fn keys(of: &str) -> Value {
    let secret = match of {
        "mine" => SECRET,
        _ => "sk-lf-22222222-3333-4444-5555-666677778888",
    };
    json!({"LANGFUSE_PUBLIC_KEY": format!("pk-lf-{of}"), "LANGFUSE_SECRET_KEY": secret})
}

fn with(mut env: Value, name: &str, value: impl Into<Value>) -> Value {
    env[name] = value.into();
    env
}

fn ok(key: &str, host: &str) -> Result<(String, String), &'static str> {
    Ok((format!("pk-lf-{key}"), host.to_owned()))
}

fn request_of(config: &Config) -> &Request {
    match &config.destination {
        Err(DestinationProblem::NotAllowed(request)) => request,
        other => panic!("{other:?}"),
    }
}

#[test]
fn keys_of_the_user_do_not_go_to_a_host_of_the_project() {
    let hosts = [
        json!({"LANGFUSE_BASE_URL": THEIRS}),
        json!({"LANGFUSE_HOST": THEIRS}),
        json!({"CC_LANGFUSE_BASE_URL": THEIRS}),
        json!({"CC_LANGFUSE_HOST": [THEIRS]}),
        json!({"LANGFUSE_BASE_URL": CLOUD}),
    ];
    for host in hosts {
        let mine = with(keys("mine"), "LANGFUSE_HOST", MINE);
        for setup in [
            Setup { shell: keys("mine"), ..Setup::default() },
            Setup { user: keys("mine"), ..Setup::default() },
            Setup { config: keys("mine"), ..Setup::default() },
            Setup { config: mine.clone(), ..Setup::default() },
            Setup { entry: json!({"env": mine}), ..Setup::default() },
        ] {
            let shared = Setup { shared: host.clone(), ..setup.clone() };
            let personal = Setup { personal: host.clone(), ..setup };
            assert_eq!(shared.leads_to(), Err("not-allowed"), "{host}");
            assert_eq!(personal.leads_to(), Err("not-allowed"), "{host}");
        }
    }
}

#[test]
#[allow(clippy::too_many_lines, reason = "it is one table")]
fn keys_of_the_project_need_consent_unless_they_are_in_its_personal_file() {
    let theirs = with(keys("theirs"), "LANGFUSE_BASE_URL", THEIRS);
    let not_allowed = Err("not-allowed");
    for (setup, expected) in [
        (Setup { shared: theirs.clone(), ..Setup::default() }, not_allowed.clone()),
        (Setup { shared: keys("theirs"), ..Setup::default() }, not_allowed.clone()),
        (Setup { personal: theirs.clone(), ..Setup::default() }, ok("theirs", THEIRS)),
        (Setup { personal: keys("theirs"), ..Setup::default() }, ok("theirs", CLOUD)),
        // The user's host counts, in any file of theirs.
        (
            Setup {
                personal: keys("own"),
                config: json!({"LANGFUSE_HOST": MINE}),
                ..Setup::default()
            },
            ok("own", MINE),
        ),
        (
            Setup {
                personal: keys("own"),
                user: json!({"LANGFUSE_HOST": MINE}),
                ..Setup::default()
            },
            ok("own", MINE),
        ),
        (
            Setup {
                personal: keys("own"),
                managed: json!({"LANGFUSE_HOST": MINE}),
                ..Setup::default()
            },
            ok("own", MINE),
        ),
        // A host of the shared file or of the shell alone does not count.
        (
            Setup {
                personal: keys("own"),
                shared: json!({"LANGFUSE_HOST": THEIRS}),
                ..Setup::default()
            },
            not_allowed.clone(),
        ),
        (
            Setup {
                personal: keys("own"),
                shell: json!({"LANGFUSE_HOST": MINE}),
                ..Setup::default()
            },
            not_allowed.clone(),
        ),
        // Key files, and keys of two files.
        (
            Setup {
                personal: json!({"LANGFUSE_PUBLIC_KEY": "pk-lf-own", "LANGFUSE_SECRET_KEY_FILE": "/keys/secret"}),
                ..Setup::default()
            },
            not_allowed.clone(),
        ),
        (
            Setup {
                personal: json!({"LANGFUSE_PUBLIC_KEY": "pk-lf-own"}),
                shared: json!({"LANGFUSE_SECRET_KEY": SECRET}),
                ..Setup::default()
            },
            not_allowed,
        ),
        // One key of the project and one of the user are no pair.
        (
            Setup {
                personal: json!({"LANGFUSE_PUBLIC_KEY": "pk-lf-own"}),
                shell: keys("mine"),
                ..Setup::default()
            },
            Err("half-a-pair"),
        ),
    ] {
        assert_eq!(setup.leads_to(), expected, "{:?} {:?}", setup.personal, setup.shared);
    }
}

#[test]
#[allow(clippy::too_many_lines, reason = "it is one table")]
fn values_of_the_user_count_despite_values_of_the_project() {
    let consent = json!({"TRACE_TO_LANGFUSE": "true", "LANGFUSE_USER_ID": "team"});
    let host = json!({"LANGFUSE_BASE_URL": "https://Mine.example/"});
    let mine = with(keys("mine"), "LANGFUSE_HOST", MINE);
    for (setup, host) in [
        (Setup { user: mine.clone(), shared: consent.clone(), ..Setup::default() }, MINE),
        (Setup { config: mine.clone(), shared: consent.clone(), ..Setup::default() }, MINE),
        (Setup { shell: mine.clone(), shared: consent, ..Setup::default() }, MINE),
        // The same host in a file of the user makes it theirs, in any spelling.
        (Setup { config: mine.clone(), shared: host.clone(), ..Setup::default() }, MINE),
        (Setup { user: mine.clone(), shared: host.clone(), ..Setup::default() }, MINE),
        (
            Setup {
                config: keys("mine"),
                entry: json!({"env": {"CC_LANGFUSE_BASE_URL": MINE}}),
                shared: host.clone(),
                ..Setup::default()
            },
            MINE,
        ),
        // A prefixed variable is stronger than the shared one: a CI job sets it.
        (
            Setup {
                shell: with(keys("mine"), "CC_LANGFUSE_BASE_URL", MINE),
                shared: json!({"LANGFUSE_BASE_URL": THEIRS}),
                ..Setup::default()
            },
            MINE,
        ),
        // An empty value removes nothing from a file of the user.
        (
            Setup { user: mine.clone(), shared: json!({"LANGFUSE_HOST": ""}), ..Setup::default() },
            MINE,
        ),
        // Managed settings win over all others.
        (
            Setup {
                user: keys("mine"),
                shared: json!({"CC_LANGFUSE_BASE_URL": THEIRS}),
                managed: json!({"LANGFUSE_BASE_URL": MINE}),
                ..Setup::default()
            },
            MINE,
        ),
    ] {
        assert_eq!(setup.leads_to(), ok("mine", host), "{:?}", setup.shared);
    }
}
