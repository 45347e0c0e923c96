//! Runs one step of a delivery: claims its lease, reads its rows, makes at most one call that publishes, stores what the
//! machine decides, and wakes whoever goes on. It decides nothing itself.

use std::time::Duration;

use kernel::Context;
use kernel::config::ConfigError;
use kernel::deadline::Deadline;
use kernel::ids::UserId;
use kernel::lease::Lease;
use kernel::retry::try_again_until;
use kernel::vault::Vault;
use tracing::{info, warn};

use super::channel::{self, Channel};
use super::held::Held;
use super::machine::{self, Call, Event, Policy, Then, Transition};
use crate::accounts::{CorpTokens, RECHECK_AFTER};
use crate::config::{Clients, PublishSettings};
use crate::error::Result;
use crate::ids::AccountId;
use crate::ledger::{self, Entry, Settled};
use crate::media::MediaFetcher;
use crate::publish_queue::PublishQueue;
use crate::store::Stores;
use crate::store::account::{Account, AccountStatus};
use crate::store::result::AccountState;
use crate::store::unit::{Unit, UnitChange, UnitKey, UnitStage};
use crate::time::after;

/// More events than one run of a worker meets. It bounds the loop of two deliveries that take one post from each other.
const MOST_EVENTS: u32 = 40;

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

/// Dispatches tasks and moves their units.
#[derive(Debug, Clone)]
pub struct Publisher {
    pub(super) stores: Stores,
    pub(super) tokens: CorpTokens,
    pub(super) vault: Vault,
    pub(super) clients: Clients,
    pub(super) fetcher: MediaFetcher,
    pub(super) queue: PublishQueue,
    pub(super) settings: PublishSettings,
    pub(super) policy: Policy,
}

