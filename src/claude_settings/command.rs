//! The command of a hook entry: as this program writes it, and in any form that people have written.

use std::path::Path;

/// The name by which our program is recognised.
const PROGRAM: &str = "claude-langfuse";

/// The command to register. It succeeds silently if the program is gone, because Claude Code shows each failure of a
/// hook. Its text is constant, because Claude Code runs identical commands once. The Nix module writes it too.
pub fn guarded(program: &Path) -> String {
    let quoted = format!("'{}'", program.display().to_string().replace('\'', r"'\''"));
    format!("[ -x {quoted} ] && exec {quoted} hook; :")
}

/// The command for settings that several machines share: it finds the program by name.
pub(super) const BY_NAME: &str =
    "command -v claude-langfuse >/dev/null && exec claude-langfuse hook; :";

/// Our program as written in a command that runs it as a hook.
pub(super) fn our_program(words: &[String]) -> Option<&str> {
    if let Some(program) = guarded_program(words) {
        return Some(program);
    }
    let hook = words.iter().rposition(|word| word == "hook")?;
    let before = words.get(..hook)?;
    let program = before.iter().rev().find(|word| name_of(word) == PROGRAM)?;
    Some(program)
}

/// The program of a command as [`guarded`] makes it: ours, whatever its file is called.
fn guarded_program(words: &[String]) -> Option<&str> {
    match words {
        [bracket, test, tested, end, exec, program, hook, colon]
            if [bracket, test, end, exec, hook, colon]
                .into_iter()
                .eq(["[", "-x", "]", "exec", "hook", ":"]) =>
        {
            Some(program.as_str()).filter(|program| program == tested)
        }
        _ => None,
    }
}

/// Whether a command runs another program that sends turns to Langfuse.
pub(super) fn runs_other_exporter(words: &[String]) -> bool {
    our_program(words).is_none()
        && words.iter().any(|word| {
            let name = name_of(word);
            name == "code-trace" || name.to_ascii_lowercase().contains("langfuse")
        })
}

pub(super) fn name_of(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

/// The words of a shell command, precise enough to find the programs that it runs.
pub(super) fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    let mut characters = command.chars();
    while let Some(one) = characters.next() {
        let apart = quote.is_none() && (one.is_whitespace() || ";&|()".contains(one));
        if apart {
            words.push(String::new());
            continue;
        }
        let next = match one {
            '\\' if quote != Some('\'') => characters.next(),
            '\'' | '"' if quote == Some(one) => {
                quote = None;
                None
            }
            '\'' | '"' if quote.is_none() => {
                quote = Some(one);
                None
            }
            one => Some(one),
        };
        if let Some(word) = words.last_mut() {
            word.extend(next);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{guarded, our_program, runs_other_exporter, words};

    fn program(command: &str) -> Option<String> {
        our_program(&words(command)).map(str::to_owned)
    }

    #[test]
    fn the_registered_command_names_its_program() {
        for path in [
            "/home/me/.nix-profile/bin/claude-langfuse",
            "/home/it's me/bin/claude-langfuse",
            "/home/a b;c/\"d\"/claude-langfuse",
            "/opt/langfuse hooks/clf-0.1",
        ] {
            assert_eq!(program(&guarded(Path::new(path))).as_deref(), Some(path));
        }
    }

    #[test]
    fn ours_is_found_in_every_form() {
        for (command, expected) in [
            ("claude-langfuse hook", "claude-langfuse"),
            ("CC_LANGFUSE_DEBUG=1 claude-langfuse hook", "claude-langfuse"),
            ("claude-langfuse --config /x/y.json hook;", "claude-langfuse"),
            ("\"$HOME\"/bin/claude-langfuse hook 2>&1", "$HOME/bin/claude-langfuse"),
            (
                "sh -c 'true' ; exec /nix/store/x-1/bin/claude-langfuse hook",
                "/nix/store/x-1/bin/claude-langfuse",
            ),
        ] {
            assert_eq!(program(command).as_deref(), Some(expected), "{command}");
        }
        for other in [
            "claude-langfuse flush",
            "echo hook claude-langfuse",
            "claude-langfuse-notify hook",
            "[ -x '/opt/one' ] && exec '/opt/other' hook; :",
            "[ -x '/opt/one' ] && exec '/opt/one' flush; :",
            "",
        ] {
            assert_eq!(program(other), None, "{other}");
        }
    }

    #[test]
    fn a_program_that_sends_the_same_turns_is_another_exporter() {
        for other in [
            "uv run \"$HOME/.claude/hooks/langfuse_hook.py\"",
            "npx -y cc-langfuse",
            "code-trace --on-stop",
            "python3 -m claude_code_langfuse_hook",
        ] {
            assert!(runs_other_exporter(&words(other)), "{other}");
        }
        for other in ["notify-send done", "claude-langfuse hook", "cat /srv/langfuse/log"] {
            assert!(!runs_other_exporter(&words(other)), "{other}");
        }
    }
}
