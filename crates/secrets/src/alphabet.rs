//! The bytes of secrets, the beginnings of words, and entropy. All bytes are ASCII, so that no range cuts a
//! character.

/// A set of bytes.
#[derive(Clone, Copy)]
pub(super) struct Alphabet(u16);

const DIGIT: u16 = 1;
const LOWER_HEX: u16 = 1 << 1;
const LOWER: u16 = 1 << 2;
const UPPER_HEX: u16 = 1 << 3;
const UPPER: u16 = 1 << 4;
const UNDERSCORE: u16 = 1 << 5;
const DASH: u16 = 1 << 6;
const DOT: u16 = 1 << 7;
const PLUS_SLASH: u16 = 1 << 8;
const EQUALS: u16 = 1 << 9;
const PERCENT: u16 = 1 << 10;
const DOLLAR: u16 = 1 << 11;

/// `0-9a-f`
pub(super) const HEX: Alphabet = Alphabet(DIGIT | LOWER_HEX);
/// `0-9a-fA-F`
pub(super) const ANY_HEX: Alphabet = Alphabet(HEX.0 | UPPER_HEX);
/// `0-9A-Z`
pub(super) const CAPITAL: Alphabet = Alphabet(DIGIT | UPPER_HEX | UPPER);
/// `0-9a-zA-Z`
pub(super) const ALNUM: Alphabet = Alphabet(ANY_HEX.0 | LOWER | UPPER);
/// `0-9a-zA-Z_`
pub(super) const WORD: Alphabet = Alphabet(ALNUM.0 | UNDERSCORE);
/// base64url: `0-9a-zA-Z_-`
pub(super) const URLSAFE: Alphabet = Alphabet(WORD.0 | DASH);
/// base64url in parts: `0-9a-zA-Z_.-`
pub(super) const DOTTED: Alphabet = Alphabet(URLSAFE.0 | DOT);
/// base64: `0-9a-zA-Z+/=`
pub(super) const BASE64: Alphabet = Alphabet(ALNUM.0 | PLUS_SLASH | EQUALS);
/// All bytes that Slack, Atlassian and Sentry use.
pub(super) const WIDE: Alphabet = Alphabet(DOTTED.0 | PLUS_SLASH | EQUALS | PERCENT);

/// `0-9a-zA-Z$`
pub(super) const DOLLARS: Alphabet = Alphabet(ALNUM.0 | DOLLAR);

static CLASSES: [u16; 256] = classes();

const fn classes() -> [u16; 256] {
    let mut classes = [0; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        let class = match byte {
            b'0'..=b'9' => DIGIT,
            b'a'..=b'f' => LOWER_HEX,
            b'g'..=b'z' => LOWER,
            b'A'..=b'F' => UPPER_HEX,
            b'G'..=b'Z' => UPPER,
            b'_' => UNDERSCORE,
            b'-' => DASH,
            b'.' => DOT,
            b'+' | b'/' => PLUS_SLASH,
            b'=' => EQUALS,
            b'%' => PERCENT,
            b'$' => DOLLAR,
            _ => 0,
        };
        #[allow(
            clippy::indexing_slicing,
            reason = "evaluated by the compiler, which checks the bounds"
        )]
        {
            classes[byte as usize] = class;
        }
        byte += 1;
    }
    classes
}

impl Alphabet {
    pub(super) fn has(self, byte: u8) -> bool {
        CLASSES.get(usize::from(byte)).is_some_and(|class| class & self.0 != 0)
    }

    /// The number of bytes from `at` on that belong to the set, at most `most`.
    pub(super) fn run(self, bytes: &[u8], at: usize, most: usize) -> usize {
        let rest = bytes.get(at..).unwrap_or_default();
        let rest = rest.get(..most).unwrap_or(rest);
        rest.iter().position(|byte| !self.has(*byte)).unwrap_or(rest.len())
    }

    /// The number of bytes before `at` that belong to the set, at most `most`.
    pub(super) fn run_before(self, bytes: &[u8], at: usize, most: usize) -> usize {
        let before = bytes.get(at.saturating_sub(most)..at).unwrap_or_default();
        before.iter().rev().position(|byte| !self.has(*byte)).unwrap_or(before.len())
    }
}

