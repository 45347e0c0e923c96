//! `t_wechat_account`: the WeChat accounts a user may publish with.

mod readings;
mod status;

pub use readings::ReadingCalls;
use status::{first_version, unless_it_changed};

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{Delete, TransactWriteItem, Update};
use jiff::Timestamp;
use kernel::Clock;
use kernel::due::{self, DueIndex};
use kernel::dynamo::{Item, batch_get, decode, n, s};
use kernel::error::{Error, Result};
use kernel::ids::{UserId, row_id};
use serde::{Deserialize, Serialize};

use super::{condition_held, delete, milliseconds, seconds, update};
use crate::ids::{AccountId, CorpKey};
use crate::provider::{Provider, RateWindow};
use crate::time::{after, before, beijing_day};

/// The table's name in the specification, part of every ciphertext's context.
pub const TABLE: &str = "t_wechat_account";
const WHAT: &str = "wechat account";
/// A block that ended so recently was too short.
const RECENTLY: Duration = Duration::from_secs(120);

/// Whether an account can publish. Only proof changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "WechatAccountStatus"))]
#[serde(rename_all = "UPPERCASE")]
pub enum AccountStatus {
    Active,
    /// The device is not logged in.
    Offline,
    /// Its credentials are not accepted any more.
    Expired,
}

impl AccountStatus {
    /// The word of the contract.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Offline => "OFFLINE",
            Self::Expired => "EXPIRED",
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
pub struct Account {
    /// Made from what it is at the platform, so that connecting twice makes one account.
    pub account_id: AccountId,
    pub user_id: UserId,
    #[serde(rename = "account_type")]
    pub provider: Provider,
    /// What the user sees.
    pub account_name: String,
    /// Whether it can publish.
    pub status: AccountStatus,
    /// Grows with every change of the status; 0 before there was one to be told.
    #[serde(default)]
    pub status_version: u64,
    /// What its provider needs to know of it: encrypted JSON, in the provider's own form.
    pub auth_data: String,
    /// The company app it belongs to (WEWORK).
    pub corp_key: Option<CorpKey>,
    /// The member's id in the company (WEWORK).
    pub member_id: Option<String>,
    /// A digest of the device's id (PERSONAL): what an offline notice is matched by.
    pub device: Option<String>,
    /// How many online checks in a row said offline.
    #[serde(default)]
    pub offline_checks: u32,
    /// When it last published, or 1970 (PERSONAL): the pace is kept by it.
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub last_post_at: Timestamp,
    /// The delivery that did, as `task/delivery` (PERSONAL).
    pub publish_slot: Option<String>,
    /// The day in China on which it published last, counted from 1970 (PERSONAL).
    #[serde(default)]
    pub post_day: i64,
    /// How many turns to publish it had on that day.
    #[serde(default)]
    pub posts: u32,
    /// No post before this: the gateway said so (PERSONAL).
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub blocked_until: Timestamp,
    /// The window that block was for.
    pub blocked_window: Option<RateWindow>,
    /// Since when it is on its device (PERSONAL).
    #[serde(default, with = "jiff::fmt::serde::timestamp::second::required")]
    pub device_since: Timestamp,
    /// The post that was recorded last for it, by the provider's id (PERSONAL). A reading that shows it is of this
    /// account's posts and reaches back at least as far.
    pub last_moment_id: Option<String>,
    /// Since when its lists have shown nothing by which a post's absence could be told (PERSONAL); absent
    /// once they do. A lost answer of such an account is never proven.
    #[serde(default, with = "jiff::fmt::serde::timestamp::second::optional")]
    pub blind_since: Option<Timestamp>,
    /// The day in China, counted from 1970, on which its posts were read last (PERSONAL).
    #[serde(default)]
    pub reading_day: i64,
    /// The calls on that day that read them, or may have.
    #[serde(default)]
    pub readings: u32,
    /// When the last of them was made at the latest.
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub read_at: Timestamp,
    /// When it was connected.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub create_time: Timestamp,
}

/// A new or renewed connection.
#[derive(Debug)]
pub struct Connection<'a> {
    pub account_id: &'a AccountId,
    pub user_id: UserId,
    pub provider: Provider,
    /// What the user sees.
    pub account_name: &'a str,
    /// Encrypted.
    pub auth_data: &'a str,
    /// WEWORK: the company app.
    pub corp_key: Option<&'a CorpKey>,
    pub member_id: Option<&'a str>,
    /// PERSONAL: the device's digest.
    pub device: Option<&'a str>,
    /// PERSONAL: since when it is on that device.
    pub device_since: Option<Timestamp>,
    /// When its health is checked first.
    pub health_due: Option<Timestamp>,
}

