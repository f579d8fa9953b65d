//! Slash commands of Claude Code that call this program: files in its folder `commands`, written by `install --commands`.

use std::path::Path;

use anyhow::{Result, bail};
use base::sha256::hex;

use super::change::{Action, SettingsChange};
use crate::user_file::{UserFile, lossy};

/// The files, with `{program}` for the program.
const FILES: [(&str, &str); 2] = [
    ("langfuse-score.md", include_str!("commands/langfuse-score.md")),
    ("langfuse-review.md", include_str!("commands/langfuse-review.md")),
];
/// Begins a comment in the head of a file, which the model does not see. A digest of the rest of the file follows.
const MARK: &str = "# written by claude-langfuse install --commands: ";

/// The names of the files.
pub fn slash_commands() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name)
}

/// Plans the file of a command.
///
/// # Errors
/// If a file of this name exists that was not written here, or was edited.
pub fn add_slash_command(file: UserFile, program: &Path) -> Result<SettingsChange> {
    let Some(new) = content(&file, program) else {
        bail!("could not find a slash command for {}", file.path().display());
    };
    let action = match file.exists() {
        false => Action::Register(new),
        true if file.bytes() == new => Action::Nothing,
        true if is_unchanged(&lossy(file.bytes())) => Action::Rewrite(new),
        true => bail!(
            "could not write slash command {}: it exists with other content\n  help: rename it, and run the command again",
            file.path().display()
        ),
    };
    Ok(SettingsChange { file, action })
}

/// Plans the removal of a command's file, if it is unchanged. Returns `None` if it stays. With a program: only if it
/// calls that one.
pub fn remove_slash_command(file: UserFile, program: Option<&Path>) -> Option<SettingsChange> {
    let is_ours = match program {
        Some(program) => content(&file, program).is_some_and(|content| file.bytes() == content),
        None => is_unchanged(&lossy(file.bytes())),
    };
    (file.exists() && is_ours).then_some(SettingsChange { file, action: Action::Remove })
}

/// The content of the file for a program. Permission rules of Claude Code know no quotes, so that an unusual path is
/// left to the shell.
fn content(file: &UserFile, program: &Path) -> Option<Vec<u8>> {
    let name = file.path().file_name()?.to_str()?;
    let (_, text) = FILES.iter().find(|(known, _)| *known == name)?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+@".contains(&byte);
    let program = program.to_str().filter(|program| program.bytes().all(is_plain));
    let text = text.replace("{program}", program.unwrap_or("claude-langfuse"));
    let mark = format!("{MARK}{}\n", hex(text.as_bytes(), 8));
    // The head begins the file.
    let (first, rest) = text.split_once('\n')?;
    Some(format!("{first}\n{mark}{rest}").into_bytes())
}

fn is_unchanged(text: &str) -> bool {
    let parts = || {
        let (before, rest) = text.split_once(MARK)?;
        let (digest, after) = rest.split_once('\n')?;
        Some(digest == hex(format!("{before}{after}").as_bytes(), 8))
    };
    parts().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{FILES, MARK, is_unchanged};

    #[test]
    fn every_file_has_a_head_and_no_mark_of_its_own() {
        for (name, text) in FILES {
            assert!(text.starts_with("---\ndescription: ") && text.contains("{program}"), "{name}");
            assert!(!text.contains(MARK) && !is_unchanged(text), "{name}");
        }
    }
}
