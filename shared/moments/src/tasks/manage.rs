//! Calling off, moving and beginning now: each legal only in certain states.

use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::Timestamp;
use kernel::audit::Action;
use kernel::caller::Caller;
use kernel::idempotency::RequestKey;
use kernel::ids::{TaskId, UserId};
use kernel::retry::{Attempt, TRIES, on_conflict};
use kernel::transaction::{MAX_ACTIONS, Transaction};
use kernel::{FieldProblem, advice};
use serde_json::{Value, json};
use tracing::{info, warn};

use super::check::{planned_time, time_problem};
use super::read;
use super::request_key::{PUBLISH_NOW, answered, key_about};
use super::start::TaskStarter;
use crate::audit;
use crate::error::{Error, Result};
use crate::events;
use crate::ids::AccountId;
use crate::pace::Pace;
use crate::publish::{Intervention, intervene};
use crate::status::{ResultStatus, TaskStatus, derive};
use crate::store::Stores;
use crate::store::delivery::Delivery;
use crate::store::result::AccountState;
use crate::store::task::{Force, Task, TaskChange};
use crate::time::whole_second;

/// What a step of calling off has done.
enum Cancelled {
    /// Nothing is left to be called off.
    Everything,
    /// Some accounts; there may be more.
    Some,
}

/// Calls the task off: the whole of it before it is dispatched, afterwards the accounts for which nothing was
/// sent yet.
///
/// # Errors
/// [`Error::StateForbids`] when nothing is left to be called off.
pub async fn cancel(stores: &Stores, starter: &TaskStarter, caller: &Caller, task_id: TaskId) -> Result<()> {
    call_off(stores, starter, (caller, audit::TASK_CANCELLED), task_id).await
}

