//! `t_wechat_corp`: the company apps on WeCom, with their secret, cached access token, and creation window.

mod changes;

pub use changes::{CorpChange, CorpConnection, ProxyChange};

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use jiff::Timestamp;
use kernel::Clock;
use kernel::dynamo::{Item, batch_get, decode, n, s};
use kernel::error::{Error, Result};
use kernel::ids::UserId;
use kernel::lease::Lease;
use kernel::retry::{Attempt, on_conflict};
use serde::{Deserialize, Serialize};

use changes::{values_of, written};

use super::{SlotReservation, condition_held, milliseconds, seconds, update};
use crate::ids::CorpKey;
use crate::provider::RateWindow;
use crate::time::{after, before};

/// The table's name in the specification, part of every ciphertext's context.
pub const TABLE: &str = "t_wechat_corp";
const WHAT: &str = "wechat corp";
/// When a creation is asked for again that others were faster to take.
const RETRY: Duration = Duration::from_secs(1);

/// A company app's row.
#[derive(Debug, Clone, Deserialize)]
pub struct Corp {
    /// `<corp id>#<agent id>`: each app has a token of its own.
    pub corp_key: CorpKey,
    pub user_id: UserId,
    pub corp_id: String,
    /// Encrypted; absent once the last of its accounts was disconnected.
    pub secret: Option<String>,
    /// Encrypted; absent before the first use and after a refusal.
    pub access_token: Option<String>,
    /// When the token ends.
    #[serde(default, with = "jiff::fmt::serde::timestamp::second::required")]
    pub expire_time: Timestamp,
    /// Grows with every change of the token.
    #[serde(default)]
    pub token_version: u64,
    /// Start of the current minute of creations.
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub window_start: Timestamp,
    #[serde(default)]
    pub window_count: u32,
    /// No creation before this: WeCom said so.
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub blocked_until: Timestamp,
    /// The window that block was for.
    pub blocked_window: Option<RateWindow>,
    /// The address of the company's own proxy, encrypted. It stays with the last token, which needs it.
    pub egress_proxy: Option<String>,
    /// What keeps the company's calls from WeCom, as far as the last of them showed.
    pub problem: Option<CorpProblem>,
    /// The address from which WeCom saw us call and which the company does not trust.
    pub seen_ip: Option<IpAddr>,
}

/// What keeps a company's calls from WeCom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CorpProblem {
    /// The company does not trust the address that they come from.
    IpNotTrusted,
    /// WeCom does not accept the secret.
    SecretRefused,
    /// The company's proxy is not reached, or does not reach WeCom.
    ProxyNotConnected,
}

impl CorpProblem {
    /// The word of the contract and of the row.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::IpNotTrusted => "IP_NOT_TRUSTED",
            Self::SecretRefused => "SECRET_REFUSED",
            Self::ProxyNotConnected => "PROXY_NOT_CONNECTED",
        }
    }
}

/// A problem, with the address that it is about, as far as that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CorpState {
    pub problem: CorpProblem,
    pub seen_ip: Option<IpAddr>,
}

/// An access token as it is stored.
#[derive(Debug, Clone, Copy)]
pub struct EncryptedToken<'a> {
    /// Encrypted.
    pub access_token: &'a str,
    pub expire_time: Timestamp,
}

/// What came of asking for a token.
#[derive(Debug, Clone, Copy)]
pub enum TokenOutcome<'a> {
    Had(EncryptedToken<'a>),
    /// None was had, and what that shows of the company, if anything.
    Failed(Option<CorpState>),
}

/// Access to the table.
#[derive(Debug, Clone)]
pub struct CorpStore {
    pub(super) client: Client,
    pub(super) clock: Clock,
    pub(super) table: String,
}

