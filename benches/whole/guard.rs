//! What a run may cost: `benches/instructions.tsv`, a line a run.

/// So much more than the table says is let through: another processor takes other ways through the same code.
const SLACK: f64 = 1.10;

/// Whether no run needed more instructions than its line allows; tells which did.
pub fn holds(counted: &[(&str, Option<u64>)]) -> bool {
    let mut holds = true;
    for (name, count) in counted {
        let Some(count) = *count else { continue };
        let Some(allowed) = allowed(name) else {
            println!("{name}: no line in benches/instructions.tsv");
            holds = false;
            continue;
        };
        if count as f64 > allowed as f64 * SLACK {
            println!("{name}: {count} instructions, where {allowed} were measured before");
            holds = false;
        }
    }
    holds
}

fn allowed(name: &str) -> Option<u64> {
    let table = include_str!("../instructions.tsv");
    let line = table
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix('\t'))?;
    line.parse().ok()
}
