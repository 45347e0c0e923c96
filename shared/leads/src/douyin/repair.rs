//! Text from the platform that is almost JSON.
//!
//! A nickname cut in the middle of a character arrives as bytes that are no UTF-8, or as an escape for half of a surrogate
//! pair. Neither may cost more than the character: every parser refuses the whole document for it, again at every try.

use std::borrow::Cow;

/// The body as text a JSON parser takes: what is no character becomes U+FFFD, the replacement character.
pub(super) fn readable(body: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(body);
    let lone = lone_surrogates(text.as_bytes());
    if lone.is_empty() {
        return text;
    }
    let mut text = text.into_owned();
    for start in lone {
        // As many bytes as before, so the other places stay.
        text.replace_range(start..start + ESCAPE, r"\ufffd");
    }
    Cow::Owned(text)
}

/// The length of `\ud83d`.
const ESCAPE: usize = 6;

/// Where escapes of half a pair begin. Backslashes are only in strings, so the rest of the syntax does not matter.
fn lone_surrogates(text: &[u8]) -> Vec<usize> {
    let mut lone = Vec::new();
    let mut at = 0;
    while let Some(found) = text.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == b'\\')) {
        let start = at + found;
        at = match code_unit(text, start) {
            // Any other escape; the character behind the backslash is part of it, a second backslash too.
            None => start + 2,
            Some(0xd800..=0xdbff) if matches!(code_unit(text, start + ESCAPE), Some(0xdc00..=0xdfff)) => {
                start + 2 * ESCAPE
            }
            Some(0xd800..=0xdfff) => {
                lone.push(start);
                start + ESCAPE
            }
            Some(_) => start + ESCAPE,
        };
    }
    lone
}

/// The number in the `\uXXXX` at `start`, if that is what is there.
fn code_unit(text: &[u8], start: usize) -> Option<u32> {
    let digits = text.get(start..start + ESCAPE)?.strip_prefix(br"\u")?;
    digits.iter().try_fold(0, |unit, digit| Some(unit * 16 + char::from(*digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_repair_replaces_lone_surrogates_and_nothing_else() {
        for (body, expected) in [
            (r#"{"n":"小"}"#.as_bytes(), r#"{"n":"小"}"#),
            (br#"{"n":"\ud83d\udc27\u5c0f\n\\ud83d\""}"#, r#"{"n":"\ud83d\udc27\u5c0f\n\\ud83d\""}"#),
            (br#"{"n":"\ud83d"}"#, r#"{"n":"\ufffd"}"#),
            (br#"{"n":"\uDC27\ud83dx"}"#, r#"{"n":"\ufffd\ufffdx"}"#),
            (br#"{"n":"\ud83d\ud83d\udc27"}"#, r#"{"n":"\ufffd\ud83d\udc27"}"#),
            (br#"{"n":"\\\ud83d"}"#, r#"{"n":"\\\ufffd"}"#),
            (br#"{"n":"\ud83d\n"}"#, r#"{"n":"\ufffd\n"}"#),
            (br#"{"n":"\ud8"#, r#"{"n":"\ud8"#),
            (br#"\"#, r#"\"#),
            (b"{\"n\":\"\xe5\xb0\xff\"}", "{\"n\":\"\u{fffd}\u{fffd}\"}"),
        ] {
            assert_eq!(readable(body), expected);
        }
    }
}
