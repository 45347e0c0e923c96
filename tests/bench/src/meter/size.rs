//! How large DynamoDB takes an item to be, from the attribute values of its JSON protocol.
//!
//! The rules are those of the developer guide, "DynamoDB item sizes and formats". Numbers are given there as "about"
//! one byte per two digits and one more; that is what is used.

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

/// A row, or the key of one.
pub type Item = Map<String, Value>;

/// Bytes of an item: names and values of all its attributes.
pub fn of(item: &Item) -> Result<u64> {
    item.iter().try_fold(0, |sum, (name, value)| Ok(sum + name.len() as u64 + attribute(value)?))
}

fn attribute(value: &Value) -> Result<u64> {
    let (kind, content) = value.as_object().and_then(|one| one.iter().next()).context("not an attribute value")?;
    let each = |size: fn(&Value) -> Result<u64>| -> Result<u64> {
        let values = content.as_array().context("not a list of values")?;
        values.iter().try_fold(0, |sum, value| Ok(sum + size(value)?))
    };
    match kind.as_str() {
        "S" => text(content),
        "N" => number(content),
        "B" => binary(content),
        "BOOL" | "NULL" => Ok(1),
        "SS" => each(text),
        "NS" => each(number),
        "BS" => each(binary),
        "L" => Ok(3 + each(|value| Ok(1 + attribute(value)?))?),
        "M" => {
            let fields = content.as_object().context("not a map of values")?;
            Ok(3 + fields.len() as u64 + of(fields)?)
        }
        other => bail!("an attribute of unknown type {other}"),
    }
}

fn text(value: &Value) -> Result<u64> {
    Ok(value.as_str().context("not a text")?.len() as u64)
}

fn binary(value: &Value) -> Result<u64> {
    Ok(STANDARD.decode(value.as_str().context("not a text")?)?.len() as u64)
}

fn number(value: &Value) -> Result<u64> {
    let text = value.as_str().context("not a text")?;
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let significant = digits.trim_start_matches('0').trim_end_matches('0').len() as u64;
    Ok(1 + significant.div_ceil(2) + u64::from(text.starts_with('-')))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn item_size_follows_the_developer_guide() {
        for (item, size) in [
            (json!({"Name": {"S": "小明"}}), 4 + 6),
            (json!({"n": {"N": "0"}}), 1 + 1),
            (json!({"n": {"N": "1700000000"}}), 1 + 1 + 1),
            (json!({"n": {"N": "-12345"}}), 1 + 1 + 3 + 1),
            (json!({"n": {"N": "1.50E3"}}), 1 + 1 + 1),
            (json!({"b": {"B": "AAEC"}}), 1 + 3),
            (json!({"f": {"BOOL": false}, "g": {"NULL": true}}), 2 + 2),
            (json!({"s": {"SS": ["ab", "c"]}}), 1 + 3),
            (json!({"l": {"L": [{"S": "ab"}, {"N": "7"}]}}), 1 + 3 + (1 + 2) + (1 + 2)),
            (json!({"m": {"M": {"k": {"S": "v"}}}}), 1 + 3 + (1 + 1 + 1)),
            (json!({}), 0),
        ] {
            assert_eq!(of(item.as_object().unwrap()).unwrap(), size, "{item}");
        }
        for item in [json!({"x": {"S": 1}}), json!({"x": {}}), json!({"x": {"Q": "1"}})] {
            assert!(of(item.as_object().unwrap()).is_err(), "{item}");
        }
    }
}
