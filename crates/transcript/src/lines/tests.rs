//! Lines of files as crashes, editors and other systems leave them.

use std::io::{Seek, SeekFrom, Write};

use super::Lines;

fn collect(lines: &mut Lines) -> Vec<(u64, String)> {
    let mut all = Vec::new();
    while let Some(line) = lines.next_line().unwrap() {
        all.push((line.offset, String::from_utf8_lossy(&line.bytes).into_owned()));
    }
    all
}

#[test]
fn an_unfinished_line_waits_for_its_end() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"{\"a\":1}\n{\"b\":").unwrap();
    let mut lines = Lines::open(file.path(), 0).unwrap();
    assert_eq!(collect(&mut lines), [(0, "{\"a\":1}".to_owned())]);
    file.write_all(b"2}\n").unwrap();
    assert_eq!(collect(&mut lines), [(8, "{\"b\":2}".to_owned())]);
    assert_eq!(lines.offset(), 16);
}

#[test]
fn a_whole_object_without_newline_is_a_line() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"{\"a\":{}}").unwrap();
    let mut lines = Lines::open(file.path(), 0).unwrap();
    assert_eq!(collect(&mut lines), [(0, "{\"a\":{}}".to_owned())]);
    file.write_all(b"\n{\"b\":1}\n").unwrap();
    assert_eq!(collect(&mut lines), [(8, String::new()), (9, "{\"b\":1}".to_owned())]);
}

#[test]
fn each_row_of_a_line_has_its_own_offset() {
    let rows = [
        r#"{"type":"user","message":{"content":[{"type":"text","text":"a}{"}]},"x":"}{"}"#,
        r#"{"parentUuid":null,"y":{"type":"b"}}"#,
        "{\"type\":\"mode\"}\0\0",
        r#"{"type":"z"}"#,
    ];
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&[&b"\xef\xbb\xbf"[..], rows.concat().as_bytes(), b"\r\n"].concat()).unwrap();
    let lines = collect(&mut Lines::open(file.path(), 0).unwrap());
    let texts: Vec<&str> = lines.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts, rows.map(|row| row.trim_end_matches('\0')));
    let offsets: Vec<u64> = lines.iter().map(|(offset, _)| *offset).collect();
    for (offset, text) in offsets.iter().zip(texts) {
        let mut again = Lines::open(file.path(), *offset).unwrap();
        assert_eq!(again.next_line().unwrap().unwrap().bytes, text.as_bytes());
    }
}

#[test]
fn a_whole_row_before_zeros_at_the_end_is_a_line() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"{\"a\":1}\0\0\0").unwrap();
    let mut lines = Lines::open(file.path(), 0).unwrap();
    assert_eq!(collect(&mut lines), [(0, "{\"a\":1}".to_owned())]);
    file.write_all(b"{\"b\":2}\n").unwrap();
    assert_eq!(collect(&mut lines), [(10, "{\"b\":2}".to_owned())]);
}

#[test]
fn an_inner_brace_does_not_end_a_line() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"{\"a\":{\"b\":1}").unwrap();
    assert_eq!(collect(&mut Lines::open(file.path(), 0).unwrap()), []);
}

#[test]
fn lines_longer_than_a_read_and_windows_line_ends_are_read_whole() {
    let long = format!("{{{}}}", "x".repeat(3 * super::CHUNK));
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write!(file, "{long}\r\nshort\r\n").unwrap();
    let lines = collect(&mut Lines::open(file.path(), 0).unwrap());
    assert_eq!(lines.iter().map(|(_, text)| text.len()).collect::<Vec<_>>(), [long.len(), 5]);
}

#[test]
fn zeros_that_a_power_cut_left_are_skipped() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"{\"a\":1}\n").unwrap();
    let zeros = vec![0; 9 * super::CHUNK + 5];
    file.write_all(&zeros).unwrap();
    let mut lines = Lines::open(file.path(), 0).unwrap();
    assert_eq!(collect(&mut lines), [(0, "{\"a\":1}".to_owned())]);
    assert_eq!(lines.offset(), 8, "what is there may yet come");
    assert!(lines.buffer.capacity() <= 4 * super::CHUNK);
    file.write_all(b"{\"b\":2}\n").unwrap();
    let after = 8 + zeros.len() as u64;
    assert_eq!(collect(&mut lines), [(after, "{\"b\":2}".to_owned())]);
    assert_eq!(lines.offset(), after + 8);
}

#[test]
fn skips_a_hollow_end_until_a_row_follows() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"{\"a\":1}\n").unwrap();
    let hollow = 64 << 20;
    file.as_file().set_len(hollow).unwrap();
    let mut lines = Lines::open(file.path(), 0).unwrap();
    for _ in 0..3 {
        collect(&mut lines);
        assert!(lines.file.stream_position().unwrap() < 2 * super::ROOM as u64);
    }
    file.seek(SeekFrom::Start(hollow)).unwrap();
    file.write_all(b"{\"b\":2}\n").unwrap();
    assert_eq!(collect(&mut lines), [(hollow, "{\"b\":2}".to_owned())]);
}

#[test]
fn a_long_unneeded_line_takes_no_memory_and_does_not_shift_the_next_one() {
    for start in ["x", " ", "[", "{\"a\":0,\"type\":\"new\",\"b\":"] {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let rubbish = [start, &start[..1].repeat(9 * super::CHUNK)].concat();
        let rubbish = rubbish.as_bytes();
        file.write_all(rubbish).unwrap();
        let mut lines = Lines::open(file.path(), 0).unwrap();
        lines.for_spans = true;
        assert_eq!(collect(&mut lines), []);
        assert_eq!(lines.offset(), 0, "it may still grow");
        file.write_all(b"{}}\n{\"b\":2}\n").unwrap();
        let read = collect(&mut lines);
        let end = rubbish.len() as u64 + 4;
        assert_eq!(read[1], (end, "{\"b\":2}".to_owned()));
        assert!(read[0].1.len() <= super::KEPT_BYTES + 4, "{}", read[0].1.len());
        assert!(lines.buffer.capacity() <= 4 * super::CHUNK);
    }
}

#[test]
fn a_directory_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let error = format!("{:#}", Lines::open(folder.path(), 0).unwrap_err());
    assert!(error.contains("not a regular file"), "{error}");
}
