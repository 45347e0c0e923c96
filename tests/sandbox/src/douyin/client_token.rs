//! App tokens. Every call of `client_token` makes a new one: the two newest live, the older of them five minutes more.
//! `stable_client_token` keeps answering the same one until it expires.

use std::collections::{HashMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

use super::authority::Token;
use crate::clock::later;

const LIFETIME: SignedDuration = SignedDuration::from_hours(2);
const OVERLAP: SignedDuration = SignedDuration::from_mins(5);
const WINDOW: SignedDuration = SignedDuration::from_mins(5);
const MOST_CALLS_IN_WINDOW: usize = 500;
const TOO_OFTEN: i64 = 10_020;

#[derive(Clone, Default)]
pub(crate) struct ClientTokens {
    apps: HashMap<String, OfApp>,
    ever: Vec<String>,
}

#[derive(Clone, Default)]
struct OfApp {
    calls: VecDeque<Timestamp>,
    newest: Option<Token>,
    previous: Option<Token>,
    stable: Option<Token>,
}

impl ClientTokens {
    pub(crate) fn issue(&mut self, client_key: &str, now: Timestamp) -> Result<Token, i64> {
        let app = self.apps.entry(client_key.to_owned()).or_default();
        while app.calls.front().is_some_and(|call| now.duration_since(*call) >= WINDOW) {
            app.calls.pop_front();
        }
        if app.calls.len() >= MOST_CALLS_IN_WINDOW {
            return Err(TOO_OFTEN);
        }
        app.calls.push_back(now);
        let token = Token::new("clt", now, LIFETIME);
        app.previous = app.newest.replace(token.clone()).map(|mut previous| {
            previous.expires_at = previous.expires_at.min(later(now, OVERLAP));
            previous
        });
        self.ever.push(token.text.clone());
        Ok(token)
    }

    pub(crate) fn stable(&mut self, client_key: &str, now: Timestamp) -> Token {
        let app = self.apps.entry(client_key.to_owned()).or_default();
        if let Some(token) = app.stable.as_ref().filter(|token| token.is_alive(now)) {
            return token.clone();
        }
        let token = Token::new("clt", now, LIFETIME);
        app.stable = Some(token.clone());
        self.ever.push(token.text.clone());
        token
    }

    pub(crate) fn is_alive(&self, token: &str, now: Timestamp) -> bool {
        let of = |app: &OfApp| {
            [&app.newest, &app.previous, &app.stable]
                .into_iter()
                .flatten()
                .any(|known| known.text == token && known.is_alive(now))
        };
        self.apps.values().any(of)
    }

    pub(crate) fn ever(&self) -> impl Iterator<Item = &String> {
        self.ever.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_token_replaced_by_a_newer_one_lives_five_minutes() {
        let (mut tokens, start) = (ClientTokens::default(), Timestamp::UNIX_EPOCH);
        let at = |minutes| later(start, SignedDuration::from_mins(minutes));
        let first = tokens.issue("k", start).unwrap();
        let second = tokens.issue("k", at(10)).unwrap();
        assert!(tokens.is_alive(&first.text, at(14)) && !tokens.is_alive(&first.text, at(15)));
        let third = tokens.issue("k", at(11)).unwrap();
        assert!(!tokens.is_alive(&first.text, at(11)), "only the newest two live");
        assert!(tokens.is_alive(&second.text, at(12)));
        assert!(tokens.is_alive(&third.text, at(130)) && !tokens.is_alive(&third.text, at(131)));
    }

    #[test]
    fn client_token_call_501_in_five_minutes_is_refused() {
        let (mut tokens, start) = (ClientTokens::default(), Timestamp::UNIX_EPOCH);
        assert!((0..500).all(|_| tokens.issue("k", start).is_ok()));
        assert_eq!(tokens.issue("k", start).err(), Some(10_020));
        assert!(tokens.issue("other", start).is_ok());
        assert!(tokens.issue("k", later(start, WINDOW)).is_ok());
    }

    #[test]
    fn client_token_that_is_stable_stays_until_it_expires() {
        let (mut tokens, start) = (ClientTokens::default(), Timestamp::UNIX_EPOCH);
        let first = tokens.stable("k", start);
        assert_eq!(tokens.stable("k", later(start, SignedDuration::from_mins(119))).text, first.text);
        assert_ne!(tokens.stable("k", later(start, LIFETIME)).text, first.text);
    }
}
