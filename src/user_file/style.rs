//! The style of a JSON text: line ends, indentation, spaces. New parts are written in the same style.

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter};
use serde_json::{Serializer, Value};

use super::tree::Node;

#[derive(Debug)]
pub(super) struct Style {
    pub(super) newline: &'static str,
    /// One level.
    pub(super) indent: String,
    /// The text has more than one line.
    pub(super) has_lines: bool,
    /// A space follows colons and commas within a line.
    pub(super) is_spaced: bool,
}

impl Style {
    pub(super) fn of(text: &[u8], root: Option<&Node>) -> Self {
        let lines = String::from_utf8_lossy(text);
        let indent = lines
            .lines()
            .map(|line| line.split_at(line.len() - line.trim_start().len()).0)
            .find(|indent| !indent.is_empty());
        let first = root.and_then(|root| root.children.first());
        // Between the end of the name and the value.
        let colon = first.and_then(|child| text.get(child.start..child.node.start));
        Self {
            newline: if lines.contains("\r\n") { "\r\n" } else { "\n" },
            indent: indent.unwrap_or("  ").to_owned(),
            has_lines: lines.trim().contains('\n'),
            is_spaced: colon.is_none_or(|colon| colon.ends_with(b" ")),
        }
    }

    /// The value on lines of their own behind `indent`; the first line is not indented.
    pub(super) fn on_lines(&self, value: &Value, indent: &str) -> Option<String> {
        let text = write(value, PrettyFormatter::with_indent(self.indent.as_bytes()))?;
        // Within strings line ends are escaped.
        Some(text.replace('\n', &format!("{}{indent}", self.newline)))
    }

    /// The value on one line.
    pub(super) fn on_one_line(&self, value: &Value) -> Option<String> {
        write(value, OneLine { space: self.space() })
    }

    pub(super) fn space(&self) -> &'static str {
        if self.is_spaced { " " } else { "" }
    }
}

fn write(value: &Value, formatter: impl Formatter) -> Option<String> {
    let mut bytes = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut bytes, formatter)).ok()?;
    String::from_utf8(bytes).ok()
}

struct OneLine {
    space: &'static str,
}

impl OneLine {
    fn comma<W: ?Sized + io::Write>(&self, out: &mut W, is_first: bool) -> io::Result<()> {
        if is_first { Ok(()) } else { write!(out, ",{}", self.space) }
    }
}

impl Formatter for OneLine {
    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        is_first: bool,
    ) -> io::Result<()> {
        self.comma(out, is_first)
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        is_first: bool,
    ) -> io::Result<()> {
        self.comma(out, is_first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        write!(out, ":{}", self.space)
    }
}
