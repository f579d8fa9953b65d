//! What only the linker can be told.
#![allow(clippy::print_stdout, reason = "it is how cargo is told")]

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|it| it == value);
    // A release ends with the first panic: nobody looks up how to unwind, and the table for that has 49 KB.
    if is("PROFILE", "release") && is("CARGO_CFG_TARGET_OS", "linux") {
        println!("cargo::rustc-link-arg-bins=-Wl,--no-eh-frame-hdr");
    }
}
