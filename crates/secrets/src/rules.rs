//! The rules: the beginning and the extent of each secret. A rule is tried only at its beginning, so that a text
//! without one costs a table look-up per byte.

use std::ops::Range;
use std::sync::LazyLock;

use super::alphabet::{before, begins_word};
use super::assignments::at_flag;
use super::hit::Hit;
use super::placeholders::is_filling;
use super::random::has_random_letters;
use super::values::has_digit;
use super::vendors::{Vendor, vendors};
use super::{calls, cells, commands, flags, headers, keys, shapes, stdin, urls, words};

/// The bytes read before a secret is certain. Otherwise a text of many beginnings would be read again and again.
const PROBE: usize = 256;

/// The secret of a vendor that begins at `at`, if it is one.
fn of_vendor(vendor: &Vendor, text: &str, at: usize) -> Option<Hit> {
    let bytes = text.as_bytes();
    // A dot before it marks the end of a file name.
    if vendor.at_word && (!begins_word(bytes, at) || before(bytes, at) == b'.') {
        return None;
    }
    let (alphabet, least, most) = (vendor.alphabet, *vendor.length.start(), *vendor.length.end());
    let body = at + vendor.begin.len();
    let probe = alphabet.run(bytes, body, most.saturating_add(1).min(PROBE));
    let is_cut = text.get(body + probe..).is_some_and(|rest| rest.starts_with('\u{2026}'));
    let head = text.get(body..body + probe)?;
    let is_long_enough = probe >= least || is_cut && is_rest_of_cut(head);
    if !is_long_enough || probe > most || !looks_made(head) {
        return None;
    }
    let mut end = body + probe;
    if probe == PROBE {
        end += alphabet.run(bytes, end, usize::MAX);
    }
    // A full stop after it belongs to the sentence.
    while end > body && before(bytes, end) == b'.' {
        end -= 1;
    }
    Some(Hit::new(at, end, vendor.kind))
}

/// The first bytes of a key, not the last ones of its prefix, as in `sk-ant-api03-…`.
fn is_rest_of_cut(head: &str) -> bool {
    let last = head.rsplit('-').next().unwrap_or_default();
    head.len() >= 6 && last.len() >= 4
}

/// It is no filling of an example and no word.
fn looks_made(body: &str) -> bool {
    (has_digit(body) || has_random_letters(body, 8)) && !is_filling(body)
}

/// The rules, indexed by the first bytes of their secrets.
pub(super) struct Rules {
    vendors: Vec<Vendor>,
    /// For each first byte, its range in `SHAPES`.
    first_shapes: [Range<usize>; 128],
    /// For each first byte, its range in `vendors`.
    first_vendors: [Range<usize>; 128],
    /// One bit per pair of bytes. The table is complete, so that no bound is checked.
    pairs: [u8; 256 * 256 / 8],
}

/// Built when the first text is masked, for about 2 % of the instructions of a turn.
pub(super) static RULES: LazyLock<Rules> = LazyLock::new(Rules::new);

impl Rules {
    fn new() -> Self {
        let vendors = vendors();
        let shape_begins = SHAPES.iter().map(|(begin, _)| *begin);
        let vendor_begins = vendors.iter().map(|vendor| vendor.begin);
        let (first_shapes, first_vendors) =
            (index(shape_begins.clone()), index(vendor_begins.clone()));
        let mut pairs = [0; 256 * 256 / 8];
        // Any name can precede an assignment or a pipe.
        let assigned = (0..=u8::MAX).flat_map(|second| b"=:>|".map(|first| [first, second]));
        let begins =
            shape_begins.chain(vendor_begins).filter_map(|begin| begin.as_bytes().first_chunk());
        // The full-width colon assigns, too.
        for pair in assigned.chain([[0xef, 0xbc]]).chain(begins.copied()) {
            let (byte, bit) = place(pair);
            if let Some(byte) = pairs.get_mut(byte) {
                *byte |= bit;
            }
        }
        Self { vendors, first_shapes, first_vendors, pairs }
    }

    /// Whether these two bytes may begin a secret or an assignment.
    pub(super) fn may_begin(&self, pair: [u8; 2]) -> bool {
        let (byte, bit) = place(pair);
        self.pairs.get(byte).is_some_and(|byte| byte & bit != 0)
    }

    /// The secret at `at`: by its shape, otherwise by the longest matching prefix.
    pub(super) fn find(&self, text: &str, at: usize) -> Option<Hit> {
        let rest = text.as_bytes().get(at..)?;
        let (first, second) = (*rest.first()?, *rest.get(1)?);
        let third = rest.get(2).copied().unwrap_or_default();
        // Sorted by prefix, so that the longer of two similar ones comes later. Comparing the bytes after the first
        // is cheaper than a call that compares texts.
        for (begin, shape) in
            SHAPES.get(self.first_shapes.get(usize::from(first))?.clone())?.iter().rev()
        {
            let begin = begin.as_bytes();
            if begin.get(1) == Some(&second)
                && rest.starts_with(begin)
                && let Some(hit) = shape(text, at)
            {
                return Some(hit);
            }
        }
        for vendor in
            self.vendors.get(self.first_vendors.get(usize::from(first))?.clone())?.iter().rev()
        {
            let begin = vendor.begin.as_bytes();
            if begin.get(1) == Some(&second)
                && begin.get(2).is_none_or(|byte| *byte == third)
                && rest.starts_with(begin)
                && let Some(hit) = of_vendor(vendor, text, at)
            {
                return Some(hit);
            }
        }
        None
    }
}

