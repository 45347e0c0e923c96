//! From a task to its deliveries: when its time has come, once.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kernel::deadline::Deadline;
use kernel::ids::TaskId;
use kernel::lease::Lease;
use kernel::metrics::{self, Metric};
use kernel::retry::{Attempt, TRIES, on_conflict};
use kernel::trace;
use kernel::transaction::Transaction;
use tracing::{info, warn};

use super::channel::delivery_name;
use super::claimed::ClaimedDelivery;
use super::outcomes;
use super::runner::Publisher;
use crate::error::{PublishProblem, Result};
use crate::events;
use crate::ids::AccountId;
use crate::status::{ResultStatus, derive};
use crate::store::account::Account;
use crate::store::delivery::{DeliveryKey, NewDelivery, Sender};
use crate::store::result::{AccountResult, AccountState};
use crate::store::task::{Task, TaskChange};
use crate::task_records::{self, TaskSnapshot};
use crate::time::between;

/// A task that was dispatched.
struct Dispatched {
    /// Its first delivery, which this worker goes on with: it has read all that is needed for it.
    first: Option<ClaimedDelivery>,
    /// The names of the others.
    others: Vec<String>,
}

impl Publisher {
    /// Makes the task's deliveries, sends a message for each but the first, and moves that one a step. Before the task's time
    /// it only sends itself again; a task that was dispatched, called off or moved to a later time needs nothing. While
    /// publishing is switched off the task stays as it is, and the sweeper finds it afterwards.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn dispatch(&self, task_id: TaskId, deadline: Deadline) -> Result<()> {
        if !self.settings.is_enabled {
            info!(task.id = task_id.get(), "moment task {task_id} stays due: publishing is switched off");
            return Ok(());
        }
        let attempt = || self.try_to_dispatch(task_id, deadline);
        let Some((task, dispatched)) = on_conflict(&self.stores.clock, "moment task", TRIES, attempt).await? else {
            return Ok(());
        };
        let Dispatched { first, others } = dispatched;
        self.announce(&task, &others).await;
        if let Some(first) = first {
            // Boxed: it is as large as all that a worker does.
            Box::pin(self.carry_on(first)).await?;
        }
        Ok(())
    }

    async fn try_to_dispatch(
        &self,
        task_id: TaskId,
        deadline: Deadline,
    ) -> Result<Attempt<Option<(Task, Dispatched)>>> {
        let Some((task, results)) = task_records::read(&self.stores, task_id).await? else {
            return Ok(Attempt::Done(None));
        };
        trace::join(task.trace_id.as_deref());
        let Some(due) = task.next_action_at.filter(|_| !task.dispatched) else { return Ok(Attempt::Done(None)) };
        let now = self.stores.clock.now();
        if now < due {
            // The queue waits out a short rest, precise to the second; a long one is the schedule's and the sweeper's.
            self.queue.dispatch(task_id, task.user_id, between(now, due)).await?;
            return Ok(Attempt::Done(None));
        }
        let problem = self.too_late(&task, due, now);
        let pending: Vec<&AccountResult> =
            results.iter().filter(|result| result.status == ResultStatus::Pending).collect();
        let ids: Vec<AccountId> = pending.iter().map(|result| result.account_id.clone()).collect();
        let missed = problem.is_some();
        let accounts = if missed { Vec::new() } else { self.stores.accounts.by_ids(&ids).await? };
        let problem = problem.unwrap_or(PublishProblem::AccountUnusable);
        let snapshot = TaskSnapshot { task, results };
        let Some(dispatched) = self.make_deliveries(&snapshot, &accounts, problem, deadline).await? else {
            return Ok(Attempt::Conflict);
        };
        let deliveries = dispatched.others.len() + usize::from(dispatched.first.is_some());
        info!(task.id = task_id.get(), deliveries, missed, "moment task {task_id} dispatched");
        Ok(Attempt::Done(Some((snapshot.task, dispatched))))
    }

    /// Why a task that was due at `due` is not published any more.
    fn too_late(&self, task: &Task, due: Timestamp, now: Timestamp) -> Option<PublishProblem> {
        let planned_at = task.scheduled_time.map(|_| due);
        if self.policy.is_missed(planned_at, now) {
            Some(PublishProblem::Missed)
        } else if planned_at.is_none() && self.policy.is_stale(due, now) {
            Some(PublishProblem::WaitedTooLong)
        } else {
            None
        }
    }

    /// Writes the deliveries of the accounts that wait, the first of them in this worker's hands; `None` when the task changed
    /// meanwhile. Accounts that cannot be published to fail with `problem`.
    async fn make_deliveries(
        &self,
        snapshot: &TaskSnapshot,
        accounts: &[Account],
        problem: PublishProblem,
        deadline: Deadline,
    ) -> Result<Option<Dispatched>> {
        let TaskSnapshot { task, results } = snapshot;
        let mut deliveries: BTreeMap<String, (&Account, Vec<Sender<'_>>)> = BTreeMap::new();
        let mut failed = Vec::new();
        for result in results.iter().filter(|result| result.status == ResultStatus::Pending) {
            let account = accounts
                .iter()
                .find(|account| account.account_id == result.account_id && account.user_id == task.user_id);
            let Some(account) = account else {
                failed.push(&result.account_id);
                continue;
            };
            let name = delivery_name(account.corp_key.as_ref(), &account.account_id, result.round);
            let sender = Sender { account_id: &account.account_id, member_id: account.member_id.as_deref() };
            deliveries.entry(name).or_insert((account, Vec::new())).1.push(sender);
        }
        let now = self.stores.clock.now();
        let lease = Lease::new(now, self.settings.lease);
        let state = AccountState::failed(problem.advice());
        let mut now_known = snapshot.clone();
        for result in now_known.results.iter_mut().filter(|result| failed.contains(&&result.account_id)) {
            (result.status, result.stage) = (state.status(), state.stage());
        }
        let derived = derive(now_known.results.iter().map(|result| result.status));
        let mut transaction = Transaction::new();
        transaction.add(self.stores.tasks.advance(task, TaskChange::Dispatched(derived), now)?);
        self.stores.tell(&mut transaction, task.user_id, events::ended(task, derived)?)?;
        for account in &failed {
            transaction.add(self.stores.results.set(task.id, account, &state, now)?);
        }
        let mut first = None;
        for (name, (account, senders)) in &deliveries {
            let new = NewDelivery {
                key: DeliveryKey { task_id: task.id, delivery: name },
                user_id: task.user_id,
                provider: account.provider,
                corp_key: account.corp_key.as_ref(),
                wanted_at: task.next_action_at.unwrap_or(now),
                senders,
                lease: first.is_none().then_some(&lease),
            };
            transaction.add(self.stores.deliveries.create(&new, now)?);
            if first.is_none() {
                first = Some(new.delivery(now)?);
            }
        }
        if !self.stores.commit(&transaction).await?.is_committed() {
            return Ok(None);
        }
        outcomes::tell(&failed.iter().map(|_| &state).collect::<Vec<_>>());
        now_known.task.version += 1;
        (now_known.task.status, now_known.task.tally) = (derived.status, derived.tally);
        let others = deliveries.into_keys().skip(1).collect();
        let (snapshot, accounts) = (now_known, Some(accounts.to_vec()));
        let claimed = |row| ClaimedDelivery { row, lease, snapshot, accounts, corp: None, deadline };
        Ok(Some(Dispatched { first: first.map(claimed), others }))
    }

    /// Sends a message for each delivery; one that cannot be sent is found by the sweeper.
    async fn announce(&self, task: &Task, deliveries: &[String]) {
        let keys = deliveries.iter().map(|delivery| DeliveryKey { task_id: task.id, delivery });
        let unsent = self.queue.wake_all(&keys.collect::<Vec<_>>(), task.user_id).await;
        if unsent > 0 {
            metrics::count(Metric::WakeupsNotMade, unsent);
            warn!(task.id = task.id.get(), unsent, "delivery messages not sent, left to the sweeper");
        }
    }
}
