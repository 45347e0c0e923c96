//! `t_webhook`: a tenant's webhooks.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    Delete, Put, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use jiff::Timestamp;
use kernel::dynamo::{Item, condition_held, decode, delete, milliseconds, n, put, s, update};
use kernel::ids::UserId;
use kernel::lease::Lease;
use kernel::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::kind::Kind;

/// The table's name in the specification.
pub(crate) const TABLE: &str = "t_webhook";
const WHAT: &str = "webhook";

/// Whether events are sent to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "WebhookStatus"))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum WebhookStatus {
    /// They are.
    Active,
    /// Its tenant has paused it: what happens meanwhile is not sent, also not later.
    Paused,
    /// We have given it up.
    Disabled,
}

impl WebhookStatus {
    /// The word of the contract.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Paused => "PAUSED",
            Self::Disabled => "DISABLED",
        }
    }
}

/// Why a webhook was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "WebhookDisabledReason"))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DisabledReason {
    /// Its receiver has answered 410: it is not to be asked again.
    Gone,
    /// Nothing has been delivered for five days, though it was tried.
    Failing,
}

impl DisabledReason {
    /// The word of the contract.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gone => "GONE",
            Self::Failing => "FAILING",
        }
    }
}

/// Which webhook.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WebhookKey {
    /// Whose.
    pub user_id: UserId,
    /// Its id, which no other tenant's has.
    pub webhook_id: String,
}

/// A webhook.
#[derive(Debug, Clone, Deserialize)]
pub struct Webhook {
    /// Whose.
    pub user_id: UserId,
    /// Its id.
    pub webhook_id: String,
    /// Who listens.
    pub kind: Kind,
    /// Whether events are sent.
    pub status: WebhookStatus,
    /// The types that it wants; none: what its kind is told by default.
    #[serde(default)]
    pub types: Option<Vec<String>>,
    /// The address as it is shown: without the key of a bot.
    pub shown_url: String,
    /// The address and the secrets, encrypted.
    pub sealed: String,
    /// How often the tenant has changed it.
    pub version: u64,
    /// Only events with a higher number are sent.
    pub after_sequence: u64,
    /// Why it was given up.
    #[serde(default)]
    pub disabled_reason: Option<DisabledReason>,
    /// Since when nothing was delivered though it was tried.
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    pub failing_since: Option<Timestamp>,
    /// Until when its receiver is left alone, which took too long to answer.
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    pub slow_until: Option<Timestamp>,
    /// How often in a row it took too long.
    #[serde(default)]
    pub slow_runs: u32,
    /// The minute, since 1970, of the last message to a bot.
    #[serde(default)]
    pub sent_minute: i64,
    /// How many messages the bot was sent in that minute.
    #[serde(default)]
    pub sent_in_minute: u32,
    /// How often a worker was asked for while another one had the lease.
    #[serde(default)]
    pub wakes: u64,
    /// Which worker has it, if one has.
    #[serde(default)]
    pub lease_owner: Option<String>,
    /// When it was made.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub created_at: Timestamp,
}

impl Webhook {
    /// Its key.
    #[must_use]
    pub fn key(&self) -> WebhookKey {
        WebhookKey { user_id: self.user_id, webhook_id: self.webhook_id.clone() }
    }
}

/// What an attempt to have a webhook to oneself came to.
#[derive(Debug)]
pub(crate) enum Taken {
    /// It is ours until the lease ends.
    Ours(Box<Webhook>),
    /// Another worker has it.
    HeldByOther,
    /// There is none.
    Missing,
}

/// Access to the table.
#[derive(Debug, Clone)]
pub struct WebhookStore {
    pub(crate) client: Client,
    pub(crate) table: String,
}

impl WebhookStore {
    /// The webhook, read consistently.
    pub(crate) async fn get(&self, key: &WebhookKey) -> Result<Option<Webhook>> {
        let request = self.client.get_item().table_name(&self.table).set_key(Some(item_key(key)));
        let answer = request.consistent_read(true).send().await.map_err(Error::aws("dynamodb:GetItem"))?;
        answer.item.map(|row| decode(WHAT, row)).transpose()
    }

