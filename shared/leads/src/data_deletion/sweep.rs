//! Going on with deletions: passes over the segments of a tenant, which show whom an account has brought, until one finds nobody.
//!
//! Whoever dies has deleted what was committed, and the next round goes on with what is left. Two rounds at once are in each
//! other's way and do no harm.

use std::collections::HashMap;
use std::time::Duration;

use futures::{StreamExt, stream};
use kernel::Context;
use kernel::caller::Actor;
use kernel::config::ConfigError;
use kernel::deadline::Deadline;
use kernel::ids::UserId;
use kernel::instant::after;
use kernel::retry::{Attempt, on_conflict};
use kernel::round::RoundReport;
use kernel::transaction::{MAX_ACTIONS, Transaction};
use tracing::{error, info};

use super::plan::{ALWAYS, GOES, Plan};
use crate::error::Result;
use crate::events;
use crate::ids::{LeadId, OpenId};
use crate::lead_edit::TRIES;
use crate::lead_merge;
use crate::store::Stores;
use crate::store::deletion::{Deletion, DeletionStatus};
use crate::store::lead::Lead;
use crate::store::lead_index::{Bounds, Counter, Freshness, OwnEntries, SEGMENT_LEADS};

/// Leads looked at for one transaction: no more fit one.
const MOST_LEADS: usize = 50;
/// Ids whose segments are read by one request: 768 of them stay below its 1 MB.
const RANGE: u64 = 768 * SEGMENT_LEADS;
/// Per index shard and round; the rest comes a minute later.
const LIMIT: i32 = 25;
/// Deletions under way at once.
const PARALLEL: usize = 4;
/// A transaction is begun only if this is left, which is what one call takes at the worst.
const MIN_TIME_LEFT: Duration = Duration::from_secs(10);
/// How long it is told how a deletion ended.
const TOLD_FOR: Duration = Duration::from_secs(30 * 86_400);

/// Goes on with deletions. It takes no input and may run any number of times at once.
#[derive(Debug, Clone)]
pub struct DataDeletions {
    stores: Stores,
}

/// How far a round came.
enum Pass {
    /// Nobody is left whom the account has brought.
    Empty(Counter),
    /// Somebody was found; another pass shows whether anybody is left.
    Found,
    /// The time is over.
    Interrupted,
}

