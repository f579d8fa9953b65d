//! Model names that Langfuse's price list matches (Langfuse 4.16.0).

/// Removes the context suffix (`[1m]`), `vertex_ai/`, and the date if the list has no dated form.
pub fn priceable(raw: &str) -> &str {
    let name = raw.trim();
    let name = name
        .strip_suffix(']')
        .and_then(|name| name.rsplit_once('['))
        .map_or(name, |(name, _)| name);
    let name = name.strip_prefix("vertex_ai/").unwrap_or(name);
    if name.starts_with("claude-haiku-4-5@") {
        return name.split('@').next().unwrap_or(name);
    }
    if !is_newer_family(name) {
        return name;
    }
    let name = name.split('@').next().unwrap_or(name);
    match name.rsplit_once('-') {
        Some((stem, date)) if date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit()) => {
            stem
        }
        _ => name,
    }
}

/// Claude 4.6 and later, whose dated names have no price. Bedrock's names are matched with their dates.
fn is_newer_family(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("anthropic/").unwrap_or(name).strip_prefix("claude-") else {
        return false;
    };
    let mut parts = rest.split(['-', '@']);
    // Up to 3.7 the number comes first: `claude-3-5-sonnet`.
    if parts.next().is_none_or(|family| family.starts_with(|first: char| first.is_ascii_digit())) {
        return false;
    }
    let mut numbers =
        parts.take(2).map_while(|part| part.parse::<u32>().ok().filter(|_| part.len() < 3));
    match (numbers.next(), numbers.next()) {
        (Some(major), minor) => (major, minor.unwrap_or(0)) >= (4, 6),
        (None, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::priceable;

    #[test]
    fn gives_each_name_the_form_that_has_a_price() {
        for (raw, name) in [
            ("claude-opus-4-8", "claude-opus-4-8"),
            ("claude-opus-4-8[1m]", "claude-opus-4-8"),
            ("claude-opus-4-8-20260528", "claude-opus-4-8"),
            ("claude-opus-4-8-20260528[1m]", "claude-opus-4-8"),
            ("claude-fable-5-20260609", "claude-fable-5"),
            ("claude-opus-5-5", "claude-opus-5-5"),
            ("claude-opus-4-8@20260528", "claude-opus-4-8"),
            ("vertex_ai/claude-opus-4-8", "claude-opus-4-8"),
            ("claude-haiku-4-5@20251001", "claude-haiku-4-5"),
            ("claude-haiku-4-5-20251001", "claude-haiku-4-5-20251001"),
            ("claude-opus-4-5-20251101", "claude-opus-4-5-20251101"),
            ("claude-opus-4-5@20251101", "claude-opus-4-5@20251101"),
            ("claude-sonnet-4-20250514", "claude-sonnet-4-20250514"),
            (
                "us.anthropic.claude-haiku-4-5-20251001-v1:0",
                "us.anthropic.claude-haiku-4-5-20251001-v1:0",
            ),
            ("claude-3-5-sonnet-20241022", "claude-3-5-sonnet-20241022"),
            ("gpt-5", "gpt-5"),
            ("", ""),
        ] {
            assert_eq!(priceable(raw), name, "{raw}");
        }
    }
}
