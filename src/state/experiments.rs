//! Experiments: one line of JSON for the set-up and one per run, in a file per experiment. No conversation text.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::Value;

use super::files;
use super::lock::{Lock, lock};
use super::store::{Store, file_name};

impl Store {
    /// The lines of an experiment, in the order in which they were written. Empty if there is no such experiment. A
    /// line that a crash cut off is left out.
    ///
    /// # Errors
    /// If the file can't be read.
    pub fn experiment(&self, name: &str) -> Result<Vec<Value>> {
        let content = files::read(self.root(), &self.experiment_path(name))?.unwrap_or_default();
        let text = String::from_utf8_lossy(&content);
        Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }

    /// Adds a line to an experiment.
    ///
    /// # Errors
    /// When the folder or the file can't be written.
    pub fn add_to_experiment(&self, name: &str, line: &impl Serialize) -> Result<()> {
        let path = self.experiment_path(name);
        let could_not = || format!("could not write state: {}", path.display());
        files::make_private_folder(self.root(), &self.root().join("experiments"))?;
        let mut file = files::open_shared(&path).with_context(could_not)?;
        // A line that a crash cut off must not take this one with it.
        let line = format!("\n{}\n", serde_json::to_string(line).with_context(could_not)?);
        std::io::Seek::seek(&mut file, std::io::SeekFrom::End(0)).with_context(could_not)?;
        file.write_all(line.as_bytes()).with_context(could_not)
    }

    /// The lock of an experiment; `None` if another process has it.
    ///
    /// # Errors
    /// When there can be no lock.
    pub fn lock_experiment(&self, name: &str) -> Result<Option<Lock>> {
        files::make_private_folder(self.root(), &self.root().join("experiments"))?;
        lock(&self.experiment_path(name).with_extension("lock"), Duration::ZERO)
    }

    fn experiment_path(&self, name: &str) -> PathBuf {
        self.root().join("experiments").join(format!("{}.jsonl", file_name(name)))
    }
}
