//! The place of each value in a JSON text. Serde has parsed the text before, so that it is valid.

use std::collections::BTreeSet;

use transcript::replace_surrogates;

/// A value and its place.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) start: usize,
    pub(super) end: usize,
    /// The members of an object or the elements of an array.
    pub(super) children: Vec<Child>,
}

#[derive(Debug)]
pub(super) struct Child {
    /// The name of a member.
    pub(super) key: Option<String>,
    /// The start of the name, or of the element.
    pub(super) start: usize,
    pub(super) node: Node,
}

impl Node {
    /// The outermost value of a text.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let at = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        Parser { text, at }.value()
    }

    /// The member of this name. Of several the last one counts, as in JavaScript.
    pub(super) fn member(&self, key: &str) -> Option<usize> {
        self.children.iter().rposition(|child| child.key.as_deref() == Some(key))
    }

    /// The first member whose name another one before it in the same object has.
    pub(super) fn duplicate(&self) -> Option<&Child> {
        let mut names = BTreeSet::new();
        self.children.iter().find_map(|child| match &child.key {
            Some(key) if !names.insert(key) => Some(child),
            _ => child.node.duplicate(),
        })
    }
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
}

impl Parser<'_> {
    fn value(&mut self) -> Option<Node> {
        self.skip_space();
        let start = self.at;
        let children = match self.peek()? {
            b'{' => self.children(b'}')?,
            b'[' => self.children(b']')?,
            b'"' => {
                self.literal()?;
                Vec::new()
            }
            _ => {
                let ends = |byte: u8| byte.is_ascii_whitespace() || b",]}".contains(&byte);
                while self.peek().is_some_and(|byte| !ends(byte)) {
                    self.at += 1;
                }
                Vec::new()
            }
        };
        Some(Node { start, end: self.at, children })
    }

    fn children(&mut self, close: u8) -> Option<Vec<Child>> {
        let mut children = Vec::new();
        self.at += 1;
        loop {
            self.skip_space();
            match self.peek()? {
                b',' => self.at += 1,
                byte if byte == close => {
                    self.at += 1;
                    return Some(children);
                }
                _ => children.push(self.child(close)?),
            }
        }
    }

    fn child(&mut self, close: u8) -> Option<Child> {
        let start = self.at;
        let key = match close {
            b'}' => {
                let literal = String::from_utf8_lossy(self.literal()?);
                let key = serde_json::from_str(&replace_surrogates(&literal)).ok()?;
                self.skip_space();
                // The colon.
                self.at += 1;
                Some(key)
            }
            _ => None,
        };
        Some(Child { key, start, node: self.value()? })
    }

    /// A string with its quotes.
    fn literal(&mut self) -> Option<&[u8]> {
        let start = self.at;
        self.at += 1;
        loop {
            let byte = self.peek()?;
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'"' {
                return self.text.get(start..self.at);
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }
}
