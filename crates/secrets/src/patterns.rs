//! The user's own patterns (`CC_LANGFUSE_MASK_PATTERNS`): further secrets, and texts that are no secrets. They are
//! compiled when the first text is masked.

mod written;

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use memchr::memmem::Finder;
use regex_lite::{Regex, RegexBuilder};

use super::mask::OPENING;
use written::{Written, kind, literal, read};

/// A pattern that compiles to more is rejected: it would dominate the cost.
const MAX_REGEX_BYTES: usize = 1 << 20;

/// Patterns in their written form, compiled on first use.
#[derive(Clone, Default)]
pub struct Patterns {
    sources: Vec<Source>,
    compiled: Arc<OnceLock<Result<Compiled, String>>>,
    /// Texts that are always secrets, whatever the patterns allow.
    literals: Arc<[String]>,
    /// Searches for the literals. Built once: building them per text took a quarter of a replay.
    finders: Arc<OnceLock<Vec<Finder<'static>>>>,
}

/// A text of patterns.
#[derive(Clone, PartialEq)]
struct Source {
    text: String,
    /// Allow patterns are left out.
    masks_only: bool,
}

/// Patterns are equal if their texts are.
impl PartialEq for Patterns {
    fn eq(&self, other: &Self) -> bool {
        self.sources == other.sources && self.literals == other.literals
    }
}

/// Hides the patterns, which may be secret themselves.
impl fmt::Debug for Patterns {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length: usize = self.sources.iter().map(|source| source.text.len()).sum();
        write!(formatter, "Patterns({length} bytes)")
    }
}

#[derive(Default)]
struct Compiled {
    masked: Vec<Own>,
    allowed: Vec<Regex>,
}

struct Own {
    kind: String,
    regex: Regex,
    /// A text without this part can't match.
    literal: String,
}

impl Patterns {
    /// Patterns in the user's form: a JSON array, or one per line. They are compiled on first use.
    pub fn new(written: Option<&str>) -> Self {
        Self::default().and(written.unwrap_or_default(), false)
    }

    /// These patterns and those of another text. `masks_only`: without its allow patterns.
    pub fn and(self, text: &str, masks_only: bool) -> Self {
        let text = text.trim().to_owned();
        let mut sources = self.sources;
        if !text.is_empty() {
            sources.push(Source { text, masks_only });
        }
        Self { sources, compiled: Arc::default(), ..self }
    }

    /// These patterns, and texts of the kind `langfuse-key`.
    pub fn with_literals(self, literals: Vec<String>) -> Self {
        Self { literals: literals.into(), finders: Arc::default(), ..self }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// The places of the literals, in order for each of them.
    pub(super) fn literals(&self, text: &str) -> impl Iterator<Item = Range<usize>> {
        let finders = self.finders.get_or_init(|| {
            let finder = |literal: &String| Finder::new(literal).into_owned();
            self.literals.iter().map(finder).collect()
        });
        finders.iter().flat_map(|finder| {
            let starts = finder.find_iter(text.as_bytes());
            starts.map(|start| start..start + finder.needle().len())
        })
    }

    /// The problem of unusable patterns. Quotes nothing of them.
    pub fn problem(&self) -> Option<&str> {
        self.compiled()?.as_ref().err().map(String::as_str)
    }

    /// The mask patterns and the allow patterns, as written.
    pub fn written(&self) -> (Vec<String>, Vec<String>) {
        let written = self.read().into_iter().flatten();
        let (allowed, masks): (Vec<_>, Vec<_>) = written.partition(|written| written.is_allowed);
        [masks, allowed]
            .map(|list| list.into_iter().map(|written| written.pattern.to_string()).collect())
            .into()
    }

    /// Whether an allow pattern matches this text.
    pub fn allow(&self, secret: &str) -> bool {
        let Some(Ok(compiled)) = self.compiled() else {
            return false;
        };
        compiled.allowed.iter().any(|regex| regex.is_match(secret))
    }

    /// The mask patterns.
    pub(super) fn iter(&self) -> impl Iterator<Item = Pattern<'_>> {
        let compiled = self.compiled().and_then(|compiled| compiled.as_ref().ok());
        compiled
            .into_iter()
            .flat_map(|compiled| compiled.masked.iter().map(move |own| Pattern { own, compiled }))
    }

    fn compiled(&self) -> Option<&Result<Compiled, String>> {
        (!self.is_empty()).then(|| self.compiled.get_or_init(|| compile(self.read()?)))
    }

    fn read(&self) -> Result<Vec<Written>, String> {
        let mut all = Vec::new();
        for Source { text, masks_only } in &self.sources {
            let counts = |written: &Written| !(*masks_only && written.is_allowed);
            all.extend(read(text)?.into_iter().filter(counts));
        }
        Ok(all)
    }
}

/// One of the user's patterns.
#[derive(Clone, Copy)]
pub(super) struct Pattern<'a> {
    own: &'a Own,
    compiled: &'a Compiled,
}

