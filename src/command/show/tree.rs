//! Spans as trees of lines: a turn is a heading with its root below it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use base::Timestamp;
use transcript::Usage;

use super::super::terminal::{Terminal, cut, one_line};
use super::super::tokens;
use crate::cli::reference::Turns;
use crate::langfuse::Span;
use crate::trace::MetadataKey;

/// How many columns of a prompt are shown, so that it stays one line among others.
const PROMPT: usize = 100;

/// One observation, as far as a line tells of it.
pub(super) struct Line {
    pub span_id: String,
    pub name: String,
    parent: Option<String>,
    start: Timestamp,
    kind: String,
    took: String,
    /// What went wrong, and whether it is an error.
    wrong: Option<(String, bool)>,
    model: Option<String>,
    /// Generations only.
    pub usage: Option<Usage>,
    /// The output is known to be at least so much.
    pub lower_bound: bool,
    heading: Heading,
}

/// What the heading of a root needs.
#[derive(Default)]
struct Heading {
    turn: Option<u64>,
    trace: String,
    prompt: String,
    parent_session: Option<String>,
}

/// All observations of a session.
#[derive(Default)]
pub(super) struct Forest {
    lines: Vec<Line>,
}

impl Line {
    fn of(span: &Span) -> Self {
        let observation = |key: &str| span.attribute(&format!("langfuse.observation.{key}"));
        let model = observation("model.name").map(str::to_owned);
        let level = observation("level").unwrap_or_default();
        let message = one_line(observation("status_message").unwrap_or_default());
        let kind = observation("type").unwrap_or_default().to_owned();
        Self {
            span_id: span.span_id().to_owned(),
            parent: span.parent().map(str::to_owned),
            name: span.name().to_owned(),
            start: span.start(),
            took: took(span),
            wrong: match level {
                "" => None,
                level => Some((format!("{level}: {message}"), level == "ERROR")),
            },
            usage: (kind == "generation").then(|| tokens::of_keys(&span.usage())),
            lower_bound: observation("metadata.output_tokens_bound").is_some(),
            kind,
            model,
            heading: Heading::of(span),
        }
    }

    /// A turn that ended before its answer did.
    pub(super) fn is_unanswered_turn(&self) -> bool {
        let endings = ["WARNING: interrupted", "WARNING: no answer"];
        let wrong = self.wrong.as_ref().map(|(text, _)| text.as_str());
        self.heading.turn.is_some()
            && self.kind == "agent"
            && wrong.is_some_and(|wrong| endings.contains(&wrong))
    }

    /// The session that this one was forked from.
    pub(super) fn parent_session(&self) -> Option<&str> {
        self.heading.parent_session.as_deref()
    }

    fn text(&self, terminal: Terminal, room: Option<usize>) -> String {
        let mut parts = vec![format!("{} {}", self.kind, one_line(&self.name))];
        parts.extend(self.model.clone());
        parts.extend(self.usage.as_ref().map(tokens::said));
        if !self.took.is_empty() {
            parts.push(self.took.clone());
        }
        parts.extend(self.wrong.as_ref().map(|(text, _)| text.clone()));
        let text = parts.join("  ");
        let text = room.map_or(text.clone(), |room| cut(&text, room));
        match &self.wrong {
            Some((_, true)) => terminal.red(&text),
            Some((_, false)) => terminal.yellow(&text),
            None => text,
        }
    }
}

impl Heading {
    fn of(span: &Span) -> Self {
        let prompt = span.attribute("langfuse.observation.input").unwrap_or_default();
        Self {
            turn: span.metadata(MetadataKey::TurnNumber).and_then(|number| number.parse().ok()),
            trace: span.attribute("langfuse.trace.name").unwrap_or_default().to_owned(),
            prompt: cut(&one_line(prompt), PROMPT),
            parent_session: span.metadata(MetadataKey::ParentSession).map(str::to_owned),
        }
    }

    fn text(&self, start: Timestamp) -> String {
        let what = match self.turn {
            Some(turn) => format!("turn {turn}"),
            None => self.trace.clone(),
        };
        let at = start.rfc3339();
        let at = at.split('.').next().unwrap_or_default().replace('T', " ");
        format!("{what}  {at}  {}", self.prompt)
    }
}

