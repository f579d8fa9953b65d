//! Invalid answers are asked for again, and an aborted setup changes nothing.

use std::fs;
use std::os::unix::fs::symlink;

use langfuse_mock::{MockLangfuse, PUBLIC_KEY, SECRET_KEY};

use super::{CONFIG, at_own, config, everything, home, types_keys};
use crate::doctor::cloud::Cloud;
use crate::sandbox::{Sandbox, Terminal, unused_address};

/// A home whose Langfuse Cloud is behind a proxy.
fn in_cloud(cloud: &Cloud) -> Sandbox {
    let mut sandbox = home();
    let authority = sandbox.write("ca.pem", Cloud::authority().as_bytes()).display().to_string();
    sandbox.set("LANGFUSE_CA_FILE", authority);
    sandbox.set("HTTPS_PROXY", format!("http://{}", cloud.proxy));
    sandbox
}

fn at_keys_of(sandbox: &Sandbox, region: &str) -> Terminal {
    let mut terminal = sandbox.at_terminal(300, &["setup"]);
    terminal.sees("Number or URL [1]: ").types(region);
    terminal.sees("Public key (pk-lf-…): ");
    terminal
}

fn goes_on(terminal: &mut Terminal) -> (Option<i32>, String) {
    terminal.sees("or all [1]: ").types("1");
    terminal.sees("Number [1]: ").types("1");
    terminal.sees("newest session now").types("n");
    terminal.sees("Do it? ").types("y");
    terminal.ends()
}

#[test]
fn keys_of_another_region_are_found_if_the_user_wants_that() {
    for (first, right) in [("", "us"), ("2", "jp"), ("3", "hipaa"), ("hipaa", "")] {
        let host = match right {
            "" => "cloud.langfuse.com".to_owned(),
            right => format!("{right}.cloud.langfuse.com"),
        };
        let cloud = Cloud::with_keys_of(Box::leak(host.clone().into_boxed_str()));
        let sandbox = in_cloud(&cloud);
        let mut terminal = at_keys_of(&sandbox, first);
        types_keys(&mut terminal);
        terminal.sees("rejects the keys. Send them to the other regions, too (");
        terminal.sees("? [y/N] ");
        assert_eq!(cloud.asked().len(), 1, "{:?}", cloud.asked());
        terminal.types("y").sees("accepts them.");
        terminal.sees("the project \"Elsewhere\"");
        let (code, screen) = goes_on(&mut terminal);
        assert_eq!(code, Some(0), "{screen}");
        assert_eq!(config(&sandbox)["env"]["LANGFUSE_BASE_URL"], format!("https://{host}"));
    }
}

#[test]
fn keys_go_to_no_other_region_without_a_yes() {
    let cloud = Cloud::with_keys_of("us.cloud.langfuse.com");
    let sandbox = in_cloud(&cloud);
    let before = everything(&sandbox);
    let mut terminal = at_keys_of(&sandbox, "1");
    types_keys(&mut terminal);
    terminal.sees("? [y/N] ").types("");
    terminal.sees("Enter the keys again").sees("Public key (pk-lf-…): ").interrupts();
    assert_ne!(terminal.ends().0, Some(0));
    assert_eq!(cloud.asked(), ["cloud.langfuse.com"]);
    assert_eq!(everything(&sandbox), before);
}

#[test]
fn a_key_in_the_wrong_slot_is_named() {
    let mock = MockLangfuse::start();
    let sandbox = home();
    let mut terminal = at_own(&sandbox, &mock.url());
    terminal.types(SECRET_KEY).sees("This is a secret key; the public one begins with pk-lf-.");
    terminal.sees("Public key (pk-lf-…): ").types("two words").sees("This is no key");
    terminal.sees("Public key (pk-lf-…): ").types(PUBLIC_KEY);
    terminal.sees("(not shown): ").types(PUBLIC_KEY).sees("This is a public key");
    terminal.sees("(not shown): ").types("").sees("This is empty");
    terminal.sees("(not shown): ").types(SECRET_KEY);
    let (code, screen) = goes_on(&mut terminal);
    assert_eq!(code, Some(0), "{screen}");
}

#[test]
fn an_invalid_url_is_asked_for_again() {
    let mock = MockLangfuse::start();
    let sandbox = home();
    let mut terminal = sandbox.at_terminal(300, &["setup"]);
    terminal.sees("Number or URL [1]: ").types("7").sees("Enter 1 to 5, or a URL.");
    terminal
        .sees("Number or URL [1]: ")
        .types("langfuse.corp")
        .sees("does not begin with https://");
    terminal.sees("Number or URL [1]: ").types(&mock.url());
    terminal.sees("Public key");
    types_keys(&mut terminal);
    assert_eq!(goes_on(&mut terminal).0, Some(0));
}

#[test]
fn keys_that_are_rejected_three_times_end_it() {
    let mock = MockLangfuse::start();
    let sandbox = home();
    let before = everything(&sandbox);
    let mut terminal = at_own(&sandbox, &mock.url());
    for last in [false, false, true] {
        terminal.types(PUBLIC_KEY).sees("(not shown): ").types("sk-lf-wrong");
        if !last {
            terminal
                .sees("answered 401")
                .sees("Enter the keys again")
                .sees("Public key (pk-lf-…): ");
        }
    }
    let (code, screen) = terminal.ends();
    assert_eq!(code, Some(5), "{screen}");
    assert!(screen.contains("nothing was changed: ") && !screen.contains("wrong"), "{screen}");
    assert_eq!(everything(&sandbox), before);
}

