//! Keys and tokens that tell by their beginning whose they are: the table `vendors.txt`. Public keys (`pk-lf-`, `pk_live_`)
//! are no secrets and not in it.
//!
//! A line is: what it begins with; its kind; the alphabet of what follows, and `!` if a word must begin there because the
//! beginning alone is not rare enough; the least length of what follows, with `+`, or the least and the most.
//! The lines are sorted, and read by the compiler: offsets into one text need no relocations, which would double the size.

use super::alphabet::{
    ALNUM, ANY_HEX, Alphabet, BASE64, CAPITAL, DOTTED, HEX, URLSAFE, WIDE, WORD,
};

static TEXT: &str = include_str!("vendors.txt");

/// All of them.
pub(super) static VENDORS: [Vendor; COUNT] = VENDORS_READ;

/// The same, for tables that the compiler makes of it.
pub(super) const VENDORS_READ: [Vendor; COUNT] = read();

const COUNT: usize = count();

/// One line.
#[derive(Clone, Copy)]
pub(super) struct Vendor {
    begin: (u16, u8),
    kind: (u16, u8),
    alphabet: Alphabet,
    /// At least so many bytes of the alphabet follow.
    pub(super) least: u16,
    /// At most so many.
    pub(super) most: u16,
    /// A word must begin here.
    pub(super) at_word: bool,
    /// The first bytes of its beginning; where there are but two, a space is the third.
    pub(super) first_three: [u8; 3],
}

/// No bound.
const ANY: u16 = u16::MAX;

impl Vendor {
    pub(super) fn begin(&self) -> &'static str {
        part(self.begin)
    }

    pub(super) fn kind(&self) -> &'static str {
        part(self.kind)
    }

    pub(super) fn alphabet(&self) -> Alphabet {
        self.alphabet
    }

    pub(super) fn most(&self) -> usize {
        if self.most == ANY {
            usize::MAX
        } else {
            usize::from(self.most)
        }
    }
}

fn part((at, length): (u16, u8)) -> &'static str {
    let at = usize::from(at);
    TEXT.get(at..at + usize::from(length)).unwrap_or_default()
}

const fn count() -> usize {
    let bytes = TEXT_BYTES;
    let (mut at, mut lines) = (0, 0);
    while at < bytes.len() {
        #[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
        if bytes[at] == b'\n' {
            lines += 1;
        }
        at += 1;
    }
    lines
}

const TEXT_BYTES: &[u8] = include_bytes!("vendors.txt");

#[allow(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::panic,
    reason = "evaluated by the compiler, which stops at a table that it can't read"
)]
const fn read() -> [Vendor; COUNT] {
    assert!(TEXT_BYTES.len() < ANY as usize);
    let empty = Vendor {
        begin: (0, 0),
        kind: (0, 0),
        alphabet: HEX,
        least: 0,
        most: ANY,
        at_word: false,
        first_three: [0; 3],
    };
    let mut vendors = [empty; COUNT];
    let (mut at, mut line) = (0, 0);
    while line < COUNT {
        let begin = word_at(at);
        let kind = word_at(at + begin + 1);
        let letter = at + begin + 1 + kind + 1;
        let least = letter + 3;
        let digits = number_at(least).1;
        let closed = TEXT_BYTES[least + digits] == b'-';
        let end = least + word_at(least);
        vendors[line] = Vendor {
            begin: (at as u16, begin as u8),
            kind: ((at + begin + 1) as u16, kind as u8),
            alphabet: named(TEXT_BYTES[letter]),
            least: number_at(least).0,
            most: if closed {
                number_at(least + digits + 1).0
            } else {
                ANY
            },
            at_word: TEXT_BYTES[letter + 1] == b'!',
            first_three: [TEXT_BYTES[at], TEXT_BYTES[at + 1], TEXT_BYTES[at + 2]],
        };
        at = end + 1;
        line += 1;
    }
    vendors
}

#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn word_at(at: usize) -> usize {
    let mut length = 0;
    while !matches!(TEXT_BYTES[at + length], b' ' | b'\n') {
        length += 1;
    }
    length
}

#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn number_at(at: usize) -> (u16, usize) {
    let (mut number, mut length) = (0, 0);
    while TEXT_BYTES[at + length].is_ascii_digit() {
        number = number * 10 + (TEXT_BYTES[at + length] - b'0') as u16;
        length += 1;
    }
    (number, length)
}

#[allow(clippy::panic, reason = "evaluated by the compiler")]
const fn named(letter: u8) -> Alphabet {
    match letter {
        b'h' => HEX,
        b'x' => ANY_HEX,
        b'c' => CAPITAL,
        b'a' => ALNUM,
        b'w' => WORD,
        b'u' => URLSAFE,
        b'd' => DOTTED,
        b'b' => BASE64,
        b's' => WIDE,
        _ => panic!("no alphabet of this name"),
    }
}

#[cfg(test)]
mod tests {
    use super::VENDORS;

    #[test]
    fn the_table_is_sorted_and_every_line_is_read() {
        assert!(VENDORS.iter().map(|vendor| vendor.begin()).is_sorted());
        for vendor in &VENDORS {
            assert!(
                vendor.begin().len() > 1 && !vendor.kind().is_empty(),
                "{}",
                vendor.begin()
            );
            assert!(
                vendor.least > 0 && usize::from(vendor.least) <= vendor.most(),
                "{}",
                vendor.begin()
            );
        }
        let anthropic = VENDORS
            .iter()
            .find(|vendor| vendor.begin() == "sk-ant-")
            .unwrap();
        assert_eq!(
            (anthropic.kind(), anthropic.least, anthropic.at_word),
            ("anthropic-key", 20, false)
        );
    }
}
