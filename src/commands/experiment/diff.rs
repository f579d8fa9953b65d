//! Changes between two states of a repository, and the similarity of two changes.

use std::collections::BTreeMap;

use crate::score::share;

/// The changed lines, each with its file, its sign and its count.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Diff {
    lines: BTreeMap<(String, char, String), u64>,
    pub files: usize,
}

impl Diff {
    /// Reads a patch without context lines. `skip`: files that don't count.
    pub(super) fn read(patch: &[u8], skip: impl Fn(&str) -> bool) -> Self {
        let patch = String::from_utf8_lossy(patch);
        let mut diff = Self::default();
        let mut file: Option<String> = None;
        let mut left = (0u64, 0u64);
        for line in patch.lines() {
            if left == (0, 0) {
                if let Some(names) = line.strip_prefix("diff --git ") {
                    let name = name_of(names).to_owned();
                    file = (!skip(&name)).then_some(name);
                    diff.files += usize::from(file.is_some());
                } else if line.starts_with("@@ ") {
                    left = counts(line);
                }
                continue;
            }
            let Some((sign, text)) = line.split_at_checked(1) else {
                continue;
            };
            let sign = match sign {
                "-" => {
                    left.0 = left.0.saturating_sub(1);
                    '-'
                }
                "+" => {
                    left.1 = left.1.saturating_sub(1);
                    '+'
                }
                // `\ No newline at end of file`
                _ => continue,
            };
            if let Some(file) = &file {
                *diff.lines.entry((file.clone(), sign, text.trim().to_owned())).or_default() += 1;
            }
        }
        diff
    }

    /// Added and removed lines.
    pub(super) fn size(&self) -> u64 {
        self.lines.values().sum()
    }

    /// From 0, nothing in common, to 1, the same lines: twice the common lines divided by all lines of both. `None`
    /// if both are empty.
    pub(super) fn overlap(&self, other: &Self) -> Option<f64> {
        let all = self.size() + other.size();
        let common = self.lines.iter().map(|(line, count)| {
            let theirs = other.lines.get(line).copied().unwrap_or_default();
            theirs.min(*count)
        });
        let common: u64 = common.sum();
        share(2 * common, all)
    }
}

/// `a/NAME b/NAME`: without renames both names are the same.
fn name_of(names: &str) -> &str {
    let half = names.len() / 2;
    names.get(half + 1..).and_then(|name| name.strip_prefix("b/")).unwrap_or(names)
}

/// How many lines a part removes and adds: `@@ -1,2 +3 @@`.
fn counts(line: &str) -> (u64, u64) {
    let mut ranges = line.split(' ').skip(1).take(2).map(|range| match range.split_once(',') {
        Some((_, count)) => count.parse().unwrap_or_default(),
        None => 1,
    });
    (ranges.next().unwrap_or_default(), ranges.next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::Diff;

    const PATCH: &[u8] = b"diff --git a/a b/a\nindex 1..2 100644\n--- a/a\n+++ b/a\n@@ -1,2 +1 @@ fn x\n-one\n--- two\n+three\n\\ No newline at end of file\n\
        diff --git a/CLAUDE.md b/CLAUDE.md\n--- a/CLAUDE.md\n+++ b/CLAUDE.md\n@@ -0,0 +1 @@\n+rule\n";

    #[test]
    fn lines_are_counted_with_their_files() {
        let diff = Diff::read(PATCH, |file| file == "CLAUDE.md");
        assert_eq!((diff.files, diff.size()), (1, 3));
        assert_eq!(Diff::read(PATCH, |_| false).size(), 4);
        assert_eq!(Diff::read(b"", |_| false), Diff::default());
    }

    #[test]
    fn overlap_is_the_share_of_common_lines() {
        let part = b"diff --git a/a b/a\n@@ -1 +1 @@\n-one\n+four\n";
        let (whole, part) = (Diff::read(PATCH, |_| false), Diff::read(part, |_| false));
        assert_eq!(whole.overlap(&part), Some(0.3333));
        assert_eq!(whole.overlap(&whole), Some(1.0));
        assert_eq!(Diff::default().overlap(&Diff::default()), None);
    }
}
