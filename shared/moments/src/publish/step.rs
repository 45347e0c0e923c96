//! One step of a unit: taken up under a lease, moved by one call at most, let go.

use std::time::Duration;

use kernel::Clock;
use kernel::aws::Aws;
use kernel::config::{ConfigError, Env};
use kernel::ids::TaskId;
use kernel::queue::{MAX_DELAY, Queue};
use kernel::vault::Vault;
use tracing::{info, warn};

use super::PublishMessage;
use crate::accounts::CorpTokens;
use crate::config::{Gateways, PublishSettings};
use crate::error::{Advice, PublishProblem, Result};
use crate::ledger::{Entry, Ledger, Settled};
use crate::media::MediaFetcher;
use crate::store::account::AccountStore;
use crate::store::corp::CorpStore;
use crate::store::media::MediaStore;
use crate::store::result::{AccountState, Stage};
use crate::store::unit::{Unit, UnitChange, UnitStage, UnitStore};
use crate::wecom::Wecom;

/// What came of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// The unit is done, is held by another worker, or its time has not come: the message has no more use.
    Nothing,
    /// The unit is done; its accounts' rows tell how.
    Done,
    /// The unit goes on later, by a new message or the sweeper.
    Later,
    /// The unit was taken from this worker.
    LeaseLost,
}

/// Moves units.
#[derive(Debug, Clone)]
pub struct Publisher {
    pub(super) ledger: Ledger,
    pub(super) accounts: AccountStore,
    pub(super) corps: CorpStore,
    pub(super) units: UnitStore,
    pub(super) uploads: MediaStore,
    pub(super) tokens: CorpTokens,
    pub(super) vault: Vault,
    pub(super) wecom: Wecom,
    pub(super) gateways: Gateways,
    pub(super) fetcher: MediaFetcher,
    pub(super) queue: Queue,
    pub(super) clock: Clock,
    pub(super) settings: PublishSettings,
}

/// A unit in a worker's hands, with its task as this worker knows it.
#[derive(Debug)]
pub(super) struct Held {
    pub unit: Unit,
    pub owner: String,
    pub entry: Entry,
}

impl Held {
    /// The accounts of the unit about which nothing final is written yet.
    pub(super) fn open_accounts(&self) -> Vec<String> {
        let open = self.entry.results.iter().filter(|result| !result.status.ended());
        let ours = open.filter(|result| self.unit.account_ids.contains(&result.account_id));
        ours.map(|result| result.account_id.clone()).collect()
    }
}

impl Publisher {
    /// From the environment.
    pub fn new(aws: &Aws, env: &Env, settings: PublishSettings, clock: Clock) -> Result<Self, ConfigError> {
        let dynamodb = &aws.dynamodb;
        let wecom = crate::config::wecom(env)?;
        Ok(Self {
            ledger: Ledger::new(aws, env, clock.clone())?,
            accounts: AccountStore::new(dynamodb.clone(), clock.clone(), env)?,
            corps: CorpStore::new(dynamodb.clone(), env)?,
            units: UnitStore::new(dynamodb.clone(), env)?,
            uploads: MediaStore::new(dynamodb.clone(), env)?,
            tokens: CorpTokens::new(aws, env, wecom.clone(), clock.clone())?,
            vault: Vault::new(aws.kms.clone(), env.required("TOKEN_KEY_ID")?),
            wecom,
            gateways: Gateways::from_env(env)?,
            fetcher: MediaFetcher::from_env(env)?,
            queue: Queue::new(aws.sqs.clone(), env.required("PUBLISH_QUEUE_URL")?),
            clock,
            settings,
        })
    }

    /// Takes the unit up and moves it one step.
    ///
    /// # Errors
    /// Only when our own stores fail. The unit then stays as it was written last: the sweeper finds it, and one that
    /// was in SENDING is read back, never sent again.
    pub async fn run(&self, task: TaskId, unit: &str) -> Result<Moved> {
        let owner = hex::encode(kernel::mac::random::<8>());
        let now = self.clock.now_ms();
        let lease_end = now + milliseconds(self.settings.lease);
        let Some(unit) = self.units.claim((task, unit), &owner, now, lease_end).await? else {
            return Ok(Moved::Nothing);
        };
        // Read once: everything written from here on tells whether it was still true.
        let (task, results) = self.ledger.read(task).await?.ok_or(kernel::Error::NotFound("moment task"))?;
        let mut held = Held { unit, owner, entry: Entry { task, results } };
        match held.unit.stage {
            UnitStage::Queued => self.begin(&mut held).await,
            // Its worker died between writing SENDING and writing what came of it.
            UnitStage::Sending => self.unconfirmed(&mut held).await,
            UnitStage::Unconfirmed => self.reconcile(&mut held).await,
            UnitStage::Submitted => self.follow_job(&mut held).await,
            UnitStage::Waiting => self.follow_members(&mut held).await,
            UnitStage::Done => Ok(Moved::Nothing),
        }
    }

