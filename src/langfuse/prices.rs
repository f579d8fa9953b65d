//! The price list of a Langfuse: its prices per model and kind of token (docs/langfuse.md, "Tokens and prices").

use std::cell::RefCell;
use std::collections::BTreeMap;

use base::Timestamp;
use regex_lite::Regex;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Client, Deadline, Verdict};

/// The models of a project, as the server lists them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PriceList(Vec<ModelDefinition>);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ModelDefinition {
    model_name: String,
    match_pattern: String,
    start_date: Option<String>,
    is_langfuse_managed: bool,
    /// Prices of the default tier. Older servers have no others.
    prices: BTreeMap<String, FlatPrice>,
    pricing_tiers: Vec<PricingTier>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct FlatPrice {
    price: f64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PricingTier {
    is_default: bool,
    priority: i64,
    conditions: Vec<Condition>,
    prices: BTreeMap<String, f64>,
}

/// A condition of a tier. An unknown kind of condition is never met.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Condition {
    #[serde(rename_all = "camelCase")]
    Usage {
        usage_detail_pattern: String,
        operator: String,
        value: f64,
        #[serde(default)]
        case_sensitive: bool,
    },
    Attribute {
        source: String,
        key: String,
        values: Vec<String>,
    },
    Unknown(Value),
}

/// The facts of a model call that decide its price.
#[derive(Clone, Copy, Debug)]
pub struct PricedCall<'a> {
    pub model: &'a str,
    pub at: Timestamp,
    /// Tokens by Langfuse's keys.
    pub usage: &'a BTreeMap<&'a str, u64>,
    /// The model parameters that were sent.
    pub parameters: &'a [(&'a str, &'a str)],
}

impl Client {
    /// The models of the keys' project, with their prices.
    ///
    /// # Errors
    /// The verdict of the failed request.
    pub fn price_list(&mut self, deadline: Deadline) -> Result<PriceList, Verdict> {
        let rows = self.all_rows("/api/public/models?", "models", deadline)?;
        let rows = rows.ok_or_else(|| self.without_rows("models"))?;
        let models = rows.into_iter().filter_map(|row| serde_json::from_value(row).ok());
        Ok(PriceList(models.collect()))
    }
}

impl PriceList {
    /// The number of models.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The model of the same family with the most similar name, with its default prices for these kinds of tokens.
    pub fn most_alike(&self, name: &str, kinds: &[&str]) -> Option<(&str, BTreeMap<String, f64>)> {
        let family = |name: &str| name.split('-').take(2).map(str::to_owned).collect::<Vec<_>>();
        let alike =
            |other: &str| name.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
        let models = self.0.iter().filter(|model| family(&model.model_name) == family(name));
        let model = models.max_by_key(|model| (alike(&model.model_name), &model.model_name))?;
        let tier = model.pricing_tiers.iter().find(|tier| tier.is_default);
        let price = |kind: &&str| Some(((*kind).to_owned(), model.price(tier, kind)?));
        let prices = kinds.iter().filter_map(price);
        Some((&model.model_name, prices.collect()))
    }
}

/// A price list whose patterns are compiled.
#[derive(Debug)]
pub struct Prices {
    /// In the order in which the server tries them.
    models: Vec<(Regex, ModelDefinition)>,
    /// By model name.
    found: RefCell<BTreeMap<String, Vec<usize>>>,
}

impl Prices {
    /// Compiles the patterns; skips those that no engine here understands.
    pub fn new(PriceList(mut models): PriceList) -> Self {
        // The user's own models come before Langfuse's, the newest first.
        models.sort_by(|one, other| {
            let order = |model: &ModelDefinition| (!model.is_langfuse_managed, model.start());
            order(other).cmp(&order(one))
        });
        let compiled =
            |model: ModelDefinition| Some((Regex::new(&model.match_pattern).ok()?, model));
        Self {
            models: models.into_iter().filter_map(compiled).collect(),
            found: RefCell::default(),
        }
    }

    /// The cost of a call in US dollars; `None` if the list has no price for it.
    pub fn cost(&self, call: PricedCall<'_>) -> Option<f64> {
        let mut found = self.found.borrow_mut();
        let matching = match found.get(call.model) {
            Some(matching) => matching,
            None => found.entry(call.model.to_owned()).or_insert_with(|| self.matching(call.model)),
        };
        let mut models = matching.iter().filter_map(|index| self.models.get(*index));
        let (_, model) = models.find(|(_, model)| model.start() <= call.at)?;
        model.cost(call)
    }

    fn matching(&self, name: &str) -> Vec<usize> {
        let models = self.models.iter().enumerate();
        models.filter(|(_, (pattern, _))| pattern.is_match(name)).map(|(index, _)| index).collect()
    }
}

impl ModelDefinition {
    fn start(&self) -> Timestamp {
        self.start_date.as_deref().and_then(Timestamp::parse).unwrap_or_default()
    }

    fn cost(&self, call: PricedCall<'_>) -> Option<f64> {
        let tier = self.tier(call);
        let cost = |(kind, count): (&&str, &u64)| Some(self.price(tier, kind)? * float(*count));
        call.usage.iter().filter_map(cost).reduce(|sum, cost| sum + cost)
    }

