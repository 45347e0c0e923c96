//! Readers for values whose type the documents do not agree on, beside the kernel's: identifiers come as numbers, and
//! optional texts as `null`, empty or not at all. No reader ever puts a value into an error.

use std::time::Duration;

pub(crate) use kernel::lenient::{Unreadable, integer, list, token};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// WeCom's longest identifiers have 64 bytes, media ids somewhat more; a moment's row must not fill with junk.
const LONGEST_ID: usize = 512;

/// serde: an identifier that must be there. A number counts as its digits, so that ids above 2^63 stay exact.
pub(crate) fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(id) if (1..=LONGEST_ID).contains(&id.len()) => Ok(id),
        Value::Number(number) if number.is_u64() => Ok(number.to_string()),
        _ => Err(D::Error::custom("not an id")),
    }
}

/// serde: a text, empty when there is none.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => text,
        _ => String::new(),
    })
}

/// serde: a whole number that must be there.
pub(crate) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    integer(&Value::deserialize(deserializer)?).ok().flatten().ok_or_else(|| D::Error::custom("not a whole number"))
}

/// serde: a whole number, or `None` for what is none.
pub(crate) fn optional_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    Ok(integer(&Value::deserialize(deserializer)?).unwrap_or_default())
}

/// serde: a lifetime in seconds. More than a day is none: WeCom's tokens live two hours.
pub(crate) fn lifetime<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::try_from(number(deserializer)?)
        .ok()
        .filter(|seconds| *seconds <= 86_400)
        .map(Duration::from_secs)
        .ok_or_else(|| D::Error::custom("not a lifetime"))
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[derive(Deserialize)]
    struct Sample {
        #[serde(default, deserialize_with = "id")]
        id: String,
        #[serde(default, deserialize_with = "text")]
        text: String,
        #[serde(default, deserialize_with = "number")]
        number: i64,
        #[serde(default, deserialize_with = "optional_number")]
        optional: Option<i64>,
        #[serde(default, deserialize_with = "lifetime")]
        lifetime: Duration,
    }

    fn read(value: Value) -> Option<Sample> {
        from_value(value).ok()
    }

    #[test]
    fn provider_lenient_number_is_read_with_and_without_quotes() {
        for (value, number) in [
            (json!(45009), Some(45009)),
            (json!(" -1 "), Some(-1)),
            (json!(""), None),
            (json!(null), None),
            (json!("many"), None),
            (json!(1.5), None),
            (json!(18_446_744_073_709_551_615_u64), None),
            (json!(true), None),
        ] {
            assert_eq!(read(json!({ "number": value })).map(|sample| sample.number), number, "{value}");
        }
        for (value, number) in [(json!("1700000000"), Some(1_700_000_000)), (json!(1.5), None), (json!({}), None)] {
            assert_eq!(read(json!({ "optional": value })).unwrap().optional, number, "{value}");
        }
        for (value, seconds) in
            [(json!(7200), Some(7200)), (json!("0"), Some(0)), (json!(-1), None), (json!(86_401), None)]
        {
            let lifetime = read(json!({ "lifetime": value })).map(|sample| sample.lifetime.as_secs());
            assert_eq!(lifetime, seconds, "{value}");
        }
    }

    #[test]
    fn lenient_id_keeps_every_digit() {
        for (value, id) in [
            (json!(14_384_012_345_678_756_671_u64), Some("14384012345678756671")),
            (json!("14384012345678756671"), Some("14384012345678756671")),
            (json!("momXXX"), Some("momXXX")),
            (json!(""), None),
            (json!(null), None),
            (json!(1.4384e19), None),
            (json!(-1), None),
            (json!("x".repeat(LONGEST_ID + 1)), None),
        ] {
            assert_eq!(read(json!({ "id": value })).map(|sample| sample.id).as_deref(), id, "{value}");
        }
    }

    #[test]
    fn lenient_text_may_be_null() {
        for (value, text) in [(json!("早安🌸"), "早安🌸"), (json!(null), ""), (json!({}), "")] {
            assert_eq!(read(json!({ "text": value })).unwrap().text, text);
        }
    }
}