/// What became of a transition.
enum Written {
    Yes,
    LeaseLost,
    ClaimTaken,
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
            queue: PublishQueue::new(cx)?,
            policy: Policy::of(&settings),
            settings,
        })
    }

    /// Takes the unit up and moves it one step. Nothing is sent that `deadline` would cut short.
    ///
    /// # Errors
    /// Only when our own stores fail. The unit then stays as it was written last: the sweeper finds it, and one that
    /// was in SENDING is read back, never sent again.
    pub async fn run(&self, key: UnitKey<'_>, deadline: Deadline) -> Result<Moved> {
        let lease = Lease::new(self.stores.clock.now(), self.settings.lease);
        let Some(unit) = self.stores.units.claim(key, &lease).await? else {
            return Ok(Moved::Nothing);
        };
        // Read once: everything written from here on tells whether it was still true.
        let entry: Entry = ledger::entry(&self.stores, key.task_id).await?;
        let mut held = Held { unit, lease, entry, deadline };
        let unit = held.unit.clone();
        self.work(&mut held, &mut *channel::open(self, &unit)?).await
    }

    async fn work(&self, held: &mut Held, channel: &mut dyn Channel) -> Result<Moved> {
        let (mut event, mut usable, mut asked_at) = (Event::TakenUp, Vec::new(), None);
        for _ in 0..MOST_EVENTS {
            log(held, &event);
            let mut delivery = held.seen(channel.members_confirm(), self.stores.clock.now());
            delivery.asked_at = asked_at.unwrap_or(delivery.now);
            asked_at = Some(delivery.now);
            let transition = machine::next(&delivery, event, &self.policy).map_err(|impossible| {
                warn!(task.id = held.unit.task_id.get(), "{impossible}");
                kernel::Error::Corrupt("publish unit")
            })?;
            event = match transition.then {
                Then::Replace => return self.replace(held, channel).await,
                Then::TakeBack => self.take_back(held, channel).await?,
                _ => match self.write(held, channel, &transition).await? {
                    Written::LeaseLost => return Ok(Moved::LeaseLost),
                    Written::ClaimTaken => Event::ClaimTaken,
                    Written::Yes => match transition.then {
                        Then::Resume => Event::Noted,
                        Then::Call(call) => self.call(held, channel, &mut usable, call).await?,
                        Then::Wake(pause) => {
                            self.wake(held, pause).await;
                            return Ok(Moved::Later);
                        }
                        Then::End | Then::Replace | Then::TakeBack => return Ok(self.ended(held, &transition)),
                    },
                },
            };
        }
        Err(kernel::Error::Busy("moment claim").into())
    }

    async fn call(
        &self,
        held: &Held,
        channel: &mut dyn Channel,
        usable: &mut Vec<Account>,
        call: Call,
    ) -> Result<Event> {
        let place_of = |account: &Account| held.unit.account_ids.iter().position(|id| *id == account.account_id);
        match call {
            Call::Accounts => {
                *usable = self.usable(held).await?;
                Ok(Event::Usable(usable.iter().filter_map(place_of).collect()))
            }
            Call::Prepare { senders } => {
                let mut accounts = std::mem::take(usable);
                accounts.retain(|account| place_of(account).is_some_and(|place| senders.contains(&place)));
                channel.prepare(held, accounts).await
            }
            Call::Send => channel.send(held).await,
            Call::FindPublished => channel.find_published(held).await,
            Call::Follow { stopped } => channel.follow(held, stopped).await,
            Call::Cancel => channel.cancel(held).await,
            Call::Recover(recovery) => channel.recover(held, recovery).await,
        }
    }

    /// Writes what the machine has decided.
    async fn write(&self, held: &mut Held, channel: &dyn Channel, transition: &Transition) -> Result<Written> {
        let Transition { proven, change, states, claim, then } = transition;
        if let Some(status) = proven {
            self.note_proven(held, channel, *status).await?;
        }
        if *change == UnitChange::default() && states.is_empty() {
            return Ok(Written::Yes);
        }
        if *then == Then::Resume {
            return self.note(held, change).await;
        }
        let states = held.named(states);
        let states: Vec<(&AccountId, AccountState)> =
            states.iter().map(|(account, state)| (account, state.clone())).collect();
        let claimed = claim.and_then(|how| Some(held.claim(channel.provider(), how, change.moment_id.as_deref()?)));
        let claim = claimed.map(|claim| self.stores.claims.put(&claim, self.stores.clock.now())).transpose()?;
        let action = self.stores.units.advance(&held.unit, &held.lease, change)?;
        Ok(match ledger::settle(&self.stores, &mut held.entry, action, claim, &states).await? {
            Settled::UnitMoved => Written::LeaseLost,
            Settled::ClaimTaken => Written::ClaimTaken,
            Settled::Done => {
                change.apply(&mut held.unit);
                if let (UnitStage::Done, true, Some(id)) =
                    (held.unit.stage, transition.claim.is_some(), &change.moment_id)
                {
                    channel.told(held, id).await;
                }
                Written::Yes
            }
        })
    }

    /// Writes the delivery's row alone, as long as this worker lives: an answer that it has in hand must not be lost to a
    /// passing failure of the table. An answer that cannot be written is logged, so that a person can find the post.
    async fn note(&self, held: &mut Held, change: &UnitChange) -> Result<Written> {
        let Unit { task_id, unit, .. } = &held.unit;
        let (post, job) = (change.moment_id.as_deref(), change.job_id.as_deref());
        for attempt in 0.. {
            match self.stores.units.note(&held.unit, &held.lease, change).await {
                Ok(true) => break,
                Ok(false) => {
                    warn!(
                        task.id = task_id.get(),
                        post, job, "unit {unit} of task {task_id} was lost before its answer"
                    );
                    return Ok(Written::LeaseLost);
                }
                Err(error) => {
                    warn!(
                        task.id = task_id.get(),
                        post, job, "answer to unit {unit} of task {task_id} not written: {error}"
                    );
                    if !try_again_until(held.deadline, &self.stores.clock, &error, attempt).await {
                        return Err(error.into());
                    }
                }
            }
        }
        change.apply(&mut held.unit);
        Ok(Written::Yes)
    }

    /// What a refusal proves about the accounts is noted on their rows.
    async fn note_proven(&self, held: &Held, channel: &dyn Channel, status: AccountStatus) -> Result<()> {
        let (accounts, due) = match status {
            // Looked at again soon: people log in when they read that their post failed.
            AccountStatus::Offline => {
                (self.own_accounts(held).await?, Some(after(self.stores.clock.now(), RECHECK_AFTER)))
            }
            AccountStatus::Expired => (channel.sharing_credentials(held).await?, None),
            AccountStatus::Active => return Ok(()),
        };
        for account in accounts.iter().filter(|account| due.is_some() || account.status != status) {
            self.stores.accounts.set_status(account, status, account.offline_checks, due).await?;
        }
        Ok(())
    }

    fn ended(&self, held: &Held, transition: &Transition) -> Moved {
        let Unit { task_id, unit, .. } = &held.unit;
        let failed = transition.states.iter().find_map(|(_, state)| match state {
            AccountState::Failed { code, .. } => Some(*code),
            _ => None,
        });
        match failed {
            Some(code) => warn!(task.id = task_id.get(), error.code = code, "unit {unit} of task {task_id} failed"),
            None => info!(task.id = task_id.get(), "unit {unit} of task {task_id} done"),
        }
        Moved::Done
    }

    /// A short wait is a delayed message; a long one is the sweeper's.
    async fn wake(&self, held: &Held, pause: Duration) {
        self.wake_unit(held.unit.key(), held.unit.user_id, pause).await;
    }

    /// Sends a unit's message; one that cannot be sent is made up for by the sweeper.
    pub(super) async fn wake_unit(&self, unit: UnitKey<'_>, user_id: UserId, pause: Duration) {
        if let Err(error) = self.queue.wake(unit, user_id, pause).await {
            warn!(task.id = unit.task_id.get(), "unit message not sent, left to the sweeper: {error}");
        }
    }
}

fn log(held: &Held, event: &Event) {
    if let Event::Refused(failure) = event {
        let Unit { task_id, unit, .. } = &held.unit;
        warn!(task.id = task_id.get(), "unit {unit} of task {task_id} refused: {failure}");
    }
}
