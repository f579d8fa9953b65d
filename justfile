# What people do here by hand. `just` lists it.

default:
    @just --list --unsorted

# Everything that guards the house, as it has to be before a commit
check:
    .ci/run

# All tests, or those whose names contain a word
test *words:
    cargo test {{ words }}

# Take the new snapshots and look at what changed
accept *words:
    INSTA_UPDATE=always cargo test --test it {{ words }}
    git diff --stat -- tests/it

# Format and lint
lint:
    cargo fmt
    cargo clippy --all-targets -- -D warnings
    RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --document-private-items

# A recorded session on its way to a Langfuse in this process
demo:
    cargo run --example demo

# Whole runs of the release build, measured; names choose among them (benches/README.md)
bench *names:
    cargo build --release
    MEASURED_PROGRAM="${CARGO_TARGET_DIR:-$PWD/target}/release/claude-langfuse" cargo bench --profile dev --bench whole -- {{ names }}

# What the check holds instructions and size to, anew
record: (bench "--record")
