# Everyday commands. `just` lists them.

default:
    @just --list --unsorted

# Every check, as CI runs them
check:
    .ci/run

# All tests, or those whose names contain a word
test *words:
    cargo test {{ words }}

# Accept new snapshots and list the changed ones
accept *words:
    INSTA_UPDATE=always cargo test --test it {{ words }}
    git diff --stat -- tests/it

# Format and lint
lint:
    cargo fmt
    cargo clippy --all-targets -- -D warnings
    RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --document-private-items

# Generate docs/options.md from the home-manager module
options:
    install -m 644 "$(nix build --no-link --print-out-paths .#options-doc)" docs/options.md

# Send a recorded session to a mock Langfuse in this process
demo:
    cargo run --example demo

# Measure whole runs of the release build; names select runs (benches/README.md)
bench *names:
    cargo build --release
    MEASURED_PROGRAM="${CARGO_TARGET_DIR:-$PWD/target}/release/claude-langfuse" cargo bench --profile dev --bench whole -- {{ names }}

# Record instructions and size; .ci/run compares later builds with them
record: (bench "--record")
