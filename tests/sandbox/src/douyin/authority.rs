//! Who granted what: codes, access tokens and refresh tokens, with the lifetimes and rotations of the documents.
//!
//! - A code lives ten minutes, works once, and dies when the same user starts another authorization with the same app.
//! - Refreshing keeps the access token while it is alive and replaces it once it has expired; the refresh token stays,
//!   with its expiry.
//! - Renewing replaces the refresh token at once, five times at most; the access token is not touched.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use crate::clock::later;

pub(crate) const CODE_LIFETIME: SignedDuration = SignedDuration::from_mins(10);
pub(crate) const ACCESS_LIFETIME: SignedDuration = SignedDuration::from_hours(15 * 24);
pub(crate) const REFRESH_LIFETIME: SignedDuration = SignedDuration::from_hours(30 * 24);
pub(crate) const MOST_RENEWALS: u8 = 5;

const CODE_DEAD: i64 = 10_007;
const CODE_OF_ANOTHER_APP: i64 = 10_014;
const REFRESH_TOKEN_DEAD: i64 = 10_010;
const RENEWALS_USED_UP: i64 = 10_020;

#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) expires_at: Timestamp,
}

impl Token {
    pub(crate) fn new(prefix: &str, now: Timestamp, lifetime: SignedDuration) -> Self {
        let text = format!("{prefix}.{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>());
        Self { text, expires_at: later(now, lifetime) }
    }

    pub(crate) fn is_alive(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }
}

#[derive(Clone)]
struct Code {
    client_key: String,
    account: String,
    scopes: Vec<String>,
    expires_at: Timestamp,
}

/// One user's consent for one app.
#[derive(Clone)]
pub(crate) struct Grant {
    pub(crate) client_key: String,
    pub(crate) account: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) access: Token,
    pub(crate) refresh: Token,
    pub(crate) renewals: u8,
    pub(crate) revoked: bool,
    /// When a later grant kills this one.
    pub(crate) ends_at: Option<Timestamp>,
}

impl Grant {
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        self.revoked || self.ends_at.is_some_and(|end| end <= now)
    }
}

/// What an access token that was presented is worth.
pub(crate) enum Standing<'a> {
    Good(&'a Grant),
    Expired,
    Revoked,
    Unknown,
}

#[derive(Clone, Default)]
pub(crate) struct Authority {
    /// Codes that can still be exchanged; used and voided ones are gone.
    codes: HashMap<String, Code>,
    /// Every code ever handed out, for finding whose it was.
    code_accounts: HashMap<String, String>,
    grants: Vec<Grant>,
    /// Every access and refresh token ever handed out, dead ones included, by the place of its grant.
    tokens: HashMap<String, usize>,
    by_account: HashMap<String, Vec<usize>>,
}

impl Authority {
    pub(crate) fn issue_code(
        &mut self,
        client_key: &str,
        account: &str,
        scopes: Vec<String>,
        now: Timestamp,
    ) -> String {
        self.codes.retain(|_, code| code.client_key != client_key || code.account != account);
        let text = format!("{:032x}{:08x}", rand::random::<u128>(), rand::random::<u32>());
        let expires_at = later(now, CODE_LIFETIME);
        let code = Code { client_key: client_key.to_owned(), account: account.to_owned(), scopes, expires_at };
        self.codes.insert(text.clone(), code);
        self.code_accounts.insert(text.clone(), account.to_owned());
        text
    }

