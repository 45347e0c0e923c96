//! Readers for values whose type the documents do not agree on: the same number comes with and without quotes, and
//! optional texts and lists as `null`, empty or not at all. No reader ever puts a value into an error.

use std::time::Duration;

use secrecy::SecretString;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// KMS encrypts at most 4,096 bytes: a longer token could not be stored. WeCom's have up to 512.
const LONGEST_TOKEN: usize = 4_096;

/// WeCom's longest identifiers have 64 bytes, media ids somewhat more; a moment's row must not fill with junk.
const LONGEST_ID: usize = 512;

/// The value is there but is not what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unreadable;

/// A whole number, quoted or not; `None` for `null` and `""`.
pub(crate) fn integer(value: &Value) -> Result<Option<i64>, Unreadable> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text.trim().is_empty() => Ok(None),
        Value::String(text) => text.trim().parse().map(Some).map_err(|_| Unreadable),
        Value::Number(number) => number.as_i64().map(Some).ok_or(Unreadable),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => Err(Unreadable),
    }
}

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

/// serde: a list. An empty one may come as `null`, as servers written in Go send it.
pub(crate) fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::<Vec<T>>::deserialize(deserializer)?.unwrap_or_default())
}

/// serde: a token. An empty one is an error: it would overwrite a good one.
pub(crate) fn token<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(token)
            if (1..=LONGEST_TOKEN).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic()) =>
        {
            Ok(SecretString::from(token))
        }
        _ => Err(D::Error::custom("not a token")),
    }
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
        #[serde(default, deserialize_with = "list")]
        list: Vec<String>,
        #[serde(default, deserialize_with = "token")]
        token: SecretString,
    }

    fn read(value: Value) -> Option<Sample> {
        from_value(value).ok()
    }

    #[test]
    fn numbers_come_with_and_without_quotes() {
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
    fn ids_keep_every_digit() {
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
    fn texts_and_lists_may_be_null_and_tokens_may_not() {
        for (value, text) in [(json!("早安🌸"), "早安🌸"), (json!(null), ""), (json!({}), "")] {
            assert_eq!(read(json!({ "text": value })).unwrap().text, text);
        }
        assert!(read(json!({ "list": null })).unwrap().list.is_empty());
        assert!(read(json!({ "list": "none" })).is_none());
        let longest = "t".repeat(LONGEST_TOKEN);
        for (value, usable) in [
            (json!("tok_EN-1"), true),
            (json!(longest), true),
            (json!(format!("{longest}t")), false),
            (json!(""), false),
            (json!("a b"), false),
            (json!("令牌"), false),
            (json!(7), false),
            (json!(null), false),
        ] {
            assert_eq!(read(json!({ "token": value })).is_some(), usable, "{value}");
        }
        use secrecy::ExposeSecret;
        assert_eq!(read(json!({ "token": "tok" })).unwrap().token.expose_secret(), "tok");
    }
}
