//! Writes a task together with its results: whatever changes for an account changes together with the delivery that
//! caused it and with the task's status, which is derived from all accounts.

use std::sync::{Mutex, PoisonError};

use aws_sdk_dynamodb::types::TransactWriteItem;
use kernel::ids::TaskId;
use kernel::retry::{Attempt, on_conflict};
use kernel::transaction::{Condition, Outcome, Transaction};

use crate::error::Result;
use crate::ids::AccountId;
use crate::status::derive;
use crate::store::Stores;
use crate::store::result::{AccountResult, AccountState};
use crate::store::task::{Task, TaskChange};

/// How often a change that met another one of the same task is tried again.
pub(crate) const TRIES: u32 = 30;

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordOutcome {
    /// It is in the tables.
    Done,
    /// The delivery is not this worker's any more; nothing was written.
    LeaseLost,
    /// The post that was to be claimed belongs to another delivery; nothing was written.
    ClaimTaken,
}

/// A task and its accounts as they were read last, or written since. It may be out of date: the task's version tells.
#[derive(Debug, Clone)]
pub struct TaskSnapshot {
    pub task: Task,
    pub results: Vec<AccountResult>,
}

/// The task with its accounts. The task first: accounts older than the version beside them would make a change that
/// is derived from them look up to date, and the task could stay open although its last account has ended.
pub async fn read(stores: &Stores, task: TaskId) -> Result<Option<(Task, Vec<AccountResult>)>> {
    let Some(found) = stores.tasks.get(task).await? else { return Ok(None) };
    let results = stores.results.of_task(task).await?;
    Ok(Some((found, results)))
}

/// What is in the tables now.
pub(crate) async fn read_snapshot(stores: &Stores, task: TaskId) -> Result<TaskSnapshot> {
    let (task, results) = read(stores, task).await?.ok_or(kernel::Error::NotFound("moment task"))?;
    Ok(TaskSnapshot { task, results })
}

/// Puts accounts into states together with `delivery`'s own change, and with a claim if they tell a post. `snapshot` saves
/// reading what is known already: when it is out of date, it is read anew, and in the end it is what the tables hold.
pub async fn record(
    stores: &Stores,
    snapshot: &mut TaskSnapshot,
    delivery: TransactWriteItem,
    claim: Option<TransactWriteItem>,
    states: &[(&AccountId, AccountState)],
) -> Result<RecordOutcome> {
    let task_id = snapshot.task.id;
    // Only the first attempt is made from what is known.
    let known = Mutex::new(Some(snapshot.clone()));
    let (recorded, now) = on_conflict(&stores.clock, "moment task", TRIES, || async {
        let known = known.lock().unwrap_or_else(PoisonError::into_inner).take();
        let snapshot = match known {
            Some(snapshot) => snapshot,
            None => self::read_snapshot(stores, task_id).await?,
        };
        try_to_record(stores, snapshot, &delivery, claim.as_ref(), states).await
    })
    .await?;
    *snapshot = now;
    Ok(recorded)
}

async fn try_to_record(
    stores: &Stores,
    mut snapshot: TaskSnapshot,
    delivery: &TransactWriteItem,
    claim: Option<&TransactWriteItem>,
    states: &[(&AccountId, AccountState)],
) -> Result<Attempt<(RecordOutcome, TaskSnapshot)>> {
    let now = stores.clock.now();
    let state_of = |result: &AccountResult| {
        let state = states.iter().find(|(account, _)| **account == result.account_id);
        state.map(|(_, state)| state)
    };
    let derived =
        derive(snapshot.results.iter().map(|result| state_of(result).map_or(result.status, AccountState::status)));
    // Between two open states nothing changes for the task, and its deliveries need not wait for each other there: what
    // is open for one account stays so until its own delivery says otherwise.
    let ends = states.iter().any(|(_, state)| state.status().ended());
    let had_ended = snapshot.results.iter().any(|result| result.status.ended() && state_of(result).is_some());
    let moves_task = !states.is_empty() && (derived != snapshot.task.status || ends || had_ended);

    let mut transaction = Transaction::new();
    let delivery = transaction.add(delivery.clone());
    let claim = claim.map(|claim| transaction.add(claim.clone()));
    if moves_task {
        transaction.add(stores.tasks.advance(&snapshot.task, TaskChange::Results(derived), now)?);
    }
    for (account, state) in states {
        transaction.add(stores.results.set(snapshot.task.id, account, state, now)?);
    }
    let outcome = stores.commit(&transaction).await?;
    if let Some(recorded) = failed_for_good(&outcome, delivery, claim) {
        return Ok(Attempt::Done((recorded, snapshot)));
    }
    if !outcome.is_committed() {
        return Ok(Attempt::Conflict);
    }
    if moves_task {
        snapshot.task.version += 1;
        snapshot.task.status = derived;
    }
    for result in &mut snapshot.results {
        if let Some(state) = state_of(result) {
            (result.status, result.stage) = (state.status(), state.stage());
        }
    }
    Ok(Attempt::Done((RecordOutcome::Done, snapshot)))
}

/// Why a change can never be written: its delivery, or the post it claims, is not its own.
fn failed_for_good(outcome: &Outcome, delivery: Condition, claim: Option<Condition>) -> Option<RecordOutcome> {
    if outcome.failed(delivery) {
        Some(RecordOutcome::LeaseLost)
    } else if outcome.failed(claim) {
        Some(RecordOutcome::ClaimTaken)
    } else {
        None
    }
}
