//! Everything a platform ever handed out that must not turn up in anyone's log. A test takes the list at its end and
//! searches the logs for it.

use std::collections::BTreeSet;

use serde::Serialize;

/// Secret texts by kind.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Secrets {
    /// Client secrets and the like.
    pub keys: BTreeSet<String>,
    pub codes: BTreeSet<String>,
    /// Access, refresh and client tokens.
    pub tokens: BTreeSet<String>,
    /// Personal data: nicknames of accounts and of every fan that was listed.
    pub nicknames: BTreeSet<String>,
}

impl Secrets {
    /// The secrets that occur in a text, each with its kind. Nicknames that occur in ordinary text by chance (empty,
    /// blank, fewer than four characters, or plain lower-case words) prove nothing and are not searched for.
    #[must_use]
    pub fn found_in(&self, text: &str) -> Vec<(&'static str, &str)> {
        let telling = |nickname: &&String| {
            nickname.trim().chars().count() >= 4 && !nickname.chars().all(|c| c.is_ascii_lowercase() || c == ' ')
        };
        let kinds = [("key", &self.keys), ("code", &self.codes), ("token", &self.tokens)];
        kinds
            .into_iter()
            .flat_map(|(kind, texts)| texts.iter().map(move |secret| (kind, secret)))
            .chain(self.nicknames.iter().filter(telling).map(|nickname| ("nickname", nickname)))
            .filter(|(_, secret)| !secret.is_empty() && text.contains(secret.as_str()))
            .map(|(kind, secret)| (kind, secret.as_str()))
            .collect()
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.keys.extend(other.keys);
        self.codes.extend(other.codes);
        self.tokens.extend(other.tokens);
        self.nicknames.extend(other.nicknames);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_scan_finds_leaks_and_ignores_short_texts() {
        let secrets = Secrets {
            tokens: ["act.abc".to_owned()].into(),
            nicknames: ["", "ok", "测试用户一", "hello"].map(str::to_owned).into(),
            ..Secrets::default()
        };
        assert_eq!(
            secrets.found_in("ok hello token=act.abc 测试用户一"),
            [("token", "act.abc"), ("nickname", "测试用户一")]
        );
        assert!(secrets.found_in("ok, hello").is_empty());
    }
}
