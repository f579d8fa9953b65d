//! How many secrets of which kind were taken out of one observation.

use std::fmt;

/// Counts by kind, sorted: there are few.
#[derive(Debug, Default)]
pub(super) struct Tally(Vec<(String, usize)>);

impl Tally {
    pub(super) fn add(&mut self, kind: &str) {
        let place = self.0.partition_point(|(known, _)| &**known < kind);
        match self.0.get_mut(place) {
            Some((known, count)) if known == kind => *count += 1,
            _ => self.0.insert(place, (kind.to_owned(), 1)),
        }
    }
}

/// `github-token 2, jwt 1`
impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (kind, count)) in self.0.iter().enumerate() {
            let gap = if position > 0 { ", " } else { "" };
            write!(formatter, "{gap}{kind} {count}")?;
        }
        Ok(())
    }
}