impl Forest {
    pub(super) fn add(&mut self, span: &Span) {
        self.lines.push(Line::of(span));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    pub(super) fn each<'a>(&'a self, see: impl FnMut(&'a Line)) {
        self.lines.iter().for_each(see);
    }

    /// The numbers of all turns, in order.
    pub(super) fn turns(&self) -> Vec<u64> {
        let (roots, _) = self.places();
        let line = |place: &usize| self.lines.get(*place);
        let mut turns: Vec<u64> =
            roots.iter().filter_map(|root| line(root)?.heading.turn).collect();
        turns.sort_unstable();
        turns
    }

    /// The ids of all spans of some turns.
    pub(super) fn spans_of(&self, turns: Turns) -> BTreeSet<String> {
        let mut spans = BTreeSet::new();
        self.walk(turns, |_, line, _| {
            spans.insert(line.span_id.clone());
            Ok(())
        })
        .unwrap_or_default();
        spans
    }

    /// Prints all turns or some.
    pub(super) fn print(
        &self,
        out: &mut impl Write,
        terminal: Terminal,
        turns: Turns,
    ) -> io::Result<()> {
        self.walk(turns, |prefix, line, is_root| {
            if is_root {
                let heading = line.heading.text(line.start);
                writeln!(out, "{}", terminal.bold(&terminal.fit(heading.trim_end())))?;
            }
            let room = terminal.width().map(|width| width.saturating_sub(prefix.chars().count()));
            writeln!(out, "{prefix}{}", line.text(terminal, room))
        })
    }

    /// Places of the roots, and of the children of each span, both by their starts.
    fn places(&self) -> (Vec<usize>, BTreeMap<&str, Vec<usize>>) {
        let known = self.lines.iter().map(|line| line.span_id.as_str()).collect::<BTreeSet<_>>();
        let (mut roots, mut children) = (Vec::new(), BTreeMap::<&str, Vec<usize>>::new());
        let mut order: Vec<(usize, &Line)> = self.lines.iter().enumerate().collect();
        order.sort_unstable_by_key(|(place, line)| (line.start, *place));
        for (place, line) in order {
            match line.parent.as_deref().filter(|parent| known.contains(parent)) {
                Some(parent) => children.entry(parent).or_default().push(place),
                None => roots.push(place),
            }
        }
        (roots, children)
    }

    /// Visits the spans of all turns or of some, parents before children, with what stands before each.
    fn walk(
        &self,
        turns: Turns,
        mut visit: impl FnMut(&str, &Line, bool) -> io::Result<()>,
    ) -> io::Result<()> {
        let (roots, children) = self.places();
        // Files can say that two agents launched each other: no line is visited twice.
        let mut visited = vec![false; self.lines.len()];
        for root in roots {
            let Some(first) = self.lines.get(root) else {
                continue;
            };
            let is_meant = first.heading.turn.is_some_and(|turn| turns.have(turn));
            if !turns.are_all() && !is_meant {
                continue;
            }
            // An agent that launches agents to any depth must not exhaust the stack.
            let mut todo = vec![(root, String::new(), "└ ")];
            while let Some((place, indent, branch)) = todo.pop() {
                let (Some(line), Some(was_visited)) =
                    (self.lines.get(place), visited.get_mut(place))
                else {
                    continue;
                };
                if std::mem::replace(was_visited, true) {
                    continue;
                }
                visit(&format!("{indent}{branch}"), line, place == root)?;
                let below = children.get(line.span_id.as_str()).map_or(&[][..], Vec::as_slice);
                let indent = format!("{indent}{}", if branch == "└ " { "  " } else { "│ " });
                for (position, child) in below.iter().enumerate().rev() {
                    let branch = if position + 1 == below.len() { "└ " } else { "├ " };
                    todo.push((*child, indent.clone(), branch));
                }
            }
        }
        Ok(())
    }
}

fn took(span: &Span) -> String {
    let milliseconds = span.end().since(span.start()).as_millis();
    match milliseconds {
        0 => String::new(),
        1..1_000 => format!("{milliseconds}ms"),
        1_000..60_000 => format!("{}.{}s", milliseconds / 1_000, milliseconds % 1_000 / 100),
        _ => format!("{}m{:02}s", milliseconds / 60_000, milliseconds % 60_000 / 1_000),
    }
}
