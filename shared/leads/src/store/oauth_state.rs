//! `t_oauth_state`: authorisations under way. A state is stored hashed, lives ten minutes and is consumed once. It
//! knows which browser asked for the link. Once it is consumed its row stays for a minute with what came of it, for
//! returns that come twice.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::Update;
use jiff::Timestamp;
use kernel::Clock;
use kernel::caller::Actor;
use kernel::dynamo::{condition_held, decode, n, s, seconds, update};
use kernel::error::{Error, Result};
use kernel::ids::UserId;
use kernel::instant::after;
use kernel::transaction::Transaction;
use serde::Deserialize;

use crate::browser::BrowserKey;
use crate::repeated_return::KeptOutcome;

/// How long a user may take on Douyin's page: as long as Douyin's own code lives.
pub const LIFETIME: Duration = Duration::from_secs(600);

/// How long a return that comes twice is told what came of the first one.
pub const REPEATED_FOR: Duration = Duration::from_secs(60);

const WHAT: &str = "authorisation state";

/// Who started an authorisation, and where they want to return to.
#[derive(Debug, Clone, Deserialize)]
pub struct PendingAuthorization {
    pub user_id: UserId,
    /// The page to return to, checked against the allow-list when it was stored.
    pub redirect_url: Option<String>,
    /// The scopes asked for, comma-joined.
    pub scopes: String,
    /// Who of the tenant asked for the link; absent in rows of earlier versions.
    actor_id: Option<String>,
    /// Their name, if the token had one.
    actor_name: Option<String>,
    /// The hash of the key of the browser that asked; absent in rows of earlier versions.
    browser_hash: Option<String>,
    /// Until when it may be consumed, or once it is, until when a repetition is told what came of it.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    expires_at: Timestamp,
    /// Once it is consumed: the hash of the code that came with it.
    code_hash: Option<String>,
    /// What came of it, as JSON, once that is known.
    outcome: Option<String>,
}

/// What a return finds of its authorisation.
#[derive(Debug)]
pub(crate) enum Consumed {
    /// This return has it for itself.
    Now(PendingAuthorization),
    /// An earlier return with the same code has had it. What came of that, once it is known.
    Before(PendingAuthorization, Option<KeptOutcome>),
}

impl PendingAuthorization {
    /// Who asked for the link.
    pub fn actor(&self) -> Actor {
        Actor::new(self.user_id, self.actor_id.as_deref(), self.actor_name.as_deref())
    }

    /// Whether this is the browser that asked for the link.
    pub fn was_requested_by(&self, browser: Option<&BrowserKey>) -> bool {
        browser.is_some_and(|browser| self.browser_hash.as_ref() == Some(&browser.hash()))
    }
}

/// What a link is remembered by.
#[derive(Debug, Clone, Copy)]
pub struct NewAuthorization<'a> {
    pub user_id: UserId,
    /// Who of the tenant asks.
    pub actor: &'a Actor,
    /// The page to return to, checked.
    pub redirect_url: Option<&'a str>,
    /// The scopes asked for, comma-joined.
    pub scopes: &'a str,
    /// The hash of the key of the browser that asked.
    pub browser_hash: &'a str,
}

/// Access to the table.
#[derive(Debug, Clone)]
pub struct OauthStateStore {
    pub(super) client: Client,
    pub(super) table: String,
}

impl OauthStateStore {
    /// Remembers an authorisation under the hash of its state, which is random and was never used before. The SDK's retry
    /// of a lost answer writes the same row again.
    pub async fn put(&self, state_hash: &str, authorization: NewAuthorization<'_>, now: Timestamp) -> Result<()> {
        let mut put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("state_hash", s(state_hash))
            .item("user_id", n(authorization.user_id))
            .item("actor_id", s(&authorization.actor.id))
            .item("scopes", s(authorization.scopes))
            .item("browser_hash", s(authorization.browser_hash))
            .item("create_time", seconds(now))
            .item("expires_at", seconds(after(now, LIFETIME)));
        if let Some(name) = &authorization.actor.name {
            put = put.item("actor_name", s(name));
        }
        if let Some(url) = authorization.redirect_url {
            put = put.item("redirect_url", s(url));
        }
        put.send().await.map_err(Error::aws("dynamodb:PutItem"))?;
        Ok(())
    }

    /// Consumes the authorisation for a return that brings a code of this hash, at most once however many ask; `None` when
    /// it is unknown, spent or expired (the table's TTL deletes late, by days, so the time is checked here).
    ///
    /// A transaction, although it is one update: its request token has the SDK's retry of a lost answer count once, where
    /// a plain update would find the state consumed and take this return for the second one.
    pub(crate) async fn consume(&self, state_hash: &str, code_hash: &str, clock: &Clock) -> Result<Option<Consumed>> {
        let now = clock.now();
        let Some(pending) = self.get(state_hash, now).await? else { return Ok(None) };
        if pending.code_hash.is_some() {
            return consumed_before(pending, code_hash);
        }
        let mut transaction = Transaction::new();
        transaction.add(update(
            Update::builder()
                .table_name(&self.table)
                .key("state_hash", s(state_hash))
                .condition_expression("attribute_exists(state_hash) AND attribute_not_exists(code_hash)")
                .update_expression("SET code_hash = :code, expires_at = :end")
                .expression_attribute_values(":code", s(code_hash))
                .expression_attribute_values(":end", seconds(after(now, REPEATED_FOR))),
        )?);
        if transaction.commit(&self.client, clock).await?.is_committed() {
            return Ok(Some(Consumed::Now(pending)));
        }
        // Another return was faster.
        match self.get(state_hash, now).await? {
            Some(pending) => consumed_before(pending, code_hash),
            None => Ok(None),
        }
    }

    /// Keeps what came of a return, for its repetitions. `false`: its time is over.
    pub(crate) async fn keep(&self, state_hash: &str, outcome: &KeptOutcome) -> Result<bool> {
        let outcome = serde_json::to_string(outcome).map_err(|_| Error::Internal("outcome not serialised"))?;
        let kept = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("state_hash", s(state_hash))
            .condition_expression("attribute_exists(code_hash)")
            .update_expression("SET outcome = :outcome")
            .expression_attribute_values(":outcome", s(outcome))
            .send()
            .await;
        condition_held(kept, "dynamodb:UpdateItem")
    }

    async fn get(&self, state_hash: &str, now: Timestamp) -> Result<Option<PendingAuthorization>> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("state_hash", s(state_hash))
            .consistent_read(true)
            .send()
            .await
            .map_err(Error::aws("dynamodb:GetItem"))?;
        let pending: Option<PendingAuthorization> = answer.item.map(|row| decode(WHAT, row)).transpose()?;
        Ok(pending.filter(|pending| pending.expires_at > now))
    }
}

/// Who brings another code repeats nothing: to them the state is spent.
fn consumed_before(mut pending: PendingAuthorization, code_hash: &str) -> Result<Option<Consumed>> {
    if pending.code_hash.as_deref() != Some(code_hash) {
        return Ok(None);
    }
    let outcome = pending.outcome.take();
    let outcome = outcome.map(|text| serde_json::from_str(&text)).transpose().map_err(|_| Error::Corrupt(WHAT))?;
    Ok(Some(Consumed::Before(pending, outcome)))
}
