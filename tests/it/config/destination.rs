//! Pairs of keys and hosts.

use std::time::Duration;

use claude_langfuse::config::{Config, DestinationProblem, Scope};
use serde_json::{Value, json};

use super::{SECRET, World};

fn keys(layer: &str) -> Value {
    json!({"LANGFUSE_PUBLIC_KEY": format!("pk-lf-{layer}"), "LANGFUSE_SECRET_KEY": SECRET})
}

/// Several objects merged into one.
fn joined(parts: &[Value]) -> Value {
    let members = parts.iter().flat_map(|part| part.as_object().unwrap());
    Value::Object(members.map(|(k, v)| (k.clone(), v.clone())).collect())
}

fn problem_of(config: &Config) -> String {
    config.destination.as_ref().unwrap_err().to_string()
}

fn public_key(config: &Config) -> &str {
    &config.destination.as_ref().unwrap().public_key
}

#[test]
fn waiting_sessions_take_consent_keys_and_parent_only_from_files() {
    let mut world = World::new();
    world.config_file(&json!({"env": keys("file")}));
    world
        .shell("TRACE_TO_LANGFUSE", "true")
        .shell("CC_LANGFUSE_PUBLIC_KEY", "pk-lf-shell")
        .shell("CC_LANGFUSE_SECRET_KEY", SECRET)
        .shell("LANGFUSE_BASE_URL", "https://shell.example")
        .shell("CC_LANGFUSE_TRACE_SEED", "one for all")
        .shell("CC_LANGFUSE_PARENT_TRACE_ID", &"a".repeat(32))
        .shell("CC_LANGFUSE_PARENT_SPAN_ID", &"b".repeat(16))
        .shell("LANGFUSE_TIMEOUT", "7")
        .shell("CC_LANGFUSE_MAX_CHARS", "7");
    let config = world.resolve(Scope::FilesOnly);
    assert!(!config.enabled);
    assert_eq!(config.destination, Err(DestinationProblem::Off));
    assert_eq!((config.parent, config.trace_seed), (None, None));
    assert_eq!(config.max_chars, 100_000, "it is about the content of sessions");
    assert_eq!(config.timeout, Duration::from_secs(7), "it is about the command");

    world.settings("project/.claude/settings.json", &json!({"TRACE_TO_LANGFUSE": "1"}));
    let config = world.resolve(Scope::FilesOnly);
    assert!(config.enabled);
    assert_eq!(public_key(&config), "pk-lf-file");
    let destination = config.destination.unwrap();
    assert_eq!(destination.base_url, "https://cloud.langfuse.com");

    let config = world.resolve(Scope::Explicit);
    assert_eq!(public_key(&config), "pk-lf-shell");
    assert_eq!(config.parent.unwrap().span_id, "bbbbbbbbbbbbbbbb");
}

#[test]
fn keys_of_the_shell_alone_are_named_as_ignored() {
    let mut world = World::new();
    world.config_file(&json!({"env": {"TRACE_TO_LANGFUSE": true}}));
    world.shell("LANGFUSE_PUBLIC_KEY", "pk-lf-shell").shell("LANGFUSE_SECRET_KEY", SECRET);
    let problem = problem_of(&world.resolve(Scope::FilesOnly));
    assert!(problem.contains("shell's count only for sessions that it started"), "{problem}");
    assert!(problem.contains("config.json"), "{problem}");
}

#[test]
fn half_a_pair_is_not_completed_from_another_layer() {
    let mut world = World::new();
    world.config_file(&json!({"env": keys("file")}));
    world.shell("TRACE_TO_LANGFUSE", "true").shell("CC_LANGFUSE_PUBLIC_KEY", "pk-lf-shell");
    let problem = problem_of(&world.resolve(Scope::OwnHook));
    assert!(
        problem.contains("CC_LANGFUSE_PUBLIC_KEY in the environment has no LANGFUSE_SECRET_KEY"),
        "{problem}"
    );
}

#[test]
fn keys_use_the_host_of_their_layer_or_the_nearest_below() {
    let world = World::new();
    let project = world.project();
    let on = json!({"TRACE_TO_LANGFUSE": true, "LANGFUSE_BASE_URL": "https://below.example/"});
    let config = |own: Value| {
        world.config_file(&json!({
            "env": on,
            "projects": {project.to_str().unwrap(): {"env": joined(&[keys("project"), own])}},
        }));
        world.resolve(Scope::OwnHook).destination.unwrap()
    };
    assert_eq!(config(json!({})).base_url, "https://below.example");
    let own = config(json!({"LANGFUSE_HOST": "'https://own.example'"}));
    assert_eq!(own.base_url, "https://own.example");
    let both =
        json!({"LANGFUSE_HOST": "https://old.example", "LANGFUSE_BASE_URL": "https://new.example"});
    assert_eq!(config(both).base_url, "https://new.example");
}

