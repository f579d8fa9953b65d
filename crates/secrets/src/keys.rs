//! Private keys in blocks: PEM, OpenSSH, PGP, PuTTY. On several lines, on one, with `\n` for line ends, with line
//! numbers of a tool, and with the end cut off.

use super::alphabet::{BASE64, byte};
use super::hit::Hit;

/// The minimum length of a line in a block, except for the last one.
const LINE: usize = 24;
/// A shorter block is an example.
const LEAST: usize = 32;
/// The maximum number of short words and signs before the first line: `Proc-Type: 4,ENCRYPTED`, a comment.
const HEADERS: usize = 60;
/// The maximum number of them between two lines: line numbers, quotes, signs of a program.
const BETWEEN: usize = 12;

/// The block whose `-----BEGIN` is at `at`.
pub(super) fn pem(text: &str, at: usize) -> Option<Hit> {
    let label_at = at + "-----BEGIN".len();
    let label = text.get(label_at..)?;
    let length = label.bytes().take(64).position(|byte| byte == b'-')?;
    let label = label.get(..length)?;
    if !label.contains("PRIVATE KEY") {
        return None;
    }
    let end = block(text, label_at + length + 5)?;
    Some(Hit::new(at, end, "private-key"))
}

/// The private lines of PuTTY's file.
pub(super) fn putty(text: &str, at: usize) -> Option<Hit> {
    let end = block(text, at + "Private-Lines:".len())?;
    Some(Hit::new(at, end, "private-key"))
}

/// The end of the base64 that begins after `at`, including its last line.
fn block(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut here, mut end, mut size, mut patience) = (at, at, 0, HEADERS);
    while here < bytes.len() && patience > 0 {
        match byte(bytes, here) {
            b'-' => {
                if let Some(closed) = closing(text, here) {
                    return (size >= LEAST).then_some(closed);
                }
                here += 1;
            }
            b'\\' => {
                // `\n`, `\\n`, `\"`
                here += bytes.get(here..)?.iter().take_while(|byte| **byte == b'\\').count();
                here += usize::from(byte(bytes, here).is_ascii() && here < bytes.len());
            }
            first if BASE64.has(first) => {
                let length = BASE64.run(bytes, here, usize::MAX);
                let is_last = is_next_line(bytes, end, here) && ends_word(bytes, here + length);
                if length >= LINE || end > at && is_last && patience == BETWEEN {
                    end = here + length;
                }
                patience = if length >= LINE { BETWEEN } else { patience - 1 };
                here += length;
                size += length;
            }
            other => {
                here += 1;
                patience -= usize::from(!other.is_ascii_whitespace());
            }
        }
    }
    (size >= LEAST && end > at).then_some(end)
}

fn is_next_line(bytes: &[u8], end: usize, start: usize) -> bool {
    bytes.get(end..start).is_some_and(|gap| {
        gap.iter().all(|byte| byte.is_ascii_whitespace() || matches!(byte, b'\\' | b'n' | b'r'))
    })
}

/// False at the beginning of another secret, which its rule could no longer recognise.
fn ends_word(bytes: &[u8], at: usize) -> bool {
    matches!(byte(bytes, at), 0..=b' ' | b'\\' | b'"' | b'\'')
}

/// The end of `-----END … -----`, if it is here.
fn closing(text: &str, at: usize) -> Option<usize> {
    let rest = text.get(at..)?.strip_prefix("-----END")?;
    let label = rest.bytes().take(64).position(|byte| byte == b'-').unwrap_or(0);
    let dashes = rest.get(label..)?.bytes().take(5).take_while(|byte| *byte == b'-').count();
    Some(at + "-----END".len() + label + dashes)
}

#[cfg(test)]
mod tests {
    use super::pem;

    fn found(text: &str) -> Option<&str> {
        let hit = pem(text, text.find("-----BEGIN")?)?;
        text.get(hit.start..hit.end)
    }

    fn body(lines: usize, end_of_line: &str) -> String {
        let line = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj";
        vec![line; lines].join(end_of_line)
    }

    #[test]
    fn a_block_is_found_whole_however_its_lines_end() {
        for end_of_line in [
            "\n",
            "\r\n",
            "\\n",
            "\\\\n",
            " ",
            "\n  12\u{2192}",
            "\n    7\t",
            "\" +\n  \"",
            "\\n\" +\n\"",
        ] {
            let block = format!(
                "-----BEGIN RSA PRIVATE KEY-----{end_of_line}{}{end_of_line}Ab==\n-----END RSA PRIVATE KEY-----",
                body(5, end_of_line)
            );
            let text = format!("before {block} after it");
            assert_eq!(found(&text), Some(&*block), "{end_of_line:?}");
        }
    }

    #[test]
    fn a_block_without_end_is_found_up_to_its_last_line() {
        let block = format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{}", body(3, "\n"));
        assert_eq!(found(&block), Some(&*block));
        let text = format!("{block}\nThis is what the file begins with, and there is more of it.");
        let found = found(&text).unwrap();
        assert!(found.len() >= block.len() && !found.contains("begins"), "{found}");
    }

    #[test]
    fn headers_of_a_block_belong_to_it() {
        let block = format!(
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0123456789ABCDEF0123456789ABCDEF\n\n{}\n-----END RSA PRIVATE KEY-----",
            body(4, "\n")
        );
        assert_eq!(found(&block), Some(&*block));
    }

    #[test]
    fn prose_examples_and_public_keys_are_no_secrets() {
        for text in [
            "it must begin with -----BEGIN PRIVATE KEY----- and then the usual lines",
            "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
            "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA\n-----END PUBLIC KEY-----",
            "-----BEGIN CERTIFICATE-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA\n-----END CERTIFICATE-----",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
