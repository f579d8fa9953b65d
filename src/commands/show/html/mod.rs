//! `show --html`: a session as one page that loads nothing. It is readable without JavaScript, which adds zoom and filters.

mod content;
mod waterfall;

use std::fmt::Write as _;
use std::io::{self, Write};

use base::sha256;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::tree::{ObservationTree, Selection};
use crate::commands::output::for_people;
pub(super) use content::Content;
pub(super) use content::Contents;
use waterfall::{Waterfall, print_overview};

const TEMPLATE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The parts of a page.
pub(super) struct Page<'a> {
    pub session: &'a str,
    /// The directory in which the session was started, masked.
    pub project: &'a str,
    pub tree: &'a ObservationTree,
    pub selection: Selection,
    /// By span id.
    pub contents: &'a Contents,
    /// Sentences about the whole session.
    pub notes: &'a [String],
    /// Names and texts about the whole session; a name may be empty.
    pub totals: &'a [(&'static str, String)],
}

impl Page<'_> {
    /// Writes the page.
    ///
    /// # Errors
    /// When it can't be written.
    pub(super) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let title = escaped(&format!("Claude Code session {}", self.session));
        let hash = BASE64_STANDARD.encode(sha256::digest(SCRIPT.as_bytes()));
        let mut rest = TEMPLATE;
        let parts = [("hash", hash.as_str()), ("title", &title), ("style", STYLE)];
        for (name, text) in parts {
            rest = before(out, rest, name)?;
            out.write_all(text.as_bytes())?;
        }
        rest = before(out, rest, "body")?;
        self.print_body(out)?;
        rest = before(out, rest, "script")?;
        out.write_all(SCRIPT.as_bytes())?;
        out.write_all(rest.as_bytes())
    }

    fn print_body(&self, out: &mut impl Write) -> io::Result<()> {
        let waterfalls = Waterfall::all_of(self.tree, self.selection)?;
        self.print_header(out, &waterfalls)?;
        writeln!(out, "<main>")?;
        if waterfalls.len() > 1 {
            print_overview(out, &waterfalls)?;
        }
        for waterfall in &waterfalls {
            waterfall.print(out, self.contents)?;
        }
        if waterfalls.is_empty() {
            let text = if self.selection.failed { "nothing failed" } else { "no turns" };
            writeln!(out, "<p>{text}</p>")?;
        }
        writeln!(out, "</main>")
    }

    fn print_header(&self, out: &mut impl Write, waterfalls: &[Waterfall<'_>]) -> io::Result<()> {
        writeln!(out, "<header>\n<h1>Claude Code session</h1>")?;
        let (session, project) = (escaped(self.session), escaped(&for_people(self.project)));
        writeln!(out, "<p><code>{session}</code> <span class=dim>{project}</span></p>")?;
        for note in self.notes {
            writeln!(out, "<p class=warning>{}</p>", escaped(note))?;
        }
        let mut facts = String::new();
        if let (Some(first), Some(last)) = (waterfalls.first(), waterfalls.last()) {
            let (from, to) = (first.start().local_second(), last.end().local_second());
            push(&mut facts, "time", &format!("{from} to {to}"));
        }
        for (name, text) in self.totals {
            push(&mut facts, name, text);
        }
        writeln!(out, "<dl class=facts>{facts}</dl>")?;
        writeln!(
            out,
            "<div class=bar><input type=search id=search placeholder=Search aria-label=Search> \
             <span class=count id=count role=status></span> \
             <label><input type=checkbox id=failed> failed only</label> \
             <button type=button id=open>open all</button> <button type=button id=close>close all</button> \
             <span class=\"dim hint\">drag over the bars to zoom</span></div>\n</header>"
        )
    }
}

/// Writes the template up to a placeholder, and returns the rest.
fn before<'t>(out: &mut impl Write, template: &'t str, name: &str) -> io::Result<&'t str> {
    let placeholder = format!("{{{{{name}}}}}");
    let (before, rest) = template.split_once(&placeholder).unwrap_or((template, ""));
    out.write_all(before.as_bytes())?;
    Ok(rest)
}

fn push(facts: &mut String, name: &str, text: &str) {
    let _ = write!(facts, "<dt>{}</dt><dd>{}</dd>", escaped(name), escaped(text));
}

/// A text for HTML, in elements and in quoted attributes. Forbidden characters are replaced.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 16);
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(character),
            '\r' => {}
            // Marks of direction would turn neighbouring text around.
            other => escaped.push(if base::is_printable(other) { other } else { '\u{fffd}' }),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::{SCRIPT, STYLE, TEMPLATE, escaped};

    #[test]
    fn the_page_is_small_and_its_parts_end_no_element() {
        assert!(TEMPLATE.len() + STYLE.len() + SCRIPT.len() < 30_000);
        assert!(!SCRIPT.contains("</") && !STYLE.contains("</"));
        for part in [TEMPLATE, STYLE, SCRIPT] {
            assert!(!part.contains("http:") && !part.contains("https:") && !part.contains("url("));
        }
    }

    #[test]
    fn no_text_is_markup() {
        let text = "<script>alert('1')</script> & \"x\"\u{1b}[31m\u{202e}\r\n";
        let safe = "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &quot;x&quot;\u{fffd}[31m\u{fffd}\n";
        assert_eq!(escaped(text), safe);
    }
}
