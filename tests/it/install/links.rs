//! A settings file that is a link, as made by Nix and dotfile managers.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};

use super::{OF_A_USER, SETTINGS, files};
use crate::faults::oracle::can_trace;
use crate::missing;
use crate::sandbox::Sandbox;

#[test]
fn a_link_out_of_the_store_is_followed_and_stays() {
    let sandbox = Sandbox::new();
    let target = sandbox.write("dotfiles/claude.json", OF_A_USER.as_bytes());
    fs::create_dir(sandbox.path("deep")).unwrap();
    symlink("../dotfiles/claude.json", sandbox.path("deep/link")).unwrap();
    symlink(sandbox.path("deep/link"), sandbox.path(SETTINGS)).unwrap();
    sandbox.run(&["install"]).exits(0);
    assert!(fs::read_to_string(&target).unwrap().contains("exec"));
    assert_eq!(fs::read_link(sandbox.path(SETTINGS)).unwrap(), sandbox.path("deep/link"));
    // A dotfiles repository should get no extra file.
    assert_eq!(files(&sandbox, "dotfiles"), ["claude.json"]);
    assert!(sandbox.path(".claude/settings.json.before-claude-langfuse").exists());
}

#[test]
fn a_dangling_link_creates_its_file() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("dotfiles")).unwrap();
    symlink(sandbox.path("dotfiles/new.json"), sandbox.path(SETTINGS)).unwrap();
    sandbox.run(&["install"]).exits(0);
    assert!(sandbox.path("dotfiles/new.json").exists());
    assert!(sandbox.path(SETTINGS).is_symlink());
}

#[test]
fn a_link_into_the_store_is_not_changed_and_remedies_are_printed() {
    let sandbox = Sandbox::new();
    let target = "/nix/store/00000000000000000000000000000000-settings.json";
    symlink(target, sandbox.path(SETTINGS)).unwrap();
    for arguments in [&["install"][..], &["install", "--dry-run"]] {
        let ran = sandbox.run(arguments).exits(1);
        for remedy in ["hook.via = \"plugin\"", "hookSettings", "mkOutOfStoreSymlink"] {
            assert!(ran.stderr.contains(remedy), "{ran:?}");
        }
    }
    assert_eq!(fs::read_link(sandbox.path(SETTINGS)).unwrap().to_str(), Some(target));
    // The file has no entry to remove.
    sandbox.run(&["uninstall"]).exits(0);
}

/// Impermanence and containers mount single files; `strace` injects the kernel's answer to a rename.
#[test]
fn a_mounted_file_is_overwritten_in_place() {
    if !can_trace() {
        return missing::tool("no mount: strace is missing, or may not trace");
    }
    let sandbox = Sandbox::new();
    let settings = sandbox.write(SETTINGS, OF_A_USER.as_bytes());
    let inode = fs::metadata(&settings).unwrap().ino();
    let inject = "inject=/^rename:error=EBUSY";
    let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", inject, "--"];
    sandbox.start_under(&strace, &["install"], b"").end().exits(0);
    assert_eq!(fs::metadata(&settings).unwrap().ino(), inode);
    assert!(fs::read_to_string(&settings).unwrap().contains("exec"));
    assert!(!files(&sandbox, ".claude").iter().any(|name| name.ends_with(".tmp")));
}

#[test]
fn links_in_a_circle_are_an_error_and_no_endless_run() {
    let sandbox = Sandbox::new();
    symlink("settings.json", sandbox.path(SETTINGS)).unwrap();
    let ran = sandbox.run(&["install"]).exits(1);
    assert!(ran.stderr.contains("circle"), "{ran:?}");
}
