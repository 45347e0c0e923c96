//! `t_wechat_corp`: the company apps on WeCom, with their secret, cached access token, and creation window.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use kernel::config::{ConfigError, Env};
use kernel::dynamo::{decode, n, s};
use kernel::error::{Error, Result};
use kernel::ids::UserId;
use serde::Deserialize;

use super::{put, unless_refused};

/// The table's name in the specification, part of every ciphertext's context.
pub const TABLE: &str = "t_wechat_corp";
const WHAT: &str = "wechat corp";

/// A company app's row.
#[derive(Debug, Clone, Deserialize)]
pub struct Corp {
    /// `<corp id>#<agent id>`: each app has a token of its own.
    pub corp_key: String,
    /// The tenant.
    pub user_id: UserId,
    /// The company.
    pub corp_id: String,
    /// Sealed.
    pub secret: String,
    /// Sealed; absent before the first use and after a refusal.
    pub access_token: Option<String>,
    /// When the token ends.
    #[serde(default)]
    pub expire_time: i64,
    /// Grows with every change of the token.
    #[serde(default)]
    pub token_version: u64,
    /// Start of the current minute of creations, in milliseconds.
    #[serde(default)]
    pub window_start: i64,
    /// Creations in it.
    #[serde(default)]
    pub window_count: u32,
    /// No creation before this, in milliseconds: WeCom said so.
    #[serde(default)]
    pub blocked_until: i64,
}

/// Access to the table.
#[derive(Debug, Clone)]
pub struct CorpStore {
    client: Client,
    table: String,
}

impl CorpStore {
    /// The store named by `TABLE_WECHAT_CORP`.
    pub fn new(client: Client, env: &Env) -> Result<Self, ConfigError> {
        Ok(Self { client, table: env.required("TABLE_WECHAT_CORP")? })
    }

    /// The company app, read consistently, whoever owns it.
    pub async fn get(&self, corp_key: &str) -> Result<Option<Corp>> {
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

    /// Writes a connected app with a token just proven, as one action of a transaction; refused when another tenant
    /// has the app.
    pub(crate) fn connect(
        &self,
        (corp_key, corp_id, user_id): (&str, &str, UserId),
        (secret, access_token, expire_time): (&str, &str, i64),
        now: i64,
    ) -> Result<TransactWriteItem> {
        put(Put::builder()
            .table_name(&self.table)
            .item("corp_key", s(corp_key))
            .item("corp_id", s(corp_id))
            .item("user_id", n(user_id))
            .item("secret", s(secret))
            .item("access_token", s(access_token))
            .item("expire_time", n(expire_time))
            // Seconds since 1970 grow, so a connection made anew has a later version than any token before it.
            .item("token_version", n(now))
            .item("create_time", n(now))
            .item("update_time", n(now))
            .condition_expression("attribute_not_exists(user_id) OR user_id = :user")
            .expression_attribute_values(":user", n(user_id)))
    }

    /// Takes the refresh lease when the token is still at its version and nobody holds it.
    pub async fn take_refresh_lease(&self, corp: &Corp, owner: &str, now_ms: i64, until_ms: i64) -> Result<bool> {
        let outcome = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("corp_key", s(&corp.corp_key))
            .condition_expression(
                "token_version = :version AND \
                 (attribute_not_exists(refresh_lease_until) OR refresh_lease_until < :now)",
            )
            .update_expression("SET refresh_lease_owner = :owner, refresh_lease_until = :until")
            .expression_attribute_values(":version", n(corp.token_version))
            .expression_attribute_values(":now", n(now_ms))
            .expression_attribute_values(":owner", s(owner))
            .expression_attribute_values(":until", n(until_ms))
            .send()
            .await;
        unless_refused(outcome, "dynamodb:UpdateItem")
    }

    /// Stores a new token, or none after a refusal, and lets the lease go. `false`: the row has moved on.
    pub async fn save_token(&self, corp: &Corp, owner: &str, token: Option<(&str, i64)>) -> Result<bool> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("corp_key", s(&corp.corp_key))
            .condition_expression("refresh_lease_owner = :owner AND token_version = :version")
            .expression_attribute_values(":owner", s(owner))
            .expression_attribute_values(":version", n(corp.token_version));
        let request = match token {
            Some((access_token, expire_time)) => request
                .update_expression(
                    "SET access_token = :access, expire_time = :expire \
                     REMOVE refresh_lease_owner, refresh_lease_until ADD token_version :one",
                )
                .expression_attribute_values(":access", s(access_token))
                .expression_attribute_values(":expire", n(expire_time))
                .expression_attribute_values(":one", n(1)),
            None => request.update_expression("REMOVE refresh_lease_owner, refresh_lease_until"),
        };
        unless_refused(request.send().await, "dynamodb:UpdateItem")
    }

    /// Takes one of the `per_minute` creations of the company. `Err(instant)`: not before then.
    pub async fn take_creation(&self, corp: &Corp, now_ms: i64, per_minute: u32) -> Result<Result<(), i64>> {
        const MINUTE: i64 = 60_000;
        if corp.blocked_until > now_ms {
            return Ok(Err(corp.blocked_until));
        }
        let same_window = now_ms < corp.window_start + MINUTE;
        if same_window && corp.window_count >= per_minute {
            return Ok(Err(corp.window_start + MINUTE));
        }
        let (start, count) = if same_window { (corp.window_start, corp.window_count + 1) } else { (now_ms, 1) };
        let outcome = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("corp_key", s(&corp.corp_key))
            .condition_expression(
                "attribute_not_exists(window_start) OR (window_start = :seen_start AND window_count = :seen_count)",
            )
            .update_expression("SET window_start = :start, window_count = :count")
            .expression_attribute_values(":seen_start", n(corp.window_start))
            .expression_attribute_values(":seen_count", n(corp.window_count))
            .expression_attribute_values(":start", n(start))
            .expression_attribute_values(":count", n(count))
            .send()
            .await;
        // Another creation was counted in between: look again in a second.
        Ok(if unless_refused(outcome, "dynamodb:UpdateItem")? { Ok(()) } else { Err(now_ms + 1_000) })
    }

    /// Notes that WeCom accepts no creation before `until_ms`, for every worker.
    pub async fn block(&self, corp_key: &str, until_ms: i64) -> Result<()> {
        let outcome = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("corp_key", s(corp_key))
            .condition_expression(
                "attribute_exists(corp_key) AND (attribute_not_exists(blocked_until) OR blocked_until < :until)",
            )
            .update_expression("SET blocked_until = :until")
            .expression_attribute_values(":until", n(until_ms))
            .send()
            .await;
        unless_refused(outcome, "dynamodb:UpdateItem").map(drop)
    }
}
