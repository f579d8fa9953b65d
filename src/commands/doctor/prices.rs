//! The prices of the destination, read here and kept for `usage`. Models of the newest sessions without a price are
//! named, with the request that sets one: Langfuse prices only later observations.

use std::collections::BTreeMap;

use base::Timestamp;
use serde_json::json;
use transcript::locate;

use super::DoctorContext;
use crate::commands::output::{CheckReport, plural};
use crate::config::{Destination, in_shell};
use crate::langfuse::{Client, Deadline, PriceList, PricedCall, Prices};
use crate::state::{Store, StoredPrices};
use crate::trace::usage_details;
use crate::usage::read_session;

/// The kinds of tokens that are sent.
const KINDS: [&str; 6] = [
    "input",
    "output",
    "input_cache_read",
    "input_cache_creation",
    "input_cache_creation_5m",
    "input_cache_creation_1h",
];

pub(super) fn check(
    context: &DoctorContext<'_>,
    destination: &Destination,
    client: &mut Client,
    report: &mut CheckReport,
) {
    const HELP: &str =
        "costs in 'claude-langfuse usage' are computed with older prices, or are missing";
    let list = match client.price_list(Deadline::after(context.config.timeout)) {
        Ok(list) => list,
        Err(verdict) => {
            let reason = verdict.reason().unwrap_or("the server gave no reason");
            return report.warn("prices", format!("prices were not read: {reason}"), HELP);
        }
    };
    let models = list.count();
    let prices = StoredPrices { at: Timestamp::now(), list };
    match Store::new(&context.config.state_dir).save_prices(&destination.id(), &prices) {
        Ok(()) => report.ok("prices", format!("prices of {models} models read for 'usage'")),
        Err(error) => report.warn("prices", format!("prices were not kept: {error:#}"), HELP),
    }
    for (model, calls) in without_price(context, &prices.list) {
        let calls = plural(calls, "call");
        let (alike, request) = request(&model, &prices.list, destination);
        let what = format!(
            "Langfuse has no price for {model} ({calls} in the newest sessions): their cost is 0"
        );
        let prices = match alike {
            Some(alike) => format!("with the prices of {alike}, change them if they differ"),
            None => "with its prices per token".to_owned(),
        };
        report.warn("prices", what, format!("run, {prices}: {request}"));
    }
}

/// Models of the newest sessions without a price, with the number of their calls.
fn without_price(context: &DoctorContext<'_>, list: &PriceList) -> BTreeMap<String, usize> {
    let prices = Prices::new(list.clone());
    let mut models = BTreeMap::new();
    let sessions = context.newest.iter();
    for (facts, _) in sessions.filter_map(|path| read_session(path, &locate::session_id(path)).ok())
    {
        for call in facts.calls {
            let usage = usage_details(&call.usage);
            let has_tokens = usage.values().any(|count| *count > 0);
            let priced = PricedCall {
                model: &call.model,
                at: Timestamp::now(),
                usage: &usage,
                parameters: &[],
            };
            if has_tokens && !call.model.is_empty() && prices.cost(priced).is_none() {
                *models.entry(call.model).or_insert(0) += 1;
            }
        }
    }
    models
}

/// The request that gives a model a price, and the model from which the prices are taken.
fn request<'a>(
    model: &str,
    list: &'a PriceList,
    destination: &Destination,
) -> (Option<&'a str>, String) {
    let alike = list.most_alike(model, &KINDS);
    let name = alike.as_ref().map(|(name, _)| *name);
    let zeros = || KINDS.iter().map(|kind| ((*kind).to_owned(), 0.0)).collect();
    let prices: BTreeMap<String, f64> = alike.map_or_else(zeros, |(_, prices)| prices);
    let tier = json!({"name": "Standard", "isDefault": true, "priority": 0, "conditions": [], "prices": prices});
    let body = json!({
        "modelName": model, "matchPattern": format!("(?i)^{}$", regex_lite::escape(model)), "unit": "TOKENS",
        "pricingTiers": [tier],
    });
    let request = format!(
        r#"curl -u "$LANGFUSE_PUBLIC_KEY:$LANGFUSE_SECRET_KEY" -H 'Content-Type: application/json' -d {} {}/api/public/models"#,
        in_shell(&body.to_string()),
        destination.base_url
    );
    (name, request)
}
