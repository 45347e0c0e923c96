//! Words that must not be posted, found however they are written.

use aho_corasick::{AhoCorasick, BuildError};
use unicode_normalization::UnicodeNormalization;

use super::unseen::is_ignorable;

/// Words that must not be posted.
#[derive(Debug, Clone, Default)]
pub struct SensitiveWords {
    matcher: Option<AhoCorasick>,
}

impl SensitiveWords {
    /// These words. Letter case and width do not matter.
    ///
    /// # Errors
    /// When there are too many for one matcher.
    pub fn new(words: &[String]) -> Result<Self, BuildError> {
        // What nobody sees is no word: it would be found in every text.
        let words: Vec<_> = words.iter().map(|word| plain(word)).filter(|word| !word.is_empty()).collect();
        if words.is_empty() {
            return Ok(Self::default());
        }
        Ok(Self { matcher: Some(AhoCorasick::new(&words)?) })
    }

    /// The first such word in `text`, in plain letters.
    pub fn first_in(&self, text: &str) -> Option<String> {
        let matcher = self.matcher.as_ref()?;
        let plain = plain(text);
        plain.get(matcher.find(&plain)?.range()).map(str::to_owned)
    }
}

/// A text as it is compared, never as it is posted: without what is not seen, compatible forms (NFKC) in place of
/// full-width, circled and other letters, and without case. Twice, because each step may make work for the one before.
fn plain(text: &str) -> String {
    let seen = text.chars().filter(|character| !is_ignorable(*character));
    // By way of the upper case, which knows letters whose lower case is the same as another's.
    let folded = seen.nfkc().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    folded.nfkc().filter(|character| !is_ignorable(*character)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &str) -> SensitiveWords {
        let list: Vec<String> = list.split(',').map(|word| word.trim().to_owned()).collect();
        SensitiveWords::new(&list).unwrap()
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
}
