//! Going over the old leads of the tenants whose time has come.
//!
//! How far a pass is stands in the tenant's row `retention`, moved on in the transaction that deletes leads. Whoever dies has
//! deleted and counted what was committed, and the next round goes on there. Of two rounds at once one stops.

use std::collections::HashMap;
use std::time::Duration;

use futures::{StreamExt, stream};
use jiff::Timestamp;
use kernel::Context;
use kernel::audit::{Row, system};
use kernel::config::ConfigError;
use kernel::deadline::Deadline;
use kernel::ids::UserId;
use kernel::instant::{after, before, between, whole_second};
use kernel::retry::{Attempt, on_conflict};
use kernel::round::RoundReport;
use kernel::transaction::Transaction;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tracing::{error, info};

use super::is_over;
use super::plan::{ALWAYS, Plan};
use crate::audit;
use crate::config::lead_retention;
use crate::error::Result;
use crate::events;
use crate::ids::LeadId;
use crate::lead_edit::TRIES;
use crate::lead_erase::{Person, erasure};
use crate::store::Stores;
use crate::store::identity::FanLead;
use crate::store::lead::Lead;
use crate::store::lead_index::{BETWEEN_PASSES, Bounds, Counter, Retention};
use crate::suppression::{Hasher, Suppression};

/// Leads looked at for one transaction: few more than fit one.
const MOST_LEADS: usize = 50;
/// Ids whose sets are read by one request: of 64 blocks, 115 KB at most.
const RANGE: u64 = 64 * 4_096;
/// Per index shard and round; the rest comes a minute later.
const LIMIT: i32 = 25;
/// Tenants gone over at once.
const PARALLEL: usize = 4;
/// A transaction is begun only if this is left, which is what one call takes at the worst.
const MIN_TIME_LEFT: Duration = Duration::from_secs(10);
/// Those who were left because somebody had worked them are looked at again after this.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(7 * 86_400);

/// Deletes leads that are kept for nothing. It takes no input and may run any number of times at once.
#[derive(Debug, Clone)]
pub struct LeadRetention {
    stores: Stores,
    suppression: Suppression,
    kept_for: Option<Duration>,
}

/// A pass over the old leads of one tenant.
struct Pass {
    user_id: UserId,
    /// What has been so since this instant is old.
    cutoff: Timestamp,
    /// The tenant's row as it is stored.
    stored: Retention,
    /// What it is to be with the next that is written.
    next: Retention,
    /// Asked for by the first transaction that needs it, and once.
    hasher: OnceCell<Hasher>,
}

/// What came of looking at some leads.
enum Looked {
    /// So many are done with, and so many of them are gone.
    At { ids: usize, gone: u64 },
    /// Another round is at this tenant's leads, or the tenant was deleted.
    Overtaken,
}

impl Pass {
    /// The tenant's row once the first `looked_at` of `ids` are done with, of which so many are gone.
    fn after(&self, ids: &[LeadId], looked_at: usize, gone: u64) -> Retention {
        let last = looked_at.checked_sub(1).and_then(|last| ids.get(last));
        Retention {
            looked_to: last.map_or(self.next.looked_to, |id| id.get()),
            deleted: self.next.deleted + gone,
            ..self.next.clone()
        }
    }
}