/// The same, with the word under which it is written down.
pub(super) async fn call_off(
    stores: &Stores,
    starter: &TaskStarter,
    by: (&Caller, Action),
    task_id: TaskId,
) -> Result<()> {
    let mut some = false;
    loop {
        let step = || try_cancel(stores, starter, by, task_id, some);
        match on_conflict(&stores.clock, "moment task", TRIES, step).await {
            Ok(Cancelled::Everything) => return Ok(()),
            Ok(Cancelled::Some) => some = true,
            // What is called off stays so; the rest goes on.
            Err(Error::Kernel(kernel::Error::Contention(_))) if some => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// Calls off as much as fits one transaction. `some` says whether an earlier one has called off anything.
async fn try_cancel(
    stores: &Stores,
    starter: &TaskStarter,
    (caller, action): (&Caller, Action),
    task_id: TaskId,
    some: bool,
) -> Result<Attempt<Cancelled>> {
    let (task, results) = read(stores, caller.user_id, task_id).await?;
    let open: Vec<&AccountId> =
        results.iter().filter(|result| !result.status.ended()).map(|result| &result.account_id).collect();
    let deliveries = if task.dispatched { cancellable(stores, task_id).await? } else { Vec::new() };
    let of_deliveries =
        |account: &&AccountId| deliveries.iter().any(|delivery| delivery.account_ids.iter().any(|id| id == *account));
    // Before it is dispatched everything open waits, but what a retry has its delivery read back for.
    let waits = |account: &&AccountId| {
        results.iter().any(|result| result.account_id == **account && result.status == ResultStatus::Pending)
    };
    let cancelled: Vec<&AccountId> = open
        .into_iter()
        .filter(|account| if task.dispatched { of_deliveries(account) } else { waits(account) })
        .collect();
    if cancelled.is_empty() {
        return match (some, task.status.ended()) {
            (true, _) => Ok(Attempt::Done(Cancelled::Everything)),
            (false, true) => Err(Error::StateForbids(advice::TASK_HAS_ENDED)),
            (false, false) => Err(Error::StateForbids(advice::TASK_IS_SUBMITTED)),
        };
    }
    let now = stores.clock.now();
    let derived =
        derive(results.iter().map(|result| {
            if cancelled.contains(&&result.account_id) { ResultStatus::Cancelled } else { result.status }
        }));
    let change = if task.dispatched { TaskChange::Results(derived) } else { TaskChange::Ended(derived) };
    let (before, after) =
        (json!({ "status": task.status }), json!({ "status": derived.status, "accounts": cancelled }));
    let mut transaction = Transaction::new();
    transaction.add(stores.tasks.advance(&task, change, now)?);
    stores.tell(&mut transaction, task.user_id, events::ended(&task, derived)?)?;
    for delivery in &deliveries {
        transaction.add(stores.deliveries.cancel(delivery)?);
    }
    for account in &cancelled {
        transaction.add(stores.results.set(task_id, account, &AccountState::Cancelled, now)?);
    }
    transaction.add(stores.deed(caller, action, audit::task(task_id), (before, after), now)?);
    if !stores.commit(&transaction).await?.is_committed() {
        return Ok(Attempt::Conflict);
    }
    info!(task.id = task_id.get(), accounts = cancelled.len(), "moment task {task_id} cancelled");
    if task.dispatched {
        return Ok(Attempt::Done(Cancelled::Some));
    }
    starter.stop(task_id).await;
    Ok(Attempt::Done(Cancelled::Everything))
}

/// Deliveries for which nothing was sent yet, as many as fit one transaction with their accounts.
async fn cancellable(stores: &Stores, task_id: TaskId) -> Result<Vec<Delivery>> {
    let mut deliveries = stores.deliveries.of_task(task_id).await?;
    // The task, the row of the audit log, and what is told.
    let mut actions = 3;
    deliveries.retain(|delivery| {
        let more = 1 + delivery.account_ids.len();
        let allowed = intervene(delivery.stage, Intervention::Cancelled).is_some();
        let fits = allowed && actions + more <= MAX_ACTIONS;
        actions += if fits { more } else { 0 };
        fits
    });
    Ok(deliveries)
}

/// When a task is to be published instead.
#[derive(Debug, Clone, Copy)]
pub struct NewTime {
    pub time: Timestamp,
    /// Whether also at night, when personal accounts publish nothing.
    pub at_night: bool,
}

/// Moves a timed task to another time.
///
/// # Errors
/// [`Error::StateForbids`] once it is dispatched, [`Error::ContentRefused`] for a time that may not be, and
/// [`Error::Forceable`] for one at night if `pace` has an account of it wait for the morning.
pub async fn reschedule(
    stores: &Stores,
    starter: &TaskStarter,
    pace: &Pace,
    caller: &Caller,
    task_id: TaskId,
    new: NewTime,
) -> Result<()> {
    if let Some(problem) = time_problem(Some(new.time), stores.clock.now()) {
        return Err(Error::ContentRefused(vec![problem]));
    }
    let step = || try_reschedule(stores, starter, pace, caller, task_id, new);
    on_conflict(&stores.clock, "moment task", TRIES, step).await
}

async fn try_reschedule(
    stores: &Stores,
    starter: &TaskStarter,
    pace: &Pace,
    caller: &Caller,
    task_id: TaskId,
    NewTime { time, at_night }: NewTime,
) -> Result<Attempt<()>> {
    let user_id = caller.user_id;
    let (task, _) = read(stores, user_id, task_id).await?;
    if task.status != TaskStatus::Pending || task.dispatched || task.scheduled_time.is_none() {
        return Err(Error::StateForbids(advice::TASK_HAS_BEGUN));
    }
    let is_forced = at_night || task.force.contains(&Force::QuietHours);
    if let Some(problem) = pace.quiet_problem(planned_time(time)).filter(|_| task.has_pace && !is_forced) {
        let fields = vec![FieldProblem::new("scheduledTime", problem)];
        return Err(Error::Forceable { force: Force::QuietHours, fields });
    }
    let force = at_night.then_some(Force::QuietHours);
    let change = TaskChange::Rescheduled { time: planned_time(time), force };
    let mut transaction = Transaction::new();
    let now = stores.clock.now();
    transaction.add(stores.tasks.advance(&task, change, now)?);
    transaction.add(moved(stores, caller, &task, planned_time(time), now)?);
    if !stores.commit(&transaction).await?.is_committed() {
        return Ok(Attempt::Conflict);
    }
    info!(task.id = task_id.get(), scheduled_time = %time, "moment task {task_id} moved to {time}");
    // From here on the old schedule finds a task whose time has not come, and the sweeper stands behind the new one.
    starter.restart(task_id, user_id, planned_time(time)).await;
    follow_last_move(stores, starter, user_id, task_id, planned_time(time)).await;
    Ok(Attempt::Done(()))
}

/// The row of a task's move to another time.
fn moved(stores: &Stores, caller: &Caller, task: &Task, to: Timestamp, now: Timestamp) -> Result<TransactWriteItem> {
    let at = |time: Option<Timestamp>| json!({ "scheduledTime": time.map(|time| time.to_string()) });
    let times = (at(task.scheduled_time), at(Some(to)));
    Ok(stores.deed(caller, audit::TASK_RESCHEDULED, audit::task(task.id), times, now)?)
}

/// Two that move a task at once may write its row in one order and its schedule in the other. So each reads the row again
/// after the schedule: the one that comes last sees what the row says. The task is moved by then, so a row that cannot be
/// read fails nothing: the sweeper stands behind the schedule.
async fn follow_last_move(
    stores: &Stores,
    starter: &TaskStarter,
    user_id: UserId,
    task_id: TaskId,
    mut set: Timestamp,
) {
    for _ in 0..TRIES {
        let task = match stores.tasks.get(task_id).await {
            Ok(task) => task,
            Err(error) => {
                warn!(task.id = task_id.get(), "schedule of moment task {task_id} left to the sweeper: {error}");
                return;
            }
        };
        match task.and_then(|task| task.next_action_at.filter(|_| !task.dispatched)) {
            Some(due) if due != set => {
                starter.restart(task_id, user_id, due).await;
                set = due;
            }
            _ => return,
        }
    }
}

/// Has a timed task begin now: its time becomes this second. Asking again before it has begun sends its message again,
/// which makes up for one that a crash has swallowed; under the same key nothing is sent again.
///
/// # Errors
/// [`Error::IdempotencyKeyReused`] for a key that another request was carried out under,
/// [`Error::StateForbids`] once it is dispatched, and for a task without a time.
pub async fn publish_now(
    stores: &Stores,
    starter: &TaskStarter,
    caller: &Caller,
    task_id: TaskId,
    idempotency_key: Option<&str>,
) -> Result<()> {
    let key = idempotency_key.map(|key| key_about(caller.user_id, task_id, (PUBLISH_NOW, key), &Value::Null));
    let step = || try_publish_now(stores, starter, caller, task_id, key.as_ref());
    on_conflict(&stores.clock, "moment task", TRIES, step).await
}

async fn try_publish_now(
    stores: &Stores,
    starter: &TaskStarter,
    caller: &Caller,
    task_id: TaskId,
    key: Option<&RequestKey<'_>>,
) -> Result<Attempt<()>> {
    let user_id = caller.user_id;
    let (task, _) = read(stores, user_id, task_id).await?;
    if let Some(key) = key
        && answered(stores, key).await?.is_some()
    {
        return Ok(Attempt::Done(()));
    }
    let planned = match task.scheduled_time {
        Some(time) if task.status == TaskStatus::Pending && !task.dispatched => time,
        _ => return Err(Error::StateForbids(advice::ONLY_WAITING_BEGINS_NOW)),
    };
    let now = stores.clock.now();
    let begins = planned.min(whole_second(now));
    if planned > now || key.is_some() {
        let mut transaction = Transaction::new();
        transaction.add(stores.tasks.advance(&task, TaskChange::Rescheduled { time: begins, force: None }, now)?);
        if let Some(key) = key {
            transaction.add(stores.idempotency.remember(key, task_id, now)?);
        }
        transaction.add(moved(stores, caller, &task, begins, now)?);
        if !stores.commit(&transaction).await?.is_committed() {
            return Ok(Attempt::Conflict);
        }
        info!(task.id = task_id.get(), "moment task {task_id} begins now instead of at {planned}");
    }
    starter.restart(task_id, user_id, begins).await;
    follow_last_move(stores, starter, user_id, task_id, begins).await;
    Ok(Attempt::Done(()))
}
