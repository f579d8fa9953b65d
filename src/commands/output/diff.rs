//! What a change would do to a text, in the form that everybody reads: for dry runs.

use std::ops::Range;

/// Unchanged lines that are shown around a change.
const CONTEXT: usize = 3;

/// The unified diff of two texts; empty when they are the same.
pub(in crate::commands) fn unified(name: &str, before: &str, after: &str) -> String {
    let lines = compare(&lines_of(before), &lines_of(after));
    let mut out = String::new();
    for hunk in hunks(&lines) {
        if out.is_empty() {
            out = format!("--- {name}\n+++ {name}\n");
        }
        let shown = lines.get(hunk.clone()).unwrap_or_default();
        let count = |mark: char, lines: &[(char, &str)]| {
            lines.iter().filter(|(sign, _)| *sign != mark).count()
        };
        let above = lines.get(..hunk.start).unwrap_or_default();
        out.push_str(&format!(
            "@@ -{} +{} @@\n",
            range(count('+', above), count('+', shown)),
            range(count('-', above), count('-', shown)),
        ));
        for (sign, line) in shown {
            out.push(*sign);
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

fn lines_of(text: &str) -> Vec<&str> {
    text.lines().collect()
}

fn range(above: usize, count: usize) -> String {
    // An empty range is said by the line before it.
    format!("{},{count}", above + usize::from(count > 0))
}

/// The lines of both, signed: those of the longest common subsequence are unchanged.
fn compare<'a>(before: &[&'a str], after: &[&'a str]) -> Vec<(char, &'a str)> {
    let same = |pair: &(&&str, &&str)| pair.0 == pair.1;
    let head = before.iter().zip(after).take_while(same).count();
    let tail = before
        .iter()
        .rev()
        .zip(after.iter().rev())
        .take_while(same)
        .count();
    let tail = tail.min(before.len().min(after.len()) - head);
    let middle = |lines: &[&'a str]| -> Vec<&'a str> {
        lines
            .get(head..lines.len() - tail)
            .unwrap_or_default()
            .to_vec()
    };
    let unchanged = |lines: &[&'a str]| -> Vec<(char, &'a str)> {
        lines.iter().map(|line| (' ', *line)).collect()
    };
    let mut lines = unchanged(before.get(..head).unwrap_or_default());
    lines.extend(subsequence(&middle(before), &middle(after)));
    lines.extend(unchanged(
        before.get(before.len() - tail..).unwrap_or_default(),
    ));
    lines
}

fn subsequence<'a>(before: &[&'a str], after: &[&'a str]) -> Vec<(char, &'a str)> {
    // `common[i][j]`: how many lines `before[i..]` and `after[j..]` have in common.
    let mut common = vec![vec![0_usize; after.len() + 1]; before.len() + 1];
    let at = |common: &[Vec<usize>], i: usize, j: usize| -> usize {
        common
            .get(i)
            .and_then(|row| row.get(j))
            .copied()
            .unwrap_or_default()
    };
    for (i, old) in before.iter().enumerate().rev() {
        for (j, new) in after.iter().enumerate().rev() {
            let longest = if old == new {
                at(&common, i + 1, j + 1) + 1
            } else {
                at(&common, i + 1, j).max(at(&common, i, j + 1))
            };
            if let Some(cell) = common.get_mut(i).and_then(|row| row.get_mut(j)) {
                *cell = longest;
            }
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    loop {
        match (before.get(i), after.get(j)) {
            (Some(old), Some(new)) if old == new => {
                lines.push((' ', *old));
                (i, j) = (i + 1, j + 1);
            }
            (Some(old), new) if new.is_none() || at(&common, i + 1, j) >= at(&common, i, j + 1) => {
                lines.push(('-', *old));
                i += 1;
            }
            (_, Some(new)) => {
                lines.push(('+', *new));
                j += 1;
            }
            _ => return lines,
        }
    }
}

/// The changes with their context; those that touch are one.
fn hunks(lines: &[(char, &str)]) -> Vec<Range<usize>> {
    let mut hunks: Vec<Range<usize>> = Vec::new();
    for (at, _) in lines
        .iter()
        .enumerate()
        .filter(|(_, (sign, _))| *sign != ' ')
    {
        let hunk = at.saturating_sub(CONTEXT)..(at + CONTEXT + 1).min(lines.len());
        match hunks.last_mut() {
            Some(last) if last.end >= hunk.start => last.end = hunk.end,
            _ => hunks.push(hunk),
        }
    }
    hunks
}

#[cfg(test)]
mod tests {
    use super::unified;

    #[test]
    fn a_change_is_shown_with_what_stands_around_it() {
        let before = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\n";
        let after = "a\nb\nc\nd\nE\nf\ng\nh\ni\nj\nk\nl\n";
        assert_eq!(
            unified("file", before, after),
            "--- file\n+++ file\n@@ -2,10 +2,11 @@\n b\n c\n d\n-e\n+E\n f\n g\n h\n i\n j\n k\n+l\n"
        );
        assert_eq!(unified("file", before, before), "");
    }

    #[test]
    fn distant_changes_are_shown_apart() {
        let before: String = (0..20).map(|line| format!("{line}\n")).collect();
        let after = before.replace("3\n", "3\nnew\n").replace("18\n", "");
        let diff = unified("file", &before, &after);
        let heads: Vec<&str> = diff.lines().filter(|line| line.starts_with("@@")).collect();
        // The "3" of "13" as well.
        assert_eq!(heads, ["@@ -2,6 +2,7 @@", "@@ -12,9 +13,9 @@"]);
    }

    #[test]
    fn a_new_file_has_no_lines_before() {
        assert_eq!(
            unified("file", "", "{\n}\n"),
            "--- file\n+++ file\n@@ -0,0 +1,2 @@\n+{\n+}\n"
        );
    }
}
