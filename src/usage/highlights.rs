//! Tool calls that stand out: files read again unchanged, calls repeated after a failure, the largest results.

use std::collections::BTreeMap;

use super::facts::ToolFacts;

/// The number of calls in a list.
const MAX_LISTED: usize = 20;

/// Equal calls of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Highlight {
    pub tool: String,
    /// A digest of the request.
    pub request: u64,
    /// A session with such a call, by its position among the added ones.
    pub session: usize,
    pub count: u64,
    pub output_chars: u64,
}

/// The calls that stand out among those added so far.
#[derive(Debug, Default)]
pub struct Highlights {
    rereads: BTreeMap<u64, Highlight>,
    retries: BTreeMap<u64, Highlight>,
    largest: Vec<Highlight>,
}

impl Highlights {
    pub fn add(&mut self, session: usize, tool: &ToolFacts) {
        let highlight = |count: u64, output_chars: u64| Highlight {
            tool: tool.name.clone(),
            request: tool.request,
            session,
            count,
            output_chars,
        };
        let lists = [(tool.is_reread, &mut self.rereads), (tool.is_retry, &mut self.retries)];
        for (_, list) in lists.into_iter().filter(|(is_listed, _)| *is_listed) {
            let known = list.entry(tool.request).or_insert_with(|| highlight(0, 0));
            known.count += 1;
            known.output_chars += tool.output_chars;
        }
        let smallest = self.largest.get(MAX_LISTED - 1).map_or(0, |least| least.output_chars);
        if tool.output_chars > smallest {
            self.largest.push(highlight(1, tool.output_chars));
            self.largest.sort_by_key(|it| std::cmp::Reverse(it.output_chars));
            self.largest.truncate(MAX_LISTED);
        }
    }

    /// Repeated reads of an unchanged file, those first that filled the context most.
    pub fn rereads(&self) -> Vec<&Highlight> {
        listed(&self.rereads, |it| (it.output_chars, it.count))
    }

    /// Calls repeated unchanged after a failure, the most frequent first.
    pub fn retries(&self) -> Vec<&Highlight> {
        listed(&self.retries, |it| (it.count, it.output_chars))
    }

    /// The results with the most text.
    pub fn largest(&self) -> Vec<&Highlight> {
        self.largest.iter().collect()
    }
}

fn listed(calls: &BTreeMap<u64, Highlight>, rank: fn(&Highlight) -> (u64, u64)) -> Vec<&Highlight> {
    let mut all: Vec<&Highlight> = calls.values().collect();
    all.sort_by_key(|it| std::cmp::Reverse(rank(it)));
    all.truncate(MAX_LISTED);
    all
}
