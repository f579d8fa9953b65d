//! What a model costs: the Claude models of Langfuse's price list of August 2026 (and one foreign model), and its name patterns.
//!
//! Prices are whole cents for a million tokens, so that costs are exact.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Cents for a million tokens, by kind of usage.
#[derive(Clone, Copy)]
pub(crate) struct Prices {
    input: u32,
    output: u32,
    cache_read: u32,
    cache_write_5m: u32,
    cache_write_1h: u32,
}

impl Prices {
    const fn new(
        input: u32,
        output: u32,
        cache_read: u32,
        cache_write_5m: u32,
        cache_write_1h: u32,
    ) -> Self {
        Self { input, output, cache_read, cache_write_5m, cache_write_1h }
    }

    /// Dollars per token, by each key that has a price.
    pub(crate) fn by_kind(self) -> BTreeMap<&'static str, f64> {
        let price = |kind| Some((kind, f64::from(self.of(kind)?) / 1e8));
        KINDS.into_iter().filter_map(price).collect()
    }

    fn of(self, usage: &str) -> Option<u32> {
        let cents = match usage {
            "input" | "input_tokens" => self.input,
            "output" | "output_tokens" => self.output,
            "cache_read_input_tokens" | "input_cached_tokens" | "input_cache_read" => {
                self.cache_read
            }
            "cache_creation_input_tokens" | "input_cache_creation" | "input_cache_creation_5m" => {
                self.cache_write_5m
            }
            "input_cache_creation_1h" => self.cache_write_1h,
            _ => return None,
        };
        (cents > 0).then_some(cents)
    }
}

/// All keys that may have a price.
const KINDS: [&str; 11] = [
    "input",
    "input_tokens",
    "output",
    "output_tokens",
    "cache_read_input_tokens",
    "input_cached_tokens",
    "input_cache_read",
    "cache_creation_input_tokens",
    "input_cache_creation",
    "input_cache_creation_5m",
    "input_cache_creation_1h",
];

const OPUS: Prices = Prices::new(500, 2500, 50, 625, 1000);
const OLD_OPUS: Prices = Prices::new(1500, 7500, 150, 1875, 3000);
const SONNET: Prices = Prices::new(300, 1500, 30, 375, 600);
const SONNET_5: Prices = Prices::new(200, 1000, 20, 250, 400);
const HAIKU: Prices = Prices::new(100, 500, 10, 125, 200);
const HAIKU_3_5: Prices = Prices::new(80, 400, 8, 100, 160);
const FABLE: Prices = Prices::new(1000, 5000, 100, 1250, 2000);
/// Zero is no price: this model has none for writing a cache.
const GPT_4O: Prices = Prices::new(250, 1000, 125, 0, 0);

