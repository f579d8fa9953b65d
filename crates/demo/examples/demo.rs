//! The demo: `cargo run --example demo`.

use std::process::ExitCode;

fn main() -> ExitCode {
    demo::run()
}
