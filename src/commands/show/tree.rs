//! The observations of a session as a tree of lines: each turn is a heading with its root below.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use crate::commands::output::terminal::{RED, Terminal, YELLOW, one_line, truncate};
use crate::commands::output::text::milliseconds;
use crate::commands::output::tokens;
use crate::commands::session_ref::TurnSelection;
use crate::langfuse::Span;
use crate::trace::{Kind, Level, MetadataKey, SpanName, Status};
use base::Timestamp;
use transcript::Usage;

/// Width of a prompt in a heading.
const PROMPT_WIDTH: usize = 100;

/// The part of an observation that its line shows.
pub(super) struct ObservationLine {
    pub span_id: String,
    name: String,
    parent: Option<String>,
    start: Timestamp,
    kind: Option<Kind>,
    duration: String,
    level: Level,
    status_message: String,
    model: Option<String>,
    /// Generations only.
    pub usage: Option<Usage>,
    /// Whether the number of output tokens is a lower bound.
    pub lower_bound: bool,
    heading: TurnHeading,
}

/// The heading above a root.
#[derive(Default)]
struct TurnHeading {
    turn: Option<u64>,
    trace: String,
    prompt: String,
    parent_session: Option<String>,
}

/// All observations of a session.
#[derive(Default)]
pub(super) struct ObservationTree {
    lines: Vec<ObservationLine>,
}

impl ObservationLine {
    fn of(span: &Span) -> Self {
        let observation = |key: &str| span.attribute(&format!("langfuse.observation.{key}"));
        let kind = observation("type").and_then(Kind::from_name);
        Self {
            span_id: span.span_id().to_owned(),
            parent: span.parent().map(str::to_owned),
            name: span.name().to_owned(),
            start: span.start(),
            duration: duration(span),
            level: observation("level").and_then(Level::from_name).unwrap_or_default(),
            status_message: one_line(observation("status_message").unwrap_or_default()),
            usage: (kind == Some(Kind::Generation))
                .then(|| tokens::from_usage_details(&span.usage())),
            lower_bound: observation("metadata.output_tokens_bound").is_some(),
            kind,
            model: observation("model.name").map(str::to_owned),
            heading: TurnHeading::of(span),
        }
    }

    pub(super) fn is_compaction(&self) -> bool {
        self.name == SpanName::COMPACTION.as_str()
    }

    /// Whether this is the root of a turn that was interrupted or has no answer.
    pub(super) fn is_unanswered_turn(&self) -> bool {
        self.heading.turn.is_some()
            && self.kind == Some(Kind::Agent)
            && self.level == Level::Warning
            && [Status::Interrupted, Status::NoAnswer]
                .iter()
                .any(|status| status.text() == self.status_message)
    }

    /// The session that this one was forked from.
    pub(super) fn parent_session(&self) -> Option<&str> {
        self.heading.parent_session.as_deref()
    }

    fn text(&self, terminal: Terminal, columns: Option<usize>) -> String {
        let kind = self.kind.map(Kind::as_str).unwrap_or_default();
        let mut parts = vec![format!("{kind} {}", one_line(&self.name))];
        parts.extend(self.model.clone());
        parts.extend(self.usage.as_ref().map(tokens::text));
        if !self.duration.is_empty() {
            parts.push(self.duration.clone());
        }
        if self.level != Level::Default {
            parts.push(format!("{}: {}", self.level.as_str(), self.status_message));
        }
        let mut text = parts.join("  ");
        if let Some(columns) = columns {
            text = truncate(&text, columns);
        }
        match self.level {
            Level::Error => terminal.styled(RED, &text),
            Level::Warning => terminal.styled(YELLOW, &text),
            Level::Default => text,
        }
    }
}

impl TurnHeading {
    fn of(span: &Span) -> Self {
        let prompt = span.attribute("langfuse.observation.input").unwrap_or_default();
        Self {
            turn: span.metadata(MetadataKey::TurnNumber).and_then(|number| number.parse().ok()),
            trace: span.attribute("langfuse.trace.name").unwrap_or_default().to_owned(),
            prompt: truncate(&one_line(prompt), PROMPT_WIDTH),
            parent_session: span.metadata(MetadataKey::ParentSession).map(str::to_owned),
        }
    }