    /// The outcome of the call is not known: from here on the provider's own list decides.
    pub(super) async fn unconfirmed(&self, held: &mut Held) -> Result<Moved> {
        let change = UnitChange { stage: Some(UnitStage::Unconfirmed), ..UnitChange::default() };
        self.later(held, change, self.settings.reconcile_pause, Stage::Unconfirmed).await
    }

    /// Lets the unit go on after `pause`, its accounts being shown at `stage`.
    pub(super) async fn later(
        &self,
        held: &mut Held,
        change: UnitChange,
        pause: Duration,
        stage: Stage,
    ) -> Result<Moved> {
        let until = self.clock.now_ms() + milliseconds(pause);
        let open = held.open_accounts();
        let states: Vec<_> = if change.stage.is_some_and(|stage| stage != held.unit.stage) {
            open.iter().map(|account| (account.as_str(), AccountState::Processing(stage))).collect()
        } else {
            Vec::new()
        };
        let change = UnitChange { release_until: Some(until), ..change };
        self.settled_later(held, &change, &states, pause).await
    }

    /// Writes a change that lets the unit go for `pause`, and has it taken up again then.
    pub(super) async fn settled_later(
        &self,
        held: &mut Held,
        change: &UnitChange,
        states: &[(&str, AccountState)],
        pause: Duration,
    ) -> Result<Moved> {
        match self.settle(held, change, states).await? {
            Settled::UnitMoved => Ok(Moved::LeaseLost),
            Settled::Done => {
                self.wake(held, pause).await;
                Ok(Moved::Later)
            }
        }
    }

    /// Ends the unit: every account of it that is still open fails with this.
    pub(super) async fn fail(&self, held: &mut Held, advice: Advice) -> Result<Moved> {
        let open = held.open_accounts();
        let states: Vec<_> =
            open.iter().map(|account| (account.as_str(), AccountState::failed(advice.clone()))).collect();
        let Unit { task_id, unit, .. } = &held.unit;
        warn!(task.id = task_id.get(), error.code = advice.code, "unit {unit} of task {task_id} failed");
        self.finish(held, &states).await
    }

    /// Ends the unit with these last states.
    pub(super) async fn finish(&self, held: &mut Held, states: &[(&str, AccountState)]) -> Result<Moved> {
        let change = UnitChange { stage: Some(UnitStage::Done), ..UnitChange::default() };
        match self.settle(held, &change, states).await? {
            Settled::UnitMoved => Ok(Moved::LeaseLost),
            Settled::Done => {
                self.remember_personal_post(held, states).await;
                let Unit { task_id, unit, .. } = &held.unit;
                info!(task.id = task_id.get(), "unit {unit} of task {task_id} done");
                Ok(Moved::Done)
            }
        }
    }

    pub(super) async fn give_up(&self, held: &mut Held) -> Result<Moved> {
        self.fail(held, PublishProblem::GaveUp.advice()).await
    }

    pub(super) async fn settle(
        &self,
        held: &mut Held,
        change: &UnitChange,
        states: &[(&str, AccountState)],
    ) -> Result<Settled> {
        let action = self.units.advance(&held.unit, &held.owner, change)?;
        let settled = self.ledger.settle(&mut held.entry, action, states).await?;
        if settled == Settled::Done {
            held.unit.stage = change.stage.unwrap_or(held.unit.stage);
        }
        Ok(settled)
    }

    /// The pause doubles with each attempt, up to a quarter of an hour.
    pub(super) fn pause(&self, first: Duration, attempts: u32) -> Duration {
        first.saturating_mul(1 << attempts.saturating_sub(1).min(12)).min(MAX_DELAY)
    }

    /// A short wait is a delayed message; a long one is the sweeper's.
    async fn wake(&self, held: &Held, pause: Duration) {
        if pause > MAX_DELAY {
            return;
        }
        let message = PublishMessage { task_id: held.unit.task_id, unit: Some(held.unit.unit.clone()) };
        if let Err(error) = self.queue.send(&message, pause, &held.unit.user_id.to_string()).await {
            warn!(task.id = held.unit.task_id.get(), "unit message not sent, left to the sweeper: {error}");
        }
    }
}

pub(super) fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}