impl DataDeletions {
    /// Built once at init.
    ///
    /// # Errors
    /// Names the setting that is missing.
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self { stores: Stores::new(cx)? })
    }

    /// One round over the deletions that are under way, each for as long as there is time. One that cannot go on does not stop the others.
    pub async fn go_on(&self, deadline: Deadline) -> Result<RoundReport> {
        let mut report = RoundReport::of("deletions of account data");
        let due = self.stores.deletions.under_way(self.stores.clock.now(), LIMIT).await?;
        let mut rounds = stream::iter(due)
            .map(|(user_id, account)| async move { self.work_on(user_id, &account, deadline).await })
            .buffer_unordered(PARALLEL);
        while let Some(outcome) = rounds.next().await {
            if let Err(problem) = &outcome {
                error!("data of an account not deleted: {problem}");
            }
            report.count(outcome.is_ok());
        }
        Ok(report)
    }

    async fn work_on(&self, user_id: UserId, account: &OpenId, deadline: Deadline) -> Result<()> {
        let found = self.stores.deletions.get(user_id, account).await?;
        let Some(deletion) = found.filter(|deletion| deletion.status == DeletionStatus::Running) else { return Ok(()) };
        loop {
            match self.pass(&deletion, deadline).await? {
                Pass::Interrupted => return Ok(()),
                Pass::Empty(counter) if self.finish(&deletion, &counter).await? => return Ok(()),
                // Leads were merged, or came, while the pass went on: what it has seen may have moved behind it.
                Pass::Empty(_) | Pass::Found => {}
            }
        }
    }

    /// Looks at all segments, and takes the account from whoever has it there.
    async fn pass(&self, deletion: &Deletion, deadline: Deadline) -> Result<Pass> {
        let Stores { index, clock, .. } = &self.stores;
        let counter = index.counter(deletion.user_id).await?;
        let Some(ordinal) = counter.known(deletion.account_open_id.as_str()) else { return Ok(Pass::Empty(counter)) };
        let mut has_found = false;
        let mut first = 1;
        while first <= counter.lead_count {
            let bounds = Bounds { first, last: (first + RANGE - 1).min(counter.lead_count) };
            let mut ids = Vec::new();
            index
                .sightings(deletion.user_id, bounds, Freshness::Consistent, |lead| {
                    if lead.entry.accounts.iter().any(|(account, _)| *account == ordinal) {
                        ids.push(lead.lead_id);
                    }
                })
                .await?;
            ids.sort_unstable();
            has_found |= !ids.is_empty();
            let mut rest = ids.as_slice();
            loop {
                if deadline.remaining(clock.now()) < MIN_TIME_LEFT {
                    return Ok(Pass::Interrupted);
                }
                if rest.is_empty() {
                    break;
                }
                let done = self.take_from_some(deletion, rest).await?;
                rest = rest.get(done..).unwrap_or_default();
            }
            first = bounds.last + 1;
        }
        Ok(if has_found { Pass::Found } else { Pass::Empty(counter) })
    }

    /// Takes the account from the first of these leads; how many are done with.
    async fn take_from_some(&self, deletion: &Deletion, ids: &[LeadId]) -> Result<usize> {
        let ids = ids.get(..ids.len().min(MOST_LEADS)).unwrap_or_default();
        let clock = &self.stores.clock;
        on_conflict(clock, "leads", TRIES, || Box::pin(self.try_take(deletion, ids))).await
    }

    async fn try_take(&self, deletion: &Deletion, ids: &[LeadId]) -> Result<Attempt<usize>> {
        let Stores { index, leads, identities, deletions, clock, .. } = &self.stores;
        let (user_id, account) = (deletion.user_id, &deletion.account_open_id);
        // Who changes which accounts a lead has moves the counter, so what is read after it is still true if it has not moved.
        let counter = index.counter(user_id).await?;
        let rows = leads.by_ids(user_id, ids.iter().copied()).await?;
        let rows: HashMap<LeadId, Lead> = rows.into_iter().map(|lead| (lead.lead_id, lead)).collect();
        let mut next = counter.clone();
        let plan = Plan::of(ids, &rows, account, &mut next)?;
        if plan.names.is_empty() {
            if let Some(lead) = ids.first().and_then(|id| rows.get(id)) {
                self.split_all(deletion, lead).await?;
            }
            return Ok(Attempt::Done(0));
        }
        let mut entries = OwnEntries::default();
        if let [lead] = plan.going.as_slice()
            && lead.version > 0
        {
            entries = index.own_entries(lead).await?;
            let surplus = entries.split_off_all_but(MAX_ACTIONS - ALWAYS - GOES);
            index.delete_entries(user_id, surplus).await?;
        }
        for lead in &plan.going {
            next.holes.add(lead.lead_id)?;
        }
        let now = clock.now();
        let mut transaction = Transaction::new();
        index.advance(&mut transaction, user_id, &counter, &next)?;
        transaction.add(deletions.count(deletion, plan.going.len() as u64, plan.staying.len() as u64)?);
        transaction.add_all(index.move_leads_and(user_id, &[], &plan.going, None).await?);
        transaction.add_all(index.rename(user_id, &plan.names)?);
        for lead in &plan.going {
            transaction.add(leads.remove(lead)?);
            transaction.add(identities.forget(user_id, &lead.fan_open_id, lead.lead_id)?);
            if lead.version > 0 {
                transaction.add(index.forget_note(user_id, lead.lead_id)?);
            }
        }
        transaction.add_all(index.forget_entries(user_id, entries)?);
        let mut told = Vec::new();
        for lead in &plan.going {
            told.push(events::erased(lead, counter.version + 1)?);
        }
        for (before, after) in &plan.staying {
            transaction.add(leads.leave_source(before, after, account, now)?);
            told.extend(events::source_left(before, after, counter.version + 1)?);
        }
        self.stores.tell(&mut transaction, user_id, &told)?;
        Ok(match self.stores.commit(&transaction).await?.is_committed() {
            true => Attempt::Done(plan.names.len()),
            false => Attempt::Conflict,
        })
    }

    /// Splits off all that was merged into a lead, the last one first.
    async fn split_all(&self, deletion: &Deletion, lead: &Lead) -> Result<()> {
        let user_id = deletion.user_id;
        let actor = Actor { id: deletion.actor_id.clone(), name: None };
        let mut logs = self.stores.index.merge_logs(user_id, lead.merged.iter().copied()).await?;
        logs.retain(|log| log.into == lead.lead_id);
        logs.sort_unstable_by_key(|log| std::cmp::Reverse(log.made_version));
        for log in logs {
            lead_merge::split(&self.stores, (user_id, &actor), log.lead()?.lead_id).await?;
        }
        Ok(())
    }

    /// `false`: leads have changed since the counter was read.
    async fn finish(&self, deletion: &Deletion, counter: &Counter) -> Result<bool> {
        let now = self.stores.clock.now();
        let mut transaction = Transaction::new();
        transaction.add(self.stores.deletions.finish(deletion, now, after(now, TOLD_FOR))?);
        transaction.add(self.stores.index.has_not_moved(deletion.user_id, counter)?);
        let is_over = self.stores.commit(&transaction).await?.is_committed();
        if is_over {
            info!(user.id = deletion.user_id.get(), "data of an account of user {} deleted", deletion.user_id);
        }
        Ok(is_over)
    }
}
