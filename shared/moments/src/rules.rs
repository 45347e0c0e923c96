//! What may be posted: checked before anything is created, field by field.

mod unseen;
mod words;

use kernel::FieldProblem;
use unicode_normalization::UnicodeNormalization;

pub use unseen::{is_blank, trimmed};
pub use words::{MAX_WORDS, SensitiveWords, UnusableWords};

/// WeCom's own limit, and a fair one for everybody.
pub const MAX_TEXT_CHARACTERS: usize = 2_000;
/// WeCom's second limit; both must hold. In UTF-8 that is 1,333 Chinese characters.
pub const MAX_TEXT_BYTES: usize = 4_000;
/// Images of one post.
pub const MAX_IMAGES: usize = 9;
/// Accounts of one task: each is a row of the transaction that creates it, which may have 100.
pub const MAX_ACCOUNTS: usize = 90;

/// The text with the line ends of every system as line feeds: a carriage return is a control character to WeCom, and no
/// fault of whoever typed the text.
pub fn with_line_feeds(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// Whether a platform that shows `shown` may have been given `sent`: what it shows is trimmed at its ends, has its own line
/// ends, and its letters may be composed otherwise (NFC).
pub fn is_same_text(sent: &str, shown: &str) -> bool {
    canonical_text(sent) == canonical_text(shown)
}

/// A text in the form in which two are compared, never in which one is posted.
pub(crate) fn canonical_text(text: &str) -> String {
    trimmed(&with_line_feeds(text)).nfc().collect()
}

/// The problems of a text's form. What it says is judged by [`text_check`](crate::text_check).
pub fn text_problems(text: &str) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    let (characters, bytes) = (text.chars().count(), text.len());
    if characters > MAX_TEXT_CHARACTERS || bytes > MAX_TEXT_BYTES {
        problems.push(FieldProblem::new(
            "text",
            format!(
                "文字过长（{characters} 字、{bytes} 字节）：最多 {MAX_TEXT_CHARACTERS} 字且不超过 {MAX_TEXT_BYTES} 字节，\
                 汉字约 {} 个，请精简",
                MAX_TEXT_BYTES / '字'.len_utf8()
            ),
        ));
    }
    // JSON can only write them as \u00XX, which WeCom names as a reason to refuse a request.
    if text.chars().any(|character| character.is_control() && !matches!(character, '\n' | '\t')) {
        problems.push(FieldProblem::new("text", "含有不可见的控制字符，请删除后再提交"));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn post_text_is_limited_in_characters_and_bytes() {
        for (text, fine) in [
            ("a".repeat(2_000), true),
            ("a".repeat(2_001), false),
            ("字".repeat(1_333), true),
            ("字".repeat(1_334), false),
            ("😀".repeat(1_000), true),
            ("😀".repeat(1_001), false),
            (String::new(), true),
            ("两行\n文字".to_owned(), true),
            ("看不见\u{7}".to_owned(), false),
        ] {
            assert_eq!(text_problems(&text).is_empty(), fine, "{} characters", text.chars().count());
        }
    }

    #[test]
    fn post_text_line_ends_become_line_feeds() {
        assert_eq!(with_line_feeds("一\r\n二\r三\n四\r\r\n五"), "一\n二\n三\n四\n\n五");
    }

    #[test]
    fn text_is_the_same_however_a_platform_ends_and_composes_it() {
        for (sent, shown, same) in [
            ("早安 \n", "早安", true),
            ("早安", "\u{feff}早安\u{200b}", true),
            ("一\r\n二", "一\n二", true),
            ("\u{e9}t\u{e9}", "e\u{301}te\u{301}", true),
            (" \u{fe0f}", "", true),
            ("早 安", "早安", false),
            ("早安", "早安。", false),
            ("ABC", "abc", false),
        ] {
            assert_eq!(is_same_text(sent, shown), same, "{sent:?} {shown:?}");
        }
    }
}
