//! The pages of a listing. A server that leads back to an earlier page, as behind a proxy that drops the query, would
//! never end it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Client, Deadline, Problem, Verdict};

/// A larger number means that the server invents pages.
const MAX_PAGES: usize = 100_000;

/// The largest page of endpoints with numbered pages.
pub(super) const PAGE_ROWS: usize = 100;

/// The position in a listing that is read page by page.
#[derive(Debug, Default)]
pub struct Listing {
    next: Option<String>,
    seen: BTreeSet<String>,
}

impl Listing {
    /// The cursor of the page to read; `None` for the first one.
    pub fn next(&self) -> Option<&str> {
        self.next.as_deref()
    }

    /// Moves to the page that the last one names. Returns whether there is one.
    ///
    /// # Errors
    /// If the listing returns to an earlier page, or has no end.
    pub fn advance(&mut self, next: Option<String>) -> Result<bool, Verdict> {
        let Some(cursor) = &next else { return Ok(false) };
        if !self.seen.insert(cursor.clone()) || self.seen.len() > MAX_PAGES {
            return Err(Verdict::later(format!(
                "the server's list has no end, as behind a proxy that drops the query: stopped after page {}",
                self.seen.len()
            )));
        }
        self.next = next;
        Ok(true)
    }

    /// Halves numbered pages without losing the position.
    pub fn halve_pages(&mut self) {
        let halved = |page: u64| page.saturating_sub(1) * 2 + 1;
        self.next = self.next().map(|page| halved(page.parse().unwrap_or(1)).to_string());
    }
}

impl Client {
    /// A page of a listing, whose `data` are rows; `None` if the server has no such path. `rows`: the word for them.
    pub(super) fn page(
        &mut self,
        path: &str,
        rows: &str,
        deadline: Deadline,
    ) -> Result<Option<Value>, Verdict> {
        let Some(answer) = self.get(path, deadline)? else {
            return Ok(None);
        };
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        match answer.get("data").is_some_and(Value::is_array) {
            true => Ok(Some(answer)),
            false => Err(self.without_rows(rows)),
        }
    }

    /// All rows of a listing with numbered pages. `path`: up to the number of the page.
    pub(super) fn all_rows(
        &mut self,
        path: &str,
        rows: &str,
        deadline: Deadline,
    ) -> Result<Option<Vec<Value>>, Verdict> {
        let (mut all, mut next) = (Vec::new(), Some(1));
        while let Some(page) = next {
            let path = format!("{path}page={page}&limit={PAGE_ROWS}");
            let Some(answer) = self.page(&path, rows, deadline)? else {
                return Ok(None);
            };
            all.extend(rows_of(&answer).cloned());
            next = page_after(page, &answer);
        }
        Ok(Some(all))
    }

    pub(super) fn without_rows(&self, rows: &str) -> Verdict {
        let reason = format!("{} did not answer with {rows}", self.server());
        Verdict::misconfigured(Problem::NotLangfuse, reason)
    }

    /// `purpose`: "for scores".
    pub(super) fn without_endpoint(&self, purpose: &str) -> Verdict {
        let reason = format!("{} has no endpoint {purpose}", self.server());
        Verdict::misconfigured(Problem::Url, reason)
    }
}

pub(super) fn rows_of(answer: &Value) -> impl Iterator<Item = &Value> {
    answer.get("data").and_then(Value::as_array).into_iter().flatten()
}

/// The number of the page after this one; `None` on the last one, and after a page without rows.
pub(super) fn page_after(page: u64, answer: &Value) -> Option<u64> {
    let rows = answer.get("data").and_then(Value::as_array)?;
    let pages = answer.pointer("/meta/totalPages").and_then(Value::as_u64)?;
    (!rows.is_empty() && page < pages.min(MAX_PAGES as u64)).then_some(page + 1)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Listing, MAX_PAGES, page_after};

    fn advance(listing: &mut Listing, to: &str) -> Option<bool> {
        listing.advance(Some(to.to_owned())).ok()
    }

    #[test]
    fn a_cursor_that_comes_again_ends_the_listing_with_an_error() {
        let mut listing = Listing::default();
        assert_eq!(advance(&mut listing, "a"), Some(true));
        assert_eq!(advance(&mut listing, "b"), Some(true));
        assert_eq!(listing.next(), Some("b"));
        assert_eq!(advance(&mut listing, "a"), None);
        assert_eq!(listing.advance(None), Ok(false));
    }

    #[test]
    fn a_listing_that_never_ends_is_given_up() {
        let mut listing = Listing::default();
        let mut pages = (0..=MAX_PAGES).map(|page| advance(&mut listing, &page.to_string()));
        assert_eq!(pages.position(|page| page.is_none()), Some(MAX_PAGES));
    }

    #[test]
    fn numbered_pages_end_by_their_count_or_without_rows() {
        let answer =
            |rows: usize, pages| json!({"data": vec![0; rows], "meta": {"totalPages": pages}});
        assert_eq!(page_after(1, &answer(2, 3)), Some(2));
        assert_eq!(page_after(3, &answer(2, 3)), None);
        assert_eq!(page_after(1, &answer(0, 3)), None);
        assert_eq!(page_after(1, &json!({"data": [1]})), None);
    }
}
