//! What a search reads of a lead: the folded nickname and which accounts it follows, in as few bytes as can be read
//! by eye: `0+,2-|小明` follows account 0, no longer follows account 2.

use kernel::text::folded;

/// The longest folded nickname that is kept; what is behind it is not found. The 200 characters of a stored nickname are
/// no longer, unless folding writes them out: ﷺ becomes eighteen.
const LONGEST_NICKNAME: usize = 800;

/// The longest entry in bytes, for a tenant with up to a hundred accounts that the lead all follows.
pub const LONGEST_ENTRY: usize = LONGEST_NICKNAME + 400;

/// A lead's part of a name segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameEntry {
    /// Positions of accounts in the tenant's counter, with whether the lead follows them.
    pub accounts: Vec<(usize, bool)>,
    pub nickname: String,
}

impl NameEntry {
    /// The entry of a lead with this nickname.
    pub fn new(accounts: Vec<(usize, bool)>, nickname: &str) -> Self {
        let mut nickname = normalize(nickname);
        nickname.truncate(nickname.floor_char_boundary(LONGEST_NICKNAME));
        Self { accounts, nickname }
    }

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
/// `ＡＢＣ` finds `abc`. Blanks at the ends do not count, and neither do characters that are not shown: a phone writes
/// `☢️` with a variation selector where a nickname has a bare `☢`.
pub fn normalize(text: &str) -> String {
    folded(text).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segment_entry_is_read_back_as_it_was_written() {
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
    fn normalize_joins_what_looks_alike_to_a_reader() {
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

    #[test]
    fn normalize_drops_what_is_not_shown() {
        for (shown, typed) in [
            ("☢", "☢\u{fe0f}"),
            ("小店", "小\u{200b}店\u{feff}"),
            ("é", "e\u{200d}\u{301}"),
            ("👩👧", "👩\u{200d}👧"),
            ("a", "\u{ffa0}a\u{3164}"),
            ("", " \u{200b} \u{ad}"),
        ] {
            assert_eq!(normalize(shown), normalize(typed), "{shown:?} {typed:?}");
        }
    }

    #[test]
    fn normalize_of_a_nickname_that_grew_cuts_at_a_character() {
        let entry = NameEntry::new(vec![(0, true)], &"\u{fdfa}".repeat(200));
        assert!((LONGEST_NICKNAME - 3..=LONGEST_NICKNAME).contains(&entry.nickname.len()));
        let longest = NameEntry::new(Vec::new(), &"🌸".repeat(200));
        assert_eq!(longest.nickname.len(), LONGEST_NICKNAME, "a stored nickname is found whole");
    }
}
