//! The checksum at the end of a state file. JSON can't reveal a changed digit.

use crate::trace::digest;

/// Precedes the checksum, which is the last field of the object.
const FIELD: &[u8] = br#","checksum":""#;
const DIGITS: usize = 16;
/// Ends the checksum and the object.
const END: &[u8] = br#""}"#;

/// Adds the checksum to an object in JSON.
pub(super) fn seal(content: &mut Vec<u8>) {
    if content.len() > 2 && content.pop_if(|last| *last == b'}').is_some() {
        let checksum = digest(content).to_string();
        [FIELD, checksum.as_bytes(), END].into_iter().for_each(|part| content.extend(part));
    }
}

/// Whether the content has the checksum that it was written with. Earlier builds wrote none.
pub(super) fn is_intact(content: &[u8]) -> bool {
    let tail = FIELD.len() + DIGITS + END.len();
    let Some((object, tail)) = content.split_at_checked(content.len().saturating_sub(tail)) else {
        return true;
    };
    let checksum = tail.strip_prefix(FIELD).and_then(|tail| tail.strip_suffix(END));
    checksum.is_none_or(|checksum| checksum == digest(object).to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::{is_intact, seal};

    #[test]
    fn every_changed_or_missing_byte_of_what_it_covers_is_seen() {
        let mut sealed = br#"{"schema":3,"open_start":1200,"idle":true}"#.to_vec();
        let covered = sealed.len() - 1;
        seal(&mut sealed);
        assert!(is_intact(&sealed));
        assert!(serde_json::from_slice::<serde_json::Value>(&sealed).is_ok());
        for at in 0..covered {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert!(!is_intact(&damaged), "{at}");
            damaged.remove(at);
            assert!(!is_intact(&damaged), "{at}");
        }
    }

    #[test]
    fn content_without_checksum_counts_as_intact() {
        for content in ["", "{}", r#"{"schema":3}"#] {
            assert!(is_intact(content.as_bytes()), "{content}");
        }
        let mut empty = b"{}".to_vec();
        seal(&mut empty);
        assert_eq!(empty, b"{}");
    }
}
