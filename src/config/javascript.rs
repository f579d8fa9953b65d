//! The text that Claude Code makes of a value in `env`: JavaScript's `String()`.

use serde_json::Value;

/// `String(value)`.
pub(super) fn text_of(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), number_text),
        Value::String(text) => text.clone(),
        Value::Array(values) => {
            // In an array, null becomes the empty text.
            let text = |value: &Value| if value.is_null() { String::new() } else { text_of(value) };
            values.iter().map(text).collect::<Vec<_>>().join(",")
        }
        Value::Object(_) => "[object Object]".to_owned(),
    }
}

fn number_text(number: f64) -> String {
    let size = number.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{number:e}");
        // JavaScript writes the sign of every exponent.
        return match text.split_once('e') {
            Some((digits, exponent)) if !exponent.starts_with('-') => {
                format!("{digits}e+{exponent}")
            }
            _ => text,
        };
    }
    // Minus zero loses its sign.
    format!("{}", number + 0.0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::text_of;

    #[test]
    fn values_become_the_text_that_node_prints() {
        for (value, text) in [
            (json!("https://x"), "https://x"),
            (json!(["https://x"]), "https://x"),
            (json!(["a", ["b", null], 1.0]), "a,b,,1"),
            (json!([]), ""),
            (json!(60.0), "60"),
            (json!(-0.0), "0"),
            (json!(0.1), "0.1"),
            (json!(9_007_199_254_740_993_u64), "9007199254740992"),
            (json!(1e21), "1e+21"),
            (json!(1.5e300), "1.5e+300"),
            (json!(1e-7), "1e-7"),
            (json!(true), "true"),
            (json!(null), "null"),
            (json!({"a": 1}), "[object Object]"),
        ] {
            assert_eq!(text_of(&value), text, "{value}");
        }
    }
}