    /// All of a tenant, the first made first. They are so few that one request reads them.
    pub(crate) async fn of(&self, tenant: UserId) -> Result<Vec<Webhook>> {
        let rows = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("user_id = :tenant")
            .expression_attribute_values(":tenant", n(tenant))
            .into_paginator()
            .items()
            .send()
            .collect::<std::result::Result<Vec<_>, _>>()
            .await
            .map_err(Error::aws("dynamodb:Query"))?;
        let mut webhooks: Vec<Webhook> = rows.into_iter().map(|row| decode(WHAT, row)).collect::<Result<_>>()?;
        webhooks.sort_by(|one, other| (one.created_at, &one.webhook_id).cmp(&(other.created_at, &other.webhook_id)));
        Ok(webhooks)
    }

    /// Puts a new webhook, as one action of a transaction.
    pub(crate) fn insert(&self, webhook: &Webhook) -> Result<TransactWriteItem> {
        let mut builder = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item_key(&webhook.key())))
            .item("kind", s(webhook.kind.as_str()))
            .item("status", s(webhook.status.as_str()))
            .item("shown_url", s(&webhook.shown_url))
            .item("sealed", s(&webhook.sealed))
            .item("version", n(webhook.version))
            .item("after_sequence", n(webhook.after_sequence))
            .item("created_at", milliseconds(webhook.created_at))
            .condition_expression("attribute_not_exists(webhook_id)");
        if let Some(types) = &webhook.types {
            builder = builder.item("types", list(types));
        }
        put(builder)
    }

    /// Writes what a tenant has changed, as one action of a transaction; refused when it was changed since `read`. `next` has
    /// another version.
    pub(crate) fn change(&self, read: &Webhook, next: &Webhook) -> Result<TransactWriteItem> {
        let mut builder = Update::builder()
            .table_name(&self.table)
            .set_key(Some(item_key(&read.key())))
            .condition_expression("version = :read AND #status = :was")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":read", n(read.version))
            .expression_attribute_values(":was", s(read.status.as_str()))
            .expression_attribute_values(":next", n(next.version))
            .expression_attribute_values(":status", s(next.status.as_str()))
            .expression_attribute_values(":url", s(&next.shown_url))
            .expression_attribute_values(":sealed", s(&next.sealed));
        let mut set = "SET version = :next, #status = :status, shown_url = :url, sealed = :sealed".to_owned();
        let mut gone = Vec::new();
        match &next.types {
            Some(types) => {
                set.push_str(", #types = :types");
                builder = builder.expression_attribute_values(":types", list(types));
            }
            None => gone.push("#types"),
        }
        builder = builder.expression_attribute_names("#types", "types");
        if next.disabled_reason.is_none() {
            gone.push("disabled_reason");
        }
        if next.failing_since.is_none() {
            gone.extend(["failing_since", "slow_until", "slow_runs"]);
        }
        if !gone.is_empty() {
            set.push_str(" REMOVE ");
            set.push_str(&gone.join(", "));
        }
        update(builder.update_expression(set))
    }

    /// Deletes it, as one action of a transaction; refused when it is gone.
    pub(crate) fn remove(&self, key: &WebhookKey) -> Result<TransactWriteItem> {
        delete(
            Delete::builder()
                .table_name(&self.table)
                .set_key(Some(item_key(key)))
                .condition_expression("attribute_exists(webhook_id)"),
        )
    }

    /// Gives it up, as one action of a transaction; refused when its tenant has changed it since `read`.
    pub(crate) fn disable(&self, read: &Webhook, reason: DisabledReason) -> Result<TransactWriteItem> {
        update(
            Update::builder()
                .table_name(&self.table)
                .set_key(Some(item_key(&read.key())))
                .update_expression("SET #status = :disabled, disabled_reason = :reason, version = :next")
                .condition_expression("version = :read AND #status = :active")
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":disabled", s(WebhookStatus::Disabled.as_str()))
                .expression_attribute_values(":active", s(WebhookStatus::Active.as_str()))
                .expression_attribute_values(":reason", s(reason.as_str()))
                .expression_attribute_values(":read", n(read.version))
                .expression_attribute_values(":next", n(read.version + 1)),
        )
    }

    /// Has it to oneself until the lease ends, unless another worker has.
    pub(crate) async fn take(&self, key: &WebhookKey, lease: &Lease) -> Result<Taken> {
        let outcome = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item_key(key)))
            .update_expression("SET lease_owner = :owner, lease_until = :until")
            .condition_expression(
                "attribute_exists(webhook_id) AND (attribute_not_exists(lease_until) OR lease_until <= :now)",
            )
            .expression_attribute_values(":owner", s(lease.owner()))
            .expression_attribute_values(":until", milliseconds(lease.end()))
            .expression_attribute_values(":now", milliseconds(lease.taken_at()))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match outcome {
            Ok(answer) => {
                let row = answer.attributes.ok_or(Error::Corrupt(WHAT))?;
                Ok(Taken::Ours(decode(WHAT, row)?))
            }
            Err(error) => {
                let refused = error.as_service_error().and_then(|error| match error {
                    aws_sdk_dynamodb::operation::update_item::UpdateItemError::ConditionalCheckFailedException(
                        refused,
                    ) => Some(refused),
                    _ => None,
                });
                let Some(refused) = refused else { return Err(Error::aws("dynamodb:UpdateItem")(error)) };
                let Some(row) = refused.item() else { return Ok(Taken::Missing) };
                // The answer to an attempt of ours was lost.
                if row.get("lease_owner").and_then(|owner| owner.as_s().ok()).is_some_and(|it| it == lease.owner()) {
                    return Ok(Taken::Ours(decode(WHAT, row.clone())?));
                }
                Ok(Taken::HeldByOther)
            }
        }
    }

    /// Tells the worker that has it that there is more to be done. Whether there is one still at `now`.
    pub(crate) async fn wake_holder(&self, key: &WebhookKey, now: Timestamp) -> Result<bool> {
        let outcome = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item_key(key)))
            .update_expression("ADD wakes :one")
            .condition_expression("lease_until > :now")
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":now", milliseconds(now))
            .send()
            .await;
        condition_held(outcome, "dynamodb:UpdateItem")
    }

    /// Releases it, unless it was asked for more since `wakes` were read, or the lease is another's by now. Notes what `left` says.
    pub(crate) async fn release(&self, key: &WebhookKey, lease: &Lease, wakes: u64, left: &Left) -> Result<bool> {
        let mut set = "SET sent_minute = :minute, sent_in_minute = :sent".to_owned();
        let mut remove = " REMOVE lease_owner, lease_until".to_owned();
        let mut request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item_key(key)))
            .expression_attribute_values(":owner", s(lease.owner()))
            .expression_attribute_values(":minute", n(left.sent_minute))
            .expression_attribute_values(":sent", n(left.sent_in_minute));
        match left.failing_since {
            Some(since) => {
                set.push_str(", failing_since = :since");
                request = request.expression_attribute_values(":since", milliseconds(since));
            }
            None => remove.push_str(", failing_since"),
        }
        match left.slow_until {
            Some(until) => {
                set.push_str(", slow_until = :slow_until, slow_runs = :slow_runs");
                request = request
                    .expression_attribute_values(":slow_until", milliseconds(until))
                    .expression_attribute_values(":slow_runs", n(left.slow_runs));
            }
            None => remove.push_str(", slow_until, slow_runs"),
        }
        let asked = if wakes == 0 {
            "attribute_not_exists(wakes)"
        } else {
            request = request.expression_attribute_values(":wakes", n(wakes));
            "wakes = :wakes"
        };
        let outcome = request
            .update_expression(set + &remove)
            .condition_expression(format!("lease_owner = :owner AND {asked}"))
            .send()
            .await;
        condition_held(outcome, "dynamodb:UpdateItem")
    }
}

/// What a worker leaves in a webhook's row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Left {
    pub failing_since: Option<Timestamp>,
    pub slow_until: Option<Timestamp>,
    pub slow_runs: u32,
    pub sent_minute: i64,
    pub sent_in_minute: u32,
}

fn list(types: &[String]) -> aws_sdk_dynamodb::types::AttributeValue {
    aws_sdk_dynamodb::types::AttributeValue::L(types.iter().map(s).collect())
}

fn item_key(key: &WebhookKey) -> Item {
    Item::from([("user_id".to_owned(), n(key.user_id)), ("webhook_id".to_owned(), s(&key.webhook_id))])
}
