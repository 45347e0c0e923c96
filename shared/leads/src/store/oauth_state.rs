//! `t_oauth_state`: authorisations under way. A state is stored hashed, lives ten minutes and is consumed once. It
//! knows which browser asked for the link.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::ReturnValue;
use kernel::config::{ConfigError, Env};
use kernel::dynamo::{decode, n, s};
use kernel::error::{Error, Result};
use kernel::ids::UserId;
use serde::Deserialize;

use super::unless_refused;
use crate::browser::BrowserKey;

/// How long a user may take on Douyin's page: as long as Douyin's own code lives.
pub const LIFETIME_SECONDS: i64 = 600;

/// Who started an authorisation, and where they want to return to.
#[derive(Debug, Clone, Deserialize)]
pub struct PendingAuthorization {
    /// The tenant.
    pub user_id: UserId,
    /// The page to return to, checked against the allow-list when it was stored.
    pub redirect_url: Option<String>,
    /// The scopes asked for, comma-joined.
    pub scopes: String,
    /// The hash of the key of the browser that asked; absent in rows of earlier versions.
    browser_hash: Option<String>,
    expires_at: i64,
}

impl PendingAuthorization {
    /// Whether this is the browser that asked for the link.
    pub fn asked_by(&self, browser: Option<&BrowserKey>) -> bool {
        browser.is_some_and(|browser| self.browser_hash.as_ref() == Some(&browser.hash()))
    }
}

/// What a link is remembered by.
#[derive(Debug, Clone, Copy)]
pub struct NewAuthorization<'a> {
    /// The tenant.
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
    client: Client,
    table: String,
}

impl OauthStateStore {
    /// The store named by `TABLE_OAUTH_STATE`.
    pub fn new(client: Client, env: &Env) -> Result<Self, ConfigError> {
        Ok(Self { client, table: env.required("TABLE_OAUTH_STATE")? })
    }

    /// Remembers an authorisation under the hash of its state.
    pub async fn put(&self, state_hash: &str, authorization: NewAuthorization<'_>, now: i64) -> Result<()> {
        let mut put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("state_hash", s(state_hash))
            .item("user_id", n(authorization.user_id))
            .item("scopes", s(authorization.scopes))
            .item("browser_hash", s(authorization.browser_hash))
            .item("create_time", n(now))
            .item("expires_at", n(now + LIFETIME_SECONDS))
            .condition_expression("attribute_not_exists(state_hash)");
        if let Some(url) = authorization.redirect_url {
            put = put.item("redirect_url", s(url));
        }
        put.send().await.map_err(Error::aws("dynamodb:PutItem"))?;
        Ok(())
    }

    /// Takes the authorisation out, at most once however many ask; `None` when it is unknown, spent or expired
    /// (the table's TTL deletes late, by days, so the time is checked here).
    pub async fn consume(&self, state_hash: &str, now: i64) -> Result<Option<PendingAuthorization>> {
        let outcome = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("state_hash", s(state_hash))
            .condition_expression("attribute_exists(state_hash)")
            .return_values(ReturnValue::AllOld)
            .send()
            .await;
        match outcome {
            Ok(answer) => {
                let pending: PendingAuthorization =
                    decode("authorisation state", answer.attributes.unwrap_or_default())?;
                Ok((pending.expires_at > now).then_some(pending))
            }
            Err(error) => unless_refused::<(), _, _>(Err(error), "dynamodb:DeleteItem").map(|_| None),
        }
    }
}
