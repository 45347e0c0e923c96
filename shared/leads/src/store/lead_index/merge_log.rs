//! What a merge did, so that it can be undone: `merge#<lead>`, one entry for each lead that was merged into another one.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem, Update};
use jiff::Timestamp;
use kernel::caller::Actor;
use kernel::dynamo::{Item, batch_get, decode, n, s, seconds};
use kernel::error::{Error, Result};
use kernel::ids::UserId;
use serde::Deserialize;

use super::lookup::Freshness;
use super::{LeadIndexStore, key, merge_entry};
use crate::ids::{LeadId, OpenId, OwnerId, UnifiedLeadId};
use crate::store::lead::{Lead, LeadStatus};
use crate::store::{delete, put, update};

const WHAT: &str = "lead merge";

/// What a merge makes one of, but for the notes, of which both stay.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct MergedFields {
    pub status: LeadStatus,
    #[serde(rename = "owner_id")]
    pub owner: Option<OwnerId>,
    pub unified_lead_id: Option<UnifiedLeadId>,
    #[serde(default)]
    pub nickname: String,
    #[serde(default)]
    pub avatar_url: String,
    #[serde(default)]
    pub sources: BTreeSet<OpenId>,
    #[serde(default)]
    pub unfollowed: BTreeSet<OpenId>,
}

/// A merge as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct MergeLog {
    /// The lead that stands for both.
    pub into: LeadId,
    /// The version of it that the merge made: of two merges the later one has the higher.
    pub made_version: u64,
    /// The merged lead's row as it was, column by column.
    pub row: Item,
    /// The surviving lead as it was.
    pub before: MergedFields,
    /// What was added to its notes; empty when the merged lead had none.
    pub note: String,
}

impl MergedFields {
    /// Those of a lead.
    pub fn of(lead: &Lead) -> Self {
        Self {
            status: lead.status,
            owner: lead.owner.clone(),
            unified_lead_id: lead.unified_lead_id,
            nickname: lead.nickname.clone(),
            avatar_url: lead.avatar_url.clone(),
            sources: lead.sources.clone(),
            unfollowed: lead.unfollowed.clone(),
        }
    }

    fn attribute(&self) -> AttributeValue {
        let set = |ids: &BTreeSet<OpenId>| AttributeValue::Ss(ids.iter().map(ToString::to_string).collect());
        // A set without members is no attribute.
        let columns = [
            ("status", Some(s(self.status.as_str()))),
            ("owner_id", self.owner.as_ref().map(|owner| s(owner.as_str()))),
            ("unified_lead_id", self.unified_lead_id.map(n)),
            ("nickname", Some(s(&self.nickname))),
            ("avatar_url", Some(s(&self.avatar_url))),
            ("sources", Some(&self.sources).filter(|ids| !ids.is_empty()).map(set)),
            ("unfollowed", Some(&self.unfollowed).filter(|ids| !ids.is_empty()).map(set)),
        ];
        AttributeValue::M(columns.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
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
            made_version: u64,
            before: MergedFields,
            #[serde(default)]
            note: String,
        }
        let Some(AttributeValue::M(row)) = item.remove("row") else { return Err(Error::Corrupt(WHAT)) };
        let Log { into, made_version, before, note } = decode(WHAT, item)?;
        Ok(Self { into, made_version, row, before, note })
    }
}

/// Where a merge of this lead is written down.
pub(crate) fn merge_key(user_id: UserId, lead_id: LeadId) -> Item {
    key(user_id, merge_entry(lead_id))
}

/// The lead that stands for one that was merged, by the row that tells of the merge.
pub(crate) fn survivor(log: &Item) -> Result<LeadId> {
    let into = log.get("into").and_then(|into| into.as_n().ok()).and_then(|into| into.parse().ok());
    into.map(LeadId::new).ok_or(Error::Corrupt(WHAT))
}

impl LeadIndexStore {
    /// What merged each of these leads into another one, read consistently and in no particular order.
    pub(crate) async fn merge_logs(
        &self,
        user_id: UserId,
        lead_ids: impl IntoIterator<Item = LeadId>,
    ) -> Result<Vec<MergeLog>> {
        let keys = lead_ids.into_iter().map(|id| merge_key(user_id, id)).collect();
        let rows = batch_get(&self.client, &self.clock, &self.table, keys, None, true).await?;
        rows.into_iter().map(MergeLog::of).collect()
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
        let mut builder = Put::builder()
            .table_name(&self.table)
            .set_item(Some(merge_key(merged.user_id, merged.lead_id)))
            .item("into", n(log.into))
            .item("made_version", n(log.made_version))
            .item("row", AttributeValue::M(log.row.clone()))
            .item("lead_version", n(merged.version))
            .item("before", log.before.attribute())
            .item("note", s(&log.note))
            .item("merged_at", seconds(now))
            .item("actor_id", s(&by.id));
        if let Some(name) = &by.name {
            builder = builder.item("actor_name", s(name));
        }
        put(builder)
    }

    /// Writes down anew what the surviving lead was before a merge, because an earlier one is undone, as one action of the
    /// transaction that does so.
    pub(crate) fn rebase_merge(&self, user_id: UserId, merged: LeadId, log: &MergeLog) -> Result<TransactWriteItem> {
        update(
            Update::builder()
                .table_name(&self.table)
                .set_key(Some(merge_key(user_id, merged)))
                .condition_expression("made_version = :made")
                .update_expression("SET #before = :before")
                .expression_attribute_names("#before", "before")
                .expression_attribute_values(":made", n(log.made_version))
                .expression_attribute_values(":before", log.before.attribute()),
        )
    }

    /// Forgets a merge, as one action of the transaction that undoes it; refused when that was done meanwhile.
    pub(crate) fn forget_merge(&self, user_id: UserId, lead_id: LeadId) -> Result<TransactWriteItem> {
        let forgotten = Delete::builder().table_name(&self.table).set_key(Some(merge_key(user_id, lead_id)));
        delete(forgotten.condition_expression("attribute_exists(entry)"))
    }
}
