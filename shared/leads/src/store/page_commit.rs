//! One page of fans becomes leads in one transaction: the leads, the tenant's counter, the index, and the task's cursor
//! and counters. A crash anywhere leaves either all of a page or nothing of it, so a resumed sync loses nothing, doubles
//! nothing and counts exactly.
//!
//! What a page changes is decided in `fan_sync/page_diff.rs`; here it is only written.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use jiff::Timestamp;
use kernel::dynamo::n;
use kernel::error::{Error, Result};
use kernel::lease::Lease;
use kernel::transaction::Transaction;
use roaring::RoaringBitmap;
use serde_bytes::ByteBuf;

use super::lead::{Lead, NewLead, Refresh};
use super::lead_index::Counter;
use super::lead_index::segment::NameEntry;
use super::sync_task::{Counters, SyncStrategy, SyncTask, SyncTaskStore};
use super::{Stores, update};
use crate::ids::LeadId;

/// What one commit writes of leads and their index.
#[derive(Debug, Default)]
pub(crate) struct LeadChanges<'a> {
    /// New leads, numbered from the counter that was read.
    pub created: Vec<NewLead<'a>>,
    /// Changes of leads that are there.
    pub refreshed: Vec<(&'a Lead, Refresh<'a>)>,
    /// What a search is to see of both, by lead id.
    pub names: Vec<(LeadId, NameEntry)>,
    /// The tenant's counter afterwards.
    pub counter: Counter,
}

/// How far a task is after a commit.
#[derive(Debug, Clone)]
pub(crate) struct Position {
    /// The platform's cursor of the next page.
    pub cursor: i64,
    /// Whether the list is walked to its end.
    pub fully_listed: bool,
    /// How many fans the platform says there are.
    pub total: Option<u64>,
    /// What the task has counted.
    pub counters: Counters,
    /// The leads met on this walk.
    pub met: RoaringBitmap,
}

/// What became of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PageCommit {
    /// It is in the tables.
    Committed,
    /// The task is not this worker's any more; nothing was written.
    LeaseLost,
    /// The leads have changed since they were read; nothing was written.
    Conflict,
}

impl Stores {
    /// Writes the changes and the task's new position while `lease` holds, and only if the counter still is `read`.
    /// `lease_end` renews the lease when it is given.
    pub(crate) async fn commit_page(
        &self,
        task: &SyncTask,
        lease: &Lease,
        read: &Counter,
        changes: &LeadChanges<'_>,
        position: &Position,
        lease_end: Option<Timestamp>,
    ) -> Result<PageCommit> {
        let now = self.clock.now().as_second();
        let mut transaction = Transaction::new();
        let lease_holds = transaction.add(advance(&self.tasks, task, lease, position, lease_end, now)?);
        if !changes.names.is_empty() {
            transaction.add(self.index.advance(task.user_id, read, &changes.counter)?);
            transaction.add_all(self.lead_actions(task, changes, now)?);
        }
        let outcome = self.commit(&transaction).await?;
        Ok(if outcome.is_committed() {
            PageCommit::Committed
        } else if outcome.failed(lease_holds) {
            PageCommit::LeaseLost
        } else {
            PageCommit::Conflict
        })
    }

    fn lead_actions(&self, task: &SyncTask, changes: &LeadChanges<'_>, now: i64) -> Result<Vec<TransactWriteItem>> {
        let mut actions = Vec::new();
        for lead in &changes.created {
            actions.push(self.leads.insert(lead)?);
        }
        for (lead, refresh) in &changes.refreshed {
            actions.push(self.leads.refresh(lead, refresh, now)?);
        }
        if let (Some(first), Some(last)) = (changes.created.first(), changes.created.last()) {
            actions.push(self.index.time_marker(task.user_id, first.acquire_time, first.lead_id, last.lead_id)?);
        }
        let names: Vec<_> = changes.names.iter().map(|(lead_id, entry)| (*lead_id, entry.encode())).collect();
        actions.extend(self.index.names(task.user_id, &names)?);
        let open_ids: Vec<_> = changes.created.iter().map(|lead| (lead.lead_id, lead.fan_open_id.clone())).collect();
        actions.extend(self.index.open_ids(task.user_id, &open_ids)?);
        Ok(actions)
    }
}

fn advance(
    tasks: &SyncTaskStore,
    task: &SyncTask,
    lease: &Lease,
    position: &Position,
    lease_end: Option<Timestamp>,
    now: i64,
) -> Result<TransactWriteItem> {
    let mut set = "SET #cursor = :cursor, walked = :walked, pages = :pages, seen = :seen, created = :created, \
                   updated = :updated, unchanged = :unchanged, unfollowed = :unfollowed, attempts = :zero, \
                   update_time = :now"
        .to_owned();
    let mut builder = tasks.held(task.task_id, lease);
    if let Some(total) = position.total {
        set.push_str(", #total = :total");
        builder = builder.expression_attribute_names("#total", "total").expression_attribute_values(":total", n(total));
    }
    if let Some(end) = lease_end {
        set.push_str(", next_action_at = :next");
        builder = builder.expression_attribute_values(":next", n(end.as_millisecond()));
    }
    if task.strategy == SyncStrategy::Full {
        set.push_str(", met = :met");
        builder = builder.expression_attribute_values(":met", blob(&position.met)?);
    }
    update(
        builder
            .update_expression(set)
            .expression_attribute_names("#cursor", "cursor")
            .expression_attribute_values(":cursor", n(position.cursor))
            .expression_attribute_values(":walked", AttributeValue::Bool(position.fully_listed))
            .expression_attribute_values(":pages", n(position.counters.pages))
            .expression_attribute_values(":seen", n(position.counters.seen))
            .expression_attribute_values(":created", n(position.counters.created))
            .expression_attribute_values(":updated", n(position.counters.updated))
            .expression_attribute_values(":unchanged", n(position.counters.unchanged))
            .expression_attribute_values(":unfollowed", n(position.counters.unfollowed))
            .expression_attribute_values(":zero", n(0))
            .expression_attribute_values(":now", n(now)),
    )
}

/// The bitmap that a task's row holds; empty before the first page.
///
/// # Errors
/// [`Error::Corrupt`] when the bytes are none.
pub(crate) fn met_of(task: &SyncTask) -> Result<RoaringBitmap> {
    if task.met.is_empty() {
        return Ok(RoaringBitmap::new());
    }
    RoaringBitmap::deserialize_from(task.met.as_slice()).map_err(|_| Error::Corrupt("sync task"))
}

fn blob(met: &RoaringBitmap) -> Result<AttributeValue> {
    let mut met = met.clone();
    met.optimize();
    let mut bytes = ByteBuf::with_capacity(met.serialized_size());
    met.serialize_into(&mut *bytes).map_err(|_| Error::Internal("bitmap not serialised"))?;
    Ok(AttributeValue::B(Blob::new(bytes.into_vec())))
}