/// The byte and bit of a pair, in the order in which a processor loads the pair at once.
fn place(pair: [u8; 2]) -> (usize, u8) {
    let pair = u16::from_le_bytes(pair);
    (usize::from(pair >> 3), 1 << (pair & 7))
}

/// For each first byte, its range in a sorted table.
fn index<'a>(table: impl Iterator<Item = &'a str>) -> [Range<usize>; 128] {
    let mut ranges = [const { 0..0 }; 128];
    for (at, begin) in table.enumerate() {
        let first = begin.as_bytes().first().copied().unwrap_or_default();
        if let Some(range) = ranges.get_mut(usize::from(first)) {
            *range = if range.end == 0 { at } else { range.start }..at + 1;
        }
    }
    ranges
}

/// Recognises a secret by the text around a position.
type Shape = fn(&str, usize) -> Option<Hit>;

/// Secrets that are more than a prefix and a word of one alphabet.
static SHAPES: &[(&str, Shape)] = &[
    ("#define ", words::defined),
    ("( ", calls::argument),
    ("(\"", calls::argument),
    ("('", calls::argument),
    ("(\\", calls::argument),
    ("--", at_flag),
    ("-----BEGIN", keys::pem),
    ("-P ", flags::short),
    ("-U ", flags::short),
    ("-a", flags::short),
    ("-b", flags::short),
    ("-k", flags::short),
    ("-p", flags::short),
    ("-u", flags::short),
    ("-us", shapes::mailchimp_key),
    ("-w ", flags::short),
    (".atlasv1.", shapes::terraform_token),
    ("://", urls::password),
    (":A", shapes::telegram_token),
    (":\\", urls::password),
    ("<<", stdin::here),
    ("AZDO", shapes::azure_devops_token),
    ("BEARER ", headers::bearer),
    ("Bearer ", headers::bearer),
    ("ConvertTo-SecureString ", commands::secure_string),
    ("EAAA", shapes::square_token),
    ("ENV ", words::assigned),
    ("IDENTIFIED BY ", words::identified),
    ("MT", shapes::discord_token),
    ("Mj", shapes::discord_token),
    ("Mz", shapes::discord_token),
    ("ND", shapes::discord_token),
    ("NT", shapes::discord_token),
    ("Nj", shapes::discord_token),
    ("Nz", shapes::discord_token),
    ("OD", shapes::discord_token),
    ("OT", shapes::discord_token),
    ("PASSWORD\t", cells::at_tab),
    ("PASSWORD ", words::password),
    ("Password\t", cells::at_tab),
    ("Password ", words::password),
    ("Private-Lines:", keys::putty),
    ("Q~", shapes::azure_secret),
    ("_mmk", shapes::maxmind_key),
    ("bearer ", headers::bearer),
    ("bearer, ", headers::bearer),
    ("discord.com/api/webhooks/", shapes::discord_webhook),
    ("discordapp.com/api/webhooks/", shapes::discord_webhook),
    ("eyJ", shapes::jwt),
    ("hooks.slack.com/", shapes::slack_webhook),
    ("htpasswd ", commands::htpasswd),
    ("identified by ", words::identified),
    ("password\t", cells::at_tab),
    ("password ", words::password),
    ("pat", shapes::airtable_token),
    ("set -", words::assigned),
    ("setenv ", words::assigned),
    ("setx ", words::assigned),
    ("webhook.office.com/", shapes::teams_webhook),
];

/// The hit with the more precise kind of its value, if there is one.
pub(super) fn classified(text: &str, hit: Hit) -> Hit {
    if !hit.is_by_context {
        return hit;
    }
    let kind = text.get(hit.start..hit.end).and_then(whole);
    Hit { kind: kind.unwrap_or(hit.kind), ..hit }
}

/// The kind of a text that is exactly one secret.
fn whole(text: &str) -> Option<&'static str> {
    let hit = RULES.find(text, 0)?;
    (hit.start == 0 && hit.end == text.len()).then_some(hit.kind)
}

#[cfg(test)]
mod tests {
    use super::{RULES, SHAPES};

    #[test]
    fn a_rule_is_tried_at_its_beginning() {
        let vendors = RULES.vendors.iter().map(|vendor| vendor.begin);
        for begin in vendors.chain(SHAPES.iter().map(|shape| shape.0)) {
            let bytes = begin.as_bytes();
            assert!(RULES.may_begin([bytes[0], bytes[1]]), "{begin}");
        }
        assert!(SHAPES.iter().map(|shape| shape.0).is_sorted());
        for (pair, expected) in [([b'=', 200], true), ([b'a', b' '], false), ([b's', 200], false)] {
            assert_eq!(RULES.may_begin(pair), expected, "{pair:?}");
        }
    }

    #[test]
    fn the_longest_beginning_wins() {
        let key = ["sk-ant-api03-", &"aB3".repeat(20)].concat();
        assert_eq!(RULES.find(&key, 0).unwrap().kind, "anthropic-key");
    }
}
