//! The last known price list of a destination, so that costs are computed without the network.

use std::path::PathBuf;

use anyhow::Result;
use base::Timestamp;
use serde::{Deserialize, Serialize};

use super::files;
use super::store::{Store, save};
use crate::langfuse::PriceList;

/// A price list and its date.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredPrices {
    /// The time at which the server was asked.
    pub at: Timestamp,
    pub list: PriceList,
}

impl Store {
    /// The prices of a destination; `None` if it was never asked.
    pub fn prices(&self, destination: &str) -> Option<StoredPrices> {
        self.load(&self.prices_path(destination)).ok().flatten()
    }

    /// Stores the prices of a destination.
    ///
    /// # Errors
    /// If the folder or the file can't be written.
    pub fn save_prices(&self, destination: &str, prices: &StoredPrices) -> Result<()> {
        files::make_private_folder(self.root(), &self.root().join("prices"))?;
        save(&self.prices_path(destination), prices)
    }

    fn prices_path(&self, destination: &str) -> PathBuf {
        self.root().join("prices").join(format!("{destination}.json"))
    }
}