    fn price(&self, tier: Option<&PricingTier>, kind: &str) -> Option<f64> {
        match tier {
            Some(tier) => tier.prices.get(kind).copied(),
            None => self.prices.get(kind).map(|flat| flat.price),
        }
    }

    /// The first tier whose conditions are all met, otherwise the default tier.
    fn tier(&self, call: PricedCall<'_>) -> Option<&PricingTier> {
        let is_met = |tier: &&PricingTier| {
            let conditions = &tier.conditions;
            !tier.is_default
                && !conditions.is_empty()
                && conditions.iter().all(|condition| condition.is_met(call))
        };
        let special = self.pricing_tiers.iter().filter(is_met).min_by_key(|tier| tier.priority);
        special.or_else(|| self.pricing_tiers.iter().find(|tier| tier.is_default))
    }
}

impl Condition {
    fn is_met(&self, call: PricedCall<'_>) -> bool {
        match self {
            Self::Usage { usage_detail_pattern, operator, value, case_sensitive } => {
                let flags = if *case_sensitive { "" } else { "(?i)" };
                let Ok(pattern) = Regex::new(&format!("{flags}{usage_detail_pattern}")) else {
                    return false;
                };
                let counts = call.usage.iter().filter(|(kind, _)| pattern.is_match(kind));
                let sum: f64 = counts.map(|(_, count)| float(*count)).sum();
                match operator.as_str() {
                    "gt" => sum > *value,
                    "gte" => sum >= *value,
                    "lt" => sum < *value,
                    "lte" => sum <= *value,
                    "eq" => sum == *value,
                    "neq" => sum != *value,
                    _ => false,
                }
            }
            Self::Attribute { source, key, values } => {
                let mut parameters = call.parameters.iter();
                source == "model_parameters"
                    && parameters
                        .any(|(name, text)| name == key && values.iter().any(|value| value == text))
            }
            Self::Unknown(_) => false,
        }
    }
}

/// Every count of tokens is exact as a float.
#[allow(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use base::Timestamp;
    use serde_json::{Value, json};

    use super::{PriceList, PricedCall, Prices};

    fn model(pattern: &str, start: Option<&str>, managed: bool, input: f64) -> Value {
        json!({
            "id": "m", "modelName": "m", "matchPattern": pattern, "startDate": start, "isLangfuseManaged": managed,
            "prices": {"input": {"price": input}}, "pricingTiers": [],
        })
    }

    fn cost(models: &Value, name: &str, usage: &[(&'static str, u64)], speed: &str) -> Option<f64> {
        let list: PriceList = serde_json::from_value(models.clone()).unwrap();
        let usage: BTreeMap<&str, u64> = usage.iter().copied().collect();
        Prices::new(list).cost(PricedCall {
            model: name,
            at: Timestamp::parse("2026-06-01T00:00:00Z").unwrap(),
            usage: &usage,
            parameters: &[("speed", speed)],
        })
    }

    #[test]
    fn the_users_own_and_the_newest_definition_win() {
        let list = json!([
            model("(?i)^(x)$", None, true, 1.0),
            model("(?i)^(x)$", Some("2026-05-01T00:00:00.000Z"), true, 2.0),
            model("(?i)^(x)$", Some("2026-07-01T00:00:00.000Z"), true, 3.0),
            model("^y(", None, false, 9.0),
        ]);
        assert_eq!(cost(&list, "X", &[("input", 10)], ""), Some(20.0));
        let mut own = list.as_array().unwrap().clone();
        own.push(model("^X$", None, false, 5.0));
        assert_eq!(cost(&own.into(), "X", &[("input", 10)], ""), Some(50.0));
        assert_eq!(cost(&list, "y", &[("input", 10)], ""), None);
    }

    #[test]
    fn kinds_are_matched_by_their_whole_names() {
        let list = json!([model("^x$", None, true, 1.0)]);
        assert_eq!(cost(&list, "x", &[("input", 1), ("input_cache_read", 7)], ""), Some(1.0));
        assert_eq!(cost(&list, "x", &[("output", 7)], ""), None);
    }

    #[test]
    fn a_tier_counts_if_all_its_conditions_are_met() {
        let tier = |default: bool, conditions: Value, input: f64| {
            json!({
                "name": "t", "isDefault": default, "priority": u8::from(!default), "conditions": conditions,
                "prices": {"input": input},
            })
        };
        let fast = json!({"source": "model_parameters", "key": "speed", "operator": "in", "values": ["fast"]});
        let long = json!({"usageDetailPattern": "^INPUT", "operator": "gt", "value": 100, "caseSensitive": false});
        let costs = |conditions: Value| {
            let mut list = json!([model("^x$", None, true, 1.0)]);
            list[0]["pricingTiers"] =
                json!([tier(true, json!([]), 1.0), tier(false, conditions, 2.0)]);
            let cost = |count, speed| cost(&list, "x", &[("input", count)], speed).unwrap();
            [cost(10, ""), cost(10, "fast"), cost(200, ""), cost(200, "fast")]
        };
        assert_eq!(costs(json!([fast])), [10.0, 20.0, 200.0, 400.0]);
        assert_eq!(costs(json!([fast, long])), [10.0, 10.0, 200.0, 400.0]);
        assert_eq!(costs(json!([{"source": "weather"}])), [10.0, 10.0, 200.0, 200.0]);
    }
}
