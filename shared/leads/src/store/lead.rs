//! `t_douyin_lead`: one row per tenant and fan, however many of the tenant's accounts the fan follows.
//!
//! The key is a bucket of 64 leads of one tenant and the lead's id in it. So leads that follow each other lie together and
//! are read by one query, and a tenant's writes move on over the partitions, of which each takes 1,000 units a second.

mod link;

use std::collections::BTreeSet;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem, Update};
use futures::future::try_join_all;
use jiff::Timestamp;
use kernel::Clock;
use kernel::dynamo::{Item, batch_get, decode, n, s, seconds};
use kernel::error::{Error, Result};
use kernel::ids::{UserId, row_id};
use serde::{Deserialize, Serialize};

use super::{delete, put, update};
use crate::ids::{LeadId, OpenId, OwnerId, UnifiedLeadId};
use link::{LINKED, same_link};

const WHAT: &str = "lead";

/// How many leads share a bucket: a page of the list, which has 100 at most, lies in one to three.
const BUCKET_LEADS: u64 = 64;

/// How far the user has worked a lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum LeadStatus {
    /// Nobody has spoken to it yet.
    New,
    Contacted,
    /// It became a customer.
    Converted,
}

impl LeadStatus {
    /// The word of the contract.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "NEW",
            Self::Contacted => "CONTACTED",
            Self::Converted => "CONVERTED",
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
pub struct Lead {
    pub user_id: UserId,
    /// The fan's open id for our app.
    #[serde(rename = "douyin_user_id")]
    pub fan_open_id: OpenId,
    /// Dense within the tenant: 1, 2, 3 …
    pub lead_id: LeadId,
    /// The fan's nickname when last taken over.
    #[serde(default)]
    pub nickname: String,
    /// The fan's avatar when last taken over.
    #[serde(default)]
    pub avatar_url: String,
    /// When we got to know of it; never decreases with the lead id.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub acquire_time: Timestamp,
    pub status: LeadStatus,
    /// The newest of its notes, as long as it is shown.
    #[serde(default)]
    pub notes: String,
    /// Who of the tenant works it, if anybody.
    #[serde(rename = "owner_id")]
    pub owner: Option<OwnerId>,
    /// What the unified lead module calls it, once that has said so.
    pub unified_lead_id: Option<UnifiedLeadId>,
    /// The tenant's accounts it was found to follow.
    #[serde(default)]
    pub sources: BTreeSet<OpenId>,
    /// Those of them it was later found not to follow any more.
    #[serde(default)]
    pub unfollowed: BTreeSet<OpenId>,
    /// The leads that were merged into it, and into those.
    #[serde(default)]
    pub merged: BTreeSet<LeadId>,
    /// The fans that those were.
    #[serde(default)]
    pub other_fans: BTreeSet<OpenId>,
    /// Counts the user's edits.
    #[serde(default)]
    pub version: u64,
    /// When the row last changed.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub update_time: Timestamp,
}

impl Lead {
    /// Whether it follows any of its accounts, as far as syncs have seen.
    pub(crate) fn follows_any(&self) -> bool {
        self.sources.len() > self.unfollowed.len()
    }
}

/// A fan about to become a lead.
#[derive(Debug)]
pub(crate) struct NewLead<'a> {
    pub user_id: UserId,
    pub fan_open_id: &'a OpenId,
    pub union_id: Option<&'a str>,
    pub lead_id: LeadId,
    pub nickname: String,
    pub avatar_url: &'a str,
    pub source: &'a OpenId,
    pub acquire_time: Timestamp,
}

/// What a sync changes of a lead: never the user's own fields.
#[derive(Debug)]
pub(crate) struct Refresh<'a> {
    pub nickname: String,
    pub avatar_url: String,
    /// The account it was met on, or missed on.
    pub source: &'a OpenId,
    pub follows_source: bool,
    pub follows_any: bool,
}

/// Access to the table.
#[derive(Debug, Clone)]
pub struct LeadStore {
    pub(super) client: Client,
    pub(super) clock: Clock,
    pub(super) table: String,
}

impl LeadStore {
    /// The tenant's leads of these ids, read consistently and in no particular order; ids of no lead have no part in it.
    pub async fn by_ids(&self, user_id: UserId, lead_ids: impl IntoIterator<Item = LeadId>) -> Result<Vec<Lead>> {
        let keys = lead_ids.into_iter().map(|id| key(user_id, id)).collect();
        let rows = batch_get(&self.client, &self.clock, &self.table, keys, None, true).await?;
        rows.into_iter().map(|row| decode(WHAT, row)).collect()
    }

    /// The leads numbered `first` to `last`, newest first and read consistently: one query for each bucket, side by side.
    pub async fn range(&self, user_id: UserId, first: LeadId, last: LeadId) -> Result<Vec<Lead>> {
        let buckets = (bucket_of(first)..=bucket_of(last)).rev();
        let leads = buckets.map(|bucket| self.of_bucket(bucket_key(user_id, bucket), first, last));
        Ok(try_join_all(leads).await?.into_iter().flatten().collect())
    }

