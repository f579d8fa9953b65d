//! State folders with other contents than ours.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use langfuse_mock::{MockLangfuse, Reply};
use serde_json::Value;

use super::oracle::{in_order, same_rows, say, undisturbed};
use crate::sandbox::{Received, Sandbox, mode};

const RECORDING: &str = "v2.1.330/stream-multi";

/// Damage by a person, another program or a failure to the state of a session with one sent turn.
type Damage = fn(&Sandbox);

fn ours(sandbox: &Sandbox) -> PathBuf {
    sandbox.path(".claude/state/claude-langfuse")
}

fn session_folder(sandbox: &Sandbox) -> PathBuf {
    sandbox.cursor().parent().unwrap().to_owned()
}

fn replace_by_folder(path: &Path) {
    fs::remove_file(path).unwrap();
    fs::create_dir(path).unwrap();
}

fn replace_by_fifo(path: &Path) {
    fs::remove_file(path).unwrap();
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

fn replace_by_link(path: &Path, target: &Path) {
    fs::remove_file(path).unwrap();
    symlink(target, path).unwrap();
}

/// Another file that must not change.
fn protected(sandbox: &Sandbox) -> PathBuf {
    sandbox.write("victim", b"precious")
}

/// All turns were answered and the first was sent, then came the damage, then the hooks of the other turns.
fn continues_after(what: &str, damage: Damage) -> (MockLangfuse, Sandbox) {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session(RECORDING);
    session.answered(0).stop(0);
    damage(&sandbox);
    session.answered(1).stop(1);
    session.answered(2).stop(2);
    session.whole().end();
    same_rows(&mock.rows(), &undisturbed(RECORDING), what);
    (mock, sandbox)
}

#[test]
fn an_invalid_cursor_is_moved_aside_and_the_session_continues() {
    let damages: [(&str, Damage); 6] = [
        ("empty", |sandbox| fs::write(sandbox.cursor(), "").unwrap()),
        ("cut", |sandbox| {
            let half = fs::read(sandbox.cursor()).unwrap();
            fs::write(sandbox.cursor(), &half[..half.len() / 2]).unwrap();
        }),
        ("zeros", |sandbox| fs::write(sandbox.cursor(), [0; 4096]).unwrap()),
        ("no UTF-8", |sandbox| {
            fs::write(sandbox.cursor(), b"{\"schema\":1,\"\xff\xfe\":1}").unwrap()
        }),
        ("another type", |sandbox| fs::write(sandbox.cursor(), "[1,2,3]").unwrap()),
        ("other fields", |sandbox| {
            fs::write(sandbox.cursor(), "{\"schema\":1,\"acknowledged\":7}").unwrap()
        }),
    ];
    for (what, damage) in damages {
        let (_mock, sandbox) = continues_after(what, damage);
        assert!(sandbox.log().contains("put aside"), "{what}: {}", sandbox.log());
        assert!(sandbox.cursor().with_extension("bad").exists(), "{what}");
        in_order(&sandbox, what);
    }
}

#[test]
fn an_unusable_state_file_is_not_touched_and_the_session_continues() {
    let damages: [(&str, &str, Damage); 9] = [
        ("the cursor is huge", "is too large", |sandbox| {
            fs::File::options()
                .write(true)
                .open(sandbox.cursor())
                .unwrap()
                .set_len(200 << 20)
                .unwrap();
        }),
        ("the cursor is a folder", "not a regular file", |sandbox| {
            replace_by_folder(&sandbox.cursor())
        }),
        ("the cursor is a FIFO", "not a regular file", |sandbox| {
            replace_by_fifo(&sandbox.cursor())
        }),
        ("the cursor is a link", "is a link", |sandbox| {
            replace_by_link(&sandbox.cursor(), &protected(sandbox))
        }),
        ("the lock is a folder", "could not open lock", |sandbox| {
            replace_by_folder(&session_folder(sandbox).join("lock"))
        }),
        ("the lock is a FIFO", "could not open lock", |sandbox| {
            replace_by_fifo(&session_folder(sandbox).join("lock"))
        }),
        ("the lock is a link", "could not open lock", |sandbox| {
            replace_by_link(&session_folder(sandbox).join("lock"), &protected(sandbox))
        }),
        ("the lock is a link to nowhere", "could not open lock", |sandbox| {
            replace_by_link(&session_folder(sandbox).join("lock"), &sandbox.path("nowhere"));
        }),
        ("the pauses are a FIFO", "not a regular file", |sandbox| {
            fs::write(ours(sandbox).join("pauses.json"), "").unwrap();
            replace_by_fifo(&ours(sandbox).join("pauses.json"));
        }),
    ];
    for (what, told, damage) in damages {
        let (_mock, sandbox) = continues_after(what, damage);
        let victim = fs::read_to_string(sandbox.path("victim"));
        assert!(victim.is_err() || victim.unwrap() == "precious", "{what}");
        assert!(!sandbox.path("nowhere").exists(), "{what}: followed");
        let log = sandbox.log();
        assert!(log.contains(told), "{what}: {log}");
    }
}

#[test]
fn a_log_that_is_not_a_regular_file_is_not_written_or_waited_for() {
    let log = |sandbox: &Sandbox| sandbox.path(".claude/state/langfuse_hook.log");
    for make in [replace_by_folder, replace_by_fifo, |path: &Path| {
        let victim = path.with_file_name("victim");
        fs::write(&victim, "precious").unwrap();
        replace_by_link(path, &victim);
    }] {
        let mock = MockLangfuse::start();
        let sandbox = Sandbox::traced(&mock);
        let session = sandbox.session("v2.1.330/simple");
        sandbox.write(".claude/state/langfuse_hook.log", b"");
        make(&log(&sandbox));
        session.whole().end();
        assert_eq!(mock.answers(), ["Hello from the mock."]);
        let victim = fs::read_to_string(sandbox.path(".claude/state/victim"));
        assert!(victim.is_err() || victim.unwrap() == "precious");
    }
}

#[test]
fn access_of_other_users_to_the_log_is_removed() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    // The known hook scripts leave this state.
    let log = sandbox.write(".claude/state/langfuse_hook.log", b"old line\n");
    fs::set_permissions(&log, Permissions::from_mode(0o644)).unwrap();
    sandbox.session("v2.1.330/simple").whole().end();
    assert_eq!(mode(&log), 0o600);
    assert!(sandbox.log().starts_with("old line\n") && sandbox.log().contains("sent 1 turns"));
}

