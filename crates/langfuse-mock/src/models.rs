//! `GET /api/public/models`: the price list, by numbered pages.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::api::Answer;
use super::pages;
use super::price::{CREATED, PRICE_LIST};

/// `own`: the project's own models.
pub(crate) fn list(own: &[Value], query: &str) -> Answer {
    let known = PRICE_LIST.iter().map(|(_, model)| model);
    let all: Vec<&Value> = own.iter().chain(known).collect();
    pages::numbered(&all, &pages::parameters(query), |model| (*model).clone())
}

/// `POST /api/public/models`, by the public API definition (`fern/apis/server/definition/models.yml` of langfuse/langfuse): a model of
/// the project, which prices what is sent afterwards.
pub(crate) fn create(own: &mut Vec<Value>, body: &[u8]) -> Answer {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let is_text = |key: &str| body[key].as_str().is_some_and(|text| !text.is_empty());
    let tiers = body["pricingTiers"].as_array();
    let default = |tier: &&Value| {
        tier["isDefault"] == true && tier["priority"] == 0 && tier["conditions"] == json!([])
    };
    let has_prices = |tier: &Value| {
        let prices = tier["prices"].as_object();
        prices.is_some_and(|prices| !prices.is_empty() && prices.values().all(Value::is_number))
    };
    let is_sound = tiers.is_some_and(|tiers| {
        tiers.iter().filter(default).count() == 1 && tiers.iter().all(has_prices)
    });
    if !is_text("modelName") || !is_text("matchPattern") || !is_sound {
        return Answer::invalid("Invalid request data");
    }
    let mut model = body;
    model["id"] = format!("own-{}", own.len()).into();
    model["isLangfuseManaged"] = false.into();
    model["createdAt"] = CREATED.into();
    let prices = model["pricingTiers"][0]["prices"].as_object().into_iter().flatten();
    let flat: BTreeMap<String, Value> =
        prices.map(|(kind, price)| (kind.clone(), json!({"price": price}))).collect();
    model["prices"] = json!(flat);
    own.push(model.clone());
    Answer::json(200, &model)
}
