//! The truth about a task, kept in one place: whatever changes for an account changes together with the unit that
//! caused it and with the task's status, which is derived from all accounts.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::TransactWriteItem;
use kernel::Clock;
use kernel::aws::Aws;
use kernel::config::{ConfigError, Env};
use kernel::dynamo::{Outcome, Refusal, backoff, transact};
use kernel::ids::TaskId;

use crate::error::Result;
use crate::status::derive;
use crate::store::result::{AccountResult, AccountState, ResultStore};
use crate::store::task::{Task, TaskChange, TaskStore};

/// How often a change that met another one of the same task is tried again.
const TRIES: u32 = 30;
/// From this attempt on the pauses grow no more: they are 320 ms then.
const LONGEST_PAUSE: u32 = 4;

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It is in the tables.
    Done,
    /// The unit is not this worker's any more; nothing was written.
    UnitMoved,
    /// The post that was to be claimed belongs to another delivery; nothing was written.
    ClaimTaken,
}

/// A task and its accounts as they were read last, or written since. It may be out of date: the task's version tells.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The task.
    pub task: Task,
    /// Its accounts.
    pub results: Vec<AccountResult>,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Ledger {
    /// The SDK client for the transactions.
    pub client: Client,
    /// Time.
    pub clock: Clock,
    /// The tasks.
    pub tasks: TaskStore,
    /// Their accounts.
    pub results: ResultStore,
}

impl Ledger {
    /// From the environment.
    pub fn new(aws: &Aws, env: &Env, clock: Clock) -> Result<Self, ConfigError> {
        Ok(Self {
            client: aws.dynamodb.clone(),
            tasks: TaskStore::new(aws.dynamodb.clone(), clock.clone(), env)?,
            clock,
            results: ResultStore::new(aws.dynamodb.clone(), env)?,
        })
    }

    /// The task with its accounts. The task first: accounts older than the version beside them would make a change that
    /// is derived from them look up to date, and the task could stay open although its last account has ended.
    pub async fn read(&self, task: TaskId) -> Result<Option<(Task, Vec<AccountResult>)>> {
        let Some(found) = self.tasks.get(task).await? else { return Ok(None) };
        let results = self.results.of_task(task).await?;
        Ok(Some((found, results)))
    }

    /// Puts accounts into states together with `unit`'s own change, and with a claim if they tell a post. `entry` saves
    /// reading what is known already: when it is out of date, it is read anew, and in the end it is what the tables hold.
    pub async fn settle(
        &self,
        entry: &mut Entry,
        unit: TransactWriteItem,
        claim: Option<TransactWriteItem>,
        states: &[(&str, AccountState)],
    ) -> Result<Settled> {
        let claims = claim.is_some();
        let own: Vec<TransactWriteItem> = [unit].into_iter().chain(claim).collect();
        if states.is_empty() {
            return self.unit_only(own, claims).await;
        }
        let task_id = entry.task.id;
        for attempt in 0..TRIES {
            let now = self.clock.now().as_second();
            let changed = |result: &AccountResult| {
                let state = states.iter().find(|(account, _)| *account == result.account_id);
                state.map_or(result.status, |(_, state)| state.status())
            };
            let derived = derive(entry.results.iter().map(changed));
            // Between two open states nothing changes for the task, and its units need not wait for each other there: what
            // is open for one account stays so until its own unit says otherwise.
            let ended = |account: &str| {
                entry.results.iter().any(|result| result.account_id == account && result.status.ended())
            };
            let moves_task = derived != entry.task.status
                || states.iter().any(|(account, state)| state.status().ended() || ended(account));
            let mut actions = own.clone();
            if moves_task {
                actions.push(self.tasks.advance(&entry.task, TaskChange::Results(derived), now)?);
            }
            for (account, state) in states {
                actions.push(self.results.set(task_id, account, state, now)?);
            }
            match transact(&self.client, &self.clock, actions).await? {
                Outcome::Committed => {
                    entry.task.version += u64::from(moves_task);
                    entry.task.status = derived;
                    for result in &mut entry.results {
                        if let Some((_, state)) = states.iter().find(|(account, _)| *account == result.account_id) {
                            (result.status, result.stage) = (state.status(), state.stage());
                        }
                    }
                    return Ok(Settled::Done);
                }
                Outcome::Refused(refusals) => {
                    if let Some(settled) = lost(&refusals, claims) {
                        return Ok(settled);
                    }
                    // Whoever was faster is one of many that end at the same time: those who come again at once meet again.
                    if attempt > 0 {
                        self.clock.sleep(backoff(attempt.min(LONGEST_PAUSE))).await;
                    }
                    let (task, results) = self.read(task_id).await?.ok_or(kernel::Error::NotFound("moment task"))?;
                    *entry = Entry { task, results };
                }
            }
        }
        Err(kernel::Error::Busy("moment task").into())
    }

    async fn unit_only(&self, own: Vec<TransactWriteItem>, claims: bool) -> Result<Settled> {
        Ok(match transact(&self.client, &self.clock, own).await? {
            Outcome::Committed => Settled::Done,
            Outcome::Refused(refusals) => lost(&refusals, claims).unwrap_or(Settled::UnitMoved),
        })
    }
}

/// Whether a change can never be written: its unit, or the post it claims, is not its own.
fn lost(refusals: &[Refusal], claims: bool) -> Option<Settled> {
    match refusals {
        [unit, ..] if unit.refused() => Some(Settled::UnitMoved),
        [_, claim, ..] if claims && claim.refused() => Some(Settled::ClaimTaken),
        _ => None,
    }
}
