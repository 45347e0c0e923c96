//! `t_oauth_state`: authorisations under way. A state is stored hashed, lives ten minutes and is consumed once. It
//! knows which browser asked for the link.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::Delete;
use jiff::Timestamp;
use kernel::Clock;
use kernel::dynamo::{decode, delete, n, s, seconds};
use kernel::error::{Error, Result};
use kernel::ids::UserId;
use kernel::instant::after;
use kernel::transaction::Transaction;
use serde::Deserialize;

use crate::browser::BrowserKey;

/// How long a user may take on Douyin's page: as long as Douyin's own code lives.
pub const LIFETIME: Duration = Duration::from_secs(600);

/// Who started an authorisation, and where they want to return to.
#[derive(Debug, Clone, Deserialize)]
pub struct PendingAuthorization {
    pub user_id: UserId,
    /// The page to return to, checked against the allow-list when it was stored.
    pub redirect_url: Option<String>,
    /// The scopes asked for, comma-joined.
    pub scopes: String,
    /// The hash of the key of the browser that asked; absent in rows of earlier versions.
    browser_hash: Option<String>,
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    expires_at: Timestamp,
}

impl PendingAuthorization {
    /// Whether this is the browser that asked for the link.
    pub fn was_requested_by(&self, browser: Option<&BrowserKey>) -> bool {
        browser.is_some_and(|browser| self.browser_hash.as_ref() == Some(&browser.hash()))
    }
}

/// What a link is remembered by.
#[derive(Debug, Clone, Copy)]
pub struct NewAuthorization<'a> {
    pub user_id: UserId,
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
            .item("scopes", s(authorization.scopes))
            .item("browser_hash", s(authorization.browser_hash))
            .item("create_time", seconds(now))
            .item("expires_at", seconds(after(now, LIFETIME)));
        if let Some(url) = authorization.redirect_url {
            put = put.item("redirect_url", s(url));
        }
        put.send().await.map_err(Error::aws("dynamodb:PutItem"))?;
        Ok(())
    }

    /// Takes the authorisation out, at most once however many ask; `None` when it is unknown, spent or expired
    /// (the table's TTL deletes late, by days, so the time is checked here).
    ///
    /// A transaction, although it is one delete: its request token has the SDK's retry of a lost answer count once, where
    /// a plain delete would find the row gone and take the state for spent.
    pub async fn consume(&self, state_hash: &str, clock: &Clock) -> Result<Option<PendingAuthorization>> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("state_hash", s(state_hash))
            .consistent_read(true)
            .send()
            .await
            .map_err(Error::aws("dynamodb:GetItem"))?;
        let Some(row) = answer.item else { return Ok(None) };
        let pending: PendingAuthorization = decode("authorisation state", row)?;
        let mut transaction = Transaction::new();
        transaction.add(delete(
            Delete::builder()
                .table_name(&self.table)
                .key("state_hash", s(state_hash))
                .condition_expression("attribute_exists(state_hash)"),
        )?);
        let taken = transaction.commit(&self.client, clock).await?.is_committed();
        Ok((taken && pending.expires_at > clock.now()).then_some(pending))
    }
}
