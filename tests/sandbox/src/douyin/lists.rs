//! How the lists of fans depart from what is true and from what was asked for. The defaults do not.

use serde::{Deserialize, Serialize};

/// The knobs of the fan lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Lists {
    /// Pages hold so many fans whatever `count` asks for.
    pub page_size: Option<u16>,
    /// Every pass has the order of the first.
    pub one_order: bool,
    /// Every answer serves the avatars from another host, under another signature.
    pub rotating_avatars: bool,
    /// Every list is empty and says that there is nobody.
    pub hidden: bool,
    /// What is said at the end of a pass.
    pub end: ListEnd,
    /// One entry in this many is spoiled, in one way after the other; 0: none is.
    pub spoiled_one_in: u16,
}

/// What the last page of a pass says of what follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ListEnd {
    #[default]
    Honest,
    /// That more follows, and its own cursor once more.
    RepeatsCursor,
    /// That more follows, and the cursor of the first page of the pass.
    GoesRound,
    /// That more follows, for ever: pages without anybody, each with another cursor.
    NeverEnds,
}

/// How a spoiled entry is spoiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spoiled {
    /// The nickname ends in half an emoji. Readers can mend it.
    HalfAnEmoji,
    /// The id is a number beyond all bounds. Nobody can read it.
    NoId,
    /// The avatar's address is longer than any that is.
    LongAvatar,
}

impl Lists {
    /// Whether and how the fan that was the `index`th to appear is spoiled.
    pub(crate) fn spoils(&self, index: u32) -> Option<Spoiled> {
        let one_in = u32::from(self.spoiled_one_in);
        let turn = index.checked_div(one_in).filter(|_| index.checked_rem(one_in) == Some(0))?;
        Some(match turn % 3 {
            0 => Spoiled::HalfAnEmoji,
            1 => Spoiled::NoId,
            _ => Spoiled::LongAvatar,
        })
    }
}

impl Spoiled {
    /// An entry's fields, spoiled.
    pub(crate) fn write(self, fields: &str, open_id: &str) -> String {
        match self {
            Self::HalfAnEmoji => format!(r#"{},"nickname":"半个\ud83d""#, without(fields, "nickname")),
            Self::NoId => fields.replacen(&format!(r#""open_id":"{open_id}""#), r#""open_id":1e999"#, 1),
            Self::LongAvatar => {
                let address = format!("https://p3.douyinpic.example/{}.jpeg", "x".repeat(600));
                format!(r#"{},"avatar":"{address}""#, without(fields, "avatar"))
            }
        }
    }
}

/// An entry under another address of its avatar, different for each `answer`.
pub(crate) fn rotated(fields: &str, answer: u64) -> String {
    let host = format!("https://p{}-sign.douyinpic.example/", answer % 97);
    let signature = format!("?x-expires={answer}&x-signature={answer:x}%3D");
    fields.replace("https://p3.douyinpic.example/", &host).replace("?from=4010531038", &signature)
}

/// The fields without the text `name`; texts of a fan hold no quote that is not escaped.
fn without(fields: &str, name: &str) -> String {
    let Some(start) = fields.find(&format!(r#","{name}":""#)) else { return fields.to_owned() };
    let value = start + name.len() + r#","":""#.len();
    let mut escaped = false;
    let length = fields.get(value..).unwrap_or_default().find(|character| {
        let ends = character == '"' && !escaped;
        escaped = character == '\\' && !escaped;
        ends
    });
    let end = length.map_or(fields.len(), |length| value + length + 1);
    format!("{}{}", fields.get(..start).unwrap_or_default(), fields.get(end..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &str = r#""open_id":"a","nickname":"x\"y\\","avatar":"https://p3.douyinpic.example/a/7.jpeg?from=4010531038","city":"杭州""#;

    #[test]
    fn douyin_list_entry_that_is_spoiled_keeps_its_other_fields() {
        let half = Spoiled::HalfAnEmoji.write(FIELDS, "a");
        assert!(half.ends_with(r#","city":"杭州","nickname":"半个\ud83d""#), "{half}");
        assert!(half.starts_with(r#""open_id":"a","avatar":"https://p3"#), "{half}");
        let none = Spoiled::NoId.write(FIELDS, "a");
        assert!(none.starts_with(r#""open_id":1e999,"nickname""#), "{none}");
        let long = Spoiled::LongAvatar.write(FIELDS, "a");
        assert_eq!((long.matches("avatar").count(), long.len() > 600), (1, true), "{long}");
    }

    #[test]
    fn douyin_avatar_that_is_rotated_keeps_its_path() {
        let (one, other) = (rotated(FIELDS, 1), rotated(FIELDS, 2));
        assert!(one != other && one.contains("/a/7.jpeg?x-expires=1&"), "{one}");
    }

    #[test]
    fn douyin_list_spoils_every_nth_entry() {
        let lists = Lists { spoiled_one_in: 10, ..Lists::default() };
        let spoiled: Vec<_> = (0..35).filter_map(|index| lists.spoils(index)).collect();
        assert_eq!(spoiled, [Spoiled::HalfAnEmoji, Spoiled::NoId, Spoiled::LongAvatar, Spoiled::HalfAnEmoji]);
        assert_eq!(Lists::default().spoils(0), None);
    }
}
