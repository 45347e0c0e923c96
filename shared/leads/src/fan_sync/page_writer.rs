//! Reads what a page's changes depend on, has them decided, and commits them; anew when another sync of the tenant
//! committed in between.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use kernel::ids::UserId;
use kernel::instant::whole_second;
use kernel::retry::{Attempt, on_conflict};

use super::page_diff::{KnownFans, OpenPage, Part, Progress};
use crate::error::Result;
use crate::ids::{LeadId, OpenId};
use crate::store::Stores;
use crate::store::identity::FanLead;
use crate::store::lead::Lead;
use crate::store::lead_index::{Bounds, Counter, Freshness};
use crate::store::page_commit::{LeadChanges, PageCommit, Position};
use crate::suppression::Suppression;

/// How often a page is planned anew because another sync of the tenant committed in between.
const REPLANS: u32 = 20;

/// How many fans are looked up for one transaction: no more changes fit one, and one request finds as many.
const MOST_FANS: usize = 96;

/// How many unfollowed leads are marked per transaction: each may need its own segment, and 100 actions are the limit.
const UNFOLLOWED_PER_STEP: usize = 40;

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CommitOutcome {
    /// It is in the tables, and there is nothing left to be done.
    Committed,
    /// A part of it is in the tables, and more is to come.
    Partly,
    /// The task is not this worker's any more; nothing was written.
    LeaseLost,
}

/// What a step has committed, for the worker to take over.
struct Committed {
    counter: Counter,
    position: Position,
    lease_end: Option<Timestamp>,
    fans: usize,
}

/// The counter that the last commit of this worker left. Only the first attempt may trust it, and the next commit only
/// if nobody was in this one's way: another worker that commits for the tenant will have moved it again.
struct KnownCounter {
    last: Option<Counter>,
    attempts: u32,
}

impl KnownCounter {
    fn of(turn: &mut Option<Counter>) -> Self {
        Self { last: turn.take(), attempts: 0 }
    }

    /// What the next attempt may start from.
    fn next(&mut self) -> Option<Counter> {
        self.attempts += 1;
        self.last.take()
    }

    /// What the next commit may start from.
    fn afterwards(&self, committed: &Counter) -> Option<Counter> {
        (self.attempts == 1).then(|| committed.clone())
    }
}

/// Commits as much of `open` as fits one transaction; `lease_end` renews the lease when it is given.
pub(super) async fn commit(
    (stores, suppression): (&Stores, &Suppression),
    progress: &mut Progress,
    open: &mut OpenPage<'_>,
    lease_end: Option<Timestamp>,
) -> Result<CommitOutcome> {
    let turn = Arc::clone(&progress.turn);
    let mut turn = turn.lock().await;
    let mut known = KnownCounter::of(&mut turn);
    let committed = {
        let (progress, open) = (&*progress, &*open);
        on_conflict(&stores.clock, "lead counter", REPLANS, || {
            // Boxed: it is most of a worker's future, which every caller would carry otherwise.
            Box::pin(try_page((stores, suppression), progress, known.next(), open, lease_end))
        })
        .await?
    };
    *turn = committed.as_ref().and_then(|committed| known.afterwards(&committed.counter));
    Ok(match taken_over(progress, committed) {
        None => CommitOutcome::LeaseLost,
        Some(fans) => {
            open.advance(fans);
            if open.is_done() { CommitOutcome::Committed } else { CommitOutcome::Partly }
        }
    })
}

/// The leads that follow the task's account but were not met on this walk. Read consistently: one that is marked
/// already must not be found again.
pub(super) async fn find_missing(stores: &Stores, progress: &Progress) -> Result<Vec<LeadId>> {
    let task = &progress.task;
    let counter = stores.index.counter(task.user_id).await?;
    let Some(ordinal) = counter.known(task.account_open_id.as_str()) else { return Ok(Vec::new()) };
    let everyone = Bounds { first: 1, last: counter.lead_count };
    // A lead was met with any of the fans that it stands for.
    let mut met = BTreeSet::new();
    if counter.merged_leads > 0 {
        let survivors = stores.index.survivors(task.user_id).await?;
        for own in survivors.keys().filter(|own| progress.has_seen(**own)) {
            let mut lead = own;
            while let Some(into) = survivors.get(lead) {
                lead = into;
            }
            met.insert(*lead);
        }
    }
    let mut missing = Vec::new();
    stores
        .index
        .sightings(task.user_id, everyone, Freshness::Consistent, |sighting| {
            if sighting.entry.accounts.contains(&(ordinal, true))
                && !progress.has_seen(sighting.lead_id)
                && !met.contains(&sighting.lead_id)
            {
                missing.push(sighting.lead_id);
            }
        })
        .await?;
    Ok(missing)
}

/// Marks some of the missing leads as unfollowed.
pub(super) async fn mark_unfollowed(
    stores: &Stores,
    progress: &mut Progress,
    lease_end: Option<Timestamp>,
) -> Result<CommitOutcome> {
    let next = progress.next_missing(UNFOLLOWED_PER_STEP).unwrap_or_default();
    if next.is_empty() {
        return Ok(CommitOutcome::Committed);
    }
    let turn = Arc::clone(&progress.turn);
    let mut turn = turn.lock().await;
    let mut known = KnownCounter::of(&mut turn);
    let committed = {
        let (progress, next) = (&*progress, next.as_slice());
        on_conflict(&stores.clock, "lead counter", REPLANS, || {
            try_unfollowed(stores, progress, known.next(), next, lease_end)
        })
        .await?
    };
    *turn = committed.as_ref().and_then(|committed| known.afterwards(&committed.counter));
    Ok(taken_over(progress, committed).map_or(CommitOutcome::LeaseLost, |_| CommitOutcome::Partly))
}