/// Access to the table.
#[derive(Debug, Clone)]
pub struct AccountStore {
    pub(super) client: Client,
    pub(super) clock: Clock,
    pub(super) table: String,
}

impl AccountStore {
    /// These accounts, read consistently, whoever owns them; absent ones are not among them.
    pub async fn by_ids(&self, ids: &[AccountId]) -> Result<Vec<Account>> {
        let keys = ids.iter().map(|id| Item::from([("account_id".to_owned(), s(id))])).collect();
        let rows = batch_get(&self.client, &self.clock, &self.table, keys, None, true).await?;
        rows.into_iter().map(|row| decode(WHAT, row)).collect()
    }

    /// The account, read consistently, whoever owns it.
    pub async fn get(&self, account_id: &AccountId) -> Result<Option<Account>> {
        Ok(self.by_ids(std::slice::from_ref(account_id)).await?.pop())
    }

    /// The tenant's accounts, oldest first; a new one shows after milliseconds.
    pub async fn of_user(&self, user_id: UserId) -> Result<Vec<Account>> {
        let mut accounts: Vec<Account> = self.query("by_user", "user_id = :value", n(user_id)).await?;
        accounts.sort_by(|a, b| (a.create_time, &a.account_id).cmp(&(b.create_time, &b.account_id)));
        Ok(accounts)
    }

    /// The accounts on a device of the gateway.
    pub async fn on_device(&self, device: &str) -> Result<Vec<Account>> {
        self.query("by_device", "device = :value", s(device)).await
    }

    /// The accounts an index names. The indexes hold keys only: what is encrypted stays in one place, and what is read is
    /// the latest.
    async fn query(
        &self,
        index: &str,
        condition: &str,
        value: aws_sdk_dynamodb::types::AttributeValue,
    ) -> Result<Vec<Account>> {
        #[derive(Deserialize)]
        struct Key {
            account_id: AccountId,
        }
        let mut keys = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(index)
            .key_condition_expression(condition)
            .expression_attribute_values(":value", value)
            .into_paginator()
            .items()
            .send();
        let mut ids = Vec::new();
        while let Some(key) = keys.next().await {
            ids.push(decode::<Key>(WHAT, key.map_err(Error::aws("dynamodb:Query"))?)?.account_id);
        }
        if ids.is_empty() { Ok(Vec::new()) } else { self.by_ids(&ids).await }
    }

