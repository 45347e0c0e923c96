//! What texts take from an event's `data`, as far as it is there. Nothing that comes from here mentions anybody in a chat or
//! begins another line.

use jiff::Timestamp;
use kernel::instant::CHINA;
use kernel::lenient;
use serde_json::Value;

/// Douyin's open ids have some fifty characters.
const LONGEST_ID: usize = 64;
/// No advice of ours is longer. With it all three lines fit into the 2,048 bytes of WeCom's texts.
const LONGEST_SENTENCE: usize = 120;
/// An event names twenty leads at most.
const MOST_NUMBERS: usize = 20;

/// The data of an event, or a part of them.
pub(super) struct Data<'a>(Option<&'a Value>);

impl<'a> Data<'a> {
    /// Those of an event.
    pub fn of(event: &'a Value) -> Self {
        Self(event.get("data"))
    }

    /// Those below a field.
    pub fn below(&self, field: &str) -> Self {
        Self(self.get(field))
    }

    /// An id or a word, which are texts or whole numbers.
    pub fn id(&self, field: &str) -> Option<String> {
        match self.get(field)? {
            Value::String(text) => harmless(text, LONGEST_ID),
            Value::Number(number) => number.as_u64().map(|number| number.to_string()),
            _ => None,
        }
    }

    /// A sentence that was written for people.
    pub fn sentence(&self, field: &str) -> Option<String> {
        harmless(self.get(field)?.as_str()?, LONGEST_SENTENCE)
    }

    /// How many there are of something.
    pub fn count(&self, field: &str) -> Option<u64> {
        u64::try_from(lenient::integer(self.get(field)?).ok()??).ok()
    }

    /// An instant as users read it.
    pub fn time(&self, field: &str) -> Option<String> {
        let time: Timestamp = self.get(field)?.as_str()?.parse().ok()?;
        Some(CHINA.to_datetime(time).strftime("%Y-%m-%d %H:%M").to_string())
    }

    /// How many entries a list has.
    pub fn length(&self, field: &str) -> Option<usize> {
        self.get(field)?.as_array().map(Vec::len)
    }

    /// The numbers of a list, one after the other.
    pub fn numbers(&self, field: &str) -> Option<String> {
        let numbers = self.get(field)?.as_array()?.iter().filter_map(Value::as_u64).take(MOST_NUMBERS);
        let numbers: Vec<String> = numbers.map(|number| number.to_string()).collect();
        (!numbers.is_empty()).then(|| numbers.join("、"))
    }

    /// The texts of a list.
    pub fn words(&self, field: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        self.get(field).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }

    fn get(&self, field: &str) -> Option<&'a Value> {
        self.0?.get(field)
    }
}

/// The text on one line without what bots take for a mention, its first characters only; nothing if it is empty.
///
/// A mention is `<@userid>` in texts of WeCom, `<at user_id="…">` in those of Feishu and `@` with a number in those of DingTalk.
/// The wide forms of these characters read the same and mean nothing to any of them.
fn harmless(text: &str, longest: usize) -> Option<String> {
    let mut characters = text.trim().chars().map(|character| match character {
        '@' => '＠',
        '<' => '＜',
        '>' => '＞',
        '\u{2028}' | '\u{2029}' => ' ',
        control if control.is_control() => ' ',
        other => other,
    });
    let mut kept: String = characters.by_ref().take(longest).collect();
    if characters.next().is_some() {
        kept.push('…');
    }
    (!kept.is_empty()).then_some(kept)
}

/// The name of the event's type; empty if it has none.
pub(super) fn type_of(event: &Value) -> &str {
    event.get("type").and_then(Value::as_str).unwrap_or_default()
}

/// The name of a type that has no text of its own, to be shown.
pub(super) fn shown_type(event: &Value) -> Option<String> {
    harmless(type_of(event), LONGEST_ID)
}
