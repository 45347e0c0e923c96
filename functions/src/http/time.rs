//! Instants as callers write them.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, de};

/// An RFC 3339 time with its offset. One without is refused: the caller's morning is not ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rfc3339(pub Timestamp);

impl<'de> Deserialize<'de> for Rfc3339 {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let text = String::deserialize(source)?;
        text.parse()
            .map(Self)
            .map_err(|_| de::Error::custom("时间须为带时区的 RFC 3339 格式，例如 2026-11-20T08:00:00Z"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unambiguous_instants_are_read() {
        for (text, expected) in [
            ("2026-11-20T08:00:00Z", Some(1_795_161_600)),
            ("2026-11-20T16:00:00+08:00", Some(1_795_161_600)),
            ("2026-11-20T08:00:00", None),
            ("2026-11-20", None),
            ("2026-11-31T08:00:00Z", None),
            ("1795161600", None),
            ("明天", None),
            ("", None),
        ] {
            let read = serde_json::from_value::<Rfc3339>(text.into()).map(|time| time.0.as_second());
            assert_eq!(read.as_ref().ok().copied(), expected, "{text}");
            if let Err(error) = read {
                assert!(error.to_string().starts_with("时间须为"), "{error}");
            }
        }
    }
}
