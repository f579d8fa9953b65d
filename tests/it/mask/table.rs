//! The table of samples. `{x}` is removed: it hides samples from repository scanners; `{n}` ends a line; the secret of a
//! sample is between « and », or the whole sample without these.

/// One row.
pub(crate) struct Row {
    /// The kind of its mask, or its description if it is not masked.
    pub(crate) kind: String,
    /// The sample.
    pub(crate) text: String,
    /// Its secret; empty in a row that must not be masked.
    pub(crate) secret: String,
    /// The sample is only the secret, on one line.
    pub(crate) is_bare: bool,
}

/// The rows that must be masked and those that must not.
pub(crate) fn rows() -> (Vec<Row>, Vec<Row>) {
    let table = include_str!("../../fixtures/mask/conformance.tsv");
    let rows = table.lines().skip(1).map(|line| {
        let cells: Vec<&str> = line.split('\t').collect();
        let [kind, sample, verdict, _] = cells.as_slice() else {
            panic!("not four columns: {line}")
        };
        assert!(["must", "mustnot"].contains(verdict), "{line}");
        (*verdict == "must", row(kind, sample, *verdict == "must"))
    });
    let (must, must_not): (Vec<_>, Vec<_>) = rows.partition(|(must, _)| *must);
    let bare = |rows: Vec<(bool, Row)>| rows.into_iter().map(|(_, row)| row).collect();
    (bare(must), bare(must_not))
}

fn row(kind: &str, sample: &str, is_secret: bool) -> Row {
    let sample = sample.replace("{x}", "").replace("{n}", "\n");
    let marked = sample
        .split_once('«')
        .and_then(|(_, rest)| rest.split_once('»'))
        .map(|(secret, _)| secret.to_owned());
    let text = sample.replace(['«', '»'], "");
    let secret = marked.clone().unwrap_or_else(|| text.clone());
    Row {
        kind: kind.to_owned(),
        secret: if is_secret { secret } else { String::new() },
        is_bare: marked.is_none() && !text.contains('\n'),
        text,
    }
}
