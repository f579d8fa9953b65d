//! The input rows of an answer: the path from the answer back to the beginning, or to the last compaction.

use std::collections::BTreeSet;

use super::index::{Boundary, Index, Kind};

impl Index {
    /// The rows before an answer, in the order in which the model received them.
    pub(super) fn way_to(&self, answer: usize) -> Vec<usize> {
        let mut rows = self.rows_before(answer);
        self.drop_unanswered_calls(&mut rows);
        rows
    }

    fn rows_before(&self, answer: usize) -> Vec<usize> {
        let mut way = self.walk(answer);
        let Some((at, boundary)) = self.compaction_on(&way, answer) else {
            self.add_siblings(&mut way, answer);
            return self.in_order(way);
        };
        way.retain(|row| *row > at);
        way.extend(self.summaries_of(at, answer));
        let (anchor, kept) = self.kept_by(boundary, at);
        self.add_siblings(&mut way, answer);
        let mut rows = self.in_order(way);
        rows.retain(|row| !kept.contains(row));
        let behind = anchor.and_then(|anchor| rows.iter().position(|row| *row == anchor));
        let place = behind.map_or(0, |anchor| anchor + 1);
        rows.splice(place..place, kept);
        rows
    }

    /// Walks from an answer to its parents.
    fn walk(&self, answer: usize) -> BTreeSet<usize> {
        let mut way = BTreeSet::new();
        let mut at = answer;
        while let Some(parent) = self.rows.get(at).and_then(|row| row.parent.as_deref()) {
            // A row may come before its parent, but never after the answer.
            match self.row_before(parent, answer) {
                Some(row) if way.insert(row) => at = row,
                _ => break,
            }
        }
        way
    }

    /// The last compaction on the path. It is not always a step of the path: up to 2.1.197 the rows of `/compact`
    /// follow the rows before it.
    fn compaction_on(&self, way: &BTreeSet<usize>, answer: usize) -> Option<(usize, &Boundary)> {
        self.boundaries_before(answer).find(|(at, boundary)| {
            let after = boundary.after.as_deref();
            let before = after.and_then(|after| self.row_before(after, *at));
            way.contains(at) || before.is_some_and(|before| way.contains(&before))
        })
    }

    /// The summary may not be on the path either.
    fn summaries_of(&self, boundary: usize, answer: usize) -> Vec<usize> {
        let rows = boundary..answer;
        let is_summary = |row: &usize| {
            let row = self.rows.get(*row);
            matches!(row.map(|row| &row.kind), Some(Kind::User { is_summary: true, .. }))
        };
        rows.filter(is_summary).take(1).collect()
    }

    /// The rows that a compaction kept, and the row that they follow now.
    fn kept_by(&self, boundary: &Boundary, at: usize) -> (Option<usize>, Vec<usize>) {
        let anchor = boundary.anchor.as_deref();
        let anchor = anchor.and_then(|uuid| self.row_before(uuid, usize::MAX));
        let listed = boundary.kept.iter();
        let mut kept: Vec<usize> = listed.filter_map(|uuid| self.row_before(uuid, at)).collect();
        if let Some((head, tail)) = boundary.ends.as_ref().filter(|_| kept.is_empty()) {
            let head = self.row_before(head, at);
            let mut row = self.row_before(tail, at);
            while let Some(at) = row.filter(|at| !kept.contains(at)) {
                kept.push(at);
                let parent = self.rows.get(at).and_then(|row| row.parent.as_deref());
                row = parent
                    .filter(|_| Some(at) != head)
                    .and_then(|parent| self.row_before(parent, at));
            }
            kept.reverse();
        }
        kept.retain(|row| self.is_sent(*row));
        (anchor, kept)
    }

    /// With parallel tools the path includes only one of them. The others are rows of the same answer, and the
    /// results of their calls.
    fn add_siblings(&self, way: &mut BTreeSet<usize>, answer: usize) {
        let Some(first) = way.first().copied() else {
            return;
        };
        let answer_of = |row: usize| match &self.rows.get(row)?.kind {
            Kind::AssistantMessage { answer, calls } => Some((answer, calls)),
            _ => None,
        };
        let ids =
            way.iter().filter_map(|row| answer_of(*row).map(|(id, _)| id)).collect::<BTreeSet<_>>();
        let parts: Vec<usize> = ids.iter().flat_map(|id| self.answer(id)).collect();
        way.extend(parts.iter().filter(|row| (first..answer).contains(*row)));
        let answers = parts.iter().filter_map(|row| answer_of(*row));
        let calls = answers.flat_map(|(_, calls)| calls).collect::<BTreeSet<_>>();
        let results =
            (first..answer).filter(|row| match self.rows.get(*row).map(|row| &row.kind) {
                Some(Kind::User { results, .. }) => results.iter().any(|call| calls.contains(call)),
                _ => false,
            });
        way.extend(results);
    }

    /// A killed process leaves calls without results. The API rejects those, and the CLI leaves them out.
    fn drop_unanswered_calls(&self, rows: &mut Vec<usize>) {
        let kind = |row: &usize| self.rows.get(*row).map(|row| &row.kind);
        let results = rows.iter().filter_map(|row| match kind(row)? {
            Kind::User { results, .. } => Some(results),
            _ => None,
        });
        let answered = results.flatten().collect::<BTreeSet<_>>();
        rows.retain(|row| match kind(row) {
            Some(Kind::AssistantMessage { calls, .. }) => {
                calls.is_empty() || calls.iter().any(|call| answered.contains(call))
            }
            _ => true,
        });
    }

    /// The file has the rows in the order in which they were sent.
    fn in_order(&self, way: BTreeSet<usize>) -> Vec<usize> {
        way.into_iter().filter(|row| self.is_sent(*row)).collect()
    }

    fn is_sent(&self, row: usize) -> bool {
        let kind = self.rows.get(row).map(|row| &row.kind);
        matches!(kind, Some(Kind::User { .. } | Kind::AssistantMessage { .. } | Kind::Beside))
    }
}