#[test]
fn keys_that_could_not_be_tried_are_kept_on_request_only() {
    let sandbox = home();
    let before = everything(&sandbox);
    let url = format!("http://{}", unused_address());
    let mut terminal = at_own(&sandbox, &url);
    types_keys(&mut terminal);
    terminal.sees("Could not try the keys: ").sees("Keep them without a test? [y/N] ").types("");
    terminal.sees("Number or URL [1]: ").ends_input();
    let (code, screen) = terminal.ends();
    assert_eq!(code, Some(1), "{screen}");
    assert!(screen.contains("cancelled: nothing was changed"), "{screen}");
    assert_eq!(everything(&sandbox), before);
    let mut terminal = at_own(&sandbox, &url);
    types_keys(&mut terminal);
    terminal.sees("without a test?").types("y");
    assert_eq!(goes_on(&mut terminal).0, Some(0));
    assert_eq!(config(&sandbox)["env"]["LANGFUSE_BASE_URL"], url);
}

#[test]
fn ctrl_c_at_any_question_changes_nothing() {
    let mock = MockLangfuse::start();
    let sandbox = home();
    let before = everything(&sandbox);
    let steps = [
        ("Number or URL [1]: ", mock.url()),
        ("Public key (pk-lf-…): ", PUBLIC_KEY.to_owned()),
        ("(not shown): ", SECRET_KEY.to_owned()),
        ("or all [1]: ", "1".to_owned()),
        ("Number [1]: ", "1".to_owned()),
        ("newest session now", "y".to_owned()),
        ("Do it? [Y/n] ", String::new()),
    ];
    for stop in 0..steps.len() {
        let mut terminal = sandbox.at_terminal(300, &["setup"]);
        for (question, answer) in &steps[..stop] {
            terminal.sees(question).types(answer);
        }
        terminal.sees(steps[stop].0);
        while stop == 2 && terminal.echoes() {
            std::thread::yield_now();
        }
        terminal.interrupts();
        let (code, screen) = terminal.ends();
        assert_ne!(code, Some(0), "{screen}");
        assert!(terminal.echoes(), "the terminal shows input again");
        assert_eq!(everything(&sandbox), before, "{}", steps[stop].0);
    }
    assert_eq!(mock.rows().len(), 0);
}

#[test]
fn a_no_at_the_end_changes_nothing() {
    let mock = MockLangfuse::start();
    let sandbox = home();
    let before = everything(&sandbox);
    let mut terminal = at_own(&sandbox, &mock.url());
    types_keys(&mut terminal);
    terminal.sees("or all [1]: ").types("9").sees("there is no number 9");
    terminal.sees("or all [1]: ").types("~/nowhere").sees("could not find project");
    terminal.sees("or all [1]: ").types("1");
    terminal.sees("Number [1]: ").types("4").sees("Enter 1, 2 or 3.");
    terminal.sees("Number [1]: ").types("2");
    terminal.sees("newest session now").types("n");
    terminal.sees("Do it? [Y/n] ").types("n");
    let (code, screen) = terminal.ends();
    assert_eq!(code, Some(1), "{screen}");
    assert_eq!(everything(&sandbox), before);
}

#[test]
fn invalid_files_end_setup_before_the_first_question() {
    for (path, content, code) in
        [(".claude/settings.json", "{broken", 1), (CONFIG, "{\"env\": ", 3), (CONFIG, "[]", 3)]
    {
        let sandbox = home();
        sandbox.write(path, content.as_bytes());
        let before = everything(&sandbox);
        let (ended, screen) = sandbox.at_terminal(300, &["setup"]).ends();
        assert_eq!(ended, Some(code), "{screen}");
        assert!(screen.contains(path.rsplit('/').next().unwrap()), "{screen}");
        assert!(!screen.contains("Number or URL"), "{screen}");
        assert_eq!(everything(&sandbox), before);
    }
}

#[test]
fn for_a_configuration_in_the_nix_store_setup_prints_options() {
    let mock = MockLangfuse::start();
    let sandbox = home();
    fs::create_dir_all(sandbox.path(".config/claude-langfuse")).unwrap();
    symlink("/nix/store/0-home-manager-files/config.json", sandbox.path(CONFIG)).unwrap();
    let before = everything(&sandbox);
    let mut terminal = at_own(&sandbox, &mock.url());
    types_keys(&mut terminal);
    terminal.sees("or all [1]: ").types("1");
    terminal.sees("Number [1]: ").types("3");
    terminal.sees("newest session now").types("y");
    let (code, screen) = terminal.ends();
    assert_eq!(code, Some(1), "{screen}");
    for option in [
        format!("host = \"{}\";", mock.url()),
        format!("publicKey = \"{PUBLIC_KEY}\";"),
        "secretKeyFile = \"~/.config/claude-langfuse/secret-key\";".to_owned(),
        "environment.CC_LANGFUSE_CAPTURE = \"metadata\";".to_owned(),
        "projects.\"~/code/app\".enable = true;".to_owned(),
    ] {
        assert!(screen.contains(&option), "{option}: {screen}");
    }
    assert!(!screen.contains(SECRET_KEY), "{screen}");
    assert_eq!(everything(&sandbox), before);
    assert_eq!(mock.rows().len(), 0);
}
