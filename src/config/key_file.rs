//! Key files of agenix and sops-nix, whose paths are written before the user's runtime folder is known.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use base::regular_file;

use super::base_url::unquoted;
use super::env::Env;
use super::source::shown;

/// Larger than a key with blanks around it. A wrong path must not fill the memory.
const MAX_KEY_FILE_BYTES: u64 = 64 * 1024;

/// The maximum length of a key. Another file must not be sent anywhere.
const MAX_KEY_BYTES: usize = 200;

/// The argument that agenix gives to `getconf` on macOS, whatever that program's path. No shell runs it.
const DARWIN_TEMP_DIR: &str = "DARWIN_USER_TEMP_DIR";

/// Why a key could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unreadable {
    pub(super) path: String,
    pub(super) reason: String,
}

/// The key in the file named by `written`.
pub(super) fn read(written: &str, env: &Env) -> Result<String, Unreadable> {
    let path =
        expand(written, env).map_err(|reason| Unreadable { path: shown(written), reason })?;
    // Shown like a value: some people put the key where the path of its file belongs.
    key_in(&path).map_err(|reason| Unreadable { path: shown(&path.display().to_string()), reason })
}

/// The key file, if every user of this machine can read it.
pub(super) fn world_readable(written: &str, env: &Env) -> Option<PathBuf> {
    let path = expand(written, env).ok()?;
    let mode = path.metadata().ok()?.permissions().mode();
    (mode & 0o004 != 0).then_some(path)
}

fn key_in(path: &Path) -> Result<String, String> {
    if !path.is_absolute() {
        return Err("not an absolute path".to_owned());
    }
    // A path of a project may lead to a FIFO.
    let text =
        regular_file::read_text(path, MAX_KEY_FILE_BYTES).map_err(|error| error.to_string())?;
    // Editors and `echo` end a line, and Windows begins a file with a byte order mark. No key begins or ends with a
    // space.
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Err("file is empty".to_owned());
    }
    if text.contains('\n') {
        return Err("file has more than one line".to_owned());
    }
    let key = unquoted(assigned(text));
    let is_token = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'');
    if key.len() > MAX_KEY_BYTES || key.is_empty() || !key.bytes().all(is_token) {
        return Err(format!("file is not one word of at most {MAX_KEY_BYTES} characters"));
    }
    Ok(key.to_owned())
}

/// The value in a line of a `.env` file.
fn assigned(line: &str) -> &str {
    let is_name = |name: &str| {
        let mut bytes = name.bytes();
        bytes.all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    };
    let line = line.strip_prefix("export ").unwrap_or(line);
    match line.split_once('=') {
        Some((name, value)) if !name.is_empty() && is_name(name.trim()) => value.trim(),
        _ => line,
    }
}

/// Expands a leading `~/` or `$HOME/`, every `${NAME}` and agenix's expression.
pub(super) fn expand(written: &str, env: &Env) -> Result<PathBuf, String> {
    let written = written.trim();
    let written = match written.strip_prefix("$HOME/") {
        Some(rest) => &format!("~/{rest}"),
        None => written,
    };
    let mut path = String::with_capacity(written.len());
    let mut rest = written;
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        path.push_str(before);
        if let (Some(after), Some(ask)) = (after_agenix(from), env.darwin_temp_dir) {
            let folder = ask().ok_or_else(|| format!("getconf {DARWIN_TEMP_DIR} failed"))?;
            path.push_str(folder.trim_end_matches('/'));
            rest = after;
        } else if let Some((name, after)) =
            from.strip_prefix("${").and_then(|from| from.split_once('}'))
        {
            let value = env.variable(name).ok_or_else(|| format!("{name} is not set"))?;
            path.push_str(value.trim_end_matches('/'));
            rest = after;
        } else {
            path.push('$');
            rest = from.get(1..).unwrap_or_default();
        }
    }
    path.push_str(rest);
    Ok(env.expand_home(&path))
}

/// The text after `$(…/getconf DARWIN_USER_TEMP_DIR)`.
fn after_agenix(text: &str) -> Option<&str> {
    let (inside, after) = text.strip_prefix("$(")?.split_once(')')?;
    let program = inside.trim().strip_suffix(DARWIN_TEMP_DIR)?.trim_end();
    (Path::new(program).file_name()? == "getconf").then_some(after)
}

/// The per-user temporary folder of macOS. The variable `TMPDIR` is no source: shells such as that of `nix develop`
/// set another one.
pub(super) fn darwin_temp_dir() -> Option<String> {
    let output = Command::new("/usr/bin/getconf").arg(DARWIN_TEMP_DIR).output().ok()?;
    let folder = String::from_utf8(output.stdout).ok()?;
    Some(folder.trim().to_owned()).filter(|folder| folder.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::expand;
    use crate::config::Env;

    fn env(macos: bool) -> Env {
        Env {
            environment: [("XDG_RUNTIME_DIR", "/run/user/1000"), ("TMPDIR", "/tmp/nix-shell")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            home: Some(PathBuf::from("/home/me")),
            darwin_temp_dir: macos.then_some(|| Some("/var/folders/ab/c/T/".to_owned())),
            ..Env::default()
        }
    }

    #[test]
    fn home_variables_and_agenix_are_expanded() {
        let mac = env(true);
        for (written, expected) in [
            ("~/key", "/home/me/key"),
            ("${XDG_RUNTIME_DIR}/agenix/key", "/run/user/1000/agenix/key"),
            ("/a/${XDG_RUNTIME_DIR}b", "/a//run/user/1000b"),
            ("$HOME/key", "/home/me/key"),
            ("$HOMES/key", "$HOMES/key"),
            ("$(getconf DARWIN_USER_TEMP_DIR)/agenix/key", "/var/folders/ab/c/T/agenix/key"),
            (
                "$(/nix/store/0-getconf-1/bin/getconf DARWIN_USER_TEMP_DIR)/agenix/key",
                "/var/folders/ab/c/T/agenix/key",
            ),
            ("$(getconf PATH)/key", "$(getconf PATH)/key"),
            ("$(rm DARWIN_USER_TEMP_DIR)/key", "$(rm DARWIN_USER_TEMP_DIR)/key"),
            ("/cost/$5", "/cost/$5"),
            ("/x/~/y", "/x/~/y"),
        ] {
            assert_eq!(expand(written, &mac).unwrap(), Path::new(expected), "{written}");
        }
    }

    #[test]
    fn an_unset_variable_is_named() {
        let error = expand("${NOT_SET}/key", &env(false)).unwrap_err();
        assert_eq!(error, "NOT_SET is not set");
    }

    #[test]
    fn agenix_of_macos_is_left_as_it_is_elsewhere() {
        let written = "$(getconf DARWIN_USER_TEMP_DIR)/key";
        assert_eq!(expand(written, &env(false)).unwrap(), Path::new(written));
    }
}