    async fn of_bucket(&self, bucket: String, first: LeadId, last: LeadId) -> Result<Vec<Lead>> {
        let mut leads = Vec::new();
        let mut start = None;
        loop {
            let answer = self
                .client
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .key_condition_expression("lead_bucket = :bucket AND lead_id BETWEEN :first AND :last")
                .expression_attribute_values(":bucket", s(&bucket))
                .expression_attribute_values(":first", n(first))
                .expression_attribute_values(":last", n(last))
                .scan_index_forward(false)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(Error::aws("dynamodb:Query"))?;
            for row in answer.items.unwrap_or_default() {
                leads.push(decode(WHAT, row)?);
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(leads);
            }
        }
    }

    /// A new lead, as one action of a transaction; refused when its number is taken.
    pub(crate) fn insert(&self, lead: &NewLead<'_>) -> Result<TransactWriteItem> {
        let mut builder = Put::builder()
            .table_name(&self.table)
            .set_item(Some(key(lead.user_id, lead.lead_id)))
            .item("id", n(row_id("t_douyin_lead", &[&lead.user_id.to_string(), lead.fan_open_id.as_str()])))
            .item("user_id", n(lead.user_id))
            .item("douyin_user_id", s(lead.fan_open_id.as_str()))
            .item("nickname", s(&lead.nickname))
            .item("avatar_url", s(lead.avatar_url))
            .item("acquire_time", seconds(lead.acquire_time))
            .item("status", s(LeadStatus::New.as_str()))
            .item("notes", s(""))
            .item("sources", set(lead.source.as_str()))
            .item("follow_state", s("FOLLOWING"))
            .item("version", n(0))
            .item("create_time", seconds(lead.acquire_time))
            .item("update_time", seconds(lead.acquire_time))
            .condition_expression("attribute_not_exists(lead_id)");
        if let Some(union_id) = lead.union_id {
            builder = builder.item("union_id", s(union_id));
        }
        put(builder)
    }

    /// A sync's change to a lead, as one action of a transaction.
    pub(crate) fn refresh(&self, lead: &Lead, refresh: &Refresh<'_>, now: Timestamp) -> Result<TransactWriteItem> {
        let unfollowed = if refresh.follows_source { "DELETE" } else { "ADD" };
        let sources = if refresh.follows_source { "ADD sources :source" } else { "" };
        update(
            self.change(lead)
                .condition_expression("attribute_exists(lead_id)")
                .update_expression(format!(
                    "SET nickname = :nickname, avatar_url = :avatar, follow_state = :state, update_time = :now \
                     {sources} {unfollowed} unfollowed :source"
                ))
                .expression_attribute_values(":nickname", s(&refresh.nickname))
                .expression_attribute_values(":avatar", s(&refresh.avatar_url))
                .expression_attribute_values(":state", s(if refresh.follows_any { "FOLLOWING" } else { "UNFOLLOWED" }))
                .expression_attribute_values(":source", set(refresh.source.as_str()))
                .expression_attribute_values(":now", seconds(now)),
        )
    }

