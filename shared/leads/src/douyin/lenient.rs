//! Readers for values whose type the documents do not agree on, beside the kernel's: official samples show optional
//! texts as `null`, `""` or nothing at all, and flags as numbers. No reader ever puts a value into an error.

use std::time::Duration;

pub(super) use kernel::lenient::{Unreadable, integer, list, optional_token, token};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::ids::OpenId;

/// A century: the longest lifetime any page of the platform mentions. More is not a lifetime, and would leave the
/// range of the calendar when added to the time now.
const LONGEST_LIFETIME: u64 = 3_153_600_000;

/// Text that is there and not empty; a number counts as its digits.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// serde: [`integer`].
pub(super) fn optional_integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    integer(&Value::deserialize(deserializer)?).map_err(|Unreadable| D::Error::custom("not a whole number"))
}

/// serde: a count that is worth nothing when it is no number, because nothing depends on it.
pub(super) fn optional_count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let count = integer(&Value::deserialize(deserializer)?).unwrap_or_default();
    Ok(count.and_then(|count| u64::try_from(count).ok()))
}

/// serde: `true`/`false`, 1/0, quoted or not.
pub(super) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Bool(flag) => Ok(flag),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        other => match integer(&other) {
            Ok(Some(1)) => Ok(true),
            Ok(Some(0)) => Ok(false),
            _ => Err(D::Error::custom("not a flag")),
        },
    }
}

/// serde: [`text`].
pub(super) fn optional_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(text(&Value::deserialize(deserializer)?))
}

/// serde: the id of a person, or `None` for what cannot be one.
pub(super) fn optional_open_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<OpenId>, D::Error> {
    Ok(optional_text(deserializer)?.and_then(|id| id.try_into().ok()))
}

/// serde: [`text`], empty when there is none.
pub(super) fn text_or_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(optional_text(deserializer)?.unwrap_or_default())
}

/// serde: seconds.
pub(super) fn lifetime<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    optional_lifetime(deserializer)?.ok_or_else(|| D::Error::custom("not a lifetime in seconds"))
}

/// serde: seconds, or `None` when they are missing or make no lifetime.
pub(super) fn optional_lifetime<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let seconds = optional_count(deserializer)?;
    Ok(seconds.filter(|seconds| *seconds <= LONGEST_LIFETIME).map(Duration::from_secs))
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[derive(Deserialize)]
    struct Sample {
        #[serde(default, deserialize_with = "optional_integer")]
        number: Option<i64>,
        #[serde(default, deserialize_with = "optional_count")]
        count: Option<u64>,
        #[serde(default, deserialize_with = "flag")]
        flag: bool,
        #[serde(default, deserialize_with = "text_or_empty")]
        text: String,
        #[serde(default, deserialize_with = "optional_lifetime")]
        lifetime: Option<Duration>,
    }

    fn read(value: Value) -> Option<Sample> {
        from_value(value).ok()
    }

    #[test]
    fn lenient_number_that_is_none_is_an_error_and_a_count_is_absent() {
        for (value, number) in [
            (json!(28001003), Some(Some(28001003))),
            (json!("28001003"), Some(Some(28001003))),
            (json!(" -7 "), Some(Some(-7))),
            (json!(""), Some(None)),
            (json!(null), Some(None)),
            (json!("many"), None),
            (json!(1.5), None),
            (json!(18_446_744_073_709_551_615_u64), None),
            (json!(true), None),
            (json!([1]), None),
        ] {
            let read = read(json!({ "number": value })).map(|sample| sample.number);
            assert_eq!(read, number, "{value}");
        }
        assert_eq!(read(json!({ "count": "12000" })).unwrap().count, Some(12_000));
        assert_eq!(read(json!({ "count": -1 })).unwrap().count, None);
        assert_eq!(read(json!({ "count": "many" })).unwrap().count, None);
    }

    #[test]
    fn lenient_flag_is_read_from_four_forms() {
        for (value, flag) in [
            (json!(true), Some(true)),
            (json!("True"), Some(true)),
            (json!(1), Some(true)),
            (json!("0"), Some(false)),
            (json!("false"), Some(false)),
            (json!(null), None),
            (json!(""), None),
            (json!(2), None),
        ] {
            assert_eq!(read(json!({ "flag": value })).map(|sample| sample.flag), flag, "{value}");
        }
    }

    #[test]
    fn lenient_text_may_be_null_or_a_number() {
        for (value, text) in [(json!("小王"), "小王"), (json!(null), ""), (json!(520), "520"), (json!({}), "")] {
            assert_eq!(read(json!({ "text": value })).unwrap().text, text);
        }
    }

    #[test]
    fn lenient_lifetime_that_is_unusable_is_refused() {
        for (value, seconds) in [
            (json!("1296000"), Some(1_296_000)),
            (json!(0), Some(0)),
            (json!(LONGEST_LIFETIME), Some(LONGEST_LIFETIME)),
            (json!(LONGEST_LIFETIME + 1), None),
            (json!(-5), None),
            (json!("soon"), None),
        ] {
            let lifetime = read(json!({ "lifetime": value })).unwrap().lifetime;
            assert_eq!(lifetime, seconds.map(Duration::from_secs), "{value}");
        }
    }
}