#[test]
fn access_of_other_users_to_our_folder_is_removed() {
    let (_mock, sandbox) = continues_after("open folder", |sandbox| {
        fs::set_permissions(ours(sandbox), Permissions::from_mode(0o777)).unwrap();
    });
    assert_eq!(mode(&ours(&sandbox)), 0o700);
    in_order(&sandbox, "open folder");
}

#[test]
fn a_missing_state_folder_prevents_no_delivery() {
    type Make = fn(&Sandbox, &Path);
    let makes: [(&str, Make); 4] = [
        ("a file", |_, place| fs::write(place, "precious").unwrap()),
        ("a link to nowhere", |_, place| symlink("/nonexistent/place", place).unwrap()),
        ("a link to a file", |sandbox, place| symlink(protected(sandbox), place).unwrap()),
        ("a link to itself", |_, place| symlink(place, place).unwrap()),
    ];
    for (what, make) in makes {
        for place in [".claude/state", ".claude/state/claude-langfuse"] {
            let mock = MockLangfuse::start();
            let sandbox = Sandbox::traced(&mock);
            let place = sandbox.path(place);
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            make(&sandbox, &place);
            sandbox.session("v2.1.330/simple").whole().end();
            assert_eq!(mock.answers(), ["Hello from the mock."], "{what} at {}", place.display());
        }
    }
}