#[test]
fn the_config_files_keys_and_host_win_over_an_applications() {
    let app = [
        ("LANGFUSE_PUBLIC_KEY", "pk-lf-app"),
        ("LANGFUSE_SECRET_KEY", "sk-lf-99999999-2222-3333-4444-555566667777"),
        ("LANGFUSE_HOST", "https://app.example"),
    ];
    let mine = [keys("file"), json!({"LANGFUSE_BASE_URL": "https://mine.example"})];
    for (config, variables, host, ignored) in [
        (joined(&mine), &app[..], "https://mine.example", 3),
        (keys("file"), &app[..], "https://cloud.langfuse.com", 3),
        (joined(&mine), &app[2..], "https://mine.example", 1),
        (joined(&mine), &app[..1], "https://mine.example", 1),
        // The configuration file has no host beside its keys.
        (keys("file"), &app[2..], "https://app.example", 0),
    ] {
        let mut world = World::new();
        world.config_file(&json!({"env": joined(&[config, json!({"TRACE_TO_LANGFUSE": true})])}));
        for (name, value) in variables {
            world.shell(name, value);
        }
        let config = world.resolve(Scope::OwnHook);
        let destination = config.destination.as_ref().unwrap();
        assert_eq!(
            (destination.public_key.as_str(), destination.base_url.as_str()),
            ("pk-lf-file", host)
        );
        let told: Vec<String> = config.ignored.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), ignored, "{told:?}");
        assert!(!told.concat().contains("99999999"), "{told:?}");
        for (told, (name, _)) in told.iter().zip(variables) {
            assert!(told.contains(name) && told.contains("Use CC_LANGFUSE_"), "{told}");
        }
    }
}

#[test]
fn variables_of_ours_and_keys_of_a_settings_file_never_yield() {
    let mine = joined(&[keys("file"), json!({"TRACE_TO_LANGFUSE": true})]);
    let mut world = World::new();
    world.config_file(&json!({"env": mine}));
    world.shell("CC_LANGFUSE_PUBLIC_KEY", "pk-lf-shell").shell("CC_LANGFUSE_SECRET_KEY", SECRET);
    world.shell("CC_LANGFUSE_BASE_URL", "https://mine.example");
    let config = world.resolve(Scope::OwnHook);
    assert_eq!(public_key(&config), "pk-lf-shell");
    assert_eq!(config.destination.unwrap().base_url, "https://mine.example");
    let world = World::new();
    world.config_file(&json!({"env": mine}));
    world.settings("home/.claude/settings.json", &keys("user"));
    assert_eq!(public_key(&world.resolve(Scope::Explicit)), "pk-lf-user");
}

#[test]
fn a_public_key_that_holds_a_secret_is_named_and_not_shown() {
    for public in [format!("pk-lf-1:{SECRET}"), "pk:hunter2hunter2".to_owned()] {
        let secret = if public.contains(SECRET) { SECRET } else { "hunter2hunter2" };
        let world = World::new();
        world.config_file(&json!({"env": {
            "TRACE_TO_LANGFUSE": true,
            "LANGFUSE_PUBLIC_KEY": public,
            "LANGFUSE_SECRET_KEY": secret,
        }}));
        let config = world.resolve(Scope::OwnHook);
        let problem = config.destination.as_ref().unwrap_err();
        assert_eq!(problem.code(), "secret-in-public-key");
        assert!(!problem.to_string().contains(secret), "{problem}");
    }
}

#[test]
fn a_key_file_is_one_word_of_at_most_two_hundred_characters() {
    for text in [
        "sk-lf-1 sk-lf-2".to_owned(),
        "k".repeat(201),
        "sk-lf-\u{1b}[2J".to_owned(),
        "A=1\0B=2".to_owned(),
    ] {
        let world = World::new();
        let file = world.write("key", &text);
        world.config_file(&json!({"env": {
            "TRACE_TO_LANGFUSE": true,
            "LANGFUSE_PUBLIC_KEY": "pk-lf-1",
            "LANGFUSE_SECRET_KEY_FILE": file,
        }}));
        let problem = problem_of(&world.resolve(Scope::OwnHook));
        assert!(problem.contains("one word of at most 200 characters"), "{problem}");
        assert!(!problem.contains("sk-lf-2"), "{problem}");
    }
}

#[test]
fn a_base_url_with_a_password_is_rejected_without_showing_it() {
    let mut world = World::new();
    world.config_file(&json!({"env": joined(&[keys("file"), json!({"TRACE_TO_LANGFUSE": true})])}));
    world.shell("LANGFUSE_BASE_URL", "https://me:hunter2@host.example");
    let config = world.resolve(Scope::OwnHook);
    assert_eq!(config.destination.as_ref().unwrap_err().code(), "bad-url");
    assert!(!format!("{} {config:?}", problem_of(&config)).contains("hunter2"));
}

