//! Writes a task together with its results: whatever changes for an account changes together with the delivery that
//! caused it and with the task's status, which is derived from all accounts.

use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::Timestamp;
use kernel::ids::TaskId;
use kernel::retry::{Attempt, on_conflict};
use kernel::transaction::{Condition, Outcome, Transaction};

use crate::error::Result;
use crate::events;
use crate::ids::AccountId;
use crate::status::Standing;
use crate::store::Stores;
use crate::store::result::{AccountResult, AccountState, Stage};
use crate::store::task::Task;

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
    /// Another delivery has taken the account's publish slot; nothing was written.
    SlotTaken,
}

/// What is written together with the accounts' states, all or none of it.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    /// The delivery's own change.
    pub delivery: TransactWriteItem,
    /// Until when members may confirm, if this asks them.
    pub confirm_until: Option<Timestamp>,
    /// The claim, if a post is told.
    pub claim: Option<TransactWriteItem>,
    /// The publish slot of the account, if it is taken with this.
    pub slot: Option<TransactWriteItem>,
    /// The account's last post, if one is told. The account may be gone, and then it is told without this.
    pub last_post: Option<TransactWriteItem>,
}

/// A task and its accounts, or those of one delivery, as they were read last, or written since. It may be out of date: the
/// task's version tells.
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

/// Puts accounts into states together with the `change` of the delivery that they are of. `snapshot` holds the delivery's own
/// accounts at least, as this worker knows them: nobody else changes them while it holds the delivery. Of the others the
/// task's tally says enough, and a refusal brings the task as it is, so nothing is read. In the end the snapshot is what
/// the tables hold.
pub(crate) async fn record(
    stores: &Stores,
    snapshot: &mut TaskSnapshot,
    change: &Change,
    states: &[(&AccountId, AccountState)],
) -> Result<RecordOutcome> {
    let known = Mutex::new((snapshot.clone(), change.clone()));
    let lock = || -> MutexGuard<'_, _> { known.lock().unwrap_or_else(PoisonError::into_inner) };
    let recorded = on_conflict(&stores.clock, "moment task", TRIES, || async {
        let (mut snapshot, mut change) = lock().clone();
        let attempt = try_to_record(stores, &mut snapshot, &mut change, states).await;
        *lock() = (snapshot, change);
        attempt
    })
    .await?;
    snapshot.clone_from(&lock().0);
    Ok(recorded)
}

async fn try_to_record(
    stores: &Stores,
    snapshot: &mut TaskSnapshot,
    change: &mut Change,
    states: &[(&AccountId, AccountState)],
) -> Result<Attempt<RecordOutcome>> {
    let now = stores.clock.now();
    let seen = snapshot.task.tally;
    let moves = states.iter().filter_map(|(account, state)| {
        let before = snapshot.results.iter().find(|result| result.account_id == **account)?;
        Some((before.status, state.status()))
    });
    let after = moves.clone().fold(seen, |tally, (before, state)| tally.moved(before, state));
    // Between two open states nothing changes for the task, and its deliveries need not wait for each other there: what
    // is open for one account stays so until its own delivery says otherwise.
    let had_ended = moves.clone().any(|(before, _)| before.ended());
    let moves_task = !states.is_empty() && (after.status() != snapshot.task.status || after != seen || had_ended);

    let mut transaction = Transaction::new();
    let delivery = transaction.add(change.delivery.clone());
    let claim = change.claim.clone().map(|claim| transaction.add(claim));
    let task = match moves_task {
        true => Some(transaction.add(stores.tasks.count(&snapshot.task, seen, after, now)?)),
        false => None,
    };
    for (account, state) in states {
        transaction.add(stores.results.set(snapshot.task.id, account, state, now)?);
    }
    let is_new = |account: &&AccountId| {
        let before = snapshot.results.iter().find(|result| result.account_id == **account);
        before.is_some_and(|before| before.stage != Stage::WaitingMemberConfirm)
    };
    let asked = states.iter().filter(|(_, state)| state.stage() == Stage::WaitingMemberConfirm);
    let asked = asked.map(|(account, _)| *account).filter(is_new).cloned().collect();
    let waiting = events::waiting(&snapshot.task, asked, change.confirm_until)?;
    let ended = events::ended(&snapshot.task, Standing { status: after.status(), tally: after })?;
    stores.tell(&mut transaction, snapshot.task.user_id, waiting.into_iter().chain(ended.filter(|_| moves_task)))?;
    let slot = change.slot.clone().map(|slot| transaction.add(slot));
    let last_post = change.last_post.clone().map(|post| transaction.add(post));
    let outcome = stores.commit(&transaction).await?;
    if let Some(recorded) = failed_for_good(&outcome, delivery, claim, slot) {
        return Ok(Attempt::Done(recorded));
    }
    if !outcome.is_committed() {
        if outcome.failed(last_post) {
            change.last_post = None;
        }
        if let Some(row) = outcome.found(task) {
            snapshot.task = Task::from_row(row)?;
        }
        return Ok(Attempt::Conflict);
    }
    if moves_task {
        snapshot.task.version += 1;
        snapshot.task.status = after.status();
        snapshot.task.tally = after;
    }
    for result in &mut snapshot.results {
        if let Some((_, state)) = states.iter().find(|(account, _)| **account == result.account_id) {
            (result.status, result.stage) = (state.status(), state.stage());
        }
    }
    Ok(Attempt::Done(RecordOutcome::Done))
}

/// Why a change can never be written: its delivery, the post it claims, or the account's slot is not its own.
fn failed_for_good(
    outcome: &Outcome,
    delivery: Condition,
    claim: Option<Condition>,
    slot: Option<Condition>,
) -> Option<RecordOutcome> {
    if outcome.failed(delivery) {
        Some(RecordOutcome::LeaseLost)
    } else if outcome.failed(claim) {
        Some(RecordOutcome::ClaimTaken)
    } else if outcome.failed(slot) {
        Some(RecordOutcome::SlotTaken)
    } else {
        None
    }
}
