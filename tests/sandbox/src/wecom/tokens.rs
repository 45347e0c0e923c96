//! Access tokens: one per app at a time, unless the knobs say otherwise.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use super::settings::{TokenIssue, WecomSettings};
use crate::clock::later;

/// Tokens are long; clients must reserve at least 512 bytes.
const RANDOM_WORDS: usize = 6;

#[derive(Clone, Debug)]
pub(crate) struct Token {
    /// Sandbox name of the corp.
    pub(crate) corp: String,
    pub(crate) agent_id: u32,
    pub(crate) expires_at: Timestamp,
    pub(crate) voided: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Tokens {
    ever: HashMap<String, Token>,
    current: HashMap<(String, u32), String>,
}

impl Tokens {
    /// A token for an app, and whether it is a new one.
    pub(crate) fn issue(
        &mut self,
        corp: &str,
        agent_id: u32,
        settings: &WecomSettings,
        now: Timestamp,
    ) -> (String, Timestamp, bool) {
        let key = (corp.to_owned(), agent_id);
        let current = self.current.get(&key).and_then(|text| Some((text.clone(), self.ever.get(text)?)));
        if let Some((text, token)) = current
            && settings.token == TokenIssue::Same
            && !token.voided
            && now < token.expires_at
        {
            return (text, token.expires_at, false);
        }
        if settings.token == TokenIssue::RotateAndVoid {
            self.void(corp);
        }
        let text: String = (0..RANDOM_WORDS).map(|_| format!("{:032x}", rand::random::<u128>())).collect();
        let expires_at = later(now, SignedDuration::from_secs(settings.token_seconds.into()));
        let token = Token { corp: corp.to_owned(), agent_id, expires_at, voided: false };
        self.ever.insert(text.clone(), token);
        self.current.insert(key, text.clone());
        (text, expires_at, true)
    }

    pub(crate) fn get(&self, text: &str) -> Option<&Token> {
        self.ever.get(text)
    }

    /// The platform takes a corp's tokens back before their time.
    pub(crate) fn void(&mut self, corp: &str) {
        self.ever.values_mut().filter(|token| token.corp == corp).for_each(|token| token.voided = true);
    }

    /// A corp's tokens expire now.
    pub(crate) fn expire(&mut self, corp: &str, now: Timestamp) {
        let of_corp = self.ever.values_mut().filter(|token| token.corp == corp);
        of_corp.for_each(|token| token.expires_at = token.expires_at.min(now));
    }

    /// Every token ever handed out.
    pub(crate) fn ever(&self) -> impl Iterator<Item = &String> {
        self.ever.keys()
    }
}