    fn text(&self, start: Timestamp) -> String {
        let name = match self.turn {
            Some(turn) => format!("turn {turn}"),
            None => self.trace.clone(),
        };
        let at = start.rfc3339();
        let at = at.split('.').next().unwrap_or_default().replace('T', " ");
        format!("{name}  {at}  {}", self.prompt)
    }
}

impl ObservationTree {
    pub(super) fn add(&mut self, span: &Span) {
        self.lines.push(ObservationLine::of(span));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = &ObservationLine> {
        self.lines.iter()
    }

    /// The numbers of all turns, in order.
    pub(super) fn turns(&self) -> Vec<u64> {
        let (roots, _) = self.indices();
        let line = |index: &usize| self.lines.get(*index);
        let mut turns: Vec<u64> =
            roots.iter().filter_map(|root| line(root)?.heading.turn).collect();
        turns.sort_unstable();
        turns
    }

    /// The span ids of the selected turns.
    pub(super) fn spans_of(&self, turns: TurnSelection) -> BTreeSet<String> {
        let mut spans = BTreeSet::new();
        self.walk(turns, |_, line, _| {
            spans.insert(line.span_id.clone());
            Ok(())
        })
        .unwrap_or_default();
        spans
    }

    /// Prints the selected turns.
    pub(super) fn print(
        &self,
        out: &mut impl Write,
        terminal: Terminal,
        turns: TurnSelection,
    ) -> io::Result<()> {
        self.walk(turns, |prefix, line, is_root| {
            if is_root {
                let heading = line.heading.text(line.start);
                writeln!(out, "{}", terminal.bold(&terminal.fit(heading.trim_end())))?;
            }
            let columns =
                terminal.width().map(|width| width.saturating_sub(prefix.chars().count()));
            writeln!(out, "{prefix}{}", line.text(terminal, columns))
        })
    }

    /// Indices of the roots, and of the children of each span, in the order of their starts.
    fn indices(&self) -> (Vec<usize>, BTreeMap<&str, Vec<usize>>) {
        let known = self.lines.iter().map(|line| line.span_id.as_str()).collect::<BTreeSet<_>>();
        let (mut roots, mut children) = (Vec::new(), BTreeMap::<&str, Vec<usize>>::new());
        let mut order: Vec<(usize, &ObservationLine)> = self.lines.iter().enumerate().collect();
        order.sort_unstable_by_key(|(index, line)| (line.start, *index));
        for (index, line) in order {
            match line.parent.as_deref().filter(|parent| known.contains(parent)) {
                Some(parent) => children.entry(parent).or_default().push(index),
                None => roots.push(index),
            }
        }
        (roots, children)
    }

    /// Visits the spans of the selected turns, parents before children, with the branch characters of each line.
    fn walk(
        &self,
        turns: TurnSelection,
        mut visit: impl FnMut(&str, &ObservationLine, bool) -> io::Result<()>,
    ) -> io::Result<()> {
        let (roots, children) = self.indices();
        // In a broken transcript two subagents may have launched each other.
        let mut visited = vec![false; self.lines.len()];
        for root in roots {
            let Some(first) = self.lines.get(root) else {
                continue;
            };
            let is_selected = first.heading.turn.is_some_and(|turn| turns.contains(turn));
            if !turns.is_all() && !is_selected {
                continue;
            }
            // No recursion: agents may launch agents to any depth.
            let mut stack = vec![(root, String::new(), "└ ")];
            while let Some((index, indent, branch)) = stack.pop() {
                let (Some(line), Some(was_visited)) =
                    (self.lines.get(index), visited.get_mut(index))
                else {
                    continue;
                };
                if std::mem::replace(was_visited, true) {
                    continue;
                }
                visit(&format!("{indent}{branch}"), line, index == root)?;
                let below = children.get(line.span_id.as_str()).map_or(&[][..], Vec::as_slice);
                let indent = format!("{indent}{}", if branch == "└ " { "  " } else { "│ " });
                for (position, child) in below.iter().enumerate().rev() {
                    let branch = if position + 1 == below.len() { "└ " } else { "├ " };
                    stack.push((*child, indent.clone(), branch));
                }
            }
        }
        Ok(())
    }
}

fn duration(span: &Span) -> String {
    match u64::try_from(span.end().since(span.start()).as_millis()).unwrap_or(u64::MAX) {
        0 => String::new(),
        count => milliseconds(count),
    }
}
