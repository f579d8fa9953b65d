//! State prepared by another user: links in place of our folders, and folders of another user.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use langfuse_mock::MockLangfuse;

use crate::missing;
use crate::sandbox::{Received, Sandbox, mode};

const RECORDING: &str = "v2.1.330/stream-multi";

fn ours(sandbox: &Sandbox) -> PathBuf {
    sandbox.path(".claude/state/claude-langfuse")
}

/// The state folders of a session with one sent turn.
fn folders(sandbox: &Sandbox) -> Vec<PathBuf> {
    let session = sandbox.cursor().parent().unwrap().to_owned();
    let ours = ours(sandbox);
    let below = ["sessions", "deliveries"].map(|name| ours.join(name));
    [vec![ours], below.to_vec(), vec![session]].concat()
}

/// All files below a folder, with their content.
fn content(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(content(&path)),
            false => found.push((path.clone(), fs::read(&path).unwrap())),
        }
    }
    found.sort();
    found
}

#[test]
fn a_link_in_place_of_a_folder_is_not_followed() {
    let count = {
        let mock = MockLangfuse::start();
        let sandbox = Sandbox::traced(&mock);
        sandbox.session(RECORDING).answered(0).stop(0);
        folders(&sandbox).len()
    };
    for number in 0..count {
        let mock = MockLangfuse::start();
        let sandbox = Sandbox::traced(&mock);
        let session = sandbox.session(RECORDING);
        session.answered(0).stop(0);
        let folder = folders(&sandbox).remove(number);
        let target = sandbox.path("target");
        fs::rename(&folder, &target).unwrap();
        symlink(&target, &folder).unwrap();
        fs::set_permissions(&target, Permissions::from_mode(0o755)).unwrap();
        fs::write(target.join("precious.tmp"), "precious").unwrap();
        let before = content(&target);
        session.answered(1).stop(1);
        session.whole().end();
        sandbox.run(&["flush"]);
        sandbox.run(&["status"]);
        let what = folder.display();
        assert_eq!(mode(&target), 0o755, "{what}");
        assert_eq!(content(&target), before, "{what}");
        assert!(mock.answers().contains(&"Answer 3.".to_owned()), "{what}: {:?}", mock.answers());
        assert!(sandbox.log().contains("is a link"), "{what}: {}", sandbox.log());
    }
}

/// Whether the folder now belongs to another user.
fn change_owner(folder: &Path) -> bool {
    let nobody = Some(65_534);
    let sudo = || Command::new("sudo").args(["-n", "chown", "65534"]).arg(folder).status();
    chown(folder, nobody, nobody).is_ok() || sudo().is_ok_and(|status| status.success())
}

#[test]
fn state_in_a_folder_of_another_user_is_not_used() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session(RECORDING);
    session.answered(0).stop(0);
    let log = sandbox.write("log", b"");
    if !change_owner(&ours(&sandbox)) || !change_owner(&log) {
        return missing::tool("no folder of another user: not root, and no sudo");
    }
    // Pretends that all of it was sent: an endless pause, and a cursor after the last row.
    fs::write(ours(&sandbox).join("pauses.json"), r#"{"all":[{"from":"2020-01-01T00:00:00Z"}]}"#)
        .unwrap();
    let before = content(&ours(&sandbox));
    session.answered(1).stop(1);
    assert!(mock.answers().contains(&"Answer 2.".to_owned()), "{:?}", mock.answers());
    assert!(sandbox.log().contains("belongs to another user"), "{}", sandbox.log());
    assert_eq!(content(&ours(&sandbox)), before);
    let doctor = sandbox.run(&["doctor", "--offline", "--json"]);
    assert!(doctor.stdout.contains("belongs to another user"), "{}", doctor.stdout);
    // Its owner could read their log.
    let own = sandbox.path(".claude/state/langfuse_hook.log");
    fs::rename(&log, &own).unwrap();
    session.whole().end();
    assert_eq!(sandbox.log(), "");
    assert!(mock.answers().contains(&"Answer 3.".to_owned()), "{:?}", mock.answers());
}
