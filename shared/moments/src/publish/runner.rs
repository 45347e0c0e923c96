//! Runs one step of a delivery: claims its lease, reads its rows, makes at most one call that publishes, stores what the
//! machine decides, and wakes whoever goes on. It decides nothing itself.

use jiff::Timestamp;
use kernel::Context;
use kernel::config::ConfigError;
use kernel::deadline::Deadline;
use kernel::ids::UserId;
use kernel::lease::Lease;
use kernel::metrics::{self, Metric};
use kernel::retry::try_again_until;
use kernel::trace;
use kernel::vault::Vault;
use tracing::{info, warn};

use super::channel::{self, Channel};
use super::claimed::ClaimedDelivery;
use super::machine::{self, Call, Event, NextStep, Policy, Transition};
use super::outcomes;
use crate::accounts::{self, CorpTokens, Proof, RECHECK_AFTER};
use crate::config::{Clients, PublishSettings};
use crate::error::Result;
use crate::ids::AccountId;
use crate::media::MediaFetcher;
use crate::media_storage::MediaStorage;
use crate::publish_queue::PublishQueue;
use crate::store::Stores;
use crate::store::account::{Account, AccountStatus};
use crate::store::delivery::{Delivery, DeliveryChange, DeliveryKey, DeliveryStage};
use crate::store::of_delivery::RowsOfDelivery;
use crate::store::result::AccountState;
use crate::task_records::{self, RecordOutcome, TaskSnapshot};
use crate::text_check::TextCheck;
use crate::time::after;

/// More events than one run of a worker meets. It bounds the loop of two deliveries that take one post from each other.
const MAX_EVENTS: u32 = 40;

/// What came of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepOutcome {
    /// The delivery is done, is held by another worker, or its time has not come: the message has no more use.
    Nothing,
    /// The delivery is done; its accounts' rows tell how.
    Done,
    /// The delivery goes on later, by a new message or the sweeper.
    Later,
    /// The delivery was taken from this worker.
    LeaseLost,
    /// Publishing is switched off, so it stays due and its message has no more use.
    Paused,
}

/// Dispatches tasks and moves their deliveries.
#[derive(Debug, Clone)]
pub struct Publisher {
    pub(super) stores: Stores,
    pub(super) tokens: CorpTokens,
    pub(super) vault: Vault,
    pub(super) clients: Clients,
    pub(super) fetcher: MediaFetcher,
    pub(super) storage: MediaStorage,
    pub(super) text_check: TextCheck,
    pub(super) queue: PublishQueue,
    pub(super) settings: PublishSettings,
    pub(super) policy: Policy,
}

/// What became of a transition.
enum Written {
    Yes,
    LeaseLost,
    ClaimTaken,
    SlotTaken,
}

