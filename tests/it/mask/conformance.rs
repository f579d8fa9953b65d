//! The table of samples, row by row: alone, in prose, in JSON, in JSON in a string, in a shell, in an env file, in a URL.

use claude_langfuse::privacy::Policy;
use serde_json::{Value, json};

use super::table::{Row, rows};
use super::{applied, applied_to_value, policy};

#[test]
fn the_table_has_rows_enough_of_both_kinds() {
    let (must, must_not) = rows();
    assert!(must.len() >= 100 && must_not.len() >= 50, "{} and {}", must.len(), must_not.len());
}

#[test]
fn every_mask_has_its_kind_and_length() {
    each(rows().0, |policy, row| {
        let masked = applied(policy, &row.text);
        let mask = format!("[masked: {}, {} chars]", row.kind, row.secret.chars().count());
        match masked.replace(&format!("\"{mask}\""), &mask)
            == row.text.replacen(&row.secret, &mask, 1)
            || masked == row.text.replacen(&row.secret, &mask, 1)
        {
            true => None,
            false => Some(masked),
        }
    });
}

#[test]
fn every_row_that_must_be_masked_is_masked_in_any_place() {
    each(rows().0, |policy, row| {
        places(row)
            .into_iter()
            .map(|text| applied(policy, &text))
            .find(|masked| masked.contains(&row.secret))
    });
}

#[test]
fn every_row_that_must_be_masked_is_masked_in_json_which_stays_json() {
    each(rows().0, |policy, row| {
        let (deep, wide) = nested(row);
        let masked: Value = match serde_json::from_str(&applied(policy, &wide)) {
            Ok(masked) => masked,
            Err(error) => return Some(format!("{error}: {}", applied(policy, &wide))),
        };
        let inner = masked["content"].as_str().unwrap();
        let innermost: Value = match serde_json::from_str(inner) {
            Ok(innermost) => innermost,
            Err(error) => return Some(format!("{error}: {inner}")),
        };
        let found = innermost["output"].as_str().unwrap();
        let structured = applied_to_value(policy, &deep).to_string();
        let escaped = json!(row.secret).to_string();
        let escaped = escaped.trim_matches('"');
        let is_kept = found.contains(&row.secret) || structured.contains(escaped);
        (is_kept || innermost["kept"] != 1).then(|| format!("{found}\n{structured}"))
    });
}

#[test]
fn a_masked_text_is_not_changed_by_masking_it_again() {
    each(rows().0, |policy, row| {
        let mut texts = places(row);
        texts.push(nested(row).1);
        texts.into_iter().find_map(|text| {
            let once = applied(policy, &text);
            let twice = applied(policy, &once);
            (once != twice).then(|| format!("{once}\n{twice}"))
        })
    });
}

#[test]
fn every_row_that_must_not_be_masked_stays_as_it_is() {
    each(rows().1, |policy, row| {
        let mut texts = places(row);
        texts.push(nested(row).1);
        texts.into_iter().find_map(|text| {
            let masked = applied(policy, &text);
            (masked != text).then_some(masked)
        })
    });
}

#[test]
fn a_row_cut_at_any_place_is_masked_before_the_cut() {
    each(rows().0, |_, row| {
        [50, 200].into_iter().find_map(|length| {
            let limit = length.to_string();
            let cutting = policy(&[("CC_LANGFUSE_MAX_CHARS", &limit)]);
            let text = format!(
                "{}\n{}\n{}",
                "before ".repeat(length / 16),
                row.text,
                "after ".repeat(100)
            );
            let masked = applied(&cutting, &text);
            let head: String = row.secret.chars().take(16).collect();
            (row.secret.chars().count() > 24 && masked.contains(&head)).then_some(masked)
        })
    });
}

#[test]
fn masking_can_be_switched_off() {
    let policy = policy(&[("CC_LANGFUSE_MASK", "false")]);
    for row in rows().0 {
        assert_eq!(applied(&policy, &row.text), row.text);
    }
}

/// Fails with all rows for which the check returns a message.
fn each(rows: Vec<Row>, check: impl Fn(&Policy, &Row) -> Option<String>) {
    let policy = policy(&[]);
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|row| {
            Some(format!("{}: {}\n  -> {}", row.kind, row.text, check(&policy, row)?))
        })
        .collect();
    assert!(wrong.is_empty(), "{} rows:\n{}", wrong.len(), wrong.join("\n"));
}

/// Texts around a sample.
fn places(row: &Row) -> Vec<String> {
    let text = &row.text;
    let mut places = vec![
        text.clone(),
        format!("Look at this:\n{text}\nand tell me what it is."),
        format!("# settings\nHOST=localhost\n{text}\nPORT=8080\n"),
        format!("     1\u{2192}# settings\r\n     2\u{2192}{text}\r\n     3\u{2192}PORT=8080\r\n"),
    ];
    if row.is_bare {
        places.extend([
            format!("I used {text} yesterday."),
            format!("({text}), \"{text}\" and `{text}`"),
            format!("export VALUE={text} && ./run '{text}'"),
            format!("https://example.com/path?key={text}&x=1"),
            format!("\u{1b}[1;32m{text}\u{1b}[0m"),
        ]);
    }
    places
}

/// A sample in structured values, and in JSON in a string in JSON.
fn nested(row: &Row) -> (Value, String) {
    let deep = json!({"output": row.text, "list": [[{"text": row.text}], row.text], "kept": 1});
    let wide =
        json!({"role": "tool", "content": json!({"output": row.text, "kept": 1}).to_string()});
    (deep, wide.to_string())
}
