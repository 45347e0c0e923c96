//! What a JSON answer is made of, whatever it says.

use jiff::Timestamp;
use kernel::ids::MAX_SAFE_INTEGER;
use serde_json::{Map, Value};

/// The value with every leaf replaced by what it is: `"time"` (RFC 3339 in UTC, with `Z`), `"text"`, `"integer"` (one
/// that every JavaScript client reads exactly), `"number"`, `"boolean"` or `"null"`. Names stay, so that comparing two
/// shapes compares the exact sets of fields.
pub fn shape(value: &Value) -> Value {
    let word = match value {
        Value::Array(items) => return items.iter().map(shape).collect(),
        Value::Object(fields) => {
            return fields.iter().map(|(name, value)| (name.clone(), shape(value))).collect::<Map<_, _>>().into();
        }
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.as_u64().is_some_and(|number| number <= MAX_SAFE_INTEGER) => "integer",
        Value::Number(_) => "number",
        Value::String(text) if is_time(text) => "time",
        Value::String(_) => "text",
    };
    word.into()
}

fn is_time(text: &str) -> bool {
    let written = text.len() >= 20 && text.as_bytes()[10] == b'T' && text.ends_with('Z');
    written && text.parse::<Timestamp>().is_ok()
}

/// A stored second as the contract writes times.
pub fn instant(seconds: i64) -> String {
    Timestamp::from_second(seconds).unwrap().to_string()
}

#[test]
fn shape_distinguishes_what_the_contract_does() {
    let value = serde_json::json!({
        "times": ["2026-11-20T08:00:00Z", "2026-11-20T08:00:00.125Z"],
        "texts": ["7", "2026-11-20T16:00:00+08:00", "2026-11-20 08:00:00Z", "2026-11-20T08:00:00", "2026-11-20Z", ""],
        "numbers": [0, 9_007_199_254_740_991_u64, 9_007_199_254_740_992_u64, -1, 1.5],
        "others": [null, true],
    });
    let expected = serde_json::json!({
        "times": ["time", "time"],
        "texts": ["text", "text", "text", "text", "text", "text"],
        "numbers": ["integer", "integer", "number", "number", "number"],
        "others": ["null", "boolean"],
    });
    assert_eq!(shape(&value), expected);
}
