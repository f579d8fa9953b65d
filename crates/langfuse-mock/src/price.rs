//! The prices of models: the Claude models of Langfuse's price list of August 2026 (and one foreign model), and the project's own.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex_lite::Regex;
use serde_json::{Map, Value, json};

pub(crate) const CREATED: &str = "2026-08-01T00:00:00.000Z";

/// Cents for a million tokens: input, output, and of the cache reading, writing for five minutes and for an hour.
type Prices = [u32; 5];

const OPUS: Prices = [500, 2500, 50, 625, 1000];
const OLD_OPUS: Prices = [1500, 7500, 150, 1875, 3000];
const SONNET: Prices = [300, 1500, 30, 375, 600];
const SONNET_5: Prices = [200, 1000, 20, 250, 400];
const HAIKU: Prices = [100, 500, 10, 125, 200];
const HAIKU_3_5: Prices = [80, 400, 8, 100, 160];
const FABLE: Prices = [1000, 5000, 100, 1250, 2000];
/// Zero is no price: this model has none for writing a cache.
const GPT_4O: Prices = [250, 1000, 125, 0, 0];

/// The keys of usage that have each of the prices.
const KINDS: [&[&str]; 5] = [
    &["input", "input_tokens"],
    &["output", "output_tokens"],
    &["cache_read_input_tokens", "input_cached_tokens", "input_cache_read"],
    &["cache_creation_input_tokens", "input_cache_creation", "input_cache_creation_5m"],
    &["input_cache_creation_1h"],
];

/// The form of a model's date, and of its names on Bedrock and Vertex, in the list.
enum Names {
    /// No date matches: newer models. Bedrock with or without `-v1`, `-v1:0`.
    Undated,
    /// As `Undated`, but Bedrock requires `-v1` or `-v1:0`.
    UndatedV1,
    /// `-DATE` and `@DATE` are allowed. Bedrock requires `-v1` or `-v1:0`.
    Dated(&'static str),
    /// `-DATE` is allowed. Bedrock requires both the date and `-v1:0`.
    DatedStrict(&'static str),
    /// Just this name.
    Only,
}

const MODELS: [(&str, Names, Prices); 20] = [
    ("claude-opus-5", Names::Undated, OPUS),
    ("claude-opus-4-8", Names::Undated, OPUS),
    ("claude-opus-4-7", Names::UndatedV1, OPUS),
    ("claude-opus-4-6", Names::UndatedV1, OPUS),
    ("claude-opus-4-5", Names::Dated("20251101"), OPUS),
    ("claude-opus-4-1", Names::Dated("20250805"), OLD_OPUS),
    ("claude-opus-4", Names::Dated("20250514"), OLD_OPUS),
    ("claude-sonnet-5", Names::Undated, SONNET_5),
    ("claude-sonnet-4-6", Names::Undated, SONNET),
    ("claude-sonnet-4-5", Names::Dated("20250929"), SONNET),
    ("claude-sonnet-4", Names::Dated("20250514"), SONNET),
    ("claude-sonnet-4-latest", Names::Only, SONNET),
    ("claude-haiku-4-5", Names::DatedStrict("20251001"), HAIKU),
    ("claude-4-5-haiku@20251001", Names::Only, HAIKU),
    ("claude-fable-5", Names::Undated, FABLE),
    ("claude-mythos-5", Names::Only, FABLE),
    ("claude-3-7-sonnet-20250219", Names::Only, SONNET),
    ("claude-3-5-sonnet-20241022", Names::Only, SONNET),
    ("claude-3-5-haiku-20241022", Names::Only, HAIKU_3_5),
    ("gpt-4o", Names::Only, GPT_4O),
];

/// Models with a fast mode, which costs as much as Fable.
const FAST_MODELS: [&str; 2] = ["claude-opus-5", "claude-opus-4-8"];

/// The price list as the API shows it, with the compiled patterns.
pub(crate) static PRICE_LIST: LazyLock<Vec<(Regex, Value)>> = LazyLock::new(|| {
    let listed = MODELS.iter().map(|(name, names, prices)| {
        let pattern = names.pattern(name);
        (Regex::new(&pattern).expect("the pattern is sound"), model(name, &pattern, *prices))
    });
    listed.collect()
});

fn model(name: &str, pattern: &str, prices: Prices) -> Value {
    let by_kind = by_kind(prices);
    let mut tiers = vec![json!({
        "id": format!("{name}_tier_default"), "name": "Standard", "isDefault": true, "priority": 0, "conditions": [],
        "prices": by_kind,
    })];
    if FAST_MODELS.contains(&name) {
        let fast = json!({"source": "model_parameters", "key": "speed", "operator": "in", "values": ["fast"]});
        tiers.push(json!({
            "id": format!("{name}_tier_fast"), "name": "Fast mode", "isDefault": false, "priority": 1, "conditions": [fast],
            "prices": self::by_kind(FABLE),
        }));
    }
    let flat: BTreeMap<&str, Value> =
        by_kind.iter().map(|(kind, price)| (*kind, json!({"price": price}))).collect();
    json!({
        "id": name, "modelName": name, "matchPattern": pattern, "startDate": null,
        "inputPrice": by_kind.get("input"), "outputPrice": by_kind.get("output"), "totalPrice": null,
        "unit": "TOKENS", "tokenizerId": "claude", "tokenizerConfig": null, "isLangfuseManaged": true,
        "createdAt": CREATED, "prices": flat, "pricingTiers": tiers,
    })
}

/// Dollars per token, by each key that has a price.
fn by_kind(prices: Prices) -> BTreeMap<&'static str, f64> {
    let priced = KINDS.iter().zip(prices).filter(|(_, cents)| *cents > 0);
    priced
        .flat_map(|(kinds, cents)| kinds.iter().map(move |kind| (*kind, f64::from(cents) / 1e8)))
        .collect()
}

impl Names {
    /// The pattern of the list.
    fn pattern(&self, name: &str) -> String {
        let region = r"(eu\.|us\.|apac\.|au\.|jp\.|global\.)?anthropic\.";
        let any = match self {
            Self::Undated => {
                return format!(r"(?i)^((anthropic\/)?{name}|{region}{name}(-v1(:0)?)?)$");
            }
            Self::UndatedV1 => format!(r"{name}|{region}{name}-v1(:0)?"),
            Self::Dated(date) => {
                format!(r"{name}([-@]{date})?|{region}{name}(-{date})?-v1(:0)?")
            }
            Self::DatedStrict(date) => format!(r"{name}(-{date})?|{region}{name}-{date}-v1:0"),
            Self::Only => name.to_owned(),
        };
        format!(r"(?i)^(anthropic\/)?({any})$")
    }
}

/// The tier of a model that the parameters of a call select.
pub(crate) struct Tier<'a>(&'a Value);

