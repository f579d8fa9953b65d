//! Distinguishes random letters from words: words and names in programs use few of all pairs of letters.

/// A row per letter: the surprise of each letter after it, in bits. Counted over words of at least three letters,
/// without case, in the Rust, C, Python and Perl sources and the documentation of a Debian system. Random letters
/// cost 6 bits per pair, words 3.7.
static BITS: [&[u8; 26]; 26] = [
    b"75447759596343959343667769",
    b"36563689358267479446389959",
    b"37563773594467269453579979",
    b"46642667388567469446577879",
    b"47435568698453757334867569",
    b"46554379299476369445498969",
    b"47672765498464569346588988",
    b"28762799397656379464597969",
    b"56445559998452359543959795",
    b"37662779495867359746387999",
    b"46651666398565569635587979",
    b"37652779397377379755579949",
    b"25662789398557439746589989",
    b"47433538496676479733568979",
    b"66447668696442549345455889",
    b"37663775497478349354588969",
    b"66655879699576768556088999",
    b"37552769396655369544668959",
    b"58472774396667558642477958",
    b"37562684298667469345588859",
    b"54564569598443749333999899",
    b"27671678398667569666998899",
    b"27653684398564469346798899",
    b"46453577497647638652788569",
    b"55564668498444529534676987",
    b"37781787499668489868798965",
];

/// Whether a run of at least `least` letters, without case, is no word. Of random letters one text in 30 looks like
/// words at 8 letters, one in 300 at 16, one in 3,000 at 24. Of names in programs one in 50 looks random.
pub(super) fn has_random_letters(text: &str, least: usize) -> bool {
    let mut letters = 0;
    let (mut pairs, mut bits) = (0_u32, 0_u32);
    let mut previous = None;
    for byte in text.bytes() {
        let letter =
            byte.is_ascii_alphabetic().then(|| usize::from(byte.to_ascii_lowercase() - b'a'));
        if let (Some(first), Some(second)) = (previous, letter) {
            let row = BITS.get::<usize>(first).and_then(|row| row.get(second));
            bits += u32::from(row.map_or(0, |digit| digit - b'0'));
            pairs += 1;
        }
        letters += usize::from(letter.is_some());
        previous = letter;
    }
    // Tenths of a bit: few letters must be more surprising.
    let enough = match letters {
        ..12 => 52,
        12..16 => 47,
        _ => 45,
    };
    letters >= least && bits * 10 >= pairs * enough && !is_monotonous(text)
}

/// Whether capitals and small letters alternate as in no word and no name: one letter of a kind between two of the
/// other, repeatedly. Of random texts of twelve letters fewer than one in a thousand looks like words and passes here
/// too.
pub(super) fn is_jumbled(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() < 12
        || !bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(byte))
    {
        return false;
    }
    let odd = bytes.windows(3).filter(|three| match three {
        [first, second, third] => {
            first.is_ascii_uppercase() && second.is_ascii_lowercase() && third.is_ascii_uppercase()
                || first.is_ascii_uppercase()
                    && second.is_ascii_uppercase()
                    && third.is_ascii_lowercase()
        }
        _ => false,
    });
    let has_both = bytes.iter().any(u8::is_ascii_lowercase)
        && bytes.iter().skip(1).any(u8::is_ascii_uppercase);
    has_both && (odd.count() * 10 >= bytes.len() || has_random_letters(text, 8))
}

/// `aaaabbbb`, the alphabet: surprising, but not generated.
fn is_monotonous(text: &str) -> bool {
    let bytes = text.as_bytes();
    let steps = bytes
        .windows(2)
        .filter(|pair| matches!(pair, [first, second] if second.wrapping_sub(*first) <= 1));
    steps.count() * 2 >= bytes.len()
}

#[cfg(test)]
mod tests {
    use super::has_random_letters;

    #[test]
    fn words_and_names_are_not_random() {
        for text in [
            "correcthorsebatterystaple",
            "getSomethingVeryLongHere",
            "my-personal-access-token",
            "SHORT_PATTERN_OF_LETTERS",
            "abcdefghijklmnopqrstuvwxyz",
            "aaaaaaaabbbbbbbbcccccccc",
            "x",
            "",
        ] {
            assert!(!has_random_letters(text, 8), "{text}");
        }
    }

    #[test]
    fn drawn_letters_are_random() {
        for text in ["xKqzWvTbNmPdLrHs", "qzxjvkwpbfgmhtrn", "AKZQXVJWPFTBKHMZ", "Zq_xJ-vKw_pBfGm"]
        {
            assert!(has_random_letters(text, 8), "{text}");
        }
        assert!(!has_random_letters("xKqzWvT", 8));
    }
}
