//! Texts as they are compared, never as they are shown: however people write a word, it is the same word.

use unicode_normalization::UnicodeNormalization;

/// Characters that programs show nothing for: `Default_Ignorable_Code_Point` of Unicode 17 (DerivedCoreProperties.txt). They
/// join, direct and vary what stands around them.
pub const fn is_ignorable(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// The text without what is not seen, with compatible forms (NFKC) in place of full-width, circled and other letters, and
/// without case.
pub fn folded(text: &str) -> String {
    let seen = text.chars().filter(|character| !is_ignorable(*character));
    // By way of the upper case, which knows letters whose lower case is the same as another's: ß with SS, ς with σ.
    let folded = seen.nfkc().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    // Once more, because changing case can decompose (İ), and a visible filler can become an invisible one.
    folded.nfkc().filter(|character| !is_ignorable(*character)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_text_is_the_same_in_every_writing() {
        for (a, b) in [
            ("ＡＢＣ", "abc"),
            ("ⓥⓘⓟ", "VIP"),
            ("ｶﾀｶﾅ", "カタカナ"),
            ("Straße", "STRASSE"),
            ("Όμιλος", "ΌΜΙΛΟΣ"),
            ("İ", "i̇"),
            ("☢", "☢\u{fe0f}"),
            ("e\u{200d}\u{301}", "É"),
            ("", "\u{200b}\u{ad}\u{ffa0}"),
        ] {
            assert_eq!(folded(a), folded(b), "{a:?} {b:?}");
        }
        assert_ne!(folded("аbc"), folded("abc"), "a Cyrillic look-alike is another letter");
        assert_ne!(folded("a b"), folded("ab"), "a blank is seen");
    }
}