impl LeadRetention {
    /// Built once at init.
    ///
    /// # Errors
    /// Names the setting that is missing or wrong.
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self { stores: Stores::new(cx)?, suppression: Suppression::new(cx)?, kept_for: lead_retention(&cx.env)? })
    }

    /// One round over the tenants that are due, each for as long as there is time. One that cannot go on does not stop the
    /// others.
    pub async fn go_on(&self, deadline: Deadline) -> Result<RoundReport> {
        let mut report = RoundReport::of("retentions of leads");
        let Some(kept_for) = self.kept_for else { return Ok(report) };
        let due = self.stores.index.due_for_retention(self.stores.clock.now(), LIMIT).await?;
        let mut rounds = stream::iter(due)
            .map(|user_id| async move { (user_id, self.work_on(user_id, kept_for, deadline).await) })
            .buffer_unordered(PARALLEL);
        while let Some((user_id, outcome)) = rounds.next().await {
            if let Err(problem) = &outcome {
                error!(user.id = user_id.get(), "old leads of user {user_id} not deleted: {problem}");
            }
            report.count(outcome.is_ok());
        }
        Ok(report)
    }

    async fn work_on(&self, user_id: UserId, kept_for: Duration, deadline: Deadline) -> Result<()> {
        let now = self.stores.clock.now();
        // The index lags behind the table by milliseconds, so the row itself decides.
        let stored = self.stores.index.retention(user_id).await?.filter(|stored| stored.due <= now);
        let Some(stored) = stored else { return Ok(()) };
        let mut next = stored.clone();
        if between(stored.round_time, now) >= LOOK_AGAIN_AFTER {
            (next.looked_to, next.round_time) = (0, whole_second(now));
        }
        let mut pass = Pass { user_id, cutoff: before(now, kept_for), stored, next, hasher: OnceCell::new() };
        if self.is_through(&mut pass, deadline).await? {
            pass.next.due = after(now, BETWEEN_PASSES);
        }
        if pass.next != pass.stored {
            self.note(&pass).await?;
        }
        Ok(())
    }

    /// Looks at all old leads that this round has not looked at. `false`: the time is over, or somebody else is at it.
    async fn is_through(&self, pass: &mut Pass, deadline: Deadline) -> Result<bool> {
        let Stores { index, clock, .. } = &self.stores;
        let last = index.last_until(pass.user_id, pass.cutoff).await?.unwrap_or_default();
        while pass.next.looked_to < last {
            let bounds = Bounds { first: pass.next.looked_to + 1, last: (pass.next.looked_to + RANGE).min(last) };
            let prospects = index.status_sets(pass.user_id, bounds).await?.prospects(bounds)?;
            let ids: Vec<LeadId> = prospects.into_iter().map(|id| LeadId::new(id.into())).collect();
            let mut rest = ids.as_slice();
            while !rest.is_empty() {
                if deadline.remaining(clock.now()) < MIN_TIME_LEFT {
                    return Ok(false);
                }
                let some = rest.get(..rest.len().min(MOST_LEADS)).unwrap_or_default();
                let looked = {
                    let pass = &*pass;
                    on_conflict(clock, "leads", TRIES, || Box::pin(self.try_some(pass, some))).await?
                };
                let Looked::At { ids, gone } = looked else { return Ok(false) };
                pass.next = pass.after(some, ids, gone);
                if gone > 0 {
                    pass.next.version = pass.stored.version + 1;
                    pass.stored = pass.next.clone();
                }
                rest = rest.get(ids..).unwrap_or_default();
            }
            pass.next.looked_to = bounds.last;
        }
        Ok(true)
    }

    /// Deletes those of the first of these leads that are kept for nothing, as many as fit a transaction.
    async fn try_some(&self, pass: &Pass, ids: &[LeadId]) -> Result<Attempt<Looked>> {
        let Stores { index, leads, clock, .. } = &self.stores;
        // A sync that changes a lead moves the counter, so what is read after it is still true if it has not moved.
        let counter = index.counter(pass.user_id).await?;
        let mut over = HashMap::new();
        for lead in leads.by_ids(pass.user_id, ids.iter().copied()).await? {
            let worked_at = self.worked_at(&lead, pass.cutoff).await?;
            if is_over(&lead, worked_at, pass.cutoff) {
                over.insert(lead.lead_id, lead);
            }
        }
        let plan = Plan::of(ids, &over)?;
        let gone = plan.going.len() as u64;
        let looked = Looked::At { ids: plan.looked_at, gone };
        if plan.going.is_empty() {
            return Ok(Attempt::Done(looked));
        }
        let mut transaction = self.deletion(pass, &plan, &counter).await?;
        let next = pass.after(ids, plan.looked_at, gone);
        let is_ours = transaction.add(index.advance_retention(pass.user_id, &pass.stored, &next)?);
        let lead_ids: Vec<LeadId> = plan.going.iter().map(|lead| lead.lead_id).collect();
        let row = Row {
            tenant: pass.user_id,
            actor: &system(),
            action: audit::LEADS_EXPIRED,
            object: "leads".to_owned(),
            before: Value::Null,
            after: json!({ "leadIds": lead_ids }),
        };
        transaction.add(self.stores.audit.row(&row, clock.now())?);
        let told: kernel::Result<Vec<_>> =
            plan.going.iter().map(|lead| events::erased(lead, counter.version + 1)).collect();
        self.stores.tell(&mut transaction, pass.user_id, &told?)?;
        let outcome = self.stores.commit(&transaction).await?;
        Ok(match outcome.is_committed() {
            true => Attempt::Done(looked),
            false if outcome.failed(is_ours) => Attempt::Done(Looked::Overtaken),
            false => Attempt::Conflict,
        })
    }

    /// When a person last changed the lead, as far as that matters: one whose row has not changed since `cutoff` needs no
    /// look at its history.
    async fn worked_at(&self, lead: &Lead, cutoff: Timestamp) -> Result<Option<Timestamp>> {
        if lead.version == 0 || lead.update_time <= cutoff {
            return Ok(None);
        }
        Ok(self.stores.index.edited_at(lead.user_id, lead.lead_id).await?)
    }

    /// What takes the leads of `plan` out of all tables.
    async fn deletion(&self, pass: &Pass, plan: &Plan<'_>, counter: &Counter) -> Result<Transaction> {
        let Stores { index, leads, identities, .. } = &self.stores;
        let user_id = pass.user_id;
        let hasher = match plan.going.iter().any(|lead| lead.follows_any()) {
            true => Some(pass.hasher.get_or_try_init(|| self.suppression.hasher(user_id)).await?),
            false => None,
        };
        if let [lead] = plan.going.as_slice()
            && lead.version > 0
        {
            let person = Person::of(&self.stores, lead, ALWAYS).await?;
            return erasure(&self.stores, lead, person, hasher, counter).await;
        }
        let (mut next, mut transaction) = (counter.clone(), Transaction::new());
        for lead in &plan.going {
            next.holes.add(lead.lead_id)?;
            transaction.add(leads.remove(lead)?);
            let (fan, of) = (&lead.fan_open_id, FanLead { lead_id: lead.lead_id, own: lead.lead_id });
            match hasher.filter(|_| lead.follows_any()) {
                Some(hasher) => {
                    next.erased_fans += 1;
                    transaction.add_all(identities.erase(user_id, fan, &hasher.of_fan(fan), of)?);
                }
                None => {
                    transaction.add(identities.forget(user_id, fan, of.lead_id)?);
                }
            }
        }
        let names: Vec<_> = plan.going.iter().map(|lead| (lead.lead_id, None)).collect();
        transaction.add_all(index.rename(user_id, &names)?);
        transaction.add_all(index.move_leads_and(user_id, &[], &plan.going, None).await?);
        index.advance(&mut transaction, user_id, counter, &next)?;
        Ok(transaction)
    }

    /// Writes down how far the pass is. If another round has done so meanwhile, that one goes on.
    async fn note(&self, pass: &Pass) -> Result<()> {
        let mut transaction = Transaction::new();
        transaction.add(self.stores.index.advance_retention(pass.user_id, &pass.stored, &pass.next)?);
        if self.stores.commit(&transaction).await?.is_committed() && pass.next.due > pass.stored.due {
            let (user_id, deleted) = (pass.user_id, pass.next.deleted);
            info!(
                user.id = user_id.get(),
                leads = deleted,
                "old leads of user {user_id} looked at, {deleted} gone so far"
            );
        }
        Ok(())
    }
}