/// How a model's date, and its names on Bedrock and Vertex, are written in the list.
pub(crate) enum Names {
    /// Any date refuses: newer models. Bedrock with or without `-v1`, `-v1:0`.
    Undated,
    /// As `Undated`, but Bedrock asks for `-v1` or `-v1:0`.
    UndatedV1,
    /// `-DATE` and `@DATE` may stand; Bedrock asks for `-v1` or `-v1:0`.
    Dated(&'static str),
    /// `-DATE` may stand; Bedrock asks for both the date and `-v1:0`.
    DatedStrict(&'static str),
    /// Just this name.
    Only,
}

pub(crate) const MODELS: [(&str, Names, Prices); 20] = [
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

/// The fast mode of the models that have one.
pub(crate) const FAST: Prices = FABLE;

const FAST_MODELS: [&str; 2] = ["claude-opus-5", "claude-opus-4-8"];

pub(crate) fn has_fast_mode(name: &str) -> bool {
    FAST_MODELS.contains(&name)
}

/// A model of the list, with the tier its parameters select.
pub(crate) struct Tier {
    /// The tier's name in the list.
    pub name: String,
    prices: TierPrices,
}

/// What a token costs.
enum TierPrices {
    OfList(Prices),
    /// Of the project's own model, in dollars by kind.
    Own(Map<String, Value>),
}

impl TierPrices {
    /// Dollars for so many tokens of a kind.
    fn cost(&self, kind: &str, tokens: f64) -> Option<f64> {
        match self {
            Self::OfList(prices) => Some(tokens * f64::from(prices.of(kind)?) / 1e8),
            Self::Own(prices) => Some(tokens * prices.get(kind)?.as_f64()?),
        }
    }
}

impl Tier {
    /// The tier for a model, or none when neither the project's own models nor the list know its name.
    pub(crate) fn find(model: &str, parameters: &Value, own: &[Value]) -> Option<Self> {
        if let Some(own) = own.iter().rev().find(|own| matches_name(own, model)) {
            return Self::of_own(own, parameters);
        }
        let model = model.to_ascii_lowercase();
        let (name, _, prices) =
            MODELS.iter().find(|(name, names, _)| names.include(name, &model))?;
        let fast = has_fast_mode(name) && parameters["speed"] == "fast";
        Some(if fast {
            Self { name: "Fast mode".to_owned(), prices: TierPrices::OfList(FAST) }
        } else {
            Self { name: "Standard".to_owned(), prices: TierPrices::OfList(*prices) }
        })
    }

    /// The first tier by priority whose conditions are met, else the default one.
    fn of_own(model: &Value, parameters: &Value) -> Option<Self> {
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
        let prices = TierPrices::Own(tier["prices"].as_object()?.clone());
        Some(Self { name: tier["name"].as_str().unwrap_or_default().to_owned(), prices })
    }

    /// Dollars by kind of usage, and their total; empty when no kind has a price.
    pub(crate) fn cost(&self, usage: &Map<String, Value>) -> Map<String, Value> {
        let mut cost = Map::new();
        for (kind, tokens) in usage {
            let amount = tokens.as_f64().and_then(|tokens| self.prices.cost(kind, tokens));
            cost.extend(amount.map(|amount| (kind.clone(), dollars(amount))));
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
    regex_lite::Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(model))
}

/// An amount without the dust of binary fractions.
pub(crate) fn dollars(amount: f64) -> Value {
    let amount: f64 = format!("{amount:.12}").parse().expect("a number was written");
    super::javascript::number(amount)
}

impl Names {
    /// The pattern of the list that matches what [`Self::include`] says.
    pub(crate) fn pattern(&self, name: &str) -> String {
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

    fn include(&self, name: &str, model: &str) -> bool {
        let own = model.strip_prefix("anthropic/").unwrap_or(model);
        if matches!(self, Self::Only) || own == name {
            return own == name;
        }
        let regions = ["eu.", "us.", "apac.", "au.", "jp.", "global."];
        // `anthropic/` may stand before a Bedrock name too, but only in the patterns of the older models.
        let bedrock = if matches!(self, Self::Undated) { model } else { own };
        let bedrock =
            regions.iter().find_map(|region| bedrock.strip_prefix(region)).unwrap_or(bedrock);
        let bedrock = bedrock.strip_prefix("anthropic.").and_then(|rest| rest.strip_prefix(name));
        let own = own.strip_prefix(name).unwrap_or("no");
        match self {
            Self::Only => false,
            Self::Undated => matches!(bedrock, Some("" | "-v1" | "-v1:0")),
            Self::UndatedV1 => matches!(bedrock, Some("-v1" | "-v1:0")),
            Self::Dated(date) => {
                let undated =
                    |rest: &str| rest.strip_prefix(&format!("-{date}")).unwrap_or(rest).to_owned();
                own == format!("-{date}")
                    || own == format!("@{date}")
                    || bedrock.is_some_and(|rest| matches!(undated(rest).as_str(), "-v1" | "-v1:0"))
            }
            Self::DatedStrict(date) => {
                own == format!("-{date}")
                    || bedrock.is_some_and(|rest| rest == format!("-{date}-v1:0"))
            }
        }
    }
}