/// The byte at a position; 0 outside of the text.
pub(super) fn byte(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

/// The byte before a position; 0 at the beginning.
pub(super) fn before(bytes: &[u8], at: usize) -> u8 {
    at.checked_sub(1).map_or(0, |at| byte(bytes, at))
}

/// Whether a word may begin here: no letter or digit precedes it, or the preceding ones belong to an escape (`\n`,
/// `\u003d`, `%3D`, a colour of the terminal).
pub(super) fn begins_word(bytes: &[u8], at: usize) -> bool {
    let last = before(bytes, at);
    if !last.is_ascii_alphanumeric() {
        return true;
    }
    let back = |steps: usize| at.checked_sub(steps).map_or(0, |at| byte(bytes, at));
    let hex = |steps: usize| back(steps).is_ascii_hexdigit();
    if matches!(last, b'n' | b'r' | b't' | b'b' | b'f') && back(2) == b'\\' {
        return true;
    }
    if hex(1) && hex(2) {
        if back(3) == b'%' {
            return true;
        }
        if hex(3) && hex(4) && back(5) == b'u' && back(6) == b'\\' {
            return true;
        }
    }
    last == b'm' && ends_colour(bytes, at)
}

/// `…[1;31m`
fn ends_colour(bytes: &[u8], at: usize) -> bool {
    let head = bytes.get(at.saturating_sub(16)..at.saturating_sub(1)).unwrap_or_default();
    head.iter().rev().find(|byte| !byte.is_ascii_digit() && **byte != b';') == Some(&b'[')
}

/// Shannon's entropy in bits per byte.
pub(super) fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let total = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let weighed: f64 = counts.iter().map(|count| f64::from(*count) * log2(*count)).sum();
    log2(total) - weighed / f64::from(total.max(1))
}

/// The logarithm of a count, to 20 binary places. Zero and one have 0. The standard library's is a function of libm,
/// which nothing else here needs: loading that library costs each process 0.4 MB and 40,000 instructions. Its last
/// bit also differs between systems, and masking must not.
fn log2(count: u32) -> f64 {
    let whole = count.checked_ilog2().unwrap_or(0);
    let mut mantissa = f64::from(count.max(1)) / f64::from(1_u32 << whole);
    let mut logarithm = f64::from(whole);
    let mut bit = 0.5;
    while mantissa > 1.0 && bit > 1e-6 {
        mantissa *= mantissa;
        if mantissa >= 2.0 {
            mantissa /= 2.0;
            logarithm += bit;
        }
        bit /= 2.0;
    }
    logarithm
}

#[cfg(test)]
mod tests {
    use super::{ALNUM, HEX, begins_word, entropy, log2};

    #[test]
    fn a_run_ends_where_the_alphabet_does() {
        assert_eq!(HEX.run(b"--0aFg", 2, 100), 2);
        assert_eq!(ALNUM.run(b"abcdef", 1, 3), 3);
        assert_eq!(ALNUM.run(b"abc", 7, 3), 0);
        assert_eq!(HEX.run_before(b"xyzab-", 5, 100), 2);
    }

    #[test]
    fn a_word_begins_after_an_escape_too() {
        let begins = |text: &str| begins_word(text.as_bytes(), text.len());
        for text in ["", " ", "=", "a\\n", "\\u003d", "%3D", "\u{1b}[31m", "\\u001b[1;32m"] {
            assert!(begins(text), "{text}");
        }
        for text in ["a", "n", "9", "0d", "am", "[3am"] {
            assert!(!begins(text), "{text}");
        }
    }

    #[test]
    fn entropy_is_zero_for_one_letter_and_four_bits_for_sixteen() {
        assert!(entropy(b"aaaa") < 0.01);
        assert!((entropy(b"0123456789abcdef") - 4.0).abs() < 0.01);
    }

    #[test]
    fn a_logarithm_is_that_of_the_standard_library_to_a_millionth() {
        assert!(log2(0).abs() < 1e-9);
        for count in (1..5000).chain([65_537, 1 << 31, u32::MAX]) {
            assert!((log2(count) - f64::from(count).log2()).abs() < 2e-6, "{count}");
        }
    }
}
