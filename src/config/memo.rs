//! A cache of values for one run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Values by their source. A mutex instead of a cell, so that threads can share one run's configuration.
#[derive(Debug)]
pub(super) struct Memo<K, T>(Mutex<BTreeMap<K, Arc<T>>>);

impl<K, T> Default for Memo<K, T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Ord, T> Memo<K, T> {
    pub(super) fn get(&self, key: K, read: impl FnOnce() -> T) -> Arc<T> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(key).or_insert_with(|| Arc::new(read())))
    }
}
