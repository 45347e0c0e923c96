//! What a search reads of a lead: the folded nickname and which accounts it follows, in as few bytes as can be read
//! by eye: `0+,2-|小明` follows account 0, no longer follows account 2.

use unicode_normalization::UnicodeNormalization;

/// A lead's part of a name segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameEntry {
    /// Positions of accounts in the tenant's counter, with whether the lead follows them.
    pub accounts: Vec<(usize, bool)>,
    /// The folded nickname.
    pub nickname: String,
}

impl NameEntry {
    /// The stored form.
    pub fn encode(&self) -> String {
        let accounts: Vec<String> = self
            .accounts
            .iter()
            .map(|(ordinal, follows)| format!("{ordinal}{}", if *follows { '+' } else { '-' }))
            .collect();
        format!("{}|{}", accounts.join(","), self.nickname)
    }

    /// The stored form read back; `None` when it is not one.
    pub fn decode(text: &str) -> Option<Self> {
        let (accounts, nickname) = text.split_once('|')?;
        let accounts = accounts
            .split(',')
            .filter(|account| !account.is_empty())
            .map(|account| {
                let ordinal = account.get(..account.len() - 1)?.parse().ok()?;
                Some((ordinal, account.ends_with('+')))
            })
            .collect::<Option<_>>()?;
        Some(Self { accounts, nickname: nickname.to_owned() })
    }
}

/// Folds text for comparison: full-width and half-width forms, ligatures and letter case become one, so that
/// `ＡＢＣ` finds `abc`. Blanks at the ends do not count.
pub fn normalize(text: &str) -> String {
    // By way of the capitals, because only they join what is one letter: ß with SS, ς with σ. Changing case can
    // decompose (İ), so it is composed once more.
    text.nfkc().flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfkc().collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_survive_their_stored_form() {
        for (accounts, nickname) in
            [(vec![(0, true)], "小明"), (vec![(0, true), (12, false)], "a|b,c"), (vec![], ""), (vec![(7, false)], "👩‍👩‍👧")]
        {
            let entry = NameEntry { accounts, nickname: nickname.to_owned() };
            assert_eq!(NameEntry::decode(&entry.encode()), Some(entry));
        }
        for text in ["", "0", "x+|a", "+|a"] {
            assert_eq!(NameEntry::decode(text), None, "{text:?}");
        }
    }

    #[test]
    fn folding_joins_what_looks_alike_to_a_reader() {
        for (a, b) in [
            ("ＡＢＣ", "abc"),
            ("Ｓｈｏｐ１２３", "shop123"),
            ("ｶﾀｶﾅ", "カタカナ"),
            ("ＭＩＸ小店", "mix小店"),
            (" x ", "x"),
            ("Straße", "STRASSE"),
            ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
            ("İ", "i̇"),
        ] {
            assert_eq!(normalize(a), normalize(b), "{a} {b}");
        }
        assert_ne!(normalize("аbc"), normalize("abc"), "a Cyrillic look-alike is another letter");
        assert!(normalize("我的🌸花店").contains(&normalize("🌸花")));
    }
}