impl<'a> Tier<'a> {
    /// The tier for a model; `None` if neither the project's own models nor the list know its name.
    pub(crate) fn find(model: &str, parameters: &Value, own: &'a [Value]) -> Option<Self> {
        let own = own.iter().rev().find(|own| matches_name(own, model));
        let listed = || PRICE_LIST.iter().find(|(pattern, _)| pattern.is_match(model));
        let model = own.or_else(|| listed().map(|(_, model)| model))?;
        // The first one by priority whose conditions are met, else the default one.
        let mut tiers: Vec<&Value> = model["pricingTiers"].as_array()?.iter().collect();
        tiers.sort_by_key(|tier| (tier["isDefault"] == true, tier["priority"].as_i64()));
        let is_met = |condition: &Value| {
            let values = condition["values"].as_array().into_iter().flatten();
            let given = condition["key"].as_str().map_or(&Value::Null, |key| &parameters[key]);
            condition["source"] == "model_parameters" && values.into_iter().any(|one| one == given)
        };
        let tier = tiers.into_iter().find(|tier| {
            tier["conditions"].as_array().is_some_and(|conditions| conditions.iter().all(is_met))
        })?;
        Some(Self(tier))
    }

    pub(crate) fn name(&self) -> String {
        self.0["name"].as_str().unwrap_or_default().to_owned()
    }

    /// Dollars by kind of usage, and their total; empty when no kind has a price.
    pub(crate) fn cost(&self, usage: &Map<String, Value>) -> Map<String, Value> {
        let mut cost = Map::new();
        for (kind, tokens) in usage {
            if let Some((tokens, price)) = tokens.as_f64().zip(self.0["prices"][kind].as_f64()) {
                cost.insert(kind.clone(), dollars(tokens * price));
            }
        }
        if !cost.is_empty() {
            let total = cost.values().filter_map(Value::as_f64).sum();
            cost.insert("total".to_owned(), dollars(total));
        }
        cost
    }
}

fn matches_name(own: &Value, model: &str) -> bool {
    let pattern = own["matchPattern"].as_str().unwrap_or_default();
    Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(model))
}

/// An amount without binary rounding errors.
pub(crate) fn dollars(amount: f64) -> Value {
    let amount: f64 = format!("{amount:.12}").parse().expect("a number was written");
    super::javascript::number(amount)
}