impl<'a> Pattern<'a> {
    /// The kind of its secrets.
    pub(super) fn kind(&self) -> &'a str {
        &self.own.kind
    }

    /// The places of its matches, in order: the first group, or the whole match.
    pub(super) fn find<'t>(
        self,
        text: &'t str,
    ) -> impl Iterator<Item = Range<usize>> + use<'a, 't> {
        let may_match = text.contains(&*self.own.literal);
        let matches = may_match.then(|| self.own.regex.captures_iter(text));
        matches.into_iter().flatten().filter_map(move |captures| {
            let range = captures.get(1).or_else(|| captures.get(0))?.range();
            let secret = text.get(range.clone())?;
            let is_mask = secret.contains(OPENING) || is_within_mask(text, &range);
            let is_allowed = self.compiled.allowed.iter().any(|regex| regex.is_match(secret));
            (!secret.is_empty() && !is_allowed && !is_mask).then_some(range)
        })
    }
}

/// A pattern such as `\w+` also matches the words of a mask. They stay, so that masking twice changes nothing.
fn is_within_mask(text: &str, range: &Range<usize>) -> bool {
    let head = text.get(..range.start).unwrap_or_default();
    // A mask is short: it begins within these bytes.
    let mut from = head.len().saturating_sub(100);
    while !head.is_char_boundary(from) {
        from += 1;
    }
    let near = head.get(from..).unwrap_or_default();
    let is_open =
        near.rfind(OPENING).is_some_and(|open| !near.get(open..).unwrap_or_default().contains(']'));
    is_open
        && text.get(range.end..).is_some_and(|rest| rest.bytes().take(100).any(|byte| byte == b']'))
}

fn compile(patterns: Vec<Written>) -> Result<Compiled, String> {
    let mut compiled = Compiled::default();
    for (position, written) in patterns.into_iter().enumerate() {
        let regex = RegexBuilder::new(&written.pattern).size_limit(MAX_REGEX_BYTES).build();
        // The library's error quotes the pattern.
        let regex =
            regex.map_err(|_| format!("pattern {} is no regular expression", position + 1))?;
        if regex.is_match("") {
            return Err(format!("pattern {} matches the empty text", position + 1));
        }
        if written.is_allowed {
            compiled.allowed.push(regex);
        } else {
            compiled.masked.push(Own {
                kind: kind(written.name.as_deref()),
                literal: literal(&written.pattern),
                regex,
            });
        }
    }
    Ok(compiled)
}

#[cfg(test)]
mod tests {
    use super::Patterns;

    fn found(written: &str, text: &str) -> Vec<(String, String)> {
        let patterns = Patterns::new(Some(written));
        patterns
            .iter()
            .flat_map(|own| {
                own.find(text).map(move |range| (own.kind().to_owned(), text[range].to_owned()))
            })
            .collect()
    }

    fn one(kind: &str, text: &str) -> Vec<(String, String)> {
        vec![(kind.to_owned(), text.to_owned())]
    }

    #[test]
    fn reads_patterns_from_lines_or_json() {
        assert_eq!(found("ACME-\\d+\n", "id ACME-123."), one("custom", "ACME-123"));
        assert_eq!(found(r#"["ACME-\\d+"]"#, "id ACME-123."), one("custom", "ACME-123"));
        let named = r#"[{"name": "Acme Id", "pattern": "id (ACME-\\d+)"}]"#;
        assert_eq!(found(named, "id ACME-123."), one("acme-id", "ACME-123"));
        assert_eq!(found("[A-Z]{4}-[0-9]+", "id ACME-123."), one("custom", "ACME-123"));
    }

    #[test]
    fn an_allowed_text_is_no_secret() {
        assert_eq!(found("ACME-\\d+\n!^ACME-0", "ACME-01 ACME-12"), one("custom", "ACME-12"));
        let patterns = Patterns::new(Some(r#"[{"allow": "^test-"}]"#));
        assert!(patterns.allow("test-key") && !patterns.allow("a-test-key"));
    }

    #[test]
    fn another_text_adds_masks_and_only_if_wanted_allows() {
        let own = || Patterns::new(Some("ACME-\\d+\n!^ACME-0"));
        let (masks, allows) = own().and("more\n!^ACME", true).written();
        assert_eq!((masks.concat(), allows.concat()), ("ACME-\\d+more".into(), "^ACME-0".into()));
        assert!(!own().and("!^ACME", true).allow("ACME-12"));
        assert!(own().and("!^ACME", false).allow("ACME-12"));
        assert!(own().and("b[", true).problem().is_some());
        assert_eq!(own().and(" ", true), own());
    }

    #[test]
    fn the_problem_of_an_invalid_pattern_quotes_nothing() {
        for wrong in [
            "secret(",
            "a\nb[",
            "a*",
            r#"["a", 1]"#,
            r#"{"pattern": "a"}"#,
            r#"[{"name": "a"}]"#,
            r#"["a""#,
        ] {
            let patterns = Patterns::new(Some(wrong));
            let problem = patterns.problem().unwrap_or_else(|| panic!("{wrong}"));
            assert!(!problem.contains("secret("), "{problem}");
        }
        assert!(Patterns::new(Some("a+")).problem().is_none());
        assert!(Patterns::new(None).problem().is_none());
    }
}