impl CorpStore {
    /// The company app, read consistently, whoever owns it.
    pub async fn get(&self, corp_key: &CorpKey) -> Result<Option<Corp>> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("corp_key", s(corp_key))
            .consistent_read(true)
            .send()
            .await
            .map_err(Error::aws("dynamodb:GetItem"))?;
        answer.item.map(|item| decode(WHAT, item)).transpose()
    }

    /// These company apps, read consistently, whoever owns them; absent ones are not among them.
    pub async fn by_keys(&self, keys: impl Iterator<Item = &CorpKey>) -> Result<Vec<Corp>> {
        let keys = keys.map(|key| Item::from([("corp_key".to_owned(), s(key))])).collect();
        let rows = batch_get(&self.client, &self.clock, &self.table, keys, None, true).await?;
        rows.into_iter().map(|row| decode(WHAT, row)).collect()
    }

    /// Takes the secret away, as one action of a transaction; refused when the app was connected anew since. The last
    /// token stays for what is under way, and ends within two hours. Another user may connect the app from now on.
    pub(crate) fn remove_secret(&self, corp: &Corp) -> Result<TransactWriteItem> {
        update(
            Update::builder()
                .table_name(&self.table)
                .key("corp_key", s(&corp.corp_key))
                .condition_expression("user_id = :user AND secret = :secret")
                .update_expression("REMOVE secret")
                .expression_attribute_values(":user", n(corp.user_id))
                .expression_attribute_values(":secret", s(corp.secret.as_deref().unwrap_or_default())),
        )
    }

    /// Takes the refresh lease when the token is still at its version and nobody holds it. An owner is new with every
    /// lease, so finding it in the row already is the SDK's retry of a lost answer.
    pub async fn take_refresh_lease(&self, corp: &Corp, lease: &Lease) -> Result<bool> {
        let outcome = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("corp_key", s(&corp.corp_key))
            .condition_expression(
                "token_version = :version AND \
                 (attribute_not_exists(refresh_lease_until) OR refresh_lease_until < :now OR \
                 refresh_lease_owner = :owner)",
            )
            .update_expression("SET refresh_lease_owner = :owner, refresh_lease_until = :until")
            .expression_attribute_values(":version", n(corp.token_version))
            .expression_attribute_values(":now", milliseconds(lease.taken_at()))
            .expression_attribute_values(":owner", s(lease.owner()))
            .expression_attribute_values(":until", milliseconds(lease.end()))
            .send()
            .await;
        condition_held(outcome, "dynamodb:UpdateItem")
    }

    /// Stores a new token, or why there is none, and lets the lease go. `false`: the row has moved on, and what was
    /// learnt is about what it held before.
    pub async fn save_token(&self, corp: &Corp, lease: &Lease, came: TokenOutcome<'_>) -> Result<bool> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("corp_key", s(&corp.corp_key))
            .condition_expression("refresh_lease_owner = :owner AND token_version = :version")
            .expression_attribute_values(":owner", s(lease.owner()))
            .expression_attribute_values(":version", n(corp.token_version));
        // A token was had, so the secret is good and the proxy reaches WeCom; whether the address is trusted is not told.
        let is_over = !matches!(corp.problem, None | Some(CorpProblem::IpNotTrusted));
        let over = if is_over { ", problem, problem_since" } else { "" };
        let request = match came {
            TokenOutcome::Had(token) => request
                .update_expression(format!(
                    "SET access_token = :access, expire_time = :expire \
                     REMOVE refresh_lease_owner, refresh_lease_until{over} ADD token_version :one"
                ))
                .expression_attribute_values(":access", s(token.access_token))
                .expression_attribute_values(":expire", seconds(token.expire_time))
                .expression_attribute_values(":one", n(1)),
            TokenOutcome::Failed(None) => request.update_expression("REMOVE refresh_lease_owner, refresh_lease_until"),
            TokenOutcome::Failed(Some(state)) => {
                let (set, removed) = written(&state);
                request
                    .update_expression(format!("SET {set} REMOVE refresh_lease_owner, refresh_lease_until{removed}"))
                    .set_expression_attribute_values(Some(
                        values_of(&state, self.clock.now())
                            .chain([
                                (":owner".to_owned(), s(lease.owner())),
                                (":version".to_owned(), n(corp.token_version)),
                            ])
                            .collect(),
                    ))
            }
        };
        condition_held(request.send().await, "dynamodb:UpdateItem")
    }

    /// Takes one of the `per_minute` creations of the company. `corp` may be out of date: it is only where the search
    /// begins.
    pub async fn take_rate_token(&self, corp: &Corp, now: Timestamp, per_minute: u32) -> Result<SlotReservation> {
        // Whoever counts in the same minute does not disturb, only who begins a new one.
        const TRIES: u32 = 3;
        // Only the first attempt is made from what is known.
        let known = Mutex::new(Some(corp.window()));
        let taken = on_conflict(&self.clock, WHAT, TRIES, || async {
            let known = known.lock().unwrap_or_else(PoisonError::into_inner).take();
            let window = match known {
                Some(window) => Some(window),
                None => self.get(&corp.corp_key).await?.map(|corp| corp.window()),
            };
            match window {
                Some(window) => self.try_to_take_creation(&corp.corp_key, window, now, per_minute).await,
                // The app is gone.
                None => Ok(Attempt::Done(SlotReservation::NotBefore(after(now, RETRY)))),
            }
        });
        match taken.await {
            Err(Error::Contention(_)) => Ok(SlotReservation::NotBefore(after(now, RETRY))),
            taken => taken,
        }
    }

    async fn try_to_take_creation(
        &self,
        corp_key: &CorpKey,
        window: Window,
        now: Timestamp,
        per_minute: u32,
    ) -> Result<Attempt<SlotReservation>> {
        const FREE: &str = "(attribute_not_exists(blocked_until) OR blocked_until <= :now)";
        if let Some(instant) = window.closed_until(now, per_minute) {
            return Ok(Attempt::Done(SlotReservation::NotBefore(instant)));
        }
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("corp_key", s(corp_key))
            .expression_attribute_values(":now", milliseconds(now))
            .expression_attribute_values(":one", n(1));
        let request = if now < window.end() {
            request
                .condition_expression(format!("window_start = :start AND window_count < :most AND {FREE}"))
                .update_expression("ADD window_count :one")
                .expression_attribute_values(":start", milliseconds(window.start))
                .expression_attribute_values(":most", n(per_minute))
        } else {
            request
                .condition_expression(format!(
                    "attribute_exists(corp_key) AND (attribute_not_exists(window_start) OR window_start = :seen) \
                     AND {FREE}"
                ))
                .update_expression("SET window_start = :now, window_count = :one")
                .expression_attribute_values(":seen", milliseconds(window.start))
        };
        let taken = condition_held(request.send().await, "dynamodb:UpdateItem")?;
        Ok(if taken { Attempt::Done(SlotReservation::Taken) } else { Attempt::Conflict })
    }

    /// Notes that WeCom refuses creations, for every worker, and answers until when. A wait for a shorter window that
    /// has just ended did not help, so the next longer one is assumed.
    pub async fn block(&self, corp_key: &CorpKey, window: RateWindow, now: Timestamp) -> Result<Timestamp> {
        const RECENTLY: Duration = Duration::from_secs(120);
        let known = self.get(corp_key).await?;
        let in_vain = known.filter(|corp| (before(now, RECENTLY)..=now).contains(&corp.blocked_until));
        let window = in_vain.and_then(|corp| corp.blocked_window).map_or(window, |last| window.max(last.longer()));
        let until = after(now, window.wait(now));
        let outcome = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("corp_key", s(corp_key))
            .condition_expression(
                "attribute_exists(corp_key) AND (attribute_not_exists(blocked_until) OR blocked_until < :until)",
            )
            .update_expression("SET blocked_until = :until, blocked_window = :window")
            .expression_attribute_values(":until", milliseconds(until))
            .expression_attribute_values(":window", s(window.as_str()))
            .send()
            .await;
        condition_held(outcome, "dynamodb:UpdateItem")?;
        Ok(until)
    }
}

/// How far the company has used up its creations.
#[derive(Debug, Clone, Copy)]
struct Window {
    start: Timestamp,
    count: u32,
    blocked_until: Timestamp,
}

impl Window {
    fn end(self) -> Timestamp {
        after(self.start, Duration::from_secs(60))
    }

    /// Until when there is no creation to be had, if there is none.
    fn closed_until(self, now: Timestamp, per_minute: u32) -> Option<Timestamp> {
        if self.blocked_until > now {
            return Some(self.blocked_until);
        }
        (now < self.end() && self.count >= per_minute).then(|| self.end())
    }
}

impl Corp {
    const fn window(&self) -> Window {
        Window { start: self.window_start, count: self.window_count, blocked_until: self.blocked_until }
    }

    /// Until when the company certainly has no creation left, as far as this row knows. Nothing is taken.
    pub fn closed_until(&self, now: Timestamp, per_minute: u32) -> Option<Timestamp> {
        self.window().closed_until(now, per_minute)
    }
}
