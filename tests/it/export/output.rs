//! The output of `export`.

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::process::Command;
use std::thread;

use crate::sandbox::Sandbox;

/// `--output /dev/stdout`, or a pipe to another program: replacing it by a file would lose the output.
#[test]
fn a_pipe_or_a_device_is_written_to_and_not_replaced() {
    let sandbox = Sandbox::new();
    sandbox.session("v2.1.330/simple").whole();
    let pipe = sandbox.path("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let reader = thread::spawn({
        let pipe = pipe.clone();
        move || fs::read_to_string(pipe).unwrap()
    });
    sandbox.run(&["export", "2c97", "--output", "pipe"]).exits(0);
    let expected = sandbox.run(&["export", "2c97"]).exits(0).stdout;
    assert_eq!(reader.join().unwrap(), expected);
    assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
    let ran = sandbox.run(&["export", "2c97", "--output", "."]).exits(1);
    assert!(ran.stderr.contains("could not write: ."), "{}", ran.stderr);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_reported() {
    let sandbox = Sandbox::new();
    sandbox.session("v2.1.330/simple").whole();
    let ran = sandbox.run(&["export", "2c97", "--output", "/dev/full"]).exits(1);
    assert!(ran.stderr.contains("No space left"), "{}", ran.stderr);
}