async fn try_page(
    (stores, suppression): (&Stores, &Suppression),
    progress: &Progress,
    last_counter: Option<Counter>,
    open: &OpenPage<'_>,
    lease_end: Option<Timestamp>,
) -> Result<Attempt<Option<Committed>>> {
    // The counter is read before the leads: if it is still the same at commit, so are they.
    let counter = counter_of(stores, progress, last_counter).await?;
    let user_id = progress.task.user_id;
    // Those counted by a worker that died take no room, so more are looked at until a transaction's worth is found.
    let (mut known, mut looked_at, mut uncounted) = (HashMap::new(), 0, 0);
    while uncounted < MOST_FANS {
        let fans = open.next(looked_at, MOST_FANS);
        if fans.is_empty() {
            break;
        }
        let leads = stores.identities.leads_of(user_id, fans.iter().map(|fan| &fan.open_id)).await?;
        uncounted += fans.len() - leads.iter().filter(|(_, lead)| progress.is_taken(lead.own)).count();
        looked_at += fans.len();
        known.extend(leads);
    }
    let fans = open.next(0, looked_at);
    // A lead beyond the counter was made by another sync since the counter was read. Its id would be handed out
    // once more, and a transaction that writes one slot of a segment twice is not refused but invalid.
    if known.values().any(|lead| lead.own > LeadId::new(counter.lead_count)) {
        return Ok(Attempt::Conflict);
    }
    let strangers = fans.iter().map(|fan| &fan.open_id).filter(|fan| !known.contains_key(fan));
    let erased = erased_among(stores, suppression, &counter, user_id, strangers.collect()).await?;
    let ids: BTreeSet<LeadId> = known.values().map(|lead| lead.lead_id).collect();
    let rows = stores.leads.by_ids(user_id, ids).await?;
    let rows: HashMap<LeadId, &Lead> = rows.iter().map(|lead| (lead.lead_id, lead)).collect();
    let mut leads = HashMap::new();
    for (fan, FanLead { lead_id, own }) in known {
        // Its person was erased or merged since the counter was read.
        let Some(lead) = rows.get(&lead_id) else { return Ok(Attempt::Conflict) };
        leads.insert(fan, (*lead, own));
    }
    let now = whole_second(stores.clock.now());
    let known = KnownFans { leads, erased };
    let Part { changes, position, fans } = progress.page_changes(open, fans, &known, &counter, now)?;
    write(stores, progress, &counter, changes, position, (lease_end, fans)).await
}

/// Which of these fans were erased, with the leads they were. Only a tenant who has erased anybody pays for the question.
async fn erased_among(
    stores: &Stores,
    suppression: &Suppression,
    counter: &Counter,
    user_id: UserId,
    strangers: Vec<&OpenId>,
) -> Result<HashMap<OpenId, LeadId>> {
    if counter.erased_fans == 0 || strangers.is_empty() {
        return Ok(HashMap::new());
    }
    let hasher = suppression.hasher(user_id).await?;
    let hashes: Vec<_> = strangers.iter().map(|fan| hasher.of_fan(fan)).collect();
    let erased = stores.identities.erased(user_id, &hashes).await?;
    let found = strangers.into_iter().zip(&hashes).filter_map(|(fan, hash)| Some((fan.clone(), *erased.get(hash)?)));
    Ok(found.collect())
}

async fn try_unfollowed(
    stores: &Stores,
    progress: &Progress,
    last_counter: Option<Counter>,
    missing: &[LeadId],
    lease_end: Option<Timestamp>,
) -> Result<Attempt<Option<Committed>>> {
    let counter = counter_of(stores, progress, last_counter).await?;
    let user_id = progress.task.user_id;
    let mut leads = stores.leads.by_ids(user_id, missing.iter().copied()).await?;
    // Since they were looked for, one may have been merged with somebody who was met.
    leads.retain(|lead| !lead.merged.iter().any(|own| progress.has_seen(*own)));
    let (changes, position) = progress.unfollowed_changes(&leads, missing, &counter)?;
    write(stores, progress, &counter, changes, position, (lease_end, 0)).await
}

async fn write(
    stores: &Stores,
    progress: &Progress,
    read: &Counter,
    changes: LeadChanges<'_>,
    position: Position,
    (lease_end, fans): (Option<Timestamp>, usize),
) -> Result<Attempt<Option<Committed>>> {
    let (task, lease) = (&progress.task, &progress.lease);
    Ok(match stores.commit_page(task, lease, read, &changes, &position, lease_end).await? {
        PageCommit::Committed => {
            let moved = !changes.is_empty();
            let mut counter = changes.counter;
            counter.version += u64::from(moved);
            Attempt::Done(Some(Committed { counter, position, lease_end, fans }))
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

/// Takes over what was committed, and answers how many fans it covers; `None` when the lease was lost.
fn taken_over(progress: &mut Progress, committed: Option<Committed>) -> Option<usize> {
    let Committed { position, lease_end, fans, .. } = committed?;
    progress.advance(position);
    if let Some(end) = lease_end {
        progress.lease.renewed(end);
    }
    Some(fans)
}
