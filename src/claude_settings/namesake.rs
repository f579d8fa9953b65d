//! Another program of the same name. crates.io has one: it sends turns to Langfuse too, and has no `--version`.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::program::NAME;
use crate::config::Env;
use crate::langfuse::SCOPE;

const CHUNK: usize = 1024 * 1024;
/// Larger programs are not searched.
const MAX_PROGRAM_BYTES: u64 = 512 * 1024 * 1024;

/// The first program of our name on the PATH, if it is another one.
pub(super) fn on_path(env: &Env) -> Option<PathBuf> {
    let first = find(env, NAME)?;
    is_another(&first).then_some(first)
}

/// The program of a hook's command, as Claude Code's shell finds it.
pub fn find(env: &Env, named: &str) -> Option<PathBuf> {
    let home = env.home().map(|home| home.display().to_string()).unwrap_or_default();
    let named = named.replace("$HOME", &home).replace("${HOME}", &home);
    let path = env.expand_home(&named);
    if named.contains('/') {
        return path.exists().then_some(path);
    }
    let folders = std::env::split_paths(env.variable("PATH")?);
    folders.map(|folder| folder.join(&named)).find(|path| path.is_file())
}

/// Whether a program is another one, in any version. A script may run anything, and is not judged.
pub(super) fn is_another(program: &Path) -> bool {
    let this = std::env::current_exe().ok().and_then(|path| path.canonicalize().ok());
    let canonical = program.canonicalize().ok();
    canonical.is_some() && canonical != this && lacks_our_name(program).unwrap_or(false)
}

/// Our program contains the name of its OpenTelemetry scope. Reading it is safer than running an unknown program.
fn lacks_our_name(program: &Path) -> std::io::Result<bool> {
    let name = SCOPE.as_bytes();
    let mut file = File::open(program)?.take(MAX_PROGRAM_BYTES);
    let mut buffer = Vec::new();
    let mut is_first = true;
    loop {
        let kept = buffer.len().min(SCOPE.len());
        buffer.drain(..buffer.len() - kept);
        if file.by_ref().take(CHUNK as u64).read_to_end(&mut buffer)? == 0 {
            return Ok(!is_first);
        }
        let is_binary = buffer.starts_with(b"\x7fELF") || buffer.starts_with(b"\xcf\xfa\xed\xfe");
        if buffer.windows(name.len()).any(|window| window == name) || is_first && !is_binary {
            return Ok(false);
        }
        is_first = false;
    }
}
