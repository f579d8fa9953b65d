//! Single tool calls that stand out: files read again unchanged, commands retried, the largest results.

use std::collections::BTreeMap;

use super::facts::ToolFacts;

/// The number of calls in a list.
const MAX_LISTED: usize = 20;
/// Maximum length of what was asked, in characters.
const MAX_ASKED_CHARS: usize = 200;

/// Calls of one kind that did the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Highlight {
    pub project: String,
    pub tool: String,
    pub asked: String,
    pub count: u64,
    pub output_chars: u64,
}

/// The calls that stand out among those added so far.
#[derive(Debug, Default)]
pub struct Highlights {
    rereads: BTreeMap<[String; 3], (u64, u64)>,
    retries: BTreeMap<[String; 3], (u64, u64)>,
    largest: Vec<Highlight>,
}

impl Highlights {
    /// Adds a call. `mask` is applied to what is kept of it.
    pub fn add(&mut self, project: &str, tool: &ToolFacts, mask: &dyn Fn(&str) -> String) {
        let key = || {
            let asked = mask(tool.asked.as_deref().unwrap_or_default());
            let asked = asked.chars().take(MAX_ASKED_CHARS).collect();
            [project.to_owned(), tool.name.clone(), asked]
        };
        for (is_listed, list) in
            [(tool.is_reread, &mut self.rereads), (tool.is_retry, &mut self.retries)]
        {
            if is_listed {
                let (count, chars) = list.entry(key()).or_default();
                *count += 1;
                *chars += tool.output_chars;
            }
        }
        let smallest = self.largest.get(MAX_LISTED - 1).map_or(0, |least| least.output_chars);
        if tool.output_chars > smallest {
            self.largest.push(highlight(&key(), 1, tool.output_chars));
            self.largest.sort_by_key(|it| std::cmp::Reverse(it.output_chars));
            self.largest.truncate(MAX_LISTED);
        }
    }

    /// Reads of a file that was read before and had not changed, those first that filled the context most.
    pub fn rereads(&self) -> Vec<Highlight> {
        listed(&self.rereads, |it| (it.output_chars, it.count))
    }

    /// Calls repeated as they were after they had failed, the most frequent first.
    pub fn retries(&self) -> Vec<Highlight> {
        listed(&self.retries, |it| (it.count, it.output_chars))
    }

    /// The results with the most text.
    pub fn largest(&self) -> &[Highlight] {
        &self.largest
    }
}

fn listed(
    calls: &BTreeMap<[String; 3], (u64, u64)>,
    rank: fn(&Highlight) -> (u64, u64),
) -> Vec<Highlight> {
    let mut all: Vec<Highlight> =
        calls.iter().map(|(key, (count, chars))| highlight(key, *count, *chars)).collect();
    all.sort_by_key(|it| std::cmp::Reverse(rank(it)));
    all.truncate(MAX_LISTED);
    all
}

fn highlight([project, tool, asked]: &[String; 3], count: u64, output_chars: u64) -> Highlight {
    Highlight {
        project: project.clone(),
        tool: tool.clone(),
        asked: asked.clone(),
        count,
        output_chars,
    }
}