#[test]
fn swapped_keys_are_not_sent() {
    let mut world = World::new();
    world
        .shell("TRACE_TO_LANGFUSE", "true")
        .shell("LANGFUSE_PUBLIC_KEY", SECRET)
        .shell("LANGFUSE_SECRET_KEY", "pk-lf-1");
    let config = world.resolve(Scope::OwnHook);
    assert_eq!(config.destination.as_ref().unwrap_err().code(), "keys-swapped");
    assert!(!format!("{} {config:?}", problem_of(&config)).contains("5555"));
}

#[test]
fn a_key_file_is_found_by_home_and_variable_and_loses_its_newline() {
    let mut world = World::new();
    world.write("home/keys/public", "pk-lf-from-file\n");
    let runtime = world.write("run/agenix/secret", format!("{SECRET}\r\n"));
    let runtime = runtime.parent().unwrap().parent().unwrap().to_owned();
    world
        .shell("XDG_RUNTIME_DIR", runtime.to_str().unwrap())
        .shell("TRACE_TO_LANGFUSE", "true")
        .shell("LANGFUSE_PUBLIC_KEY_FILE", "~/keys/public")
        .shell("LANGFUSE_SECRET_KEY_FILE", "${XDG_RUNTIME_DIR}/agenix/secret");
    let config = world.resolve(Scope::OwnHook);
    let destination = config.destination.as_ref().unwrap();
    assert_eq!(destination.public_key, "pk-lf-from-file");
    assert_eq!(destination.secret_key.expose(), SECRET);
    let setting = config.setting("LANGFUSE_SECRET_KEY").unwrap();
    assert_eq!(setting.shown, "sk-lf-…7777");
    assert_eq!(setting.source.name, "LANGFUSE_SECRET_KEY_FILE");
    assert_eq!(setting.file, Some(runtime.join("agenix/secret")));

    world.shell("LANGFUSE_PUBLIC_KEY", "pk-lf-value");
    assert_eq!(public_key(&world.resolve(Scope::OwnHook)), "pk-lf-value");
}

#[test]
fn agenixs_path_on_macos_means_the_folder_that_the_system_names() {
    let mut world = World::new();
    let written = "$(/nix/store/0-getconf/bin/getconf DARWIN_USER_TEMP_DIR)/agenix/secret";
    world
        .shell("TMPDIR", "/of/a/nix/shell")
        .shell("LANGFUSE_PUBLIC_KEY", "pk-lf-1")
        .shell("LANGFUSE_SECRET_KEY_FILE", written);
    let problem = problem_of(&world.resolve(Scope::Explicit));
    assert!(problem.contains(written), "{problem}");
    world.env.darwin_temp_dir = Some(|| Some("/of/the/system/".to_owned()));
    let problem = problem_of(&world.resolve(Scope::Explicit));
    assert!(problem.contains("/of/the/system/agenix/secret"), "{problem}");
    world.env.darwin_temp_dir = Some(|| None);
    let problem = problem_of(&world.resolve(Scope::Explicit));
    assert!(problem.contains("getconf DARWIN_USER_TEMP_DIR failed"), "{problem}");
}

#[test]
fn a_key_file_may_be_written_by_windows_or_be_a_line_of_a_dotenv_file() {
    let mut world = World::new();
    world.shell("LANGFUSE_PUBLIC_KEY", "pk-lf-1");
    for (number, content) in [
        "\u{feff}sk-lf-1\r\n",
        "\"sk-lf-1\"\n",
        "'sk-lf-1'",
        "LANGFUSE_SECRET_KEY=sk-lf-1\n",
        "export LANGFUSE_SECRET_KEY=\"sk-lf-1\"",
    ]
    .iter()
    .enumerate()
    {
        let file = world.write(&format!("key-{number}"), content);
        world.shell("LANGFUSE_SECRET_KEY_FILE", file.to_str().unwrap());
        let config = world.resolve(Scope::Explicit);
        let destination = config.destination.unwrap();
        assert_eq!(destination.secret_key.expose(), "sk-lf-1", "{content}");
    }
}

