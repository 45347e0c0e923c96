//! Stopping: what was not sent is called off, what members have not confirmed is stopped at WeCom by the publisher, and
//! what cannot be recalled is said, account by account.

use kernel::advice;
use kernel::caller::Caller;
use kernel::ids::TaskId;
use kernel::retry::{Attempt, TRIES, on_conflict};
use kernel::transaction::{MAX_ACTIONS, Transaction};
use serde::Serialize;
use serde_json::json;
use tracing::info;

use super::manage::call_off;
use super::read;
use super::start::TaskStarter;
use crate::audit;
use crate::error::{Error, Result};
use crate::ids::AccountId;
use crate::provider::Provider;
use crate::publish::{Intervention, intervene};
use crate::status::ResultStatus;
use crate::store::Stores;
use crate::store::delivery::Delivery;
use crate::store::result::{AccountResult, Stage};

/// What stopping has come to for an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    pub account_id: AccountId,
    /// How far it is stopped.
    pub outcome: StopOutcome,
    /// What that means and what is left to do, in Chinese; nothing where it is stopped.
    pub reason: Option<&'static str>,
}

/// How far an account is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StopOutcome {
    /// Nothing of it is out, and nothing will be.
    Cancelled,
    /// WeCom is asked to stop its member; the task tells what comes of it.
    Stopping,
    /// It is out or may be, and nobody can take it back.
    NotRecalled,
}

/// Stops the task: see the module. It may be asked for any number of times; whoever dies on the way leaves the rest to
/// the next request, and what is marked as stopped to the publisher.
///
/// # Errors
/// [`Error::StateForbids`] when the task has ended without having been stopped.
pub async fn stop(stores: &Stores, starter: &TaskStarter, caller: &Caller, task_id: TaskId) -> Result<Vec<Stop>> {
    for _ in 0..TRIES {
        match call_off(stores, starter, (caller, audit::TASK_STOPPED), task_id).await {
            // Everything is sent, or has ended.
            Ok(()) | Err(Error::StateForbids(_)) => {}
            Err(error) => return Err(error),
        }
        let step = || try_stop(stores, starter, caller, task_id);
        if let Some(stops) = on_conflict(&stores.clock, "moment task", TRIES, step).await? {
            return Ok(stops);
        }
    }
    Err(kernel::Error::Contention("moment task").into())
}

/// Marks what is under way. `None`: something is left that is not sent, or did not fit the transaction.
async fn try_stop(
    stores: &Stores,
    starter: &TaskStarter,
    caller: &Caller,
    task_id: TaskId,
) -> Result<Attempt<Option<Vec<Stop>>>> {
    let user_id = caller.user_id;
    let (task, results) = read(stores, user_id, task_id).await?;
    let deliveries = stores.deliveries.of_task(task_id).await?;
    let is_open = |delivery: &Delivery| results.iter().any(|result| delivery.serves(result) && !result.status.ended());
    if deliveries
        .iter()
        .any(|delivery| intervene(delivery.stage, Intervention::Cancelled).is_some() && is_open(delivery))
    {
        return Ok(Attempt::Done(None));
    }
    let runs =
        |delivery: &&Delivery| intervene(delivery.stage, Intervention::Stopped).is_some() && !delivery.stop_requested;
    let running: Vec<&Delivery> = deliveries.iter().filter(runs).take(MAX_ACTIONS - 1).collect();
    if running.is_empty() {
        let was_stopped = deliveries.iter().any(|delivery| delivery.stop_requested)
            || results.iter().any(|result| result.status == ResultStatus::Cancelled);
        if task.status.ended() && !was_stopped {
            return Err(Error::StateForbids(advice::NOTHING_TO_STOP));
        }
        // Also when it was marked by a request that died before its message.
        for delivery in deliveries
            .iter()
            .filter(|delivery| delivery.stop_requested && delivery.lease_owner.is_none() && is_open(delivery))
        {
            starter.wake(delivery.key(), user_id).await;
        }
        return Ok(Attempt::Done(Some(stops(&results, &deliveries))));
    }
    let now = stores.clock.now();
    let accounts: Vec<&AccountId> = running.iter().flat_map(|delivery| &delivery.account_ids).collect();
    let states = (json!({ "status": task.status }), json!({ "status": task.status, "accounts": accounts }));
    let mut transaction = Transaction::new();
    for delivery in &running {
        transaction.add(stores.deliveries.stop(delivery, now)?);
    }
    transaction.add(stores.deed(caller, audit::TASK_STOPPED, audit::task(task_id), states, now)?);
    if !stores.commit(&transaction).await?.is_committed() {
        return Ok(Attempt::Conflict);
    }
    info!(task.id = task_id.get(), deliveries = running.len(), "moment task {task_id} stopped");
    // What is told is read once it is written.
    Ok(Attempt::Done(None))
}

/// What is told of each account that is, was or could have been stopped. One that certainly failed has nothing to stop.
fn stops(results: &[AccountResult], deliveries: &[Delivery]) -> Vec<Stop> {
    let stop = |result: &AccountResult| {
        let delivery = deliveries.iter().find(|delivery| delivery.serves(result));
        let is_personal = delivery.is_some_and(|delivery| delivery.provider == Provider::Gateway);
        let (outcome, reason) = match result.status {
            ResultStatus::Cancelled => (StopOutcome::Cancelled, None),
            ResultStatus::Success if is_personal => {
                (StopOutcome::NotRecalled, Some("已发布，个人号朋友圈无法撤回，请在该微信中手动删除"))
            }
            ResultStatus::Success => {
                (StopOutcome::NotRecalled, Some("成员已发表，企业微信不支持撤回，请联系该成员手动删除"))
            }
            ResultStatus::Failed if result.stage == Stage::Unconfirmed => {
                (StopOutcome::NotRecalled, Some("是否已发布尚未确认，无法撤回，请先在微信中查看"))
            }
            ResultStatus::Failed => return None,
            ResultStatus::Pending | ResultStatus::Processing if is_personal => {
                (StopOutcome::NotRecalled, Some("已提交给微信，个人号朋友圈无法撤回，如已发布请在该微信中手动删除"))
            }
            ResultStatus::Pending | ResultStatus::Processing => {
                (StopOutcome::Stopping, Some("正在请求企业微信停止，在此之前已发表的无法撤回"))
            }
        };
        Some(Stop { account_id: result.account_id.clone(), outcome, reason })
    };
    results.iter().filter_map(stop).collect()
}
