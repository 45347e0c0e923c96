//! Words that must not be posted, found however they are written.

use aho_corasick::{AhoCorasick, BuildError};
use kernel::text::folded;

/// Most words of a list: what a function holds of so many is told in the README.
pub const MAX_WORDS: usize = 100_000;

/// Words that must not be posted. Cheap to clone: clones share the matcher.
#[derive(Debug, Clone, Default)]
pub struct SensitiveWords {
    matcher: Option<AhoCorasick>,
}

/// Why a list of words cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UnusableWords {
    /// It has more words than [`MAX_WORDS`].
    #[error("{0} words, and {MAX_WORDS} are the most")]
    TooMany(usize),
    /// They are too long for one matcher.
    #[error("no matcher can be built of the words: {0}")]
    TooLong(#[from] BuildError),
}

impl SensitiveWords {
    /// These words. Letter case and width do not matter.
    ///
    /// # Errors
    /// When there are too many, or they are too long for one matcher.
    pub fn new<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, UnusableWords> {
        // What nobody sees is no word: it would be found in every text.
        let mut words: Vec<_> = words.into_iter().map(folded).filter(|word| !word.is_empty()).collect();
        if words.len() > MAX_WORDS {
            return Err(UnusableWords::TooMany(words.len()));
        }
        if words.is_empty() {
            return Ok(Self::default());
        }
        // In order, because neighbours then share what the builder has just touched: it takes 40 % of the time.
        words.sort_unstable();
        words.dedup();
        Ok(Self { matcher: Some(AhoCorasick::new(&words)?) })
    }

    /// The words of a list that has one a line. Blanks at the ends of a line do not count.
    ///
    /// # Errors
    /// As [`SensitiveWords::new`].
    pub fn of_lines(list: &str) -> Result<Self, UnusableWords> {
        Self::new(list.lines().map(str::trim))
    }

    /// The first such word in `text`, in plain letters.
    pub fn first_in(&self, text: &str) -> Option<String> {
        let matcher = self.matcher.as_ref()?;
        let plain = folded(text);
        plain.get(matcher.find(&plain)?.range()).map(str::to_owned)
    }

    /// What the matcher takes of memory, in bytes.
    pub fn memory(&self) -> usize {
        self.matcher.as_ref().map_or(0, AhoCorasick::memory_usage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &str) -> SensitiveWords {
        SensitiveWords::new(list.split(',').map(str::trim)).unwrap()
    }

    #[test]
    fn sensitive_words_are_found_and_named() {
        let words = words("稳赚不赔, VIP内幕");
        assert_eq!(words.first_in("本店vip内幕消息").as_deref(), Some("vip内幕"));
        assert_eq!(words.first_in("稳\u{200b}赚\u{2060}不赔").as_deref(), Some("稳赚不赔"));
        assert_eq!(words.first_in("赚钱"), None);
    }

    #[test]
    fn sensitive_words_are_found_in_every_writing() {
        let words = words("稳赚不赔,VIP,Straße,ＱＱ群,café,①号,Όμιλος");
        for text in [
            "稳\u{fe0f}赚不赔",
            "稳\u{34f}赚\u{e0001}不\u{3164}赔",
            "\u{fe0f}稳赚不赔\u{fe0f}",
            "ＶＩＰ",
            "ⓥⓘⓟ",
            "𝐕𝐈𝐏",
            "Ｖｉp",
            "V\u{ad}I\u{200d}P",
            "STRASSE",
            "strasse",
            "加qq群",
            "CAFE\u{301}",
            "CAFÉ",
            "cafe\u{fe0f}\u{301}",
            "1号",
            "ΌΜΙΛΟΣ",
        ] {
            assert!(words.first_in(text).is_some(), "{text:?}");
        }
        for text in ["稳 赚 不 赔", "VI P", "cafe", "稳赚不"] {
            assert_eq!(words.first_in(text), None, "{text:?}");
        }
    }

    #[test]
    fn sensitive_word_that_is_invisible_forbids_nothing() {
        assert_eq!(words("\u{fe0f},\u{200b}\u{3164}").first_in("早上好"), None);
    }

    #[test]
    fn sensitive_words_of_a_list_are_its_lines() {
        let words = SensitiveWords::of_lines("\u{feff}稳赚不赔\r\n\r\n  VIP内幕 \n").unwrap();
        assert!(words.first_in("稳赚不赔").is_some() && words.first_in("看vip内幕").is_some());
        assert_eq!(words.first_in("稳赚"), None);
        assert_eq!(SensitiveWords::of_lines("").unwrap().first_in("早上好"), None);
    }

    /// As long as the longest list may be: four characters each, made of the 2,000 that are used most.
    #[test]
    fn sensitive_words_of_the_longest_list_fit_and_one_more_does_not() {
        let letter = |number: u32| char::from_u32(0x4e00 + number % 2_000).unwrap();
        let word = |number: u32| -> String {
            (0..4).map(|place| letter((number.wrapping_mul(2_654_435_761) >> (place * 5)) ^ (number * place))).collect()
        };
        let words: Vec<String> = (0..100_000).map(word).collect();
        let list = SensitiveWords::new(words.iter().map(String::as_str)).unwrap();
        assert!(list.memory() < 32 << 20, "{} bytes", list.memory());
        let text = format!("{}{}", "早上好".repeat(400), words[99_999]);
        assert!(list.first_in(&text).is_some());
        let more = words.iter().map(String::as_str).chain(["再来一个"]);
        assert!(matches!(SensitiveWords::new(more), Err(UnusableWords::TooMany(100_001))));
    }
}