impl Publisher {
    /// Built once at init. Opens nothing.
    ///
    /// # Errors
    /// Names the variable that is missing or wrong.
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        let (settings, stores, vault) = (PublishSettings::load(&cx.env)?, Stores::new(cx)?, Vault::load(cx)?);
        let clients = Clients::with_timeout(&cx.env, settings.provider_timeout)?;
        Ok(Self {
            tokens: CorpTokens::new(stores.clone(), vault.clone(), clients.wecom.clone()),
            stores,
            vault,
            clients,
            fetcher: MediaFetcher::with_settings(settings.media.clone()),
            storage: MediaStorage::new(cx)?,
            text_check: TextCheck::new(cx)?,
            queue: PublishQueue::new(cx)?,
            policy: Policy::of(&settings),
            settings,
        })
    }

    /// Takes the delivery up and moves it one step. `due_at` is when its message says that its time comes. Nothing is sent that `deadline` would cut short.
    ///
    /// # Errors
    /// Only when our own stores fail. The delivery then stays as it was written last: the sweeper finds it, and one that
    /// was in SENDING is read back, never sent again.
    pub async fn run(
        &self,
        key: DeliveryKey<'_>,
        due_at: Option<Timestamp>,
        deadline: Deadline,
    ) -> Result<StepOutcome> {
        if let Some(due_at) = due_at.filter(|due_at| self.stores.clock.now() < *due_at) {
            return self.pass_on(key, due_at).await;
        }
        if !self.settings.is_enabled && self.is_to_be_sent(key).await? {
            return Ok(StepOutcome::Paused);
        }
        let lease = Lease::new(self.stores.clock.now(), self.settings.lease);
        let Some(delivery) = self.stores.deliveries.claim(key, &lease).await? else {
            return Ok(StepOutcome::Nothing);
        };
        // Read once: everything written from here on tells whether it was still true.
        let RowsOfDelivery { task, results, accounts, corp } = self.stores.of_delivery(&delivery).await?;
        let task = task.ok_or(kernel::Error::NotFound("moment task"))?;
        trace::join(task.trace_id.as_deref());
        let snapshot = TaskSnapshot { task, results };
        self.carry_on(ClaimedDelivery { row: delivery, lease, snapshot, accounts, corp, deadline }).await
    }

    /// Whether the delivery's next step may send it. Every way to the call that publishes begins at this stage.
    async fn is_to_be_sent(&self, key: DeliveryKey<'_>) -> Result<bool> {
        let delivery = self.stores.deliveries.get(key).await?;
        Ok(delivery.is_some_and(|delivery| delivery.stage == DeliveryStage::Queued))
    }

    /// Moves a delivery that this worker has claimed one step.
    pub(super) async fn carry_on(&self, mut claimed_delivery: ClaimedDelivery) -> Result<StepOutcome> {
        let delivery = claimed_delivery.row.clone();
        self.work(&mut claimed_delivery, &mut *channel::open(self, &delivery)?).await
    }

    async fn work(&self, claimed_delivery: &mut ClaimedDelivery, channel: &mut dyn Channel) -> Result<StepOutcome> {
        let (mut event, mut usable, mut asked_at) = (Event::Claimed, Vec::new(), None);
        for _ in 0..MAX_EVENTS {
            log(claimed_delivery, &event);
            let mut delivery = claimed_delivery.seen(channel.members_confirm(), self.stores.clock.now());
            delivery.asked_at = asked_at.unwrap_or(delivery.now);
            asked_at = Some(delivery.now);
            let transition = machine::next(&delivery, event, &self.policy).map_err(|impossible| {
                warn!(task.id = claimed_delivery.row.task_id.get(), "{impossible}");
                kernel::Error::Corrupt("publish delivery")
            })?;
            event = match transition.then {
                NextStep::Replace => return self.replace(claimed_delivery, channel).await,
                NextStep::TakeBack => self.take_back(claimed_delivery, channel).await?,
                _ => match Box::pin(self.write(claimed_delivery, channel, &transition)).await? {
                    Written::LeaseLost => return Ok(StepOutcome::LeaseLost),
                    Written::ClaimTaken => Event::ClaimTaken,
                    Written::SlotTaken => self.slot_taken(),
                    Written::Yes => match transition.then {
                        NextStep::Resume => Event::RowWritten,
                        NextStep::Call(call) => self.call(claimed_delivery, channel, &mut usable, call).await?,
                        NextStep::Wake(_) => {
                            self.wake_when_due(claimed_delivery, transition.change.release_until).await;
                            return Ok(StepOutcome::Later);
                        }
                        NextStep::End | NextStep::Replace | NextStep::TakeBack => {
                            return Ok(self.ended(claimed_delivery, &transition));
                        }
                    },
                },
            };
        }
        Err(kernel::Error::Contention("moment claim").into())
    }

    async fn call(
        &self,
        claimed_delivery: &ClaimedDelivery,
        channel: &mut dyn Channel,
        usable: &mut Vec<Account>,
        call: Call,
    ) -> Result<Event> {
        let place_of =
            |account: &Account| claimed_delivery.row.account_ids.iter().position(|id| *id == account.account_id);
        match call {
            Call::Accounts => {
                *usable = self.current_accounts(claimed_delivery).await?;
                let is_offline = |account: &Account| account.status == AccountStatus::Offline;
                if !usable.is_empty() && usable.iter().all(is_offline) {
                    self.check_soon(usable).await?;
                    return Ok(Event::AccountOffline);
                }
                usable.retain(|account| account.status == AccountStatus::Active);
                Ok(Event::Usable(usable.iter().filter_map(place_of).collect()))
            }
            Call::Prepare { senders } => {
                let mut accounts = std::mem::take(usable);
                accounts.retain(|account| place_of(account).is_some_and(|place| senders.contains(&place)));
                channel.prepare(claimed_delivery, accounts).await
            }
            Call::Send => channel.send(claimed_delivery).await,
            Call::FindPublished => channel.find_published(claimed_delivery).await,
            Call::Follow { stopped } => channel.follow(claimed_delivery, stopped).await,
            Call::Cancel => channel.cancel(claimed_delivery).await,
            Call::Recover(recovery) => channel.recover(claimed_delivery, recovery).await,
        }
    }

    /// Has accounts that a post may wait for looked at within a minute. Nothing waits for the others, so their checks are
    /// ten minutes apart.
    async fn check_soon(&self, accounts: &[Account]) -> Result<()> {
        let due = after(self.stores.clock.now(), RECHECK_AFTER);
        for account in accounts {
            self.stores.accounts.check_by(account, due).await?;
        }
        Ok(())
    }

    /// Writes what the machine has decided.
    async fn write(
        &self,
        claimed_delivery: &mut ClaimedDelivery,
        channel: &mut dyn Channel,
        transition: &Transition,
    ) -> Result<Written> {
        let Transition { proven, change, states, claim, then } = transition;
        if let Some(status) = proven {
            self.note_proven(claimed_delivery, channel, *status).await?;
        }
        if *change == DeliveryChange::default() && states.is_empty() {
            return Ok(Written::Yes);
        }
        if *then == NextStep::Resume {
            return self.note(claimed_delivery, change).await;
        }
        let states = claimed_delivery.named(states);
        let states: Vec<(&AccountId, AccountState)> =
            states.iter().map(|(account, state)| (account, state.clone())).collect();
        let claimed =
            claim.and_then(|how| Some(claimed_delivery.claim(channel.provider(), how, change.moment_id.as_deref()?)));
        let claim = claimed.map(|claim| self.stores.claims.put(&claim, self.stores.clock.now())).transpose()?;
        let is_sent = *then == NextStep::Call(Call::Send);
        let told = change.moment_id.as_deref().filter(|_| change.stage == Some(DeliveryStage::Done) && claim.is_some());
        let together = task_records::Change {
            delivery: self.stores.deliveries.advance(&claimed_delivery.row, &claimed_delivery.lease, change)?,
            confirm_until: change.confirm_until,
            claim,
            slot: if is_sent { channel.slot() } else { None },
            last_post: told.map(|id| channel.last_post(claimed_delivery, id)).transpose()?.flatten(),
        };
        let recorded = task_records::record(&self.stores, &mut claimed_delivery.snapshot, &together, &states);
        // Boxed: several rows with their texts are in it, and it is in all that a worker does.
        Ok(match Box::pin(recorded).await? {
            RecordOutcome::LeaseLost => Written::LeaseLost,
            RecordOutcome::ClaimTaken => Written::ClaimTaken,
            RecordOutcome::SlotTaken => Written::SlotTaken,
            RecordOutcome::Done => {
                outcomes::tell(&states.iter().map(|(_, state)| state).collect::<Vec<_>>());
                change.apply(&mut claimed_delivery.row);
                Written::Yes
            }
        })
    }

    /// Writes the delivery's row alone, as long as this worker lives: an answer that it has in hand must not be lost to a
    /// passing failure of the table. An answer that cannot be written is logged, so that a person can find the post.
    async fn note(&self, claimed_delivery: &mut ClaimedDelivery, change: &DeliveryChange) -> Result<Written> {
        let Delivery { task_id, delivery, .. } = &claimed_delivery.row;
        let (post, job) = (change.moment_id.as_deref(), change.job_id.as_deref());
        for attempt in 0.. {
            match self.stores.deliveries.note(&claimed_delivery.row, &claimed_delivery.lease, change).await {
                Ok(true) => break,
                Ok(false) => {
                    warn!(
                        task.id = task_id.get(),
                        post, job, "delivery {delivery} of task {task_id} was lost before its answer"
                    );
                    return Ok(Written::LeaseLost);
                }
                Err(error) => {
                    warn!(
                        task.id = task_id.get(),
                        post, job, "answer to delivery {delivery} of task {task_id} not written: {error}"
                    );
                    if !try_again_until(claimed_delivery.deadline, &self.stores.clock, &error, attempt).await {
                        return Err(error.into());
                    }
                }
            }
        }
        change.apply(&mut claimed_delivery.row);
        Ok(Written::Yes)
    }

    /// What a refusal proves about the accounts is noted on their rows.
    async fn note_proven(
        &self,
        claimed_delivery: &ClaimedDelivery,
        channel: &dyn Channel,
        status: AccountStatus,
    ) -> Result<()> {
        let (accounts, health_due) = match status {
            // Looked at again soon: people log in when they read that their post failed.
            AccountStatus::Offline => {
                (self.own_accounts(claimed_delivery).await?, Some(after(self.stores.clock.now(), RECHECK_AFTER)))
            }
            AccountStatus::Expired => (channel.sharing_credentials(claimed_delivery).await?, None),
            AccountStatus::Active => return Ok(()),
        };
        accounts::note(&self.stores, &accounts, Proof { status, offline_checks: None, health_due }).await?;
        Ok(())
    }

    fn ended(&self, claimed_delivery: &ClaimedDelivery, transition: &Transition) -> StepOutcome {
        let Delivery { task_id, delivery, .. } = &claimed_delivery.row;
        let failed = transition.states.iter().find_map(|(_, state)| match state {
            AccountState::Failed { code, .. } => Some(*code),
            _ => None,
        });
        match failed {
            Some(code) => {
                warn!(task.id = task_id.get(), error.code = code, "delivery {delivery} of task {task_id} failed")
            }
            None => info!(task.id = task_id.get(), "delivery {delivery} of task {task_id} done"),
        }
        StepOutcome::Done
    }

    /// Passes a message on that has come before its time: SQS holds none for longer than 15 minutes, and two hosts' clocks
    /// differ. One whose row says something else by now has no more use: whoever changed the row has sent another.
    ///
    /// # Errors
    /// When the row cannot be read or the message not be sent. The message then comes once more.
    async fn pass_on(&self, key: DeliveryKey<'_>, due_at: Timestamp) -> Result<StepOutcome> {
        let delivery = self.stores.deliveries.get(key).await?;
        let Some(delivery) =
            delivery.filter(|delivery| delivery.next_action_at == Some(due_at) && delivery.lease_owner.is_none())
        else {
            return Ok(StepOutcome::Nothing);
        };
        self.queue.wake_at(key, delivery.user_id, self.stores.clock.now(), due_at).await?;
        Ok(StepOutcome::Later)
    }

    /// Sends the message for when the delivery goes on, as its row says.
    async fn wake_when_due(&self, claimed_delivery: &ClaimedDelivery, due_at: Option<Timestamp>) {
        let delivery = &claimed_delivery.row;
        let due = due_at.unwrap_or(Timestamp::MAX);
        let sent = self.queue.wake_at(delivery.key(), delivery.user_id, self.stores.clock.now(), due).await;
        log_unsent(delivery.key(), sent);
    }

    /// Sends a delivery's message; one that cannot be sent is made up for by the sweeper.
    pub(super) async fn wake_delivery(&self, delivery: DeliveryKey<'_>, user_id: UserId) {
        log_unsent(delivery, self.queue.wake(delivery, user_id).await);
    }
}

fn log_unsent(delivery: DeliveryKey<'_>, sent: kernel::Result<()>) {
    if let Err(error) = sent {
        metrics::put(Metric::WakeupsNotMade, 1);
        warn!(task.id = delivery.task_id.get(), "delivery message not sent, left to the sweeper: {error}");
    }
}

fn log(claimed_delivery: &ClaimedDelivery, event: &Event) {
    if let Event::Refused(failure) = event {
        let Delivery { task_id, delivery, .. } = &claimed_delivery.row;
        warn!(task.id = task_id.get(), "delivery {delivery} of task {task_id} refused: {failure}");
    }
}
