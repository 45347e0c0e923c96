//! One page of fans becomes leads in one transaction: the leads and who they are, the tenant's counter, the index, and the
//! task's cursor and counters. A crash anywhere leaves either all of a page or nothing of it, so a resumed sync loses nothing, doubles
//! nothing and counts exactly.
//!
//! A page that changes more than a transaction holds is committed in parts. All but the last leave the cursor where the
//! page begins and note which leads were counted, because a page that is asked for again after a crash need not be the
//! same one: a new pass has another order.
//!
//! What a page changes is decided in `fan_sync/page_diff.rs`; here it is only written.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use jiff::Timestamp;
use kernel::dynamo::{milliseconds, n, seconds};
use kernel::error::Result;
use kernel::events::Event;
use kernel::ids::TaskId;
use kernel::lease::Lease;
use kernel::transaction::Transaction;
use roaring::RoaringBitmap;

use super::bitmap::blob;
use super::lead::{Lead, NewLead, Refresh};
use super::lead_index::Counter;
use super::lead_index::segment::NameEntry;
use super::sync_task::{Counters, SyncStrategy, SyncTask, SyncTaskStore, Walk};
use super::{Stores, update};
use crate::events;
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

impl LeadChanges<'_> {
    /// Whether no lead changes.
    pub fn is_empty(&self) -> bool {
        self.created.is_empty() && self.refreshed.is_empty()
    }

    /// What is told of it, where the counter has this version afterwards.
    fn events(&self, task_id: TaskId, counter_version: u64) -> Result<Vec<Event>> {
        let created: Vec<LeadId> = self.created.iter().map(|lead| lead.lead_id).collect();
        let mut events = events::created(task_id, &created, counter_version)?;
        for (lead, refresh) in &self.refreshed {
            events.extend(events::refreshed(task_id, lead, refresh, counter_version)?);
        }
        Ok(events)
    }
}

/// How far a task is after a commit.
#[derive(Debug, Clone)]
pub(crate) struct Position {
    /// Where it is on the list.
    pub walk: Walk,
    /// How many fans the platform says there are.
    pub total: Option<u64>,
    /// What the task has counted.
    pub counters: Counters,
    /// The leads met on this walk.
    pub seen_leads: RoaringBitmap,
    /// The leads counted of a page of which only a part is committed.
    pub page_taken: RoaringBitmap,
    /// The leads still to be marked as unfollowed, once they are known.
    pub unseen_leads: Option<RoaringBitmap>,
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
        let now = self.clock.now();
        let mut transaction = Transaction::new();
        let lease_holds = transaction.add(advance(&self.tasks, task, lease, position, lease_end, now)?);
        if !changes.is_empty() {
            self.index.advance(&mut transaction, task.user_id, read, &changes.counter)?;
            transaction.add_all(self.lead_actions(task, changes, now)?);
            self.tell(&mut transaction, task.user_id, &changes.events(task.task_id, read.version + 1)?)?;
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

    fn lead_actions(
        &self,
        task: &SyncTask,
        changes: &LeadChanges<'_>,
        now: Timestamp,
    ) -> Result<Vec<TransactWriteItem>> {
        let mut actions = Vec::new();
        for lead in &changes.created {
            actions.push(self.leads.insert(lead)?);
            actions.push(self.identities.claim(task.user_id, lead.fan_open_id, lead.lead_id)?);
        }
        for (lead, refresh) in &changes.refreshed {
            actions.push(self.leads.refresh(lead, refresh, now)?);
        }
        if let (Some(first), Some(last)) = (changes.created.first(), changes.created.last()) {
            actions.push(self.index.time_marker(task.user_id, first.acquire_time, first.lead_id, last.lead_id)?);
        }
        // The first lead of a tenant has the number 1.
        if changes.created.first().is_some_and(|lead| lead.lead_id == LeadId::new(1)) {
            actions.push(self.index.begin_retention(task.user_id, now)?);
        }
        let names: Vec<_> = changes.names.iter().map(|(lead_id, entry)| (*lead_id, Some(entry.encode()))).collect();
        actions.extend(self.index.rename(task.user_id, &names)?);
        Ok(actions)
    }
}

fn advance(
    tasks: &SyncTaskStore,
    task: &SyncTask,
    lease: &Lease,
    position: &Position,
    lease_end: Option<Timestamp>,
    now: Timestamp,
) -> Result<TransactWriteItem> {
    let Position { walk, total, counters, seen_leads, page_taken, unseen_leads } = position;
    let mut set =
        "SET #cursor = :cursor, walked = :walked, has_gaps = :gaps, endless = :endless, checkpoint = :checkpoint, \
                   empty_pages = :empty, known_pages = :known, left_early = :left, pages = :pages, seen = :seen, created = :created, updated = :updated, \
                   unchanged = :unchanged, skipped = :skipped, unfollowed = :unfollowed, attempts = :zero, \
                   update_time = :now"
            .to_owned();
    let mut builder = tasks.held(task.task_id, lease);
    if let Some(total) = total {
        set.push_str(", #total = :total");
        builder = builder.expression_attribute_names("#total", "total").expression_attribute_values(":total", n(total));
    }
    if let Some(end) = lease_end {
        set.push_str(", next_action_at = :next");
        builder = builder.expression_attribute_values(":next", milliseconds(end));
    }
    if task.strategy == SyncStrategy::Full {
        set.push_str(", seen_leads = :seen_leads");
        builder = builder.expression_attribute_values(":seen_leads", blob(seen_leads)?);
    }
    if let Some(unseen_leads) = unseen_leads {
        set.push_str(", unseen_leads = :unseen_leads");
        builder = builder.expression_attribute_values(":unseen_leads", blob(unseen_leads)?);
    }
    // It does not wait for anything any more.
    let mut gone = "waits_for, waits_since".to_owned();
    if page_taken.is_empty() {
        gone.push_str(", page_taken");
    } else {
        set.push_str(", page_taken = :taken");
        builder = builder.expression_attribute_values(":taken", blob(page_taken)?);
    }
    update(
        builder
            .update_expression(format!("{set} REMOVE {gone}"))
            .expression_attribute_names("#cursor", "cursor")
            .expression_attribute_values(":cursor", n(walk.cursor))
            .expression_attribute_values(":walked", AttributeValue::Bool(walk.fully_listed))
            .expression_attribute_values(":gaps", AttributeValue::Bool(walk.has_gaps))
            .expression_attribute_values(":endless", AttributeValue::Bool(walk.endless))
            .expression_attribute_values(":checkpoint", n(walk.checkpoint))
            .expression_attribute_values(":empty", n(walk.empty_pages))
            .expression_attribute_values(":known", n(walk.known_pages))
            .expression_attribute_values(":left", AttributeValue::Bool(walk.left_early))
            .expression_attribute_values(":pages", n(counters.pages))
            .expression_attribute_values(":seen", n(counters.seen))
            .expression_attribute_values(":created", n(counters.created))
            .expression_attribute_values(":updated", n(counters.updated))
            .expression_attribute_values(":unchanged", n(counters.unchanged))
            .expression_attribute_values(":skipped", n(counters.skipped))
            .expression_attribute_values(":unfollowed", n(counters.unfollowed))
            .expression_attribute_values(":zero", n(0))
            .expression_attribute_values(":now", seconds(now)),
    )
}
