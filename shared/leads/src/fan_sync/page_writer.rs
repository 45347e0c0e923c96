//! Reads what a page's changes depend on, has them decided, and commits them; anew when another sync of the tenant
//! committed in between.

use jiff::Timestamp;
use kernel::retry::{Attempt, on_conflict};

use super::page_diff::{Progress, distinct};
use crate::douyin::FanPage;
use crate::error::Result;
use crate::ids::LeadId;
use crate::store::Stores;
use crate::store::lead::Lead;
use crate::store::lead_index::{Bounds, Counter};
use crate::store::page_commit::{LeadChanges, PageCommit, Position};

/// How often a page is planned anew because another sync of the tenant committed in between.
const REPLANS: u32 = 20;

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CommitOutcome {
    /// It is in the tables.
    Committed,
    /// The task is not this worker's any more; nothing was written.
    LeaseLost,
}

/// What a step has committed, for the worker to take over.
struct Committed {
    counter: Counter,
    position: Position,
    lease_end: Option<Timestamp>,
    changed: usize,
}

/// Commits `page`; `lease_end` renews the lease when it is given.
pub(super) async fn commit(
    stores: &Stores,
    progress: &mut Progress,
    page: &FanPage,
    lease_end: Option<Timestamp>,
) -> Result<CommitOutcome> {
    // Only the first attempt may trust the counter that the last commit left.
    let mut last_counter = progress.counter.take();
    let committed = {
        let progress = &*progress;
        on_conflict(&stores.clock, "lead counter", REPLANS, || {
            // Boxed: it is most of a worker's future, which every caller would carry otherwise.
            Box::pin(try_page(stores, progress, last_counter.take(), page, lease_end))
        })
        .await?
    };
    Ok(taken_over(progress, committed).map_or(CommitOutcome::LeaseLost, |_| CommitOutcome::Committed))
}

/// Marks, at most `limit` at a time, the leads of the task's account that this walk did not meet. Afterwards none
/// is left exactly when fewer than `limit` were marked.
pub(super) async fn mark_unfollowed(
    stores: &Stores,
    progress: &mut Progress,
    limit: usize,
    lease_end: Option<Timestamp>,
) -> Result<(CommitOutcome, usize)> {
    let mut last_counter = progress.counter.take();
    let committed = {
        let progress = &*progress;
        on_conflict(&stores.clock, "lead counter", REPLANS, || {
            try_unfollowed(stores, progress, last_counter.take(), limit, lease_end)
        })
        .await?
    };
    let marked = taken_over(progress, committed);
    Ok(marked.map_or((CommitOutcome::LeaseLost, 0), |marked| (CommitOutcome::Committed, marked)))
}

async fn try_page(
    stores: &Stores,
    progress: &Progress,
    last_counter: Option<Counter>,
    page: &FanPage,
    lease_end: Option<Timestamp>,
) -> Result<Attempt<Option<Committed>>> {
    // The counter is read before the leads: if it is still the same at commit, so are they.
    let counter = counter_of(stores, progress, last_counter).await?;
    let ids = distinct(page).map(|fan| &fan.open_id);
    let known = stores.leads.by_open_ids(progress.task.user_id, ids).await?;
    // A lead beyond the counter was made by another sync since the counter was read. Its id would be handed out
    // once more, and a transaction that writes one slot of a segment twice is not refused but invalid.
    if known.iter().any(|lead| lead.lead_id > LeadId::new(counter.lead_count)) {
        return Ok(Attempt::Conflict);
    }
    let now = stores.clock.now().as_second();
    let (changes, position) = progress.page_changes(page, &known, &counter, now)?;
    write(stores, progress, &counter, changes, position, lease_end).await
}

async fn try_unfollowed(
    stores: &Stores,
    progress: &Progress,
    last_counter: Option<Counter>,
    limit: usize,
    lease_end: Option<Timestamp>,
) -> Result<Attempt<Option<Committed>>> {
    let counter = counter_of(stores, progress, last_counter).await?;
    let missing = missing_of(stores, progress, &counter, limit).await?;
    let (changes, position) = progress.unfollowed_changes(&missing, &counter);
    if missing.is_empty() {
        return Ok(Attempt::Done(Some(Committed { counter, position, lease_end: None, changed: 0 })));
    }
    write(stores, progress, &counter, changes, position, lease_end).await
}

async fn write(
    stores: &Stores,
    progress: &Progress,
    read: &Counter,
    changes: LeadChanges<'_>,
    position: Position,
    lease_end: Option<Timestamp>,
) -> Result<Attempt<Option<Committed>>> {
    let (task, lease) = (&progress.task, &progress.lease);
    Ok(match stores.commit_page(task, lease, read, &changes, &position, lease_end).await? {
        PageCommit::Committed => {
            let changed = changes.names.len();
            let mut counter = changes.counter;
            counter.version += u64::from(changed > 0);
            Attempt::Done(Some(Committed { counter, position, lease_end, changed }))
        }
        PageCommit::LeaseLost => Attempt::Done(None),
        PageCommit::Conflict => Attempt::Conflict,
    })
}

async fn counter_of(stores: &Stores, progress: &Progress, last: Option<Counter>) -> Result<Counter> {
    match last {
        Some(counter) => Ok(counter),
        None => Ok(stores.index.counter(progress.task.user_id).await?),
    }
}

/// The first `limit` leads that follow the task's account but were not met on this walk.
async fn missing_of(stores: &Stores, progress: &Progress, counter: &Counter, limit: usize) -> Result<Vec<Lead>> {
    let task = &progress.task;
    let Some(ordinal) = counter.known(task.account_open_id.as_str()) else { return Ok(Vec::new()) };
    let everyone = Bounds { first: 1, last: counter.lead_count };
    let mut missing = Vec::new();
    stores
        .index
        .sightings(task.user_id, everyone, |sighting| {
            let follows = sighting.entry.accounts.contains(&(ordinal, true));
            if follows && !progress.has_met(sighting.lead_id) && missing.len() < limit {
                missing.push(sighting.lead_id);
            }
        })
        .await?;
    let open_ids = stores.index.open_ids_of(task.user_id, &missing).await?;
    Ok(stores.leads.by_open_ids(task.user_id, open_ids.values()).await?)
}

/// Takes over what was committed, and answers how many leads changed; `None` when the lease was lost.
fn taken_over(progress: &mut Progress, committed: Option<Committed>) -> Option<usize> {
    let Committed { counter, position, lease_end, changed } = committed?;
    progress.counter = Some(counter);
    progress.advance(position);
    if let Some(end) = lease_end {
        progress.lease.renewed(end);
    }
    Some(changed)
}
