//! Identifiers. Numbers in our JSON stay below 2^53 so that every JavaScript client reads them exactly.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The largest integer a JSON number carries exactly in JavaScript.
pub const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// The tenant: part of every key we read or write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct UserId(u64);

impl UserId {
    /// A user id, if it is one: 1 to 2^53-1.
    pub fn new(id: u64) -> Option<Self> {
        (1..=MAX_SAFE_INTEGER).contains(&id).then_some(Self(id))
    }

    /// The number, as it is stored.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A time-ordered number for tasks and rows: 41 bits of milliseconds since 2024, then 12 random bits.
/// Two of one millisecond collide once in 4,096, so every write of a new id is conditional on its absence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct TaskId(#[cfg_attr(feature = "openapi", schemars(range(max = MAX_SAFE_INTEGER)))] u64);

/// 2024-01-01T00:00:00Z. 41 bits of milliseconds from here last until 2093.
const EPOCH_MS: i64 = 1_704_067_200_000;

impl TaskId {
    /// A new id for something created at `now`.
    pub fn generate(now: Timestamp) -> Self {
        let milliseconds = u64::try_from(now.as_millisecond() - EPOCH_MS).unwrap_or(0) & ((1 << 41) - 1);
        let random = u64::from(u16::from_le_bytes(crate::crypto::random::<2>())) & 0xfff;
        Self(milliseconds << 12 | random)
    }

    /// The number, as it is stored.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The `id` of a row whose table has one besides its key: from 0 to 2^63-1, and the same whenever a write is repeated,
/// because it is made of the table and the key. Two of a hundred million rows have the same with a chance of 1 in 1,800.
/// Nothing reads a row by it.
pub fn row_id(table: &str, key: &[&str]) -> u64 {
    crate::crypto::sha256_number(&[&[table], key].concat()) >> 1
}

/// A task id as text in JSON, for `#[serde(with = "kernel::ids::task_id_text")]`.
pub mod task_id_text {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::TaskId;

    /// Writes the digits as a text.
    pub fn serialize<S: Serializer>(id: &TaskId, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(id)
    }

    /// Reads the digits from a text.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TaskId, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The text is not an id of ours.
#[derive(Debug, thiserror::Error)]
#[error("not an id")]
pub struct InvalidId;

impl FromStr for TaskId {
    type Err = InvalidId;

    /// Accepts exactly what [`Display`](fmt::Display) writes: digits, no sign, no leading zero.
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        canonical_number(text).map(Self).ok_or(InvalidId)
    }
}

/// The number a canonical decimal text stands for (no sign, blanks or leading zeros), from 1 to 2^53-1.
pub fn canonical_number(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|number| plain && (1..=MAX_SAFE_INTEGER).contains(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_ids_are_time_ordered_and_exact_in_javascript() {
        let at = |text: &str| TaskId::generate(text.parse().unwrap());
        let (early, late, last) =
            (at("2026-11-20T00:00:00Z"), at("2026-11-20T00:00:00.001Z"), at("2090-01-01T00:00:00Z"));
        assert!(early < late && late < last);
        assert!(last.get() <= MAX_SAFE_INTEGER);
        assert_eq!(early.to_string().parse::<TaskId>().unwrap(), early);
    }

    #[test]
    fn row_id_tells_tables_and_parts_of_keys_apart_and_fits_a_bigint() {
        let id = row_id("t_douyin_lead", &["1001", "open"]);
        assert_eq!(id, row_id("t_douyin_lead", &["1001", "open"]));
        for (table, key) in [("t_wechat_account", ["1001", "open"]), ("t_douyin_lead", ["100", "1open"])] {
            assert_ne!(id, row_id(table, &key), "{table} {key:?}");
        }
        assert!(i64::try_from(id).is_ok());
    }

    #[test]
    fn id_is_read_from_canonical_numbers_only() {
        for text in ["", "0", "01", "-1", "+1", " 1", "1.0", "1e3", "9007199254740992", "abc", "１"] {
            assert_eq!(canonical_number(text), None, "{text:?}");
        }
        assert_eq!(canonical_number("9007199254740991"), Some(MAX_SAFE_INTEGER));
    }
}
