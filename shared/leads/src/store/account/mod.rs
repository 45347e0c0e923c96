//! `t_douyin_auth`: the authorised Douyin accounts with their encrypted tokens.

mod claim;
mod expiry;
mod schedule;
mod tokens;

pub use schedule::SyncSchedule;
pub(crate) use schedule::{AfterSync, SyncOutcome};
pub use tokens::{EncryptedTokens, ExpectedVersion};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use jiff::Timestamp;
use kernel::due;
use kernel::dynamo::{decode, n, s, seconds};
use kernel::error::{Error, Result};
use kernel::ids::{TaskId, UserId};
use serde::{Deserialize, Serialize};

use self::claim::claimed_by;
use self::expiry::EXPIRY;
use self::tokens::DOUBTS;
use crate::douyin::UserInfo;
use crate::ids::OpenId;
use crate::store::sync_task::SyncStrategy;
use crate::store::{condition_held, update};
use crate::tokens::expiry::ExpiryReason;

/// The table's name in the specification, part of every ciphertext's context.
pub const TABLE: &str = "t_douyin_auth";
const WHAT: &str = "douyin account";

/// Whether Douyin still accepts the account's tokens. Only proof changes it: Douyin's word on the refresh token, two
/// refusals apart from each other, or an `unauthorize`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "DouyinAccountStatus"))]
#[serde(rename_all = "UPPERCASE")]
pub enum AccountStatus {
    Active,
    /// Douyin no longer accepts them. They are kept for some days and tried: a refusal can be Douyin's mistake.
    Expired,
    /// The user withdrew the authorisation at Douyin.
    Revoked,
}

impl AccountStatus {
    /// As the row has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Expired => "EXPIRED",
            Self::Revoked => "REVOKED",
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
pub struct Account {
    pub id: u64,
    /// The account's open id for our app.
    #[serde(rename = "douyin_user_id")]
    pub account_open_id: OpenId,
    pub user_id: UserId,
    /// Nickname at the last authorisation.
    #[serde(default)]
    pub nickname: String,
    /// Avatar at the last authorisation.
    #[serde(default)]
    pub avatar_url: String,
    /// Granted scopes, comma-joined.
    #[serde(default)]
    pub scope: String,
    /// Scopes that were asked for and not granted, comma-joined.
    #[serde(default)]
    pub missing_scope: String,
    /// State of the authorisation.
    pub status: AccountStatus,
    /// Encrypted; absent once they are withdrawn or destroyed, and in reads through the index by user.
    pub access_token: Option<String>,
    /// Encrypted; as above.
    pub refresh_token: Option<String>,
    /// When the access token ends.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub expire_time: Timestamp,
    /// When the refresh token ends.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub refresh_expire_time: Timestamp,
    /// How many of the five renewals of the refresh token are spent.
    #[serde(default)]
    pub renew_count: u32,
    /// Grows with every change of the token set: the fence of leases and writes.
    #[serde(default)]
    pub token_version: u64,
    /// Grows when the access token itself becomes another one, and not when only the refresh token does.
    #[serde(default)]
    pub access_version: u64,
    /// The access token that was refused and not accepted since, by its version.
    pub refused_version: Option<u64>,
    /// When it was first refused.
    #[serde(default, with = "jiff::fmt::serde::timestamp::second::optional")]
    pub refused_at: Option<Timestamp>,
    /// When the refresh token was first refused with a code that is no proof, unless it was accepted since.
    #[serde(default, with = "jiff::fmt::serde::timestamp::second::optional")]
    pub refresh_refused_at: Option<Timestamp>,
    /// When the keeper looks at it next; absent in reads through the index by user.
    #[serde(default, with = "jiff::fmt::serde::timestamp::second::optional")]
    pub refresh_due: Option<Timestamp>,
    /// When the refresh token was last renewed.
    #[serde(default, with = "jiff::fmt::serde::timestamp::second::optional")]
    pub renewed_at: Option<Timestamp>,
    /// When a renewal was first refused or its answer lost, unless the refresh token was accepted since: it may be dead.
    #[serde(default, with = "jiff::fmt::serde::timestamp::second::optional")]
    pub renewal_failed_at: Option<Timestamp>,
    /// Of which end its tenant was told last.
    #[serde(default, with = "jiff::fmt::serde::timestamp::second::optional")]
    pub reauthorize_end: Option<Timestamp>,
    /// How many days before that end.
    pub reauthorize_told: Option<u32>,
    /// When another tenant's authorisation of it was refused, while what that did to these tokens is not known.
    #[serde(default, with = "jiff::fmt::serde::timestamp::second::optional")]
    pub challenged_at: Option<Timestamp>,
    /// When it became EXPIRED.
    #[serde(default, with = "jiff::fmt::serde::timestamp::second::optional")]
    pub expired_at: Option<Timestamp>,
    /// Why it is EXPIRED.
    pub expired_reason: Option<ExpiryReason>,
    /// EXPIRED: until when its encrypted tokens stay; absent once they are destroyed.
    #[serde(default, with = "jiff::fmt::serde::timestamp::second::optional")]
    pub tokens_until: Option<Timestamp>,
    /// EXPIRED: how far its tokens are on the schedule of trials.
    #[serde(default)]
    pub trials: u32,
    /// EXPIRED: the sync that ended because of it, to be made up for when the account comes back.
    pub blocked_sync: Option<SyncStrategy>,
    /// The sync that has claimed this account.
    pub active_sync_task_id: Option<TaskId>,
    /// When a sync last completed.
    #[serde(default, with = "jiff::fmt::serde::timestamp::second::optional")]
    pub last_sync_time: Option<Timestamp>,
    /// When the next one starts by itself.
    #[serde(flatten)]
    pub schedule: SyncSchedule,
    /// When the row was made.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub create_time: Timestamp,
}

impl Account {
    /// Whether the user granted what a sync needs.
    pub fn lists_fans(&self) -> bool {
        self.scope.split(',').any(|scope| scope.trim() == "fans.list")
    }
}

/// What a fresh authorisation writes.
#[derive(Debug)]
pub struct NewTokens<'a> {
    pub account_open_id: &'a OpenId,
    pub user_id: UserId,
    pub nickname: &'a str,
    pub avatar_url: &'a str,
    pub scope: &'a str,
    /// Scopes that were asked for and not granted.
    pub missing_scope: &'a str,
    /// Encrypted access token.
    pub access_token: String,
    /// Encrypted refresh token.
    pub refresh_token: String,
    /// End of the access token.
    pub expire_time: Timestamp,
    /// End of the refresh token.
    pub refresh_expire_time: Timestamp,
    /// When the keeper should look at it first.
    pub refresh_due: Timestamp,
}

