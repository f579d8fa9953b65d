//! Keys and hosts in all layers: a server only gets the keys for it.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use langfuse_mock::MockLangfuse;
use serde_json::{Map, Value, json};

use crate::sandbox::{PROJECT, Sandbox};

/// Values of a layer: the public key, the secret key and the host, each of one of two owners.
#[derive(Clone, Copy, Debug, Default)]
struct Says {
    public: Option<usize>,
    secret: Option<usize>,
    host: Option<usize>,
}

const NAMES: [&str; 2] = ["here", "there"];

/// Nothing, one owner's keys with or without host, only a host, half a pair.
const SAYINGS: [Says; 7] = [
    Says { public: None, secret: None, host: None },
    Says { public: Some(0), secret: Some(0), host: Some(0) },
    Says { public: Some(1), secret: Some(1), host: Some(1) },
    Says { public: Some(1), secret: Some(1), host: None },
    Says { public: None, secret: None, host: Some(0) },
    Says { public: None, secret: None, host: Some(1) },
    Says { public: Some(1), secret: None, host: None },
];

impl Says {
    fn env(self, servers: &[MockLangfuse; 2]) -> Value {
        let mut env = Map::new();
        let mut put = |name: &str, value: Option<String>| {
            env.extend(value.map(|value| (name.to_owned(), json!(value))));
        };
        put("LANGFUSE_PUBLIC_KEY", self.public.map(|owner| format!("pk-lf-{}", NAMES[owner])));
        put("LANGFUSE_SECRET_KEY", self.secret.map(|owner| format!("sk-lf-{}", NAMES[owner])));
        put("LANGFUSE_BASE_URL", self.host.map(|owner| servers[owner].url()));
        Value::Object(env)
    }
}

/// Server and owner of the keys, by the documented rule; the highest layer is last.
fn expected(layers: &[Says; 3]) -> Option<(usize, usize)> {
    let mut layers = *layers;
    // The shell's values have names that other programs also use, so the file's win.
    let is_pair = |says: &Says| says.public.is_some() && says.secret.is_some();
    let has_host = layers[..2].iter().any(|says| says.host.is_some());
    if layers[..2].iter().any(is_pair) && (layers[2].public.is_some() || has_host) {
        layers[2] = Says::default();
    }
    let top = layers.iter().rposition(|says| says.public.is_some() || says.secret.is_some())?;
    let (public, secret) = (layers[top].public?, layers[top].secret?);
    assert_eq!(public, secret);
    // The lowest layer always has a host, so that no test connects to the internet.
    let host = layers.iter().rev().find_map(|says| says.host)?;
    Some((host, public))
}

#[test]
fn no_server_gets_keys_of_another_destination() {
    let servers = NAMES.map(|name| {
        MockLangfuse::start_with_keys(&format!("pk-lf-{name}"), &format!("sk-lf-{name}"))
    });
    let mut sent = 0;
    for bottom in [SAYINGS[1], SAYINGS[2], SAYINGS[4]] {
        for middle in SAYINGS {
            for top in SAYINGS {
                let layers = [bottom, middle, top];
                sent += usize::from(expected(&layers).is_some());
                check(&servers, layers);
            }
        }
    }
    assert!((20..140).contains(&sent), "{sent} of {} were sent", 3 * 49);
}

fn check(servers: &[MockLangfuse; 2], layers: [Says; 3]) {
    servers.iter().for_each(MockLangfuse::clear);
    let mut sandbox = Sandbox::new();
    let mut base = layers[0].env(servers);
    base["TRACE_TO_LANGFUSE"] = json!("true");
    let project = json!({"env": layers[1].env(servers)});
    sandbox.config(&json!({"env": base, "projects": {PROJECT: project}}));
    for (name, value) in layers[2].env(servers).as_object().unwrap() {
        sandbox.set(name, value.as_str().unwrap());
    }
    sandbox.session("v2.1.330/simple").answered(0).stop(0);
    for (server, mock) in servers.iter().enumerate() {
        let seen: Vec<String> = mock
            .requests()
            .iter()
            .map(|request| request.header("authorization").unwrap_or_default().to_owned())
            .collect();
        let owner =
            expected(&layers).filter(|(host, _)| *host == server).map(|(_, owner)| NAMES[owner]);
        let keys = owner.map(|name| BASE64_STANDARD.encode(format!("pk-lf-{name}:sk-lf-{name}")));
        let expected: Vec<String> = keys.into_iter().map(|keys| format!("Basic {keys}")).collect();
        assert_eq!(seen, expected, "{} of {layers:#?}", NAMES[server]);
    }
}