#[test]
fn read_only_state_is_used_and_loses_nothing() {
    if fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0) {
        // Here, a folder that can't be created has the same effect.
        return say("nothing is read-only to the superuser");
    }
    let (_mock, sandbox) = continues_after("read-only", |sandbox| {
        fs::set_permissions(session_folder(sandbox), Permissions::from_mode(0o500)).unwrap();
    });
    fs::set_permissions(session_folder(&sandbox), Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn temporary_files_of_dead_writers_are_removed_and_those_of_live_ones_kept() {
    use fs2::FileExt;
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session(RECORDING);
    session.answered(0).stop(0);
    mock.reply_next(Reply::Status(503));
    session.answered(1).stop(1);
    sandbox.forget_backoff_time();
    let folders = [
        ours(&sandbox),
        ours(&sandbox).join("destinations"),
        ours(&sandbox).join("deliveries"),
        session_folder(&sandbox),
    ];
    let place = |name: &str| folders.clone().map(|folder| folder.join(name));
    for path in place("dead.1.tmp") {
        fs::write(path, "{\"half").unwrap();
    }
    let living = place("living.2.tmp").map(|path| {
        fs::write(&path, "{\"half").unwrap();
        let file = fs::File::open(path).unwrap();
        FileExt::lock_exclusive(&file).unwrap();
        file
    });
    session.answered(2).stop(2);
    assert!(place("dead.1.tmp").iter().all(|path| !path.exists()));
    assert!(place("living.2.tmp").iter().all(|path| path.exists()));
    drop(living);
    session.whole().end();
    in_order(&sandbox, "leftovers");
}

#[test]
fn newer_state_is_reported_and_kept_for_the_newer_program() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session(RECORDING);
    session.answered(0).stop(0);
    let ours = fs::read_to_string(sandbox.cursor()).unwrap();
    let mut newer: Value = serde_json::from_str(&ours).unwrap();
    newer["schema"] = 99.into();
    newer["brand_new"] = "kept".into();
    fs::write(sandbox.cursor(), newer.to_string()).unwrap();
    let before = mock.requests().len();
    session.whole().stop(1);
    assert_eq!(mock.requests().len(), before);
    assert_eq!(fs::read_to_string(sandbox.cursor()).unwrap(), newer.to_string());
    assert!(sandbox.log().contains("newer claude-langfuse"), "{}", sandbox.log());
    let ran = session.replay(&[]).exits(1);
    assert!(ran.stderr.contains("newer claude-langfuse"), "{}", ran.stderr);
    fs::write(sandbox.cursor(), ours).unwrap();
    session.end();
    same_rows(&mock.rows(), &undisturbed(RECORDING), "in the end");
}

#[test]
fn a_clock_decades_off_delays_and_loses_nothing() {
    for until in ["1970-01-01T00:00:00Z", "2100-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z"] {
        let mock = MockLangfuse::start();
        let sandbox = Sandbox::traced(&mock);
        let session = sandbox.session(RECORDING);
        mock.reply_next(Reply::Status(503));
        session.answered(0).stop(0);
        sandbox.hold_until(until);
        session.whole().end();
        same_rows(&mock.rows(), &undisturbed(RECORDING), until);
    }
}

#[test]
fn without_a_home_no_state_is_written_anywhere() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    let url = mock.url();
    for (name, value) in crate::sandbox::traced_to(&url).as_object().unwrap() {
        sandbox.set(name, value.as_str().unwrap());
    }
    // Not an empty one: the system would then use the home of the user who runs the tests.
    for home in ["relative", "/nonexistent/home"] {
        sandbox.set("HOME", home).set("XDG_CONFIG_HOME", "relative");
        sandbox.session(RECORDING).whole().end();
        assert!(!sandbox.path("relative").exists() && sandbox.state().is_empty(), "{home:?}");
    }
    assert_eq!(mock.answers().len(), 1, "the last turn, each time the same");
}
