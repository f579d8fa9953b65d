//! Calls that stand out, with their requests. The requests are read from the transcripts of those calls: cached facts
//! do not hold them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::rc::Rc;

use crate::commands::session_facts::StartFacts;
use crate::usage::{Highlight, Highlights, requests_of};

/// Maximum length of a request, in characters.
const MAX_ASKED_CHARS: usize = 200;

/// A highlight as it is shown.
pub(super) struct ListedCall {
    pub project: String,
    pub tool: String,
    /// Masked.
    pub asked: String,
    pub count: u64,
    pub output_chars: u64,
}

#[derive(Default)]
pub(super) struct Lists {
    pub rereads: Vec<ListedCall>,
    pub retries: Vec<ListedCall>,
    pub largest: Vec<ListedCall>,
}

impl Lists {
    /// `sources`: transcripts and their start directories, at the positions that highlights name.
    pub(super) fn read(highlights: &Highlights, sources: &[(PathBuf, Rc<StartFacts>)]) -> Self {
        let lists = [highlights.rereads(), highlights.retries(), highlights.largest()];
        let mut wanted: BTreeMap<usize, BTreeSet<u64>> = BTreeMap::new();
        for highlight in lists.iter().flatten() {
            wanted.entry(highlight.session).or_default().insert(highlight.request);
        }
        let mut asked: BTreeMap<(usize, u64), String> = BTreeMap::new();
        for (session, requests) in wanted {
            let Some((transcript, start)) = sources.get(session) else {
                continue;
            };
            for (request, text) in requests_of(transcript, &requests) {
                let text: String = start.mask(&text).chars().take(MAX_ASKED_CHARS).collect();
                asked.insert((session, request), text);
            }
        }
        let listed = |highlight: &&Highlight| ListedCall {
            project: sources
                .get(highlight.session)
                .map_or_else(String::new, |(_, start)| start.project.clone()),
            tool: highlight.tool.clone(),
            asked: asked.get(&(highlight.session, highlight.request)).cloned().unwrap_or_default(),
            count: highlight.count,
            output_chars: highlight.output_chars,
        };
        let [rereads, retries, largest] = lists.map(|list| list.iter().map(listed).collect());
        Self { rereads, retries, largest }
    }
}
