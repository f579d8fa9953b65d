//! Random keys and hosts in all layers, compared with a second implementation of the rule.

use claude_langfuse::config::Scope;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::World;

const URLS: [&str; 3] = ["https://a.example", "https://b.example", "https://cloud.langfuse.com"];

/// The variables that one layer sets, per name, and the hosts.
#[derive(Debug, Clone)]
struct Level {
    public: [bool; 3],
    secret: [bool; 3],
    host: [Option<usize>; 3],
}

const PUBLIC: [&str; 3] =
    ["CC_LANGFUSE_PUBLIC_KEY", "LANGFUSE_PUBLIC_KEY", "LANGFUSE_PUBLIC_KEY_FILE"];
const PRIVATE: [&str; 3] =
    ["CC_LANGFUSE_SECRET_KEY", "LANGFUSE_SECRET_KEY", "LANGFUSE_SECRET_KEY_FILE"];
const HOST: [&str; 3] = ["CC_LANGFUSE_BASE_URL", "LANGFUSE_BASE_URL", "LANGFUSE_HOST"];

fn level() -> impl Strategy<Value = Level> {
    let key = || prop::array::uniform3(prop::bool::weighted(0.2));
    let host = prop::array::uniform3(prop::option::weighted(0.15, 0..URLS.len()));
    (key(), key(), host).prop_map(|(public, secret, host)| Level { public, secret, host })
}

impl Level {
    /// The variables of this layer. The text of each key names its layer and spelling.
    fn variables(&self, world: &World, number: usize) -> Vec<(&'static str, String)> {
        let mut all = Vec::new();
        for (names, set, kind) in [(PUBLIC, self.public, "pk"), (PRIVATE, self.secret, "sk")] {
            for (index, name) in names.into_iter().enumerate().filter(|(index, _)| set[*index]) {
                let key = format!("{kind}-lf-{number}-{index}");
                let value = if index == 2 {
                    world.write(&format!("keys/{key}"), &key).display().to_string()
                } else {
                    key
                };
                all.push((name, value));
            }
        }
        for (name, host) in HOST.into_iter().zip(self.host) {
            all.extend(host.map(|host| (name, format!("{}/", URLS[host]))));
        }
        all
    }

    fn host(&self) -> Option<&'static str> {
        self.host.iter().flatten().next().map(|index| URLS[*index])
    }
}

/// The rule, implemented again: base URL, public key, secret key, or the name of the problem. `of_shell`: the effective key and
/// host of the session that only the shell sets, under a name that other programs also use.
fn expected(levels: &[Level], of_shell: OfShell) -> Result<(String, String, String), &'static str> {
    let mut levels = levels.to_vec();
    let first = |set: [bool; 3]| set.iter().position(|set| *set);
    let keyed = |level: &Level| first(level.public).is_some() || first(level.secret).is_some();
    let paired = |level: &Level| first(level.public).is_some() && first(level.secret).is_some();
    if !paired(&levels[0]) && levels[2..].iter().any(paired) {
        let is_keyed = keyed(&levels[1]);
        let is_applications =
            [(levels[1].public, of_shell.public), (levels[1].secret, of_shell.secret)]
                .iter()
                .all(|(set, of_shell)| first(*set).is_none() || *of_shell);
        if is_applications {
            (levels[1].public, levels[1].secret) = ([false; 3], [false; 3]);
            let has_host = levels[2..].iter().any(|level| level.host().is_some());
            if of_shell.host && (is_keyed || has_host) {
                levels[1].host = [None; 3];
            }
        }
    }
    let top = levels.iter().position(keyed).ok_or("keys-missing")?;
    let public = first(levels[top].public).ok_or("half-a-pair")?;
    let secret = first(levels[top].secret).ok_or("half-a-pair")?;
    let of = |levels: &[Level]| levels.iter().find_map(Level::host).unwrap_or(URLS[2]);
    let host = of(&levels);
    Ok((host.to_owned(), format!("pk-lf-{top}-{public}"), format!("sk-lf-{top}-{secret}")))
}

/// The session's strongest values that only the shell sets.
#[derive(Debug, Clone, Copy, Default)]
struct OfShell {
    public: bool,
    secret: bool,
    host: bool,
}

fn object(variables: &[(&'static str, String)]) -> Value {
    Value::Object(
        variables.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect(),
    )
}

proptest! {
    #[test]
    fn keys_of_two_layers_are_never_mixed_and_go_to_the_highest_host_of_a_file(
        levels in prop::collection::vec(level(), 4),
        in_settings in prop::collection::vec(any::<bool>(), 9),
    ) {
        let mut world = World::new();
        let managed = object(&levels[0].variables(&world, 0));
        world.settings("managed/managed-settings.json", &managed);
        // A layer of two halves: values of the settings file have another value in the shell.
        let session = levels[1].variables(&world, 1);
        let mut settings = Vec::new();
        let mut of_shell = [None; 3];
        for ((name, value), in_settings) in session.into_iter().zip(in_settings) {
            let kind = [PUBLIC, PRIVATE, HOST].iter().position(|names| names.contains(&name));
            of_shell[kind.unwrap()].get_or_insert(!in_settings && !name.starts_with("CC_"));
            if in_settings {
                world.shell(name, "https://overridden.example");
                settings.push((name, value));
            } else {
                world.shell(name, &value);
            }
        }
        world.settings("home/.claude/settings.json", &object(&settings));
        let project = world.project();
        world.config_file(&json!({
            "env": object(&levels[3].variables(&world, 3)),
            "projects": {project.to_str().unwrap(): {"env": object(&levels[2].variables(&world, 2))}},
        }));

        let config = world.resolve(Scope::Explicit);
        let found = match &config.destination {
            Ok(found) => Ok((
                found.base_url.clone(),
                found.public_key.clone(),
                found.secret_key.expose().to_owned(),
            )),
            Err(problem) => Err(problem.code()),
        };
        let [public, secret, host] = of_shell.map(|of_shell| of_shell == Some(true));
        prop_assert_eq!(&found, &expected(&levels, OfShell { public, secret, host }));
        prop_assert_eq!(&config.problems, &[]);
        if let Ok((_, public, secret)) = found {
            prop_assert_eq!(&public[6..7], &secret[6..7]);
        }
    }
}