    /// `voids_at`: when the user's earlier grants to this app end, if they do.
    pub(crate) fn exchange(
        &mut self,
        client_key: &str,
        code: &str,
        voids_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Grant, i64> {
        let found = self.codes.get(code).ok_or(CODE_DEAD)?;
        if found.client_key != client_key {
            return Err(CODE_OF_ANOTHER_APP);
        }
        let code = self.codes.remove(code).ok_or(CODE_DEAD)?;
        if now >= code.expires_at {
            return Err(CODE_DEAD);
        }
        if voids_at.is_some() {
            self.change(&code.account, |grant| {
                if grant.client_key == client_key && grant.ends_at.is_none() {
                    grant.ends_at = voids_at;
                }
            });
        }
        Ok(self.grant(code.client_key, code.account, code.scopes, now))
    }

    pub(crate) fn grant(&mut self, client_key: String, account: String, scopes: Vec<String>, now: Timestamp) -> Grant {
        let access = Token::new("act", now, ACCESS_LIFETIME);
        let refresh = Token::new("rft", now, REFRESH_LIFETIME);
        let place = self.grants.len();
        self.tokens.insert(access.text.clone(), place);
        self.tokens.insert(refresh.text.clone(), place);
        self.by_account.entry(account.clone()).or_default().push(place);
        let grant = Grant { client_key, account, scopes, access, refresh, renewals: 0, revoked: false, ends_at: None };
        self.grants.push(grant.clone());
        grant
    }

    pub(crate) fn refresh(
        &mut self,
        client_key: &str,
        token: &str,
        extends: bool,
        now: Timestamp,
    ) -> Result<Grant, i64> {
        let place = self.refreshable(client_key, token, now)?;
        let grant = self.grants.get_mut(place).ok_or(REFRESH_TOKEN_DEAD)?;
        if grant.access.is_alive(now) {
            grant.access.expires_at = later(now, ACCESS_LIFETIME);
        } else {
            grant.access = Token::new("act", now, ACCESS_LIFETIME);
            self.tokens.insert(grant.access.text.clone(), place);
        }
        if extends {
            grant.refresh = Token::new("rft", now, REFRESH_LIFETIME);
            self.tokens.insert(grant.refresh.text.clone(), place);
        }
        Ok(grant.clone())
    }

    pub(crate) fn renew(
        &mut self,
        client_key: &str,
        token: &str,
        voids_access: bool,
        now: Timestamp,
    ) -> Result<Grant, i64> {
        let place = self.refreshable(client_key, token, now)?;
        let grant = self.grants.get_mut(place).ok_or(REFRESH_TOKEN_DEAD)?;
        if grant.renewals >= MOST_RENEWALS {
            return Err(RENEWALS_USED_UP);
        }
        grant.renewals += 1;
        grant.refresh = Token::new("rft", now, REFRESH_LIFETIME);
        if voids_access {
            grant.access.expires_at = grant.access.expires_at.min(now);
        }
        self.tokens.insert(grant.refresh.text.clone(), place);
        Ok(grant.clone())
    }

    fn refreshable(&self, client_key: &str, token: &str, now: Timestamp) -> Result<usize, i64> {
        let place = *self.tokens.get(token).ok_or(REFRESH_TOKEN_DEAD)?;
        let grant = self.grants.get(place).ok_or(REFRESH_TOKEN_DEAD)?;
        let is_good = grant.client_key == client_key
            && grant.refresh.text == token
            && grant.refresh.is_alive(now)
            && !grant.is_over(now);
        if is_good { Ok(place) } else { Err(REFRESH_TOKEN_DEAD) }
    }

    pub(crate) fn standing(&self, access_token: &str, now: Timestamp) -> Standing<'_> {
        // A refresh token in the wrong place is no access token at all.
        let known = self.tokens.get(access_token).filter(|_| access_token.starts_with("act."));
        match known.and_then(|place| self.grants.get(*place)) {
            None => Standing::Unknown,
            Some(grant) if grant.is_over(now) => Standing::Revoked,
            Some(grant) if grant.access.text == access_token && grant.access.is_alive(now) => Standing::Good(grant),
            Some(_) => Standing::Expired,
        }
    }

    /// Whose code or token this is or was.
    pub(crate) fn account_of(&self, secret: &str) -> Option<&str> {
        let of_token =
            self.tokens.get(secret).and_then(|place| self.grants.get(*place)).map(|grant| grant.account.as_str());
        of_token.or_else(|| self.code_accounts.get(secret).map(String::as_str))
    }

    /// Which app a token was made for.
    pub(crate) fn client_key_of(&self, token: &str) -> Option<&str> {
        self.tokens.get(token).and_then(|place| self.grants.get(*place)).map(|grant| grant.client_key.as_str())
    }

    /// Ends the living grants of an account, with one app or with all, and returns them as they were.
    pub(crate) fn revoke(&mut self, account: &str, client_key: Option<&str>) -> Vec<Grant> {
        self.codes.retain(|_, code| code.account != account || client_key.is_some_and(|key| key != code.client_key));
        let mut revoked = Vec::new();
        self.change(account, |grant| {
            if !grant.revoked && client_key.is_none_or(|key| key == grant.client_key) {
                revoked.push(grant.clone());
                grant.revoked = true;
            }
        });
        revoked
    }

    pub(crate) fn change(&mut self, account: &str, mut change: impl FnMut(&mut Grant)) {
        for place in self.by_account.get(account).into_iter().flatten() {
            if let Some(grant) = self.grants.get_mut(*place) {
                change(grant);
            }
        }
    }

    pub(crate) fn grants_of(&self, account: &str) -> impl Iterator<Item = &Grant> {
        self.by_account.get(account).into_iter().flatten().filter_map(|place| self.grants.get(*place))
    }

    pub(crate) fn codes_ever(&self) -> impl Iterator<Item = &String> {
        self.code_accounts.keys()
    }

    pub(crate) fn tokens_ever(&self) -> impl Iterator<Item = &String> {
        self.tokens.keys()
    }
}