#[test]
fn an_unusable_key_file_is_named() {
    let mut world = World::new();
    let many = world.write("dotenv", "A=1\nB=2\n");
    let empty = world.write("empty", "\n");
    let words = world.write("words", "no key at all\n");
    let long = world.write("long", "k".repeat(201));
    let root = world.root.clone();
    world.shell("LANGFUSE_PUBLIC_KEY", "pk-lf-1");
    for (path, reason) in [
        (root.join("missing").to_str().unwrap(), "No such file"),
        (many.to_str().unwrap(), "more than one line"),
        (empty.to_str().unwrap(), "empty"),
        (words.to_str().unwrap(), "not one word"),
        (long.to_str().unwrap(), "not one word"),
        (root.to_str().unwrap(), "not a regular file"),
        ("relative/key", "not an absolute path"),
        ("${UNKNOWN_FOLDER}/key", "UNKNOWN_FOLDER is not set"),
    ] {
        world.shell("LANGFUSE_SECRET_KEY_FILE", path);
        let problem = problem_of(&world.resolve(Scope::Explicit));
        assert!(problem.contains(path) && problem.contains(reason), "{problem}");
    }
    world.shell("LANGFUSE_SECRET_KEY_FILE", SECRET);
    let config = world.resolve(Scope::Explicit);
    assert!(!format!("{} {config:?}", problem_of(&config)).contains("5555"));
}

#[test]
fn key_files_of_a_layer_that_does_not_count_are_not_read() {
    let mut world = World::new();
    world.config_file(&json!({"env": {
        "TRACE_TO_LANGFUSE": true,
        "LANGFUSE_PUBLIC_KEY_FILE": "/nowhere/public",
        "LANGFUSE_SECRET_KEY_FILE": "/nowhere/secret",
    }}));
    let config = world.resolve(Scope::OwnHook);
    assert_eq!(config.destination.unwrap_err().code(), "key-file-unreadable");
    world.shell("CC_LANGFUSE_PUBLIC_KEY", "pk-lf-shell").shell("CC_LANGFUSE_SECRET_KEY", SECRET);
    assert_eq!(public_key(&world.resolve(Scope::OwnHook)), "pk-lf-shell");
}

#[test]
fn an_explicit_command_gets_keys_even_if_tracing_is_off() {
    let world = World::new();
    world.config_file(&json!({"env": keys("file")}));
    let config = world.resolve(Scope::Explicit);
    assert!(!config.enabled && config.destination.is_ok());
}

#[test]
fn no_secret_is_printable() {
    let mut world = World::new();
    world.config_file(&json!({"env": joined(&[keys("file"), json!({"TRACE_TO_LANGFUSE": true})])}));
    world.shell("CC_LANGFUSE_DEBUG", SECRET);
    let config = world.resolve(Scope::OwnHook);
    let printed = format!("{config:?} {:?}", config.problems);
    assert!(!printed.contains("11111111"), "{printed}");
    assert_eq!(config.setting("LANGFUSE_SECRET_KEY").unwrap().shown, "sk-lf-…7777");
}

#[test]
fn a_destination_is_named_by_its_url_and_public_key() {
    let world = World::new();
    world.config_file(&json!({"env": joined(&[
        keys("1"),
        json!({"LANGFUSE_BASE_URL": "https://Host.example/lf/"}),
    ])}));
    let destination = world.resolve(Scope::Explicit).destination.unwrap();
    // printf 'https://host.example/lf\npk-lf-1' | sha256sum
    assert_eq!(destination.id(), "df4ba12d3514543c");
    assert_eq!(destination.trace_link("abc"), "https://host.example/lf/trace/abc");
}

#[test]
fn a_world_readable_key_file_is_used_with_a_warning() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    let file = world.write("key", SECRET);
    let env = json!({"TRACE_TO_LANGFUSE": "true", "LANGFUSE_PUBLIC_KEY": "pk-lf-1", "LANGFUSE_SECRET_KEY_FILE": file});
    world.config_file(&json!({"env": env}));
    let warned = |mode| {
        std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
        let config = world.resolve(Scope::OwnHook);
        assert_eq!(config.destination.unwrap().secret_key.expose(), SECRET);
        let told: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
        assert!(!told.concat().contains(SECRET), "{told:?}");
        told.iter().filter(|text| text.contains("chmod 600")).count()
    };
    assert_eq!([0o644, 0o604].map(warned), [1, 1]);
    assert_eq!([0o600, 0o400, 0o440].map(warned), [0, 0, 0]);
}

#[test]
fn an_unencrypted_address_on_another_machine_is_used_with_a_warning() {
    let warned = |url: &str| {
        let world = World::new();
        let env =
            joined(&[keys("1"), json!({"TRACE_TO_LANGFUSE": "true", "LANGFUSE_BASE_URL": url})]);
        world.config_file(&json!({"env": env}));
        let config = world.resolve(Scope::OwnHook);
        assert!(config.destination.is_ok());
        config.warnings.iter().any(|problem| problem.what.contains("unencrypted"))
    };
    assert!(warned("http://langfuse.corp") && warned("http://10.0.0.7:3000"));
    assert!(!warned("http://localhost:3000") && !warned("https://langfuse.corp"));
}
