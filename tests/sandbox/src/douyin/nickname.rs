//! Nicknames as people really choose them, and as they break software: every kind below has bitten somebody's column
//! width, HTML page, CSV export or search. No control characters: the platform does not let those through.

use crate::seed::Stream;

/// The longest nickname made; longer than the app allows today, but old names exist.
pub(crate) const LONGEST: usize = 100;

/// How many kinds there are; the first so many fans of an account show one of each.
pub(crate) const KINDS: u64 = 14;

const SURNAMES: [&str; 20] = [
    "王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "胡", "朱", "高", "林", "何", "欧阳",
    "司马", "𠮷田",
];
const GIVEN: [&str; 16] = [
    "小明", "婷婷", "建国", "秀英", "子涵", "梓萱", "浩然", "一诺", "雨桐", "志强", "晓燕", "佳怡", "宇轩", "淑芬",
    "龘", "㛃",
];
const ADJECTIVES: [&str; 12] = [
    "爱吃鱼的",
    "努力搬砖的",
    "快乐的",
    "孤独的",
    "追风的",
    "熬夜",
    "认真生活的",
    "佛系",
    "南方的",
    "不想上班的",
    "暴走",
    "温柔",
];
const NOUNS: [&str; 12] =
    ["小猫", "老王", "程序猿", "宝妈", "旅行家", "美食家", "大橘", "橙子", "奶茶", "锦鲤", "摄影师", "包子铺"];
const TRADES: [&str; 10] =
    ["装修", "二手车", "美甲", "烘焙", "服装批发", "少儿编程", "宠物医院", "农家院", "健身私教", "茶叶"];
const LATIN: [&str; 10] =
    ["Alice", "bob_2008", "Mr.K", "LUCKY-7", "Zoë", "ñandú", "O'Brien", "m x", "iOS用户", "Straße"];
const EMOJI: [&str; 12] = ["🌸", "🔥", "😂", "🐱", "👨‍👩‍👧‍👦", "🏳️‍🌈", "👩🏽‍💻", "🇨🇳", "❤️", "🧑‍🤝‍🧑", "1️⃣", "🦄"];
const LOOKALIKES: [&str; 8] = [
    // Full-width Latin, Cyrillic а е о р с, Greek omicron, and compatibility ideographs.
    "Ａｌｉｃｅ",
    "Аliсе",
    "аdmin",
    "ｗｅｃｈａｔ",
    "Gооglе",
    "抖音⼩助⼿",
    "ΟΡΡΟ官方",
    "①号店",
];
const MARKUP: [&str; 9] = [
    "<script>alert(1)</script>",
    "<b>老王</b>",
    "\"><img src=x onerror=alert(1)>",
    "{{7*7}}",
    "${jndi:ldap://x}",
    "'; DROP TABLE t_douyin_lead;--",
    "=HYPERLINK(\"http://x\")",
    "%00%0a\\u0000",
    "&lt;已转义&gt;",
];
const COMBINING: [&str; 5] = ["cafe\u{301}", "Z͑ͫ̓a̴l̷g̸o", "が\u{3099}", "สวัสดี", "مرحبا"];

/// The nickname of a fan: the given kind for its first fans, then whatever is common.
pub(crate) fn nickname(stream: &mut Stream, kind: Option<u64>) -> String {
    let kind = kind.unwrap_or_else(|| common_kind(stream.below(1000)));
    match kind {
        1 => format!("{}{}", stream.pick(&ADJECTIVES), stream.pick(&NOUNS)),
        2 => format!("用户{}", 1_000_000_000 + stream.below(8_999_999_999)),
        3 => format!("{}{}", stream.pick(&LATIN), stream.below(100)),
        4 => format!("{}{}{}", stream.pick(&EMOJI), stream.pick(&NOUNS), stream.pick(&EMOJI)),
        5 => (0..=stream.below(4)).map(|_| stream.pick(&EMOJI)).collect(),
        6 => String::new(),
        7 => longest(stream),
        8 => stream.pick(&LOOKALIKES).to_owned(),
        9 => stream.pick(&MARKUP).to_owned(),
        10 => format!("  {} ", stream.pick(&NOUNS)),
        11 => "\u{3000}".to_owned(),
        12 => stream.pick(&COMBINING).to_owned(),
        13 => format!("{}-{}{}", stream.pick(&TRADES), stream.pick(&SURNAMES), stream.below(1000)),
        _ => format!("{}{}", stream.pick(&SURNAMES), stream.pick(&GIVEN)),
    }
}

/// An everyday nickname, for the accounts a person picks on the consent page.
pub(crate) fn plain(stream: &mut Stream) -> String {
    nickname(stream, Some(1))
}

const fn common_kind(draw: u64) -> u64 {
    match draw {
        0..300 => 0,
        300..550 => 1,
        550..700 => 2,
        700..780 => 3,
        780..860 => 4,
        860..930 => 13,
        930..950 => 5,
        950..958 => 6,
        958..966 => 7,
        966..976 => 8,
        976..984 => 9,
        984..992 => 10,
        992..994 => 11,
        _ => 12,
    }
}

fn longest(stream: &mut Stream) -> String {
    let mut name = String::new();
    while name.chars().count() < LONGEST {
        name.push_str(stream.pick(&ADJECTIVES));
        name.push_str(stream.pick(&NOUNS));
    }
    name.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn nickname_of_every_kind_is_as_named_without_control_characters() {
        for round in 0..50 {
            for kind in 0..KINDS {
                let name = nickname(&mut Seed::new(round).with(kind).stream(), Some(kind));
                assert!(!name.chars().any(char::is_control), "{name:?}");
                assert!(name.chars().count() <= LONGEST, "{name:?}");
                match kind {
                    6 => assert!(name.is_empty()),
                    7 => assert_eq!(name.chars().count(), LONGEST),
                    10 => assert!(name.starts_with(' ') && name.ends_with(' ')),
                    11 => assert!(!name.is_empty() && name.trim().is_empty()),
                    _ => assert!(!name.trim().is_empty()),
                }
            }
        }
    }

    #[test]
    fn nickname_draw_reaches_every_kind() {
        let kinds: std::collections::BTreeSet<u64> = (0..1000).map(common_kind).collect();
        assert_eq!(kinds, (0..KINDS).collect());
    }
}