    /// The user's change to a lead, as one action of a transaction; refused when it was edited since `before` was read.
    pub(crate) fn edit(&self, before: &Lead, after: &Lead) -> Result<TransactWriteItem> {
        let mut builder = self.change(before);
        let (set_owner, remove_owner) = match &after.owner {
            Some(owner) => {
                builder = builder.expression_attribute_values(":owner", s(owner.as_str()));
                (", owner_id = :owner", "")
            }
            None => ("", " REMOVE owner_id"),
        };
        update(
            builder
                .condition_expression("version = :before")
                .update_expression(format!(
                    "SET #status = :status, notes = :notes, update_time = :now, version = :after{set_owner}{remove_owner}"
                ))
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":before", n(before.version))
                .expression_attribute_values(":after", n(after.version))
                .expression_attribute_values(":status", s(after.status.as_str()))
                .expression_attribute_values(":notes", s(&after.notes))
                .expression_attribute_values(":now", seconds(after.update_time)),
        )
    }

    /// A lead that was merged or split, as one action of a transaction: all but what it is known by. Refused when it was
    /// edited or linked since `before` was read.
    pub(crate) fn rewrite(&self, before: &Lead, after: &Lead) -> Result<TransactWriteItem> {
        let texts = |ids: &BTreeSet<OpenId>| AttributeValue::Ss(ids.iter().map(ToString::to_string).collect());
        let numbers = |ids: &BTreeSet<LeadId>| AttributeValue::Ns(ids.iter().map(ToString::to_string).collect());
        // A set without members is no attribute.
        let columns = [
            ("status", Some(s(after.status.as_str()))),
            ("notes", Some(s(&after.notes))),
            ("owner_id", after.owner.as_ref().map(|owner| s(owner.as_str()))),
            ("unified_lead_id", after.unified_lead_id.map(n)),
            ("nickname", Some(s(&after.nickname))),
            ("avatar_url", Some(s(&after.avatar_url))),
            ("sources", Some(&after.sources).filter(|ids| !ids.is_empty()).map(texts)),
            ("unfollowed", Some(&after.unfollowed).filter(|ids| !ids.is_empty()).map(texts)),
            ("follow_state", Some(s(follow_state(after)))),
            ("merged", Some(&after.merged).filter(|ids| !ids.is_empty()).map(numbers)),
            ("other_fans", Some(&after.other_fans).filter(|ids| !ids.is_empty()).map(texts)),
            ("version", Some(n(after.version))),
            ("update_time", Some(seconds(after.update_time))),
        ];
        let (mut set, mut removed) = (Vec::new(), Vec::new());
        let (same_link, linked) = same_link(before);
        let mut builder = self.change(before).condition_expression(format!("version = :before AND {same_link}"));
        builder = builder.expression_attribute_values(":before", n(before.version));
        if let Some(value) = linked {
            builder = builder.expression_attribute_values(LINKED, value);
        }
        for (column, value) in columns {
            builder = builder.expression_attribute_names(format!("#{column}"), column);
            match value {
                Some(value) => {
                    set.push(format!("#{column} = :{column}"));
                    builder = builder.expression_attribute_values(format!(":{column}"), value);
                }
                None => removed.push(format!("#{column}")),
            }
        }
        let removed = if removed.is_empty() { String::new() } else { format!(" REMOVE {}", removed.join(", ")) };
        update(builder.update_expression(format!("SET {}{removed}", set.join(", "))))
    }

    /// A lead that an account does not belong to any more, as one action of a transaction; refused when it was edited since
    /// `before` was read.
    pub(crate) fn leave_source(
        &self,
        before: &Lead,
        after: &Lead,
        account: &OpenId,
        now: Timestamp,
    ) -> Result<TransactWriteItem> {
        update(
            self.change(before)
                .condition_expression("version = :version")
                .update_expression(
                    "SET follow_state = :state, update_time = :now DELETE sources :account, unfollowed :account",
                )
                .expression_attribute_values(":version", n(before.version))
                .expression_attribute_values(":state", s(follow_state(after)))
                .expression_attribute_values(":account", set(account.as_str()))
                .expression_attribute_values(":now", seconds(now)),
        )
    }

    /// A lead's row as it is, column by column, read consistently; `None` when there is none of this version and link.
    pub(crate) async fn row(&self, lead: &Lead) -> Result<Option<Item>> {
        let keys = vec![key(lead.user_id, lead.lead_id)];
        let row = batch_get(&self.client, &self.clock, &self.table, keys, None, true).await?.pop();
        let link = lead.unified_lead_id.map(n);
        Ok(row
            .filter(|row| row.get("version") == Some(&n(lead.version)) && row.get("unified_lead_id") == link.as_ref()))
    }

    /// Puts a row back, as one action of a transaction.
    pub(crate) fn restore(&self, row: Item) -> Result<TransactWriteItem> {
        let builder = Put::builder().table_name(&self.table).set_item(Some(row));
        put(builder.condition_expression("attribute_not_exists(lead_id)"))
    }

    /// Deletes a lead, as one action of a transaction; refused when it was edited or linked since it was read: a merge keeps
    /// what was read.
    pub(crate) fn remove(&self, lead: &Lead) -> Result<TransactWriteItem> {
        let (same_link, linked) = same_link(lead);
        let mut builder = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(key(lead.user_id, lead.lead_id)))
            .condition_expression(format!("version = :version AND {same_link}"))
            .expression_attribute_values(":version", n(lead.version));
        if let Some(value) = linked {
            builder = builder.expression_attribute_values(LINKED, value);
        }
        delete(builder)
    }

    fn change(&self, lead: &Lead) -> aws_sdk_dynamodb::types::builders::UpdateBuilder {
        Update::builder().table_name(&self.table).set_key(Some(key(lead.user_id, lead.lead_id)))
    }
}

/// Whether a lead follows any of its accounts, as a row says it.
fn follow_state(lead: &Lead) -> &'static str {
    if lead.follows_any() { "FOLLOWING" } else { "UNFOLLOWED" }
}

/// In how many buckets the leads from one id to another lie.
pub(crate) fn buckets_between(first: LeadId, last: LeadId) -> u64 {
    (bucket_of(last) + 1).saturating_sub(bucket_of(first))
}

/// The bucket of a lead among those of its tenant.
fn bucket_of(lead_id: LeadId) -> u64 {
    lead_id.get() / BUCKET_LEADS
}

fn bucket_key(user_id: UserId, bucket: u64) -> String {
    format!("{user_id}#{bucket}")
}

pub(super) fn key(user_id: UserId, lead_id: LeadId) -> Item {
    let bucket = bucket_key(user_id, bucket_of(lead_id));
    Item::from([("lead_bucket".to_owned(), s(bucket)), ("lead_id".to_owned(), n(lead_id))])
}

fn set(text: &str) -> AttributeValue {
    AttributeValue::Ss(vec![text.to_owned()])
}
