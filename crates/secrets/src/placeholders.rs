//! Placeholders of secrets: a variable, a reference, an example, a mask.

/// Words in place of a secret, compared without case, `_`, `-` and spaces.
const WORDS: &str = "any apikey bool boolean bytes changeme changeit default disabled dummy empty enabled example expired \
    fake false hidden here int invalid key mask masked missing na never nil no none null number object \
    off on optional pass passphrase passwd password placeholder pwd redacted removed required sample \
    secret secretkey str string tbd test text token true undefined unknown unset user username value yes";

/// Prefixes of a mask, or of a reference to a secret elsewhere.
const REFERENCES: &str = "[masked: [left [redacted [filtered [hidden op:// vault: ref+ arn:aws !vault !secret !ref !sub enc[ \
    env: file: secret: keyring: env( env[ ssm: awssm: gcpsm: process.env os.environ os.getenv \
    import.meta secrets. var. local. %env random_";

/// Parts of examples.
const PARTS: &str = "your- your_ yourpass yourtoken yourkey yourapi -here _here <your example_ my-secret \
    my_secret placeholder changeme replace_me replace-me redacted ••• \u{2026}";

/// The maximum length of a placeholder.
const MAX_PLACEHOLDER_BYTES: usize = 200;

/// Whether a text is the placeholder of a secret.
pub(super) fn is_placeholder(value: &str) -> bool {
    let value = value.trim();
    if starts_with_any(value, REFERENCES) {
        return true;
    }
    if value.len() > MAX_PLACEHOLDER_BYTES {
        return false;
    }
    is_one_letter(value)
        || is_variable(value)
        || is_word(value)
        || is_filled(value)
        || is_format(value)
        || PARTS.split(' ').any(|part| contains_ignoring_case(value, part))
}

/// Whether a run of letters is the filling of an example: `xxxx…`, `0000…`, `your-…`.
pub(super) fn is_filling(value: &str) -> bool {
    let head = value.get(..MAX_PLACEHOLDER_BYTES).unwrap_or(value);
    is_one_letter(head)
        || is_filled(head)
        || ["your-", "your_"].iter().any(|part| contains_ignoring_case(head, part))
}

/// At least half of it are runs of four or more `x`, `*` or dots. A generated key may have a short run.
fn is_filled(value: &str) -> bool {
    let (mut filled, mut run, mut previous) = (0, 0, 0);
    for byte in value.bytes().map(|byte| byte.to_ascii_lowercase()) {
        run = if byte == previous { run + 1 } else { 1 };
        previous = byte;
        filled += match run {
            4 if matches!(byte, b'x' | b'*' | b'.') => 4,
            5.. if matches!(byte, b'x' | b'*' | b'.') => 1,
            _ => 0,
        };
    }
    filled * 2 >= value.len()
}

/// `%s:%s`
fn is_format(value: &str) -> bool {
    let fields = ["%s", "%d", "%v", "{}"];
    let rest = fields.iter().fold(value.to_owned(), |rest, field| rest.replace(field, ""));
    rest.len() < value.len() && !rest.bytes().any(|byte| byte.is_ascii_alphanumeric())
}

/// One repeated character, or nothing.
fn is_one_letter(value: &str) -> bool {
    let mut letters = value.chars();
    match letters.next() {
        None => true,
        Some(first) => letters.all(|letter| letter == first),
    }
}

/// `$VAR`, `${VAR}`, `$(command)`, `%VAR%`, `{{ var }}`, `{var}`, `<var>`, `` `command` ``, `#{var}`, `@var`, `:var`
fn is_variable(value: &str) -> bool {
    let pairs = [("<", ">"), ("{", "}"), ("__", "__"), ("[", "]")];
    if pairs
        .iter()
        .any(|(open, close)| value.len() > 1 && value.starts_with(open) && value.ends_with(close))
    {
        return true;
    }
    if ["$(", "%("].iter().any(|open| value.strip_prefix(open).is_some_and(is_command)) {
        return true;
    }
    // Cut where a bare word ends: `{password!r`.
    let opened = value.strip_prefix('{').unwrap_or_default();
    let name =
        opened.bytes().take_while(|byte| byte.is_ascii_alphabetic() || *byte == b'_').count();
    if name > 2 && opened.get(name..).is_some_and(|rest| rest.starts_with(['!', '.', ':', '}'])) {
        return true;
    }
    if ["${", "{{", "#{", "`", "<%"].iter().any(|open| value.starts_with(open)) {
        return true;
    }
    let of_windows = value.strip_prefix('%').and_then(|name| name.strip_suffix('%'));
    let name = value.strip_prefix('$').map(|name| name.strip_prefix("env:").unwrap_or(name));
    let name = name.or(of_windows);
    name.is_some_and(|name| {
        name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

/// `pass show x)`, `name)s`, or as much of it as a bare word has: a name, and nothing or a space or a bracket behind it.
fn is_command(rest: &str) -> bool {
    let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_./-".contains(byte);
    let name = rest.bytes().take_while(|byte| is_of_name(byte)).count();
    name > 0 && matches!(rest.as_bytes().get(name), None | Some(b' ' | b')'))
}

fn is_word(value: &str) -> bool {
    let mut letters = [0_u8; 16];
    let mut count = 0;
    for byte in value.bytes() {
        if matches!(byte, b'_' | b'-' | b' ' | b'.' | b'!' | b':' | b'?' | b'/') {
            continue;
        }
        let Some(letter) = letters.get_mut(count) else {
            return false;
        };
        *letter = byte.to_ascii_lowercase();
        count += 1;
    }
    let word = letters.get(..count).unwrap_or_default();
    count == 0 || WORDS.split(' ').any(|one| one.as_bytes() == word)
}

fn starts_with_any(value: &str, heads: &str) -> bool {
    heads
        .split(' ')
        .any(|head| value.get(..head.len()).is_some_and(|start| start.eq_ignore_ascii_case(head)))
}

fn contains_ignoring_case(text: &str, part: &str) -> bool {
    text.as_bytes().windows(part.len()).any(|window| window.eq_ignore_ascii_case(part.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::is_placeholder;

    #[test]
    fn placeholders_are_recognised() {
        for text in [
            "",
            "$TOKEN",
            "${TOKEN}",
            "$(pass show x)",
            "%TOKEN%",
            "{{ token }}",
            "<your-token>",
            "xxxxxxxx",
            "********",
            "null",
            "True",
            "your_api_key",
            "YOUR-TOKEN-HERE",
            "process.env.TOKEN",
            "[masked: password, 8 chars]",
            "{token}",
            "Password:",
            "op://vault/item",
            "change_me",
        ] {
            assert!(is_placeholder(text), "{text}");
        }
    }

    #[test]
    fn a_secret_is_not_taken_for_a_placeholder() {
        for text in ["hunter2", "$ecret!", "correct horse", "p@ss", "abcd1234", "{a", "s3cr3t"] {
            assert!(!is_placeholder(text), "{text}");
        }
    }
}
