//! Keys and tokens with a vendor's prefix: `vendors.txt`.

use std::ops::RangeInclusive;

use super::alphabet::{
    ALNUM, ANY_HEX, Alphabet, BASE64, CAPITAL, DOLLARS, DOTTED, HEX, URLSAFE, WIDE, WORD,
};

/// The secrets of a vendor.
pub(super) struct Vendor {
    /// Their prefix: at least two bytes.
    pub(super) begin: &'static str,
    pub(super) kind: &'static str,
    /// The bytes that may follow.
    pub(super) alphabet: Alphabet,
    /// The number of bytes that follow.
    pub(super) length: RangeInclusive<usize>,
    /// A word must begin here, because the prefix alone is not rare enough.
    pub(super) at_word: bool,
}

const TABLE: &str = include_str!("vendors.txt");

/// Reads the table, which is sorted by prefix.
pub(super) fn vendors() -> Vec<Vendor> {
    TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(vendor).collect()
}

fn vendor(line: &'static str) -> Option<Vendor> {
    let mut columns = line.split_ascii_whitespace();
    let (begin, kind) = (columns.next()?, columns.next()?);
    let alphabet = match columns.next()? {
        "alnum" => ALNUM,
        "any-hex" => ANY_HEX,
        "base64" => BASE64,
        "capital" => CAPITAL,
        "dollars" => DOLLARS,
        "dotted" => DOTTED,
        "hex" => HEX,
        "urlsafe" => URLSAFE,
        "wide" => WIDE,
        "word" => WORD,
        _ => return None,
    };
    let least = columns.next()?.parse().ok()?;
    let most = columns.next()?.parse().unwrap_or(usize::MAX);
    Some(Vendor {
        begin,
        kind,
        alphabet,
        length: least..=most,
        at_word: columns.next() == Some("word"),
    })
}

#[cfg(test)]
mod tests {
    use super::{TABLE, vendors};

    #[test]
    fn the_table_is_sorted_and_has_each_beginning_once() {
        let vendors = vendors();
        assert!(vendors.is_sorted_by(|one, next| one.begin < next.begin));
    }

    #[test]
    fn each_line_is_a_vendor_that_can_be_found() {
        let vendors = vendors();
        let lines: Vec<&str> = TABLE.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(vendors.len(), lines.len());
        for (vendor, line) in vendors.iter().zip(lines) {
            let (least, most) = (*vendor.length.start(), *vendor.length.end());
            assert!(vendor.begin.len() > 1 && vendor.begin.is_ascii(), "{line}");
            assert!(least > 0 && least <= most, "{line}");
            let columns: Vec<&str> = line.split_whitespace().collect();
            assert!(columns[4] == "-" || columns[4] == most.to_string(), "{line}");
            assert!(matches!(columns[5..], [] | ["word"]), "{line}");
        }
    }
}
