//! The regions of Langfuse Cloud. Keys belong to one region and don't name it.

use clap::ValueEnum;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Region {
    /// European Union
    Eu,
    /// United States
    Us,
    /// Japan
    Jp,
    /// HIPAA (United States)
    Hipaa,
}

impl Region {
    /// All regions, the default one first.
    pub(super) const ALL: [Self; 4] = [Self::Eu, Self::Us, Self::Jp, Self::Hipaa];

    fn name_and_url(self) -> (&'static str, &'static str) {
        match self {
            Self::Eu => ("EU", "https://cloud.langfuse.com"),
            Self::Us => ("US", "https://us.cloud.langfuse.com"),
            Self::Jp => ("Japan", "https://jp.cloud.langfuse.com"),
            Self::Hipaa => ("HIPAA", "https://hipaa.cloud.langfuse.com"),
        }
    }

    pub(super) fn name(self) -> &'static str {
        self.name_and_url().0
    }

    pub(super) fn url(self) -> &'static str {
        self.name_and_url().1
    }

    /// The region of a base URL.
    pub(super) fn of_url(url: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|region| region.url() == url)
    }
}
