//! The tenant's authorised accounts: seeing them, and letting one go.

use aws_sdk_dynamodb::Client;
use kernel::Clock;
use kernel::aws::Aws;
use kernel::config::{ConfigError, Env};
use kernel::dynamo::{Outcome, Refusal, transact};
use kernel::ids::UserId;
use tracing::info;

use crate::error::{Result, SyncProblem};
use crate::store::auth::{Auth, AuthStore};
use crate::store::sync_task::{EndedBy, Ending, SyncTaskStore};

/// How often a change that met another one is tried again.
const TRIES: u32 = 10;

/// Access to the accounts of a tenant.
#[derive(Debug, Clone)]
pub struct Accounts {
    accounts: AuthStore,
}

impl Accounts {
    /// From the environment.
    pub fn new(aws: &Aws, env: &Env) -> Result<Self, ConfigError> {
        Ok(Self { accounts: AuthStore::new(aws.dynamodb.clone(), env)? })
    }

    /// The caller's accounts.
    pub async fn list(&self, user_id: UserId) -> Result<Vec<Auth>> {
        Ok(self.accounts.of_user(user_id).await?)
    }
}

/// Disconnects accounts.
#[derive(Debug, Clone)]
pub struct Disconnection {
    client: Client,
    clock: Clock,
    accounts: AuthStore,
    tasks: SyncTaskStore,
}

impl Disconnection {
    /// From the environment.
    pub fn new(aws: &Aws, env: &Env, clock: Clock) -> Result<Self, ConfigError> {
        Ok(Self {
            client: aws.dynamodb.clone(),
            clock,
            accounts: AuthStore::new(aws.dynamodb.clone(), env)?,
            tasks: SyncTaskStore::new(aws.dynamodb.clone(), env)?,
        })
    }

    /// Forgets the caller's account with its tokens and ends a sync of it, in one transaction: the worker's next page
    /// is refused. The leads stay.
    pub async fn disconnect(&self, user_id: UserId, douyin_user_id: &str) -> Result<()> {
        let mut ended = None;
        for _ in 0..TRIES {
            let account = self.accounts.get(douyin_user_id).await?.filter(|account| account.user_id == user_id);
            let account = account.ok_or(kernel::Error::NotFound("douyin account"))?;
            let mut actions = vec![self.accounts.delete(&account)?];
            let running = account.active_sync_task_id.filter(|task| Some(*task) != ended);
            if let Some(task) = running {
                let ending = Ending::Failed(SyncProblem::Disconnected.advice());
                actions.push(self.tasks.end(task, EndedBy::Anyone, ending, self.clock.now().as_second())?);
            }
            match transact(&self.client, &self.clock, actions).await? {
                Outcome::Committed => {
                    info!(account.id = account.id, "account {} disconnected", account.id);
                    return Ok(());
                }
                Outcome::Refused(refusals) => {
                    if refusals.get(1).is_some_and(Refusal::refused) {
                        ended = running;
                    }
                }
            }
        }
        Err(kernel::Error::Busy("douyin account").into())
    }
}
