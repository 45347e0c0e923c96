//! From a task to its deliveries: when its time has come, once.

use std::collections::BTreeMap;

use futures::future::join_all;
use kernel::ids::TaskId;
use kernel::retry::{Attempt, TRIES, on_conflict};
use kernel::transaction::Transaction;
use tracing::{info, warn};

use super::channel::delivery_name;
use super::runner::Publisher;
use crate::error::{PublishProblem, Result};
use crate::ids::AccountId;
use crate::status::{ResultStatus, derive};
use crate::store::account::Account;
use crate::store::delivery::{DeliveryKey, NewDelivery, Sender};
use crate::store::result::{AccountResult, AccountState};
use crate::store::task::{Task, TaskChange};
use crate::task_records;
use crate::time::between;

impl Publisher {
    /// Makes the task's deliveries and sends a message for each. Before the task's time it only sends itself again; a task
    /// that was dispatched, called off or moved to a later time needs nothing.
    pub async fn dispatch(&self, task_id: TaskId) -> Result<()> {
        on_conflict(&self.stores.clock, "moment task", TRIES, || self.try_to_dispatch(task_id)).await
    }

    async fn try_to_dispatch(&self, task_id: TaskId) -> Result<Attempt<()>> {
        let Some((task, results)) = task_records::read(&self.stores, task_id).await? else {
            return Ok(Attempt::Done(()));
        };
        let Some(due) = task.next_action_at.filter(|_| !task.dispatched) else { return Ok(Attempt::Done(())) };
        let now = self.stores.clock.now();
        if now < due {
            // The queue waits out a short rest, precise to the second; a long one is the schedule's and the sweeper's.
            self.queue.dispatch(task_id, task.user_id, between(now, due)).await?;
            return Ok(Attempt::Done(()));
        }
        let pending: Vec<&AccountResult> =
            results.iter().filter(|result| result.status == ResultStatus::Pending).collect();
        let planned_at = task.scheduled_time.map(|_| due);
        let problem = if self.policy.is_missed(planned_at, now) {
            Some(PublishProblem::Missed)
        } else if planned_at.is_none() && self.policy.is_stale(due, now) {
            Some(PublishProblem::WaitedTooLong)
        } else {
            None
        };
        let missed = problem.is_some();
        let ids: Vec<AccountId> = pending.iter().map(|result| result.account_id.clone()).collect();
        let accounts = if missed { Vec::new() } else { self.stores.accounts.by_ids(&ids).await? };
        let problem = problem.unwrap_or(PublishProblem::AccountUnusable);
        let Some(deliveries) = self.make_deliveries(&task, &results, &pending, &accounts, problem).await? else {
            return Ok(Attempt::Conflict);
        };
        info!(task.id = task_id.get(), deliveries = deliveries.len(), missed, "moment task {task_id} dispatched");
        self.announce(&task, deliveries).await;
        Ok(Attempt::Done(()))
    }

    /// The names of the deliveries made; `None` when the task changed meanwhile.
    async fn make_deliveries(
        &self,
        task: &Task,
        results: &[AccountResult],
        pending: &[&AccountResult],
        accounts: &[Account],
        problem: PublishProblem,
    ) -> Result<Option<Vec<String>>> {
        let mut deliveries: BTreeMap<String, (&Account, Vec<Sender<'_>>)> = BTreeMap::new();
        let mut failed = Vec::new();
        for result in pending {
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
        let derived =
            derive(
                results.iter().map(|result| {
                    if failed.contains(&&result.account_id) { ResultStatus::Failed } else { result.status }
                }),
            );
        let mut transaction = Transaction::new();
        transaction.add(self.stores.tasks.advance(task, TaskChange::Dispatched(derived), now)?);
        for account in &failed {
            let state = AccountState::failed(problem.advice());
            transaction.add(self.stores.results.set(task.id, account, &state, now)?);
        }
        for (name, (first, senders)) in &deliveries {
            let key = DeliveryKey { task_id: task.id, delivery: name };
            let (user_id, provider, corp_key) = (task.user_id, first.provider, first.corp_key.as_ref());
            let wanted_at = task.next_action_at.unwrap_or(now);
            let new = NewDelivery { key, user_id, provider, corp_key, wanted_at, senders };
            transaction.add(self.stores.deliveries.create(&new, now)?);
        }
        let outcome = self.stores.commit(&transaction).await?;
        Ok(outcome.is_committed().then(|| deliveries.into_keys().collect()))
    }

    /// Sends a message for each delivery; one that cannot be sent is found by the sweeper.
    async fn announce(&self, task: &Task, deliveries: Vec<String>) {
        let keys = deliveries.iter().map(|delivery| DeliveryKey { task_id: task.id, delivery });
        let messages = keys.map(|key| self.queue.wake(key, task.user_id));
        let sent = join_all(messages).await;
        let unsent = sent.iter().filter(|outcome| outcome.is_err()).count();
        if unsent > 0 {
            warn!(task.id = task.id.get(), unsent, "delivery messages not sent, left to the sweeper");
        }
    }
}
