//! Values that a project's files may set, add and tighten, and values that stay the user's.

use claude_langfuse::config::{Capture, Config, MaskPatterns, MergedSettings, Scope};
use serde_json::{Value, json};

use super::{MINE, Setup, keys, with};

fn mine() -> Value {
    with(keys("mine"), "LANGFUSE_BASE_URL", MINE)
}

fn both(setup: &Setup, check: impl Fn(&Config)) {
    setup.resolve().iter().for_each(check);
}

#[test]
fn a_project_sets_names_and_adds_to_them() {
    let setup = Setup {
        config: with(
            with(mine(), "CC_LANGFUSE_TRACE_TAGS", "own, team"),
            "CC_LANGFUSE_METADATA",
            r#"{"owner":"me"}"#,
        ),
        shared: json!({
            "CC_LANGFUSE_TRACE_TAGS": "team, theirs",
            "CC_LANGFUSE_METADATA": r#"{"owner":"them","service":"api"}"#,
            "LANGFUSE_USER_ID": "them",
            "LANGFUSE_TRACING_ENVIRONMENT": "staging",
            "LANGFUSE_RELEASE": "1.2",
            "CC_LANGFUSE_SCORES": true,
        }),
        ..Setup::default()
    };
    both(&setup, |config| {
        let mut tags = config.tags.clone();
        tags.sort_unstable();
        assert_eq!(tags, ["own", "team", "theirs"]);
        let metadata = [("owner", "me"), ("service", "api")];
        assert_eq!(
            config.metadata,
            metadata.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        let named = [&config.user_id, &config.environment, &config.release];
        assert_eq!(named.map(|name| name.as_deref().unwrap()), ["them", "staging", "1.2"]);
        assert!(config.scores);
        assert!(config.ignored.is_empty() && config.request.is_none());
    });
}

#[test]
fn a_project_tightens_protection_and_never_loosens_it() {
    let own = |env: Value| {
        let mut all = mine();
        all.as_object_mut().unwrap().extend(env.as_object().unwrap().clone());
        all
    };
    let capture = |mode: &str| json!({"CC_LANGFUSE_CAPTURE": mode});
    for (user, project, mode) in [
        (capture("full"), capture("metadata"), Capture::Metadata),
        (capture("metadata"), capture("full"), Capture::Metadata),
        (capture("no-tool-content"), capture("full"), Capture::NoToolContent),
        (json!({}), capture("no-tool-content"), Capture::NoToolContent),
        (json!({}), capture("rubbish"), Capture::Metadata),
        (capture("metadata"), json!({"CC_LANGFUSE_CAPTURE": ""}), Capture::Metadata),
    ] {
        for setup in [
            Setup { config: own(user.clone()), shared: project.clone(), ..Setup::default() },
            Setup { config: own(user.clone()), personal: project.clone(), ..Setup::default() },
            Setup {
                config: mine(),
                user: user.clone(),
                shared: project.clone(),
                ..Setup::default()
            },
            Setup {
                config: mine(),
                entry: json!({"env": user}),
                personal: project.clone(),
                ..Setup::default()
            },
        ] {
            both(&setup, |config| assert_eq!(config.capture, mode, "{user} {project}"));
        }
    }
    let mask = |value: &str| json!({"CC_LANGFUSE_MASK": value});
    for (user, project, is_masked) in [
        (mask("false"), mask("true"), true),
        (mask("true"), mask("false"), true),
        (json!({}), mask("0"), true),
        (mask("false"), mask("false"), false),
    ] {
        let setup =
            Setup { config: own(user.clone()), personal: project.clone(), ..Setup::default() };
        both(&setup, |config| assert_eq!(config.mask, is_masked, "{user} {project}"));
    }
}

#[test]
fn mask_patterns_of_a_project_add_and_its_allow_patterns_wait() {
    let mut setup = Setup {
        config: with(mine(), "CC_LANGFUSE_MASK_PATTERNS", "OWN-\\d+\n!^OWN-0"),
        shared: json!({"CC_LANGFUSE_MASK_PATTERNS": "TEAM-\\d+\n!^OWN"}),
        ..Setup::default()
    };
    let expected = |masks_only| {
        [("OWN-\\d+\n!^OWN-0", false), ("TEAM-\\d+\n!^OWN", masks_only)]
            .map(|(text, masks_only)| MaskPatterns { text: text.to_owned(), masks_only })
    };
    both(&setup, |config| {
        assert_eq!(config.mask_patterns, expected(true));
        assert_eq!(config.ignored.len(), 1);
    });
    let digest = setup.resolve()[0].request.as_ref().unwrap().digest.clone();
    setup.entry = json!({"allow": [digest]});
    both(&setup, |config| {
        assert_eq!(config.mask_patterns, expected(false));
        assert!(config.ignored.is_empty() && config.is_request_allowed);
    });
    setup.entry = json!({"allow": false});
    both(&setup, |config| assert_eq!(config.mask_patterns, expected(true)));
}

#[test]
fn an_allowed_value_counts_and_a_changed_one_is_asked_for_again() {
    let mut setup = Setup {
        config: mine(),
        shared: json!({"CC_LANGFUSE_MASK": "false", "CC_LANGFUSE_MAX_CHARS": "7"}),
        ..Setup::default()
    };
    let request = setup.resolve()[0].request.clone().unwrap();
    let shown: Vec<_> = request
        .values
        .iter()
        .map(|value| (value.name, value.shown.as_str(), value.instead_of.as_deref()))
        .collect();
    assert_eq!(
        shown,
        [
            ("CC_LANGFUSE_MASK", "false", Some("true")),
            ("CC_LANGFUSE_MAX_CHARS", "7", Some("100000")),
        ]
    );
    setup.entry = json!({"allow": [request.digest]});
    both(&setup, |config| {
        assert_eq!((config.mask, config.max_chars, config.ignored.len()), (false, 7, 0));
    });
    setup.shared["CC_LANGFUSE_MAX_CHARS"] = json!("8");
    both(&setup, |config| {
        assert_eq!((config.mask, config.max_chars, config.ignored.len()), (true, 100_000, 2));
    });
}

#[test]
fn roots_and_proxies_of_a_project_reach_no_connection_that_they_could_read() {
    let shared = json!({
        "SSL_CERT_FILE": "/theirs",
        "HTTPS_PROXY": "http://theirs:1",
        "http_proxy": "http://theirs:2",
        "ALL_PROXY": "http://theirs:3",
    });
    let names = |config: &Config| -> Vec<String> { config.network.keys().cloned().collect() };
    let setup = Setup { config: mine(), shared: shared.clone(), ..Setup::default() };
    both(&setup, |config| assert_eq!(names(config), ["ALL_PROXY", "HTTPS_PROXY", "http_proxy"]));
    let plain = with(keys("mine"), "LANGFUSE_HOST", "http://langfuse.corp");
    let setup = Setup { config: plain, shared, ..Setup::default() };
    both(&setup, |config| assert_eq!(names(config), ["HTTPS_PROXY"]));
    let user = json!({"SSL_CERT_FILE": "/own", "HTTP_PROXY": "http://own:1"});
    let setup = Setup { config: mine(), user, ..Setup::default() };
    both(&setup, |config| assert_eq!(names(config), ["HTTP_PROXY", "SSL_CERT_FILE"]));
}

#[test]
fn values_of_a_run_count_only_in_the_environment() {
    let seed = json!({"CC_LANGFUSE_TRACE_SEED": "one for all"});
    let of = |setup: Setup| {
        let [hook, command] = setup.resolve();
        assert!(hook.enabled && command.enabled, "no file is unclear for that");
        let problems = [&hook, &command].map(|config| config.problems.len());
        ([hook.trace_seed, command.trace_seed], problems)
    };
    let shell = Setup { config: mine(), shell: seed.clone(), ..Setup::default() };
    let given = Some("one for all".to_owned());
    assert_eq!(of(shell.clone()), ([given.clone(), given], [0, 0]));
    for setup in [
        Setup { config: with(mine(), "CC_LANGFUSE_TRACE_SEED", "x"), ..Setup::default() },
        Setup { config: mine(), entry: json!({"env": seed}), ..Setup::default() },
        Setup { config: mine(), user: seed.clone(), ..Setup::default() },
        Setup { config: mine(), shared: seed.clone(), ..Setup::default() },
        Setup { config: mine(), personal: seed.clone(), ..Setup::default() },
        Setup { config: mine(), managed: seed.clone(), ..Setup::default() },
    ] {
        let (seeds, problems) = of(setup);
        assert_eq!((seeds, problems), ([None, None], [1, 1]));
    }
}

#[test]
fn in_doubt_the_users_own_protection_counts() {
    let shell = with(mine(), "CC_LANGFUSE_MASK", "false");
    let setup = Setup { config: mine(), shell, ..Setup::default() };
    let mut world = setup.world(true);
    assert!(!world.resolve(Scope::OwnHook).mask);
    world.env.merged = Some(MergedSettings {
        seen: ["CC_LANGFUSE_MASK".to_owned()].into(),
        ..MergedSettings::default()
    });
    assert!(world.resolve(Scope::OwnHook).mask, "an earlier hook saw the name");
    world.env.merged = None;
    world.write("project/.claude/settings.local.json", "{");
    assert!(world.resolve(Scope::OwnHook).mask, "a file can't be read");
}
