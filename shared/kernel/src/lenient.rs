//! serde readers for values whose type the platforms' documents do not agree on: the same number comes with and without
//! quotes, and an empty list as `null`. No reader ever puts a value into an error. Readers for what only one platform
//! does are with its client.

use secrecy::SecretString;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// KMS encrypts at most 4,096 bytes: a longer token could not be stored. Douyin's have about a hundred, WeCom's up to
/// 512.
const LONGEST_TOKEN: usize = 4_096;

/// The value is there but is not what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable;

/// A whole number, quoted or not; `None` for `null` and `""`.
///
/// # Errors
/// [`Unreadable`] for anything else, and for numbers beyond `i64`.
pub fn integer(value: &Value) -> Result<Option<i64>, Unreadable> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text.trim().is_empty() => Ok(None),
        Value::String(text) => text.trim().parse().map(Some).map_err(|_| Unreadable),
        Value::Number(number) => number.as_i64().map(Some).ok_or(Unreadable),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => Err(Unreadable),
    }
}

/// serde: a list. An empty one may come as `null`, as servers written in Go send it.
///
/// # Errors
/// When it is no list, or one of something else.
pub fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::<Vec<T>>::deserialize(deserializer)?.unwrap_or_default())
}

/// serde: a token. An empty one is an error: it would overwrite a good one.
///
/// # Errors
/// When it cannot be a token.
pub fn token<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    optional_token(deserializer)?.ok_or_else(|| D::Error::custom("not a token"))
}

/// serde: a token, or `None` for anything that cannot be one. Tokens travel in headers and addresses, so they are
/// printable ASCII.
///
/// # Errors
/// None of its own.
pub fn optional_token<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(token)
            if (1..=LONGEST_TOKEN).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic()) =>
        {
            Some(SecretString::from(token))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;
    use serde_json::{from_value, json};

    use super::*;

    #[derive(Deserialize)]
    struct Sample {
        #[serde(default, deserialize_with = "list")]
        list: Vec<String>,
        #[serde(default, deserialize_with = "optional_token")]
        optional: Option<SecretString>,
        #[serde(default, deserialize_with = "token")]
        token: SecretString,
    }

    fn read(value: Value) -> Option<Sample> {
        from_value(value).ok()
    }

    #[test]
    fn lenient_number_is_read_with_and_without_quotes() {
        for (value, number) in [
            (json!(28_001_003), Ok(Some(28_001_003))),
            (json!("28001003"), Ok(Some(28_001_003))),
            (json!(" -1 "), Ok(Some(-1))),
            (json!(""), Ok(None)),
            (json!(null), Ok(None)),
            (json!("many"), Err(Unreadable)),
            (json!(1.5), Err(Unreadable)),
            (json!(18_446_744_073_709_551_615_u64), Err(Unreadable)),
            (json!(true), Err(Unreadable)),
            (json!([1]), Err(Unreadable)),
        ] {
            assert_eq!(integer(&value), number, "{value}");
        }
    }

    #[test]
    fn lenient_list_may_be_null_and_a_token_may_not() {
        assert!(read(json!({ "list": null })).unwrap().list.is_empty());
        assert_eq!(read(json!({ "list": ["a"] })).unwrap().list, ["a"]);
        assert!(read(json!({ "list": "none" })).is_none());
        let longest = "t".repeat(LONGEST_TOKEN);
        for (value, usable) in [
            (json!("act.1!x@y+z/=="), true),
            (json!(longest), true),
            (json!(format!("{longest}t")), false),
            (json!(""), false),
            (json!("a b"), false),
            (json!("act.1\r\nx: y"), false),
            (json!("令牌"), false),
            (json!(7), false),
            (json!(null), false),
        ] {
            let token = read(json!({ "token": value })).map(|sample| sample.token.expose_secret().to_owned());
            assert_eq!(token.as_deref(), value.as_str().filter(|_| usable), "{value}");
            assert_eq!(read(json!({ "optional": value })).unwrap().optional.is_some(), usable, "{value}");
        }
    }
}
