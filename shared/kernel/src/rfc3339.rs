//! Instants as callers write them, read by one reader everywhere.

use jiff::Timestamp;
use jiff::civil::DateTime;
use serde::{Deserialize, Deserializer, de};

/// The last year RFC 3339 can write. The calendar ends within it, a day before the end of UTC's.
const LAST_YEAR: i16 = 9_999;

/// Digits of a fraction that an instant has room for; RFC 3339 allows any number.
const FRACTION_DIGITS: usize = 9;

/// An RFC 3339 time with its offset. One without is refused: the caller's morning is not ours. One beyond the end of the
/// calendar, which people write for "for ever", is that end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(with = "Timestamp", inline))]
pub struct Rfc3339(pub Timestamp);

impl Rfc3339 {
    /// Reads a text; `None` when it is no such time.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let Form { fraction, offset_at } = form(text.as_bytes())?;
        // More digits than an instant has room for are an error to the parser.
        let short: String;
        let text = if fraction > FRACTION_DIGITS {
            short = format!("{}{}", text.get(..DATE_AND_TIME.len() + 1 + FRACTION_DIGITS)?, text.get(offset_at..)?);
            &short
        } else {
            text
        };
        text.parse().ok().or_else(|| end_of_the_calendar(text)).map(Self)
    }

    fn read<E: de::Error>(text: &str) -> Result<Self, E> {
        Self::parse(text).ok_or_else(|| E::custom("时间须为带时区的 RFC 3339 格式，例如 2026-11-20T08:00:00Z"))
    }

    /// A time that need not be given. An empty text is what a form sends for a field nobody filled in.
    ///
    /// # Errors
    /// For a text that is no such time.
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

const DATE_AND_TIME: &str = "2026-11-20T08:00:00";

/// What [`form`] finds in a time.
struct Form {
    /// How many digits its fraction has.
    fraction: usize,
    /// Where its offset begins.
    offset_at: usize,
}

/// The end of the calendar, for a text that has the form of a time of the last year and is a date.
fn end_of_the_calendar(text: &str) -> Option<Timestamp> {
    let local: DateTime = text.get(..DATE_AND_TIME.len())?.to_ascii_uppercase().parse().ok()?;
    (local.year() == LAST_YEAR).then_some(Timestamp::MAX)
}

/// The form of a time, if it is that of RFC 3339. The parser also reads relatives of it, among them offsets that no clock
/// has and names of zones that contradict the offset beside them: in these the caller's slip would become an instant.
fn form(text: &[u8]) -> Option<Form> {
    let like = |text: &[u8], form: &[u8]| {
        text.len() == form.len()
            && text.iter().zip(form).all(|(byte, form)| match form {
                b'0' => byte.is_ascii_digit(),
                form => byte.eq_ignore_ascii_case(form),
            })
    };
    let (instant, rest) = text.split_at_checked(DATE_AND_TIME.len())?;
    let fraction = rest.strip_prefix(b".").map(|rest| rest.iter().take_while(|byte| byte.is_ascii_digit()).count());
    let before_offset = fraction.map_or(0, |digits| 1 + digits);
    let offset = rest.get(before_offset..).unwrap_or_default();
    let offset_is_real = match offset {
        b"Z" | b"z" => true,
        [b'+' | b'-', offset @ ..] => like(offset, b"00:00") && offset < b"24".as_slice(),
        _ => false,
    };
    let is_form = fraction != Some(0) && like(instant, b"0000-00-00T00:00:00") && offset_is_real;
    is_form.then_some(Form { fraction: fraction.unwrap_or_default(), offset_at: instant.len() + before_offset })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3339_is_read_only_when_unambiguous() {
        for (text, expected) in [
            ("2026-11-20T08:00:00Z", Some(1_795_161_600)),
            ("2026-11-20T16:00:00+08:00", Some(1_795_161_600)),
            ("2026-11-20t08:00:00.250z", Some(1_795_161_600)),
            ("2026-11-20T02:30:00-05:30", Some(1_795_161_600)),
            ("2026-11-20T16:00:00.12345678901234+08:00", Some(1_795_161_600)),
            ("0000-01-01T00:00:00+23:59", Some(-62_167_305_540)),
            // The calendar ends at 22:00 on the last day but one.
            ("9999-12-30T22:00:00Z", Some(253_402_207_200)),
            ("9999-12-31T23:59:59Z", Some(253_402_207_200)),
            ("9999-12-31t23:59:59.9999999999-08:00", Some(253_402_207_200)),
            ("9999-12-32T00:00:00Z", None),
            ("9999-12-31T25:00:00Z", None),
            ("-001000-01-01T00:00:00Z", None),
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
