//! Instants as callers write them.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, de};

/// An RFC 3339 time with its offset. One without is refused: the caller's morning is not ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rfc3339(pub Timestamp);

impl Rfc3339 {
    fn read<E: de::Error>(text: &str) -> Result<Self, E> {
        let instant = if is_written_out(text.as_bytes()) { text.parse().ok() } else { None };
        instant.map(Self).ok_or_else(|| E::custom("时间须为带时区的 RFC 3339 格式，例如 2026-11-20T08:00:00Z"))
    }

    /// A time that need not be given. An empty text is what a form sends for a field nobody filled in.
    pub fn or_absent<'de, D: Deserializer<'de>>(source: D) -> Result<Option<Self>, D::Error> {
        let text = Option::<String>::deserialize(source)?.filter(|text| !text.is_empty());
        text.map(|text| Self::read(&text)).transpose()
    }
}

impl<'de> Deserialize<'de> for Rfc3339 {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        Self::read(&String::deserialize(source)?)
    }
}

/// Whether a time has the form of RFC 3339. The parser also reads relatives of it, among them offsets that no clock
/// has and names of zones that contradict the offset beside them: in these the caller's slip would become an instant.
fn is_written_out(text: &[u8]) -> bool {
    let like = |text: &[u8], form: &[u8]| {
        text.len() == form.len()
            && text.iter().zip(form).all(|(byte, form)| match form {
                b'0' => byte.is_ascii_digit(),
                form => byte.eq_ignore_ascii_case(form),
            })
    };
    let Some((instant, rest)) = text.split_at_checked("2026-11-20T08:00:00".len()) else { return false };
    let fraction = rest.strip_prefix(b".").map(|rest| rest.iter().take_while(|byte| byte.is_ascii_digit()).count());
    let offset = rest.get(fraction.map_or(0, |digits| 1 + digits)..).unwrap_or_default();
    let offset_is_real = match offset {
        b"Z" | b"z" => true,
        [b'+' | b'-', offset @ ..] => like(offset, b"00:00") && offset < b"24".as_slice(),
        _ => false,
    };
    fraction != Some(0) && like(instant, b"0000-00-00T00:00:00") && offset_is_real
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unambiguous_instants_are_read() {
        for (text, expected) in [
            ("2026-11-20T08:00:00Z", Some(1_795_161_600)),
            ("2026-11-20T16:00:00+08:00", Some(1_795_161_600)),
            ("2026-11-20t08:00:00.250z", Some(1_795_161_600)),
            ("2026-11-20T02:30:00-05:30", Some(1_795_161_600)),
            ("2026-11-20T08:00:00", None),
            ("2026-11-20 08:00:00Z", None),
            ("2026-11-20T08:00Z", None),
            ("20261120T080000Z", None),
            ("2026-11-20T08:00:00.Z", None),
            ("2026-11-20T08:00:00.2", None),
            ("2026-11-20T16:00:00+0800", None),
            ("2026-11-20T16:00:00+08", None),
            ("2026-11-20T16:00:00+24:00", None),
            ("2026-11-20T16:00:00+08:60", None),
            ("2026-11-20T16:00:00+08:00:30", None),
            ("2026-11-20T16:00:00+08:00[America/New_York]", None),
            ("2026-11-20T08:00:00Z[UTC]", None),
            ("+002026-11-20T08:00:00Z", None),
            ("2026-11-20T08:00:00é", None),
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
