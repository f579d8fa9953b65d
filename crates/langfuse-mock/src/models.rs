//! `GET /api/public/models`: the price list, by numbered pages.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::api::Answer;
use super::price::{FAST, MODELS, Prices, has_fast_mode};

const CREATED: &str = "2026-08-01T00:00:00.000Z";

pub(crate) fn list(query: &str) -> Answer {
    let query: BTreeMap<&str, &str> =
        query.split('&').filter_map(|it| it.split_once('=')).collect();
    let number = |name: &str, default| {
        query.get(name).map_or(Some(default), |text| text.parse::<usize>().ok())
    };
    let (Some(limit @ 1..=100), Some(page @ 1..)) = (number("limit", 50), number("page", 1)) else {
        let message = json!({"message": "Invalid request data", "error": "InvalidRequestError"});
        return Answer::json(400, &message);
    };
    let models = MODELS.iter().skip((page - 1) * limit).take(limit);
    let data: Vec<Value> =
        models.map(|(name, names, prices)| model(name, &names.pattern(name), *prices)).collect();
    let meta = json!({
        "page": page, "limit": limit, "totalItems": MODELS.len(), "totalPages": MODELS.len().div_ceil(limit),
    });
    Answer::json(200, &json!({"data": data, "meta": meta}))
}

fn model(name: &str, pattern: &str, prices: Prices) -> Value {
    let by_kind = prices.by_kind();
    let mut tiers = vec![json!({
        "id": format!("{name}_tier_default"), "name": "Standard", "isDefault": true, "priority": 0, "conditions": [],
        "prices": by_kind,
    })];
    if has_fast_mode(name) {
        let fast = json!({"source": "model_parameters", "key": "speed", "operator": "in", "values": ["fast"]});
        tiers.push(json!({
            "id": format!("{name}_tier_fast"), "name": "Fast mode", "isDefault": false, "priority": 1, "conditions": [fast],
            "prices": FAST.by_kind(),
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
