//! Finds the row at which a person went back in the conversation. The abandoned rows stay in the file, unmarked. Only
//! the next prompt shows the rewind: by its parent, and since 2.1.330 by its turn index. The file is searched from
//! its end, because people mostly go back a few turns, and a session may have 500 MB.

use std::fs::File;
use std::io::{Read, Result, Seek, SeekFrom};
use std::path::Path;

use base::regular_file;

use super::scan;

/// The first read, in bytes; the row before a turn is rarely farther away.
const FIRST_READ_BYTES: u64 = 4 * 1024;
/// The largest read.
const MAX_READ_BYTES: u64 = 1024 * 1024;
/// The search stops here: if the row is gone, every turn would read the whole file.
const MAX_SEARCH_BYTES: u64 = 4 * 1024 * 1024;
/// Larger than a name with its value; ids have 36 characters.
const MAX_FIELD_BYTES: u64 = 256;

/// Returns the offset behind which the turn at `start` continues; `None` if it follows the last turn of the file.
/// `parent`: the parent of its first row. `index`: its 1-based position in its branch.
///
/// # Errors
/// If the file can't be read.
pub fn branch_point(
    path: &Path,
    start: u64,
    parent: Option<&str>,
    index: Option<u64>,
) -> Result<Option<u64>> {
    let mut file = regular_file::open(path)?;
    if let Some(parent) = parent {
        let is_parent = |value: &[u8]| scan::text(value) == Some(parent.as_bytes());
        if let Some(at) = rfind(&mut file, start, b"\"uuid\"", is_parent)? {
            let is_user = |value: &[u8]| scan::text(value) == Some(b"user");
            let last_user = rfind(&mut file, start, b"\"type\"", is_user)?;
            if last_user.is_some_and(|user| user > at) {
                return Ok(Some(at));
            }
        }
    }
    let Some(index) = index else { return Ok(None) };
    // The terminal UI appends the prompt that replaces the very first one to the last row: only its index shows it.
    let mut repeated = false;
    let before = rfind(&mut file, start, b"\"turnIndex\"", |value| {
        let is_before = scan::number(value).is_some_and(|number| number < index);
        repeated |= !is_before;
        is_before
    })?;
    let beginning = (start <= MAX_SEARCH_BYTES).then_some(0);
    Ok(before.or(beginning).filter(|_| repeated))
}

/// The offset of the last field with this name before `end` whose value passes `is_wanted`.
fn rfind(
    file: &mut File,
    end: u64,
    name: &[u8],
    mut is_wanted: impl FnMut(&[u8]) -> bool,
) -> Result<Option<u64>> {
    let (mut window, mut searched, mut size) = (Vec::new(), end, FIRST_READ_BYTES);
    let last = end.saturating_sub(MAX_SEARCH_BYTES);
    while searched > last {
        let start = searched.saturating_sub(size).max(last);
        file.seek(SeekFrom::Start(start))?;
        window.clear();
        // A field that begins before `searched` may extend beyond it.
        let reach = (searched + MAX_FIELD_BYTES).min(end);
        file.take(reach - start).read_to_end(&mut window)?;
        let found = scan::last_value(&window, name, |at, value| {
            let place = start + at as u64;
            (place < searched && is_wanted(value)).then_some(place)
        });
        if found.is_some() {
            return Ok(found);
        }
        searched = start;
        size = (size * 4).min(MAX_READ_BYTES);
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::{FIRST_READ_BYTES, MAX_READ_BYTES, MAX_SEARCH_BYTES, branch_point, rfind};

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

    /// The index of the row at the branch point.
    fn row(rows: &[String], follows: &str, index: Option<u64>) -> Option<usize> {
        let file = file(rows);
        let end = file.as_file().metadata().unwrap().len();
        let place = branch_point(file.path(), end, Some(follows), index).unwrap()?;
        let text = std::fs::read_to_string(file.path()).unwrap();
        let before = text.get(..usize::try_from(place).unwrap()).unwrap();
        Some(before.matches('\n').count())
    }

    #[test]
    fn a_turn_at_the_end_or_after_an_unknown_row_has_no_branch_point() {
        let rows = [prompt("p1", "", 1), answer("a1", "p1")];
        assert_eq!(row(&rows, "a1", Some(2)), None);
        assert_eq!(row(&rows, "gone", Some(2)), None);
        assert_eq!(row(&rows, "p1", None), None, "no user row was left");
    }

    #[test]
    fn the_branch_point_is_found_by_parent_or_else_by_turn_index() {
        let rows =
            [prompt("p1", "", 1), answer("a1", "p1"), prompt("p2", "a1", 2), answer("a2", "p2")];
        assert_eq!(row(&rows, "a1", None), Some(1));
        assert_eq!(row(&rows, "a2", Some(2)), Some(0));
        assert_eq!(row(&rows, "a2", Some(1)), Some(0), "from the beginning");
    }

    #[test]
    fn rows_too_far_back_are_not_searched() {
        let far = "x".repeat(usize::try_from(MAX_SEARCH_BYTES).unwrap());
        let rows = [prompt("p1", "", 1), answer("a1", "p1"), prompt("p2", "a1", 2), far];
        assert_eq!(row(&rows, "a1", None), None);
        assert_eq!(row(&rows, "gone", Some(1)), None);
    }

    #[test]
    fn finds_a_field_wherever_the_reads_end() {
        let name = "\"turnIndex\"";
        let sizes = [FIRST_READ_BYTES, 4 * FIRST_READ_BYTES, MAX_READ_BYTES]
            .map(|size| usize::try_from(size).unwrap());
        let gaps = sizes.iter().flat_map(|size| size - 40..size + 8);
        for gap in gaps.chain([0, 3 * sizes[2]]) {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            write!(file, "{name}:11,{name}:77,{}", " ".repeat(gap)).unwrap();
            let end = file.as_file().metadata().unwrap().len();
            let mut found = Vec::new();
            let place = rfind(file.as_file_mut(), end, name.as_bytes(), |rest| {
                found.push(String::from_utf8_lossy(&rest[..2]).into_owned());
                found.len() == 2
            });
            assert_eq!(place.unwrap(), Some(0), "{gap}");
            assert_eq!(found, ["77", "11"], "{gap}");
        }
    }
}
