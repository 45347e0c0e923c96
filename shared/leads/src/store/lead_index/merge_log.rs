//! What a merge did, so that it can be undone: `merge#<lead>`, one entry for each lead that was merged into another one.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem};
use jiff::Timestamp;
use kernel::caller::Actor;
use kernel::dynamo::{Item, decode, n, s, seconds};
use kernel::error::{Error, Result};
use kernel::ids::UserId;
use serde::Deserialize;

use super::lookup::Freshness;
use super::{LeadIndexStore, key, merge_entry};
use crate::ids::{LeadId, OpenId, OwnerId};
use crate::store::lead::{Lead, LeadStatus};
use crate::store::{delete, put};

const WHAT: &str = "lead merge";

/// What people have made of a lead.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Work {
    pub status: LeadStatus,
    #[serde(default)]
    pub notes: String,
    #[serde(rename = "owner_id")]
    pub owner: Option<OwnerId>,
}

/// A merge as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct MergeLog {
    /// The lead that stands for both.
    pub into: LeadId,
    /// The merged lead's row as it was, column by column.
    pub row: Item,
    /// The work on the surviving lead before the merge, and as the merge made it.
    pub before: Work,
    pub after: Work,
    /// The accounts that the surviving lead had followed, and those of them it had left.
    pub sources: BTreeSet<OpenId>,
    pub unfollowed: BTreeSet<OpenId>,
}

impl Work {
    /// That of a lead.
    pub fn of(lead: &Lead) -> Self {
        Self { status: lead.status, notes: lead.notes.clone(), owner: lead.owner.clone() }
    }

    fn attribute(&self) -> AttributeValue {
        let mut work =
            Item::from([("status".to_owned(), s(self.status.as_str())), ("notes".to_owned(), s(&self.notes))]);
        work.extend(self.owner.as_ref().map(|owner| ("owner_id".to_owned(), s(owner.as_str()))));
        AttributeValue::M(work)
    }
}

impl MergeLog {
    /// The merged lead as it was.
    pub fn lead(&self) -> Result<Lead> {
        decode(WHAT, self.row.clone())
    }

    fn of(mut item: Item) -> Result<Self> {
        #[derive(Deserialize)]
        struct Log {
            into: LeadId,
            before: Work,
            after: Work,
            sources: BTreeSet<OpenId>,
            #[serde(default)]
            unfollowed: BTreeSet<OpenId>,
        }
        let Some(AttributeValue::M(row)) = item.remove("row") else { return Err(Error::Corrupt(WHAT)) };
        let Log { into, before, after, sources, unfollowed } = decode(WHAT, item)?;
        Ok(Self { into, row, before, after, sources, unfollowed })
    }
}

impl LeadIndexStore {
    /// What merged this lead into another one; `None` when nothing did.
    pub(crate) async fn merge_log(&self, user_id: UserId, lead_id: LeadId) -> Result<Option<MergeLog>> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(user_id, merge_entry(lead_id))))
            .consistent_read(true)
            .send()
            .await
            .map_err(Error::aws("dynamodb:GetItem"))?;
        answer.item.map(MergeLog::of).transpose()
    }

    /// Which lead stands for each of the tenant's merged leads, read consistently.
    pub(crate) async fn survivors(&self, user_id: UserId) -> Result<BTreeMap<LeadId, LeadId>> {
        #[derive(Deserialize)]
        struct Row {
            entry: String,
            into: LeadId,
        }
        let mut into = BTreeMap::new();
        self.each(user_id, ("merge#".to_owned(), "merge#~".to_owned()), Freshness::Consistent, |row| {
            let Row { entry, into: survivor } = decode(WHAT, row)?;
            let id = entry.strip_prefix("merge#").and_then(|id| id.parse().ok()).ok_or(Error::Corrupt(WHAT))?;
            into.insert(LeadId::new(id), survivor);
            Ok(())
        })
        .await?;
        Ok(into)
    }

    /// Writes a merge down, as one action of its transaction.
    pub(crate) fn log_merge(
        &self,
        merged: &Lead,
        log: &MergeLog,
        by: &Actor,
        now: Timestamp,
    ) -> Result<TransactWriteItem> {
        let set = |ids: &BTreeSet<OpenId>| AttributeValue::Ss(ids.iter().map(ToString::to_string).collect());
        let mut builder = Put::builder()
            .table_name(&self.table)
            .set_item(Some(key(merged.user_id, merge_entry(merged.lead_id))))
            .item("into", n(log.into))
            .item("row", AttributeValue::M(log.row.clone()))
            .item("lead_version", n(merged.version))
            .item("before", log.before.attribute())
            .item("after", log.after.attribute())
            .item("sources", set(&log.sources))
            .item("merged_at", seconds(now))
            .item("actor_id", s(&by.id));
        if !log.unfollowed.is_empty() {
            builder = builder.item("unfollowed", set(&log.unfollowed));
        }
        if let Some(name) = &by.name {
            builder = builder.item("actor_name", s(name));
        }
        put(builder)
    }

    /// Forgets a merge, as one action of the transaction that undoes it; refused when that was done meanwhile.
    pub(crate) fn forget_merge(&self, user_id: UserId, lead_id: LeadId) -> Result<TransactWriteItem> {
        let forgotten = Delete::builder().table_name(&self.table).set_key(Some(key(user_id, merge_entry(lead_id))));
        delete(forgotten.condition_expression("attribute_exists(entry)"))
    }
}
