//! Token sets moving on: under a lease, by version, never half.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use kernel::due::{self, DueIndex};
use kernel::dynamo::{decode, n, s};
use kernel::error::Result;
use serde::Deserialize;

use super::{Auth, AuthStore, WHAT};
use crate::store::unless_refused;

/// A refreshed, sealed token set: written whole or not at all.
#[derive(Debug, Clone)]
pub struct SealedTokens {
    /// Sealed access token.
    pub access_token: String,
    /// Sealed refresh token; `None` keeps the stored one (an answer without one must never empty it).
    pub refresh_token: Option<String>,
    /// End of the access token.
    pub expire_time: i64,
    /// End of the refresh token; `None` keeps the stored one.
    pub refresh_expire_time: Option<i64>,
    /// When the keeper should look at it next.
    pub refresh_due: i64,
    /// Renewals spent, when this changes it.
    pub renew_count: Option<u32>,
}

impl AuthStore {
    /// Takes the refresh lease when the tokens are still at `version` and nobody holds it. `owner` is new with every
    /// call, so holding it already is the SDK's retry of a lost answer.
    pub async fn take_refresh_lease(&self, account: &Auth, owner: &str, now_ms: i64, until_ms: i64) -> Result<bool> {
        let outcome = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("douyin_user_id", s(&account.douyin_user_id))
            .condition_expression(
                "user_id = :user AND token_version = :version AND #status = :active AND \
                 (attribute_not_exists(refresh_lease_until) OR refresh_lease_until < :now OR \
                 refresh_lease_owner = :owner)",
            )
            .update_expression("SET refresh_lease_owner = :owner, refresh_lease_until = :until")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":user", n(account.user_id))
            .expression_attribute_values(":version", n(account.token_version))
            .expression_attribute_values(":active", s("ACTIVE"))
            .expression_attribute_values(":now", n(now_ms))
            .expression_attribute_values(":owner", s(owner))
            .expression_attribute_values(":until", n(until_ms))
            .send()
            .await;
        unless_refused(outcome, "dynamodb:UpdateItem")
    }

    /// Stores refreshed tokens and lets the lease go. `false`: the row has moved on (authorised anew, disconnected),
    /// and what it holds now is newer.
    pub async fn save_tokens(&self, account: &Auth, owner: &str, tokens: &SealedTokens, now: i64) -> Result<bool> {
        let mut set = "SET access_token = :access, expire_time = :expire, refresh_due = :due, \
                       refresh_shard = :shard, update_time = :now"
            .to_owned();
        let mut request = self.leased(account, owner);
        if let Some(refresh_token) = &tokens.refresh_token {
            set.push_str(", refresh_token = :refresh");
            request = request.expression_attribute_values(":refresh", s(refresh_token));
        }
        if let Some(end) = tokens.refresh_expire_time {
            set.push_str(", refresh_expire_time = :refresh_expire");
            request = request.expression_attribute_values(":refresh_expire", n(end));
        }
        if let Some(count) = tokens.renew_count {
            set.push_str(", renew_count = :renewals");
            request = request.expression_attribute_values(":renewals", n(count));
        }
        set.push_str(" REMOVE refresh_lease_owner, refresh_lease_until ADD token_version :one");
        let outcome = request
            .update_expression(set)
            .expression_attribute_values(":access", s(&tokens.access_token))
            .expression_attribute_values(":expire", n(tokens.expire_time))
            .expression_attribute_values(":due", n(tokens.refresh_due))
            .expression_attribute_values(":shard", s(due::shard_of_text(&account.douyin_user_id)))
            .expression_attribute_values(":now", n(now))
            .expression_attribute_values(":one", n(1))
            .send()
            .await;
        unless_refused(outcome, "dynamodb:UpdateItem")
    }

    /// Marks the account EXPIRED: Douyin itself has refused the tokens of `version`. They are dead and are dropped.
    /// `false`: the account has other tokens by now.
    pub async fn mark_expired(&self, douyin_user_id: &str, version: u64, now: i64) -> Result<bool> {
        let outcome = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("douyin_user_id", s(douyin_user_id))
            .condition_expression("token_version = :version AND #status = :active")
            .update_expression(
                "SET #status = :expired, update_time = :now REMOVE access_token, refresh_token, refresh_shard, \
                 refresh_due, refresh_lease_owner, refresh_lease_until ADD token_version :one",
            )
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":version", n(version))
            .expression_attribute_values(":active", s("ACTIVE"))
            .expression_attribute_values(":expired", s("EXPIRED"))
            .expression_attribute_values(":now", n(now))
            .expression_attribute_values(":one", n(1))
            .send()
            .await;
        unless_refused(outcome, "dynamodb:UpdateItem")
    }

    /// Notes that the refresh token will not be renewed any more and ends at `refresh_end`.
    pub async fn end_renewals(
        &self,
        account: &Auth,
        owner: &str,
        renew_count: u32,
        refresh_end: i64,
        refresh_due: i64,
    ) -> Result<bool> {
        let outcome = self
            .leased(account, owner)
            .update_expression(
                "SET renew_count = :renewals, refresh_expire_time = :end, refresh_due = :due \
                 REMOVE refresh_lease_owner, refresh_lease_until",
            )
            .expression_attribute_values(":renewals", n(renew_count))
            .expression_attribute_values(":end", n(refresh_end))
            .expression_attribute_values(":due", n(refresh_due))
            .send()
            .await;
        unless_refused(outcome, "dynamodb:UpdateItem")
    }

    /// Lets the refresh lease go after a failure that proves nothing, and sets when the keeper tries again.
    pub async fn release_refresh_lease(&self, account: &Auth, owner: &str, refresh_due: i64) -> Result<bool> {
        let outcome = self
            .leased(account, owner)
            .update_expression("SET refresh_due = :due REMOVE refresh_lease_owner, refresh_lease_until")
            .expression_attribute_values(":due", n(refresh_due))
            .send()
            .await;
        unless_refused(outcome, "dynamodb:UpdateItem")
    }

    fn leased(&self, account: &Auth, owner: &str) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .key("douyin_user_id", s(&account.douyin_user_id))
            .condition_expression("refresh_lease_owner = :owner AND token_version = :version")
            .expression_attribute_values(":owner", s(owner))
            .expression_attribute_values(":version", n(account.token_version))
    }

    /// The accounts whose tokens want care at `now`.
    pub async fn due_for_refresh(&self, now: i64, limit: i32) -> Result<Vec<String>> {
        #[derive(Deserialize)]
        struct Key {
            douyin_user_id: String,
        }
        let index = DueIndex {
            table: self.table.clone(),
            index: "by_refresh_due",
            shard_attribute: "refresh_shard",
            time_attribute: "refresh_due",
        };
        let keys = index.due(&self.client, now, limit).await?;
        keys.into_iter().map(|key| decode::<Key>(WHAT, key).map(|key| key.douyin_user_id)).collect()
    }
}
