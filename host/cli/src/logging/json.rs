//! One object a line, keys sorted, as the reference's encoder writes maps.

use std::collections::BTreeMap;

use super::Value;

/// One line with its newline; of fields with the same name the last one counts.
pub(super) fn line(pairs: Vec<(&'static str, Value)>) -> String {
    // Sorted here, because another crate may switch on a feature that keeps the order of insertion.
    let sorted: BTreeMap<&str, serde_json::Value> =
        pairs.into_iter().map(|(name, value)| (name, json(value))).collect();
    let object = sorted.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let mut line = serde_json::Value::Object(object).to_string();
    line.push('\n');
    line
}

fn json(value: Value) -> serde_json::Value {
    match value {
        Value::Text(text) => text.into(),
        Value::Integer(number) => number.into(),
        Value::Unsigned(number) => number.into(),
        // JSON has no infinities and no NaN; as text they are not lost.
        Value::Float(number) if !number.is_finite() => number.to_string().into(),
        Value::Float(number) => number.into(),
        Value::Bool(truth) => truth.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_equal_names_counts_and_odd_floats_are_text() {
        let pairs = vec![("b", Value::Integer(1)), ("a", Value::Float(f64::NAN)), ("b", Value::Integer(2))];
        assert_eq!(line(pairs), "{\"a\":\"NaN\",\"b\":2}\n");
    }
}
