//! Characters that are not seen, and texts without them.

use kernel::text::is_ignorable;

/// Characters that have a look, which is a blank: Braille without a dot, notes of annotations, fillers of scripts.
const fn looks_blank(character: char) -> bool {
    matches!(character, '\u{2800}' | '\u{fff9}'..='\u{fffc}' | '\u{16fe4}' | '\u{1d159}')
}

/// Whether nothing of a text would be seen.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|character| character.is_whitespace() || is_ignorable(character) || looks_blank(character))
}

/// The text without what is not seen at its ends, as it comes along when people copy.
pub fn trimmed(text: &str) -> &str {
    text.trim_matches(|character: char| character.is_whitespace() || is_ignorable(character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn post_text_of_invisible_characters_is_blank() {
        for text in [
            "",
            " \n\t",
            "\u{3000}",
            "\u{200b}\u{feff}",
            "\u{202e}\u{2069}",
            "\u{fe0f}",
            "\u{fe0e}\u{fe0f}",
            "\u{3164}",
            "\u{2800}\u{2800}",
            "\u{34f}",
            "\u{e0001}",
            "\u{e0100}",
            "\u{115f}\u{1160}",
            "\u{ffa0}",
            "\u{180e}",
            "\u{ad}",
            "\u{61c}",
            "\u{17b4}",
            "\u{206a}",
            "\u{1d173}",
            "\u{fffc}",
            "\u{1d159}",
            " \u{3164}\n\u{2800}",
        ] {
            assert!(is_blank(text), "{text:?}");
        }
        for text in ["a", " 字 ", "。", "❤️", "\u{200b}x", "⠁", "ㅤ1", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "-", "\u{301}"]
        {
            assert!(!is_blank(text), "{text:?}");
        }
    }

    #[test]
    fn post_text_is_trimmed_of_invisible_characters() {
        assert_eq!(trimmed("\u{feff} \r\nhttps://a.cn/一 二\u{200b}\u{3000}\n"), "https://a.cn/一 二");
        assert_eq!(trimmed(" \u{200b}"), "");
    }
}