    /// Writes a connection, as one action of a transaction, in place of the account that was read; refused when that does not stand
    /// as it did.
    pub(crate) fn connect(
        &self,
        connection: &Connection<'_>,
        before: Option<&Account>,
        now: Timestamp,
    ) -> Result<TransactWriteItem> {
        let mut set = "SET id = :id, user_id = :user, account_name = :name, account_type = :type, #status = :status, status_version = :version, \
                       auth_data = :auth, update_time = :now, create_time = if_not_exists(create_time, :now)"
            .to_owned();
        let mut builder = Update::builder()
            .table_name(&self.table)
            .key("account_id", s(connection.account_id))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":id", n(row_id(TABLE, &[connection.account_id.as_str()])))
            .expression_attribute_values(":user", n(connection.user_id))
            .expression_attribute_values(":name", s(connection.account_name))
            .expression_attribute_values(":type", s(connection.provider.account_type()))
            .expression_attribute_values(":status", s(AccountStatus::Active.as_str()))
            .expression_attribute_values(
                ":version",
                n(before.map_or_else(|| first_version(now), |it| it.next_version(now))),
            )
            .expression_attribute_values(":auth", s(connection.auth_data))
            .expression_attribute_values(":now", seconds(now));
        for (clause, name, value) in [
            (", corp_key = :corp", ":corp", connection.corp_key.map(s)),
            (", member_id = :member", ":member", connection.member_id.map(s)),
            (", device = :device", ":device", connection.device.map(s)),
            (", device_since = :since", ":since", connection.device_since.map(seconds)),
            (
                ", due_shard = :shard",
                ":shard",
                connection.health_due.map(|_| s(due::shard_of_text(connection.account_id.as_str()))),
            ),
            (", next_action_at = :due", ":due", connection.health_due.map(milliseconds)),
        ] {
            if let Some(value) = value {
                set.push_str(clause);
                builder = builder.expression_attribute_values(name, value);
            }
        }
        update(unless_it_changed(builder.update_expression(format!("{set} REMOVE offline_checks")), before))
    }

    /// Forgets the tenant's account, as one action of a transaction.
    pub(crate) fn disconnect(&self, user_id: UserId, account_id: &AccountId) -> Result<TransactWriteItem> {
        delete(
            Delete::builder()
                .table_name(&self.table)
                .key("account_id", s(account_id))
                .condition_expression("user_id = :user")
                .expression_attribute_values(":user", n(user_id)),
        )
    }

    /// Takes the account's turn to publish for a delivery, as one action of the transaction after which it is sent: refused
    /// when somebody took the turn since the account was read. A delivery that takes its own turn again, after what it
    /// sent was refused, is no further post of the day.
    pub(crate) fn take_slot(&self, account: &Account, publish_slot: &str, now: Timestamp) -> Result<TransactWriteItem> {
        let day = beijing_day(now);
        let is_own = account.publish_slot.as_deref() == Some(publish_slot);
        let posts = match (account.post_day == day, is_own) {
            (true, true) => account.posts,
            (true, false) => account.posts + 1,
            (false, _) => 1,
        };
        let row = Update::builder()
            .table_name(&self.table)
            .key("account_id", s(&account.account_id))
            .update_expression("SET last_post_at = :now, publish_slot = :publish_slot, post_day = :day, posts = :posts")
            .expression_attribute_values(":user", n(account.user_id))
            .expression_attribute_values(":publish_slot", s(publish_slot))
            .expression_attribute_values(":day", n(day))
            .expression_attribute_values(":posts", n(posts))
            .expression_attribute_values(":now", milliseconds(now));
        update(match &account.publish_slot {
            None => row.condition_expression("user_id = :user AND attribute_not_exists(publish_slot)"),
            // A delivery may take the slot several times, so the time counts too.
            Some(seen) => row
                .condition_expression("user_id = :user AND publish_slot = :seen AND last_post_at = :seen_at")
                .expression_attribute_values(":seen", s(seen))
                .expression_attribute_values(":seen_at", milliseconds(account.last_post_at)),
        })
    }

    /// Notes that the account publishes too fast, for every delivery of it, and answers until when it waits. A wait for a
    /// shorter window that has just ended did not help, so the next longer one is assumed.
    pub async fn block(&self, account: &Account, window: RateWindow, now: Timestamp) -> Result<Timestamp> {
        let is_in_vain = (before(now, RECENTLY)..=now).contains(&account.blocked_until);
        let last = account.blocked_window.filter(|_| is_in_vain);
        let window = last.map_or(window, |last| window.max(last.longer()));
        let until = after(now, window.wait(now));
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("account_id", s(&account.account_id))
            .condition_expression("user_id = :user AND (attribute_not_exists(blocked_until) OR blocked_until < :until)")
            .update_expression("SET blocked_until = :until, blocked_window = :window")
            .expression_attribute_values(":user", n(account.user_id))
            .expression_attribute_values(":until", milliseconds(until))
            .expression_attribute_values(":window", s(window.as_str()));
        condition_held(request.send().await, "dynamodb:UpdateItem")?;
        Ok(until)
    }

    /// The accounts whose health is to be looked at.
    pub async fn due_for_check(&self, by: Timestamp, limit: i32) -> Result<Vec<AccountId>> {
        #[derive(Deserialize)]
        struct Key {
            account_id: AccountId,
        }
        let index = DueIndex {
            table: self.table.clone(),
            index: "by_health_check",
            shard_attribute: "due_shard",
            time_attribute: "next_action_at",
            time_value: milliseconds,
        };
        let keys = index.due(&self.client, by, limit).await?;
        keys.into_iter().map(|key| decode::<Key>(WHAT, key).map(|key| key.account_id)).collect()
    }
}
