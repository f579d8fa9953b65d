//! The edge where configuration files are read: each at most once, however many sessions ask for it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use base::regular_file;
use serde_json::{Map, Value};
use transcript::replace_surrogates;

use super::env::Env;
use super::file::ConfigFile;
use super::settings::SettingsFile;
use super::source::Problem;
use super::variables;

/// No file of settings is larger; a link to a device is.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// The files read so far. One serves a whole run: `replay --all` resolves thousands of sessions from it.
#[derive(Default)]
pub struct Files {
    ours: Memo<ConfigFile>,
    settings: Memo<SettingsFile>,
    managed: Memo<Vec<PathBuf>>,
}

impl Files {
    /// Nothing read yet.
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn config_file(&self, path: &Path, env: &Env) -> Arc<ConfigFile> {
        self.ours.get(path, || ConfigFile::read(path, env))
    }

    pub(super) fn settings_file(&self, path: &Path) -> Arc<SettingsFile> {
        self.settings.get(path, || SettingsFile::read(path))
    }

    /// The projects for which the configuration file says that they are traced.
    pub fn traced_projects(&self, env: &Env) -> Vec<PathBuf> {
        let file = env.config_file().map(|path| self.config_file(&path, env));
        file.iter().flat_map(|file| file.traced_projects()).map(Path::to_path_buf).collect()
    }

    /// An administrator's settings files in the order in which Claude Code applies them.
    pub(super) fn managed(&self, folder: &Path) -> Arc<Vec<PathBuf>> {
        self.managed.get(folder, || {
            let mut drop_ins: Vec<PathBuf> = std::fs::read_dir(folder.join("managed-settings.d"))
                .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
                .unwrap_or_default();
            drop_ins.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
            drop_ins.sort();
            drop_ins.insert(0, folder.join("managed-settings.json"));
            drop_ins
        })
    }
}

/// Values by path. A mutex rather than a cell, so that threads may share one run's configuration.
struct Memo<T>(Mutex<BTreeMap<PathBuf, Arc<T>>>);

impl<T> Default for Memo<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Memo<T> {
    fn get(&self, path: &Path, read: impl FnOnce() -> T) -> Arc<T> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = known.get(path) {
            return Arc::clone(value);
        }
        let value = Arc::new(read());
        known.insert(path.to_path_buf(), Arc::clone(&value));
        value
    }
}

/// What a JSON file holds.
pub(super) enum Reading {
    Absent,
    Object(Map<String, Value>),
    Broken(String),
}

/// Reads a JSON file whose outermost value must be an object.
pub(super) fn read_object(path: &Path) -> Reading {
    match read_bytes(path) {
        Ok(Some(bytes)) => match str::from_utf8(&bytes) {
            Ok(text) => parse(text),
            Err(error) => Reading::Broken(format!(
                "could not read the file: it is not UTF-8 from byte {} on",
                error.valid_up_to()
            )),
        },
        Ok(None) => Reading::Absent,
        Err(error) => Reading::Broken(format!("could not read the file: {error}")),
    }
}

/// The same as Claude Code reads its own files: in UTF-16 too, bad bytes and lone surrogates replaced, and nothing at all
/// is an empty object.
pub(super) fn read_object_tolerantly(path: &Path) -> Reading {
    let bytes = match read_bytes(path) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Reading::Absent,
        Err(error) => return Reading::Broken(format!("could not read the file: {error}")),
    };
    let text = match bytes.strip_prefix(&[0xff, 0xfe]) {
        Some(utf16) => {
            let (units, _) = utf16.as_chunks::<2>();
            String::from_utf16_lossy(
                &units.iter().map(|unit| u16::from_le_bytes(*unit)).collect::<Vec<u16>>(),
            )
        }
        None => String::from_utf8_lossy(&bytes).into_owned(),
    };
    match text.trim().is_empty() {
        true => Reading::Object(Map::new()),
        false => parse(&replace_surrogates(&text)),
    }
}

/// `None` where there is no file. A link that leads nowhere is there: what it led to may have said anything.
fn read_bytes(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match regular_file::read(path, MAX_FILE_BYTES) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match path.symlink_metadata() {
            Ok(_) => Err(io::Error::new(
                io::ErrorKind::NotFound,
                "it is a link to a file that does not exist",
            )),
            Err(_) => Ok(None),
        },
        Err(error) => Err(error),
    }
}

fn parse(text: &str) -> Reading {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // Parsed as a bare `Value`, because only then do serde's messages never quote the file: it may hold keys.
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Reading::Object(object),
        Ok(_) => Reading::Broken("could not parse the file: it is not a JSON object".to_owned()),
        Err(error) => Reading::Broken(format!("could not parse the file: {error}")),
    }
}

/// The variables of ours in an `env` object, by spelling.
pub(super) type Values = Vec<(&'static str, String)>;

/// Takes the variables of ours from an `env` object. `unknown` is told of every other name.
pub(super) fn values_of(
    env: Value,
    place: &str,
    problems: &mut Vec<Problem>,
    mut unknown: impl FnMut(&mut Vec<Problem>, &str),
) -> Values {
    let Value::Object(env) = env else {
        problems.push(Problem {
            variable: None,
            place: place.to_owned(),
            what: "\"env\" is not a JSON object".to_owned(),
            remedy: "write {\"env\": {\"NAME\": \"value\"}}".to_owned(),
        });
        return Values::new();
    };
    let mut values = Values::with_capacity(env.len());
    for (name, value) in env {
        let Some((variable, spelling)) = variables::find(&name) else {
            unknown(problems, &name);
            continue;
        };
        match value {
            Value::String(text) => values.push((spelling, text)),
            Value::Bool(_) | Value::Number(_) => values.push((spelling, value.to_string())),
            // Dropped, it would let a lower layer's consent stand. Kept, it is no yes and so counts as no.
            _ if variable.name == variables::ENABLED.name => {
                values.push((spelling, value.to_string()));
            }
            _ => problems.push(Problem {
                variable: Some(name),
                place: place.to_owned(),
                what: "is not a string".to_owned(),
                remedy: format!("put {} in quotes", variable.accepts),
            }),
        }
    }
    values
}