/// Access to the table.
#[derive(Debug, Clone)]
pub struct AccountStore {
    pub(super) client: Client,
    pub(super) table: String,
}

impl AccountStore {
    /// The account, read consistently, whoever owns it.
    pub async fn get(&self, account_open_id: &OpenId) -> Result<Option<Account>> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("douyin_user_id", s(account_open_id.as_str()))
            .consistent_read(true)
            .send()
            .await
            .map_err(Error::aws("dynamodb:GetItem"))?;
        answer.item.map(|item| decode(WHAT, item)).transpose()
    }

    /// The tenant's accounts (without tokens), read from the index: a change shows after milliseconds.
    pub async fn of_user(&self, user_id: UserId) -> Result<Vec<Account>> {
        let mut accounts = Vec::new();
        let mut start = None;
        loop {
            let answer = self
                .client
                .query()
                .table_name(&self.table)
                .index_name("by_user")
                .key_condition_expression("user_id = :user")
                .expression_attribute_values(":user", n(user_id))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(Error::aws("dynamodb:Query"))?;
            for item in answer.items.unwrap_or_default() {
                accounts.push(decode(WHAT, item)?);
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(accounts);
            }
        }
    }

    /// Notes what an account is called. `false`: it is not the tenant's any more.
    pub async fn set_profile(&self, account_open_id: &OpenId, user_id: UserId, profile: &UserInfo) -> Result<bool> {
        let outcome = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("douyin_user_id", s(account_open_id.as_str()))
            .condition_expression("user_id = :user")
            .update_expression("SET nickname = :nickname, avatar_url = :avatar")
            .expression_attribute_values(":user", n(user_id))
            .expression_attribute_values(":nickname", s(&profile.nickname))
            .expression_attribute_values(":avatar", s(&profile.avatar_url))
            .send()
            .await;
        condition_held(outcome, "dynamodb:UpdateItem")
    }

    /// Writes a fresh authorisation as one action of a transaction: a new row, the same tenant's row started over
    /// (renewals back to zero), or one of a tenant whose authorisation has ended, which becomes a row like a new one: what that tenant had of it, the
    /// encrypted tokens first of all, is overwritten.
    /// `before` is the row it replaces; refused when that has another tenant or another claim, or another tenant's has
    /// other tokens than those that are known not to work.
    /// `claim` is the sync that has the account from now on; without one the tenant's own sync keeps it.
    pub(crate) fn bind(
        &self,
        id: u64,
        grant: NewTokens<'_>,
        before: Option<&Account>,
        claim: Option<TaskId>,
        now: Timestamp,
    ) -> Result<TransactWriteItem> {
        const KEPT_ROW: &str = "id = if_not_exists(id, :id), create_time = if_not_exists(create_time, :now)";
        let own = before.is_some_and(|before| before.user_id == grant.user_id);
        let (row, gone) = match (own, claim) {
            (true, None) => (KEPT_ROW, ""),
            (true, Some(_)) => (KEPT_ROW, ", sync_shard, sync_due, sync_failure, failing_since"),
            (false, Some(_)) => (
                "id = :id, create_time = :now",
                ", last_sync_time, sync_shard, sync_due, sync_pace, short_syncs, sync_failure, failing_since",
            ),
            (false, None) => (
                "id = :id, create_time = :now",
                ", last_sync_time, sync_shard, sync_due, sync_pace, short_syncs, sync_failure, failing_since, active_sync_task_id",
            ),
        };
        // The profile is read after this. Until then the row shows the one it had.
        let profile = if own && grant.nickname.is_empty() && grant.avatar_url.is_empty() {
            "nickname = if_not_exists(nickname, :nickname), avatar_url = if_not_exists(avatar_url, :avatar)"
        } else {
            "nickname = :nickname, avatar_url = :avatar"
        };
        let claims = if claim.is_some() { ", active_sync_task_id = :task" } else { "" };
        let mut builder = Update::builder()
            .table_name(&self.table)
            .key("douyin_user_id", s(grant.account_open_id.as_str()))
            .update_expression(format!(
                "SET {row}, user_id = :user, {profile}, #scope = :scope, missing_scope = :missing, #status = :active, access_token = :access, refresh_token = :refresh, \
                 expire_time = :expire, refresh_expire_time = :refresh_expire, renew_count = :zero, \
                 refresh_shard = :shard, refresh_due = :due, update_time = :now{claims} \
                 REMOVE refresh_lease_owner, refresh_lease_until, renewed_at, reauthorize_end, reauthorize_told, {DOUBTS}, \
                 {EXPIRY}{gone} \
                 ADD token_version :one, access_version :one"
            ))
            .expression_attribute_names("#scope", "scope")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":id", n(id))
            .expression_attribute_values(":user", n(grant.user_id))
            .expression_attribute_values(":nickname", s(grant.nickname))
            .expression_attribute_values(":avatar", s(grant.avatar_url))
            .expression_attribute_values(":scope", s(grant.scope))
            .expression_attribute_values(":missing", s(grant.missing_scope))
            .expression_attribute_values(":active", s("ACTIVE"))
            .expression_attribute_values(":access", s(grant.access_token))
            .expression_attribute_values(":refresh", s(grant.refresh_token))
            .expression_attribute_values(":expire", seconds(grant.expire_time))
            .expression_attribute_values(":refresh_expire", seconds(grant.refresh_expire_time))
            .expression_attribute_values(":zero", n(0))
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":shard", s(due::shard_of_text(grant.account_open_id.as_str())))
            .expression_attribute_values(":due", seconds(grant.refresh_due))
            .expression_attribute_values(":now", seconds(now));
        if let Some(task) = claim {
            builder = builder.expression_attribute_values(":task", n(task));
        }
        let Some(before) = before else {
            return update(builder.condition_expression("attribute_not_exists(douyin_user_id)"));
        };
        let (claim, value) = claimed_by(before);
        builder = builder.expression_attribute_values(":before", n(before.user_id));
        if let Some((name, value)) = value {
            builder = builder.expression_attribute_values(name, value);
        }
        // The tokens that an ACTIVE account of its own tenant has by now are replaced whatever they are. What was read of another
        // one is told or relied on.
        update(if own && before.status == AccountStatus::Active {
            builder.condition_expression(format!("user_id = :before AND {claim}"))
        } else {
            builder
                .condition_expression(format!(
                    "id = :row AND token_version = :version AND user_id = :before AND {claim}"
                ))
                .expression_attribute_values(":row", n(before.id))
                .expression_attribute_values(":version", n(before.token_version))
        })
    }
}
