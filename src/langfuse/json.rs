//! JSON in JSON: input and output are attributes whose texts hold JSON, in which the arguments of a tool call are such a text
//! again. It is written in one pass, each character with its final escapes, which saves a tenth of a hook's instructions.

use serde_json::Value;

#[derive(Debug, Default)]
pub(super) struct Json {
    out: String,
    /// How many texts enclose the writer's position.
    depth: u32,
}

impl Json {
    pub(super) fn with_room(bytes: usize) -> Self {
        Self { out: String::with_capacity(bytes), depth: 0 }
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    /// Writes without escapes.
    pub(super) fn raw(&mut self, json: &str) {
        self.out.push_str(json);
    }

    /// Writes a text with its quotes.
    pub(super) fn text(&mut self, text: &str) {
        self.within(|json| json.characters(text));
    }

    /// Writes a text that holds the output of `write`.
    pub(super) fn within(&mut self, write: impl FnOnce(&mut Self)) {
        self.escaped(b'"');
        self.depth += 1;
        write(self);
        self.depth -= 1;
        self.escaped(b'"');
    }

    /// Recursive: the reader limits values to 128 levels.
    pub(super) fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.raw("null"),
            Value::Bool(true) => self.raw("true"),
            Value::Bool(false) => self.raw("false"),
            Value::Number(number) => self.raw(&number.to_string()),
            Value::String(text) => self.text(text),
            Value::Array(items) => self.list(items, &Self::value),
            Value::Object(fields) => self.object(fields, &|json, _, value| json.value(value)),
        }
    }

    pub(super) fn list(&mut self, items: &[Value], write: &dyn Fn(&mut Self, &Value)) {
        let mut gap = "[";
        for item in items {
            self.raw(gap);
            write(self, item);
            gap = ",";
        }
        self.raw(if items.is_empty() { "[]" } else { "]" });
    }

    /// Writes an object, each value by `write`, which gets its name.
    pub(super) fn object(
        &mut self,
        fields: &serde_json::Map<String, Value>,
        write: &dyn Fn(&mut Self, &str, &Value),
    ) {
        let mut gap = "{";
        for (name, value) in fields {
            self.raw(gap);
            self.text(name);
            self.raw(":");
            write(self, name, value);
            gap = ",";
        }
        self.raw(if fields.is_empty() { "{}" } else { "}" });
    }

    /// Writes a part of a text, without quotes.
    pub(super) fn characters(&mut self, text: &str) {
        let mut rest = text;
        while let Some((plain, byte, after)) = next_special(rest) {
            self.raw(plain);
            self.escaped(byte);
            rest = after;
        }
        self.raw(rest);
    }

    /// Writes a byte that needs an escape, once per enclosing text. Quotes and backslashes need one backslash less than letters:
    /// the quotes of the outermost text have none.
    fn escaped(&mut self, byte: u8) {
        let doubled = 1 << self.depth;
        let (backslashes, letter) = match byte {
            b'"' => (doubled - 1, '"'),
            b'\\' => (doubled - 1, '\\'),
            0x8 => (doubled / 2, 'b'),
            0x9 => (doubled / 2, 't'),
            0xa => (doubled / 2, 'n'),
            0xc => (doubled / 2, 'f'),
            0xd => (doubled / 2, 'r'),
            _ => (doubled / 2, 'u'),
        };
        for _ in 0..backslashes {
            self.out.push('\\');
        }
        self.out.push(letter);
        if letter == 'u' {
            self.raw(if byte < 0x10 { "000" } else { "001" });
            self.out.extend(char::from_digit(u32::from(byte & 0xf), 16));
        }
    }
}

/// Splits at the next byte that needs an escape. Reads eight bytes at a time; only marks up to the first match are right.
fn next_special(text: &str) -> Option<(&str, u8, &str)> {
    const ONES: u64 = u64::MAX / 0xff;
    const TOPS: u64 = ONES << 7;
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    let is_special = |byte: &u8| *byte < 0x20 || matches!(byte, b'"' | b'\\');
    let in_words = words.iter().enumerate().find_map(|(position, word)| {
        let word = u64::from_le_bytes(*word);
        let below = |bytes: u64, limit: u8| bytes.wrapping_sub(ONES * u64::from(limit)) & !bytes;
        let quotes = below(word ^ (ONES * u64::from(b'"')), 1);
        let backslashes = below(word ^ (ONES * u64::from(b'\\')), 1);
        let marks = (below(word, 0x20) | quotes | backslashes) & TOPS;
        (marks != 0).then(|| position * 8 + marks.trailing_zeros() as usize / 8)
    });
    let in_rest = || Some(words.len() * 8 + rest.iter().position(is_special)?);
    let at = in_words.or_else(in_rest)?;
    let byte = *text.as_bytes().get(at)?;
    Some((text.get(..at)?, byte, text.get(at + 1..)?))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Json;

    /// As serde_json writes it, text in text in text.
    fn expected(value: &Value, depth: u32) -> String {
        let mut text = value.to_string();
        for _ in 0..depth {
            text = Value::from(text).to_string();
        }
        text
    }

    fn written(value: &Value, depth: u32) -> String {
        fn wrapped(json: &mut Json, value: &Value, depth: u32) {
            match depth.checked_sub(1) {
                None => json.value(value),
                Some(less) => json.within(|json| wrapped(json, value, less)),
            }
        }
        let mut json = Json::default();
        wrapped(&mut json, value, depth);
        json.finish()
    }

    #[test]
    fn one_pass_writes_the_same_as_serde_json_level_by_level() {
        let every: String = (0..0x250).filter_map(char::from_u32).collect();
        let mut values = vec![
            json!({"": [], "a\"b": {}, "n": [null, true, false, -1, u64::MAX, 1.5e300, 0.1]}),
            json!(every),
        ];
        // Each special byte at each place of a word, after bytes that its marks could be taken from.
        for special in ["\"", "\\", "\n", "\u{1}", "!", "ü", "\u{7f}", "🦀"] {
            for before in 0..9 {
                let text = format!("{}{special}!#]\u{20}x", "[".repeat(before));
                values.push(json!([text, special]));
            }
        }
        for value in &values {
            for depth in 0..4 {
                assert_eq!(written(value, depth), expected(value, depth), "{depth}");
            }
        }
    }
}
