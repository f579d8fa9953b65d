//! Usage and cost of an observation: the given values, those that are dropped, and those that the price list adds.

use serde_json::{Map, Value};

use super::javascript::{first_present, number, parse, parse_int, to_number, truthy};
use super::price::{Tier, dollars};

const USAGE: &str = "langfuse.observation.usage_details";
const COST: &str = "langfuse.observation.cost_details";

/// Names for tokens read from a cache.
const CACHE_READ: &str = "cache_read.input_tokens cache_read_input_tokens cache_read_tokens \
    details.cache_read_tokens details.cache_read_input_tokens prompt_details.cache_read \
    input_cached_tokens";

/// Names for tokens written to a cache.
const CACHE_WRITE: &str = "cache_creation.input_tokens cache_creation_input_tokens cache_write_tokens \
    details.cache_write_tokens details.cache_creation_input_tokens prompt_details.cache_write \
    input_cache_creation";

/// Usage, cost and price tier of one row.
#[derive(Default)]
pub(crate) struct Consumption {
    /// Tokens by kind, with the total.
    pub usage: Map<String, Value>,
    /// Dollars by kind, given or computed.
    pub cost: Map<String, Value>,
    /// The price tier, when the model has a price and there is usage.
    pub tier: Option<String>,
}

/// Reads usage and cost. `models`: the project's own ones, which come before those of the list. Any given cost
/// disables the price list.
pub(crate) fn consumption(
    attributes: &Map<String, Value>,
    model: Option<&str>,
    parameters: &Value,
    models: &[Value],
) -> Consumption {
    let mut usage = usage(attributes);
    if !usage.is_empty() && !usage.contains_key("total") {
        let total = usage.values().filter_map(Value::as_f64).sum();
        usage.insert("total".to_owned(), number(total));
    }
    let tier =
        model.filter(|_| !usage.is_empty()).and_then(|model| Tier::find(model, parameters, models));
    let given = given_cost(attributes);
    let cost = match &tier {
        _ if !given.is_empty() => given,
        Some(tier) => tier.cost(&usage),
        None => Map::new(),
    };
    Consumption { usage, cost, tier: tier.map(|tier| tier.name()) }
}

/// The JSON object in an attribute: `None` if it is absent or no JSON, empty if it is something else.
fn object(attributes: &Map<String, Value>, key: &str) -> Option<Map<String, Value>> {
    match attributes.get(key).filter(|value| truthy(value))? {
        Value::String(text) => match parse(text)? {
            Value::Object(members) => Some(members),
            _ => Some(Map::new()),
        },
        _ => Some(Map::new()),
    }
}

fn usage(attributes: &Map<String, Value>) -> Map<String, Value> {
    let given = object(attributes, USAGE).unwrap_or_else(|| from_gen_ai(attributes));
    let open_ai = from_open_ai(&given, ["prompt_tokens", "completion_tokens"])
        .or_else(|| from_open_ai(&given, ["input_tokens", "output_tokens"]));
    open_ai.unwrap_or_else(|| {
        let counts =
            given.iter().filter_map(|(kind, value)| Some((kind.clone(), number(count(value)?))));
        counts.collect()
    })
}

/// A non-negative whole number. A text counts by its leading digits.
fn count(value: &Value) -> Option<f64> {
    let count = match value {
        Value::Number(number) => number.as_f64().filter(|count| count.fract() == 0.0)?,
        Value::String(text) => parse_int(text)?,
        _ => return None,
    };
    (count >= 0.0).then_some(count)
}

fn whole(value: &Value) -> Option<f64> {
    count(value).filter(|count| value.is_number() && *count <= 9_007_199_254_740_991.0)
}

/// `OpenAI`'s form, if it matches exactly: renamed, with the details subtracted from input and output.
fn from_open_ai(
    given: &Map<String, Value>,
    [input, output]: [&str; 2],
) -> Option<Map<String, Value>> {
    let mut usage = Map::new();
    usage.insert("input".to_owned(), number(whole(given.get(input)?)?));
    usage.insert("output".to_owned(), number(whole(given.get(output)?)?));
    usage.insert("total".to_owned(), number(whole(given.get("total_tokens")?)?));
    let mut known = 3;
    for (side, name) in [("input", input), ("output", output)] {
        let Some(details) = given.get(&format!("{name}_details")) else {
            continue;
        };
        known += 1;
        if details.is_null() {
            continue;
        }
        for (kind, value) in details.as_object()?.iter().filter(|(_, value)| !value.is_null()) {
            let part = whole(value)?;
            let rest = usage[side].as_f64().unwrap_or_default() - part;
            usage.insert(format!("{side}_{kind}"), number(part));
            usage.insert(side.to_owned(), number(rest.max(0.0)));
        }
    }
    (known == given.len()).then_some(usage)
}

/// `gen_ai.usage.*`: here the cache is part of the input and is subtracted.
fn from_gen_ai(attributes: &Map<String, Value>) -> Map<String, Value> {
    let mut raw = Map::new();
    for (key, value) in attributes {
        let kind =
            key.strip_prefix("gen_ai.usage.").or_else(|| key.strip_prefix("llm.token_count."));
        if let (Some(kind), Some(count)) = (kind.filter(|kind| *kind != "cost"), to_number(value)) {
            raw.insert(kind.to_owned(), number(count));
        }
    }
    let mut usage = Map::new();
    let mut take = |names: &str| {
        let found = first_present(&raw, names).and_then(Value::as_f64);
        names.split(' ').for_each(|name| drop(raw.shift_remove(name)));
        found
    };
    let input = take("prompt_tokens input_tokens prompt");
    let output = take("completion_tokens output_tokens completion");
    let total = take("total_tokens total");
    let read = take(CACHE_READ);
    let write = take(CACHE_WRITE);
    let reasoning = take("reasoning.output_tokens completion_details.reasoning");
    let audio = take("completion_details.audio");
    let less = |whole: Option<f64>, parts: [Option<f64>; 2]| {
        whole.map(|whole| (whole - parts.into_iter().flatten().sum::<f64>()).max(0.0))
    };
    for (kind, count) in raw {
        usage.insert(kind.strip_prefix("details.").unwrap_or(&kind).to_owned(), count);
    }
    let known = [
        ("input", less(input, [read, write])),
        ("output", less(output, [reasoning, audio])),
        ("total", total),
        ("input_cached_tokens", read),
        ("input_cache_creation", write),
        ("output_reasoning_tokens", reasoning),
        ("output_audio_tokens", audio),
    ];
    usage.extend(
        known.into_iter().filter_map(|(kind, count)| Some((kind.to_owned(), number(count?)))),
    );
    usage
}

/// The given cost, with a total if it has only input and output.
fn given_cost(attributes: &Map<String, Value>) -> Map<String, Value> {
    let total = || {
        let total = first_present(attributes, "gen_ai.usage.cost llm.cost.total")?;
        Some(Map::from_iter([("total".to_owned(), total.clone())])).filter(|_| *total != "")
    };
    let mut cost = object(attributes, COST).or_else(total).unwrap_or_default();
    cost.retain(|_, value| !value.is_null());
    if !cost.is_empty() && cost.keys().all(|kind| kind == "input" || kind == "output") {
        let total = cost.values().filter_map(Value::as_f64).sum();
        cost.insert("total".to_owned(), dollars(total));
    }
    cost
}
