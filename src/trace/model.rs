//! Model names that Langfuse's price list matches (Langfuse 4.16.0).

use std::borrow::Cow;

/// The name of the model in a form of the price list, if a router or a cloud names it in its own way.
pub fn priceable(raw: &str) -> Cow<'_, str> {
    let name = raw.trim();
    let name = name
        .strip_suffix(']')
        .and_then(|name| name.rsplit_once('['))
        .map_or(name, |(name, _)| name);
    let Some(name) = claude(name) else {
        return Cow::Borrowed(name);
    };
    // OpenRouter writes `claude-opus-4.8`.
    let name = match name.contains('.') {
        true => Cow::Owned(name.replace('.', "-")),
        false => Cow::Borrowed(name),
    };
    let length = plain_length(&name);
    match name {
        Cow::Borrowed(name) => Cow::Borrowed(name.get(..length).unwrap_or(name)),
        Cow::Owned(mut name) => {
            name.truncate(length);
            Cow::Owned(name)
        }
    }
}

/// The part of a name with the Claude model: `bedrock/…`, `openrouter/anthropic/…`, ARNs and Vertex paths have it
/// last. `None` if the name stays unchanged.
fn claude(name: &str) -> Option<&str> {
    let last = name.rsplit('/').next().unwrap_or(name);
    let is_bare = last == name;
    let last = match last.split_once("anthropic.claude-") {
        // The list has Bedrock's own names, except for the dates of newer models.
        Some((_, rest)) if is_bare && !is_newer_family(&format!("claude-{rest}")) => return None,
        Some((before, _)) => last.get(before.len() + "anthropic.".len()..).unwrap_or(last),
        None => last,
    };
    last.starts_with("claude-").then_some(last)
}

/// The length of a name without parts that the list lacks: the version of Bedrock's model, the variant of
/// OpenRouter's, and a date without a price.
fn plain_length(name: &str) -> usize {
    let name = name.split(':').next().unwrap_or(name);
    let name = match name.rsplit_once("-v") {
        Some((stem, version)) if version.bytes().all(|byte| byte.is_ascii_digit()) => stem,
        _ => name,
    };
    if name.starts_with("claude-haiku-4-5@") || is_newer_family(name) {
        let name = name.split('@').next().unwrap_or(name);
        return match name.rsplit_once('-') {
            Some((stem, date)) if is_date(date) && is_newer_family(name) => stem.len(),
            _ => name.len(),
        };
    }
    name.len()
}

fn is_date(text: &str) -> bool {
    text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Claude 4.6 and later, whose dated names have no price. Bedrock's names are matched with their dates.
fn is_newer_family(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("claude-") else {
        return false;
    };
    let mut parts = rest.split(['-', '@', '.', ':']);
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
            ("us.anthropic.claude-opus-4-8-v1:0", "claude-opus-4-8"),
            ("global.anthropic.claude-opus-4-8-20260528-v1:0", "claude-opus-4-8"),
            ("bedrock/us.anthropic.claude-sonnet-4-20250514-v1:0", "claude-sonnet-4-20250514"),
            (
                "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-opus-4-8-v1:0",
                "claude-opus-4-8",
            ),
            (
                "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0",
                "claude-haiku-4-5-20251001",
            ),
            (
                "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/ab12cd34",
                "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/ab12cd34",
            ),
            ("bedrock/claude-opus-4-8", "claude-opus-4-8"),
            ("openrouter/anthropic/claude-opus-4.8", "claude-opus-4-8"),
            ("anthropic/claude-sonnet-4.5:thinking", "claude-sonnet-4-5"),
            (
                "projects/p/locations/global/publishers/anthropic/models/claude-opus-4-8@default",
                "claude-opus-4-8",
            ),
            ("openrouter/deepseek/deepseek-chat", "openrouter/deepseek/deepseek-chat"),
            ("gpt-5", "gpt-5"),
            ("", ""),
        ] {
            assert_eq!(priceable(raw), name, "{raw}");
        }
    }
}
