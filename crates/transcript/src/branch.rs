//! Where a person went back in the conversation. The rows that were left stay in the file, and nothing marks them; only
//! the row that goes on tells: by its parent, and since 2.1.330 by its number. Searched from the end, because what is
//! gone back to stands near, and a session may be 500 MB long.

use std::fs::File;
use std::io::{Read, Result, Seek, SeekFrom};
use std::path::Path;

use base::regular_file;
use memchr::memmem::FinderRev;

/// The first read; the row before a turn is rarely farther away.
const NEAR: u64 = 4 * 1024;
/// The largest read.
const FAR: u64 = 1024 * 1024;
/// No search goes back further: a row that is gone would cost a reading of the whole file at every turn.
const MAX_SEARCH_BYTES: u64 = 4 * 1024 * 1024;
/// The longest number.
const DIGITS: usize = 20;

/// The place after which the turn that starts at `start` goes on; `None` when it goes on where the file's last turn
/// ended. `follows`: the parent of its first row; `index`: its number in its branch.
///
/// # Errors
/// When the file can't be read.
pub fn branch_point(
    path: &Path,
    start: u64,
    follows: Option<&str>,
    index: Option<u64>,
) -> Result<Option<u64>> {
    let mut file = regular_file::open(path)?;
    if let Some(parent) = follows {
        let row = format!("\"uuid\":\"{parent}\"");
        if let Some(at) = rfind(&mut file, start, &row, |_| true)? {
            let last_user = rfind(&mut file, start, "\"type\":\"user\"", |_| true)?;
            if last_user.is_some_and(|user| user > at) {
                return Ok(Some(at));
            }
        }
    }
    let Some(index) = index else { return Ok(None) };
    // The terminal UI hangs the prompt that replaces the very first one on the last row: its number alone tells.
    let mut repeated = false;
    let before = rfind(&mut file, start, "\"turnIndex\":", |rest| {
        let is_before = leading_number(rest).is_some_and(|number| number < index);
        repeated |= !is_before;
        is_before
    })?;
    let beginning = (start <= MAX_SEARCH_BYTES).then_some(0);
    Ok(before.or(beginning).filter(|_| repeated))
}

fn leading_number(text: &[u8]) -> Option<u64> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit());
    let digits = end.map_or(text, |end| text.get(..end).unwrap_or_default());
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The last place before `end`, and not too far from it, where `needle` stands and what follows it is `wanted`.
fn rfind(
    file: &mut File,
    end: u64,
    needle: &str,
    mut wanted: impl FnMut(&[u8]) -> bool,
) -> Result<Option<u64>> {
    let finder = FinderRev::new(needle);
    let (mut window, mut searched, mut size) = (Vec::new(), end, NEAR);
    let last = end.saturating_sub(MAX_SEARCH_BYTES);
    while searched > last {
        let start = searched.saturating_sub(size).max(last);
        file.seek(SeekFrom::Start(start))?;
        window.clear();
        // A needle that begins before `searched` may reach beyond it.
        let reach = (searched + (needle.len() + DIGITS) as u64).min(end);
        file.take(reach - start).read_to_end(&mut window)?;
        let mut upto = window.len();
        while let Some(at) = window.get(..upto).and_then(|text| finder.rfind(text)) {
            let place = start + at as u64;
            let rest = window.get(at + needle.len()..).unwrap_or_default();
            if place < searched && wanted(rest) {
                return Ok(Some(place));
            }
            upto = at;
        }
        searched = start;
        size = (size * 4).min(FAR);
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::{FAR, MAX_SEARCH_BYTES, NEAR, branch_point, rfind};

    fn file(rows: &[String]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        rows.iter().for_each(|row| writeln!(file, "{row}").unwrap());
        file
    }

    fn prompt(uuid: &str, parent: &str, index: u64) -> String {
        format!(
            r#"{{"parentUuid":"{parent}","type":"user","uuid":"{uuid}","turnPosition":{{"turnIndex":{index}}}}}"#
        )
    }

    fn answer(uuid: &str, parent: &str) -> String {
        format!(r#"{{"parentUuid":"{parent}","type":"assistant","uuid":"{uuid}"}}"#)
    }

    /// The row, counted from 0, in which the place is that is gone back to.
    fn row(rows: &[String], follows: &str, index: Option<u64>) -> Option<usize> {
        let file = file(rows);
        let end = file.as_file().metadata().unwrap().len();
        let place = branch_point(file.path(), end, Some(follows), index).unwrap()?;
        let text = std::fs::read_to_string(file.path()).unwrap();
        let before = text.get(..usize::try_from(place).unwrap()).unwrap();
        Some(before.matches('\n').count())
    }

    #[test]
    fn who_goes_on_at_the_end_or_at_a_row_that_nobody_knows_went_nowhere() {
        let rows = [prompt("p1", "", 1), answer("a1", "p1")];
        assert_eq!(row(&rows, "a1", Some(2)), None);
        assert_eq!(row(&rows, "gone", Some(2)), None);
        assert_eq!(row(&rows, "p1", None), None, "no user row was left");
    }

    #[test]
    fn the_parent_tells_and_where_it_does_not_the_number() {
        let rows =
            [prompt("p1", "", 1), answer("a1", "p1"), prompt("p2", "a1", 2), answer("a2", "p2")];
        assert_eq!(row(&rows, "a1", None), Some(1));
        assert_eq!(row(&rows, "a2", Some(2)), Some(0));
        assert_eq!(row(&rows, "a2", Some(1)), Some(0), "from the beginning");
    }

    #[test]
    fn what_lies_too_far_back_is_not_looked_for() {
        let far = "x".repeat(usize::try_from(MAX_SEARCH_BYTES).unwrap());
        let rows = [prompt("p1", "", 1), answer("a1", "p1"), prompt("p2", "a1", 2), far];
        assert_eq!(row(&rows, "a1", None), None);
        assert_eq!(row(&rows, "gone", Some(1)), None);
    }

    #[test]
    fn a_needle_is_found_wherever_the_reads_end() {
        let needle = "\"turnIndex\":";
        let sizes = [NEAR, 4 * NEAR, FAR].map(|size| usize::try_from(size).unwrap());
        let gaps = sizes.iter().flat_map(|size| size - 40..size + 8);
        for gap in gaps.chain([0, 3 * sizes[2]]) {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            write!(file, "{needle}11,{needle}77,{}", " ".repeat(gap)).unwrap();
            let end = file.as_file().metadata().unwrap().len();
            let mut found = Vec::new();
            let place = rfind(file.as_file_mut(), end, needle, |rest| {
                found.push(String::from_utf8_lossy(&rest[..2]).into_owned());
                found.len() == 2
            });
            assert_eq!(place.unwrap(), Some(0), "{gap}");
            assert_eq!(found, ["77", "11"], "{gap}");
        }
    }
}
