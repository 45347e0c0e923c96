//! The worker of a message.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use kernel::config::ConfigError;
use kernel::deadline::Deadline;
use kernel::events::{EventFeed, StoredEvent};
use kernel::ids::UserId;
use kernel::instant::between;
use kernel::lease::Lease;
use kernel::queue::MAX_DELAY;
use kernel::vault::Vault;
use kernel::{Clock, Context, Result};
use serde_json::Value;

use super::work::Work;
use crate::config;
use crate::credentials::Credentials;
use crate::message::{DeliveryMessage, DeliveryQueue};
use crate::send::Sender;
use crate::store::Stores;
use crate::store::delivery::{Delivery, DeliveryStatus};
use crate::store::webhook::{Taken, WebhookKey, WebhookStatus};

/// Deliveries of one webhook that are under way at once.
const AT_ONCE: usize = 4;
/// Deliveries that are read at once.
const READ_AT_ONCE: i32 = 40;
/// More is sent only if this is left: an attempt, and the calls before and after it.
pub(super) const MIN_TIME_LEFT: Duration = Duration::from_secs(35);
/// How long a webhook is worked on at once. A worker that dies holds it up for so long.
const LONGEST_RUN: Duration = Duration::from_secs(60);

/// Shows events as everybody is told them.
pub trait EventViews {
    /// The event of this tenant as `GET events` answers it.
    fn view(&self, tenant: UserId, event: StoredEvent) -> impl Future<Output = Result<Value>>;
}

/// Sends deliveries.
#[derive(Debug)]
pub struct Deliverer {
    pub(super) stores: Stores,
    vault: Vault,
    pub(super) sender: Sender,
    pub(super) feed: EventFeed,
    queue: DeliveryQueue,
    pub(super) clock: Clock,
}

/// Why the work on a webhook ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Nothing more is due.
    Done,
    /// More is due, and is to be sent after this time.
    GoOn(Duration),
}

impl Deliverer {
    /// Built once at init.
    ///
    /// # Errors
    /// Names the setting that is missing or wrong.
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self {
            stores: Stores::new(cx)?,
            vault: Vault::load(cx)?,
            sender: Sender::new(config::judge(&cx.env)?, config::timeout(&cx.env)?),
            feed: EventFeed::new(cx)?,
            queue: DeliveryQueue(config::queue(cx)?),
            clock: cx.clock.clone(),
        })
    }

    /// Sends what is due of the message's webhook, unless another worker is at it, which is told then.
    ///
    /// Who dies after an attempt and before it is noted makes it again: a receiver gets a delivery at least once, always with the same
    /// id.
    ///
    /// # Errors
    /// When a table or the key cannot be used: the message comes back.
    pub async fn run<V: EventViews>(&self, views: &V, message: &DeliveryMessage, deadline: Deadline) -> Result<()> {
        let key = message.key();
        let (lease, webhook) = loop {
            let now = self.clock.now();
            let lease = Lease::new(now, LONGEST_RUN.min(deadline.remaining(now)));
            match self.stores.webhooks.take(&key, &lease).await? {
                Taken::Ours(webhook) => break (lease, *webhook),
                Taken::HeldByOther if self.stores.webhooks.wake_holder(&key, now).await? => return Ok(()),
                Taken::HeldByOther => {}
                Taken::Missing => return self.fail_due(&key, &message.deliveries, deadline).await,
            }
        };
        let deadline = Deadline::after(lease.taken_at(), LONGEST_RUN.min(deadline.remaining(lease.taken_at())));
        let mut work = Work::of(webhook);
        let (mut fresh, mut is_asked_for) = (message.deliveries.as_slice(), message.is_asked_for);
        loop {
            let end = self.work(views, &mut work, fresh, is_asked_for, deadline).await?;
            if self.stores.webhooks.release(&key, &lease, work.webhook.wakes, &work.left).await? {
                self.go_on(&key, end, work.next).await;
                return Ok(());
            }
            // Somebody has asked for more meanwhile, or the answer to the release was lost.
            match self.stores.webhooks.get(&key).await? {
                Some(webhook) if webhook.lease_owner.as_deref() == Some(lease.owner()) => work.webhook = webhook,
                _ => {
                    self.go_on(&key, end, work.next).await;
                    return Ok(());
                }
            }
            (fresh, is_asked_for) = (&[], false);
        }
    }

    /// Sends what is due, as long as there is time.
    async fn work<V: EventViews>(
        &self,
        views: &V,
        work: &mut Work,
        mut fresh: &[String],
        is_asked_for: bool,
        deadline: Deadline,
    ) -> Result<End> {
        let key = work.webhook.key();
        if work.webhook.status != WebhookStatus::Active {
            self.fail_due(&key, fresh, deadline).await?;
            return Ok(End::Done);
        }
        if !is_asked_for && work.pause(self.clock.now()).is_some() {
            // Whoever found it slow has sent a message for when that is over.
            return Ok(End::Done);
        }
        let mut credentials = None;
        loop {
            let now = self.clock.now();
            if deadline.remaining(now) < MIN_TIME_LEFT {
                return Ok(End::GoOn(Duration::ZERO));
            }
            let mut due = self.due(&key.webhook_id, fresh, now).await?;
            fresh = &[];
            if due.is_empty() {
                return Ok(End::Done);
            }
            let credentials = match &mut credentials {
                Some(credentials) => credentials,
                none => none.insert(Credentials::unseal(&self.vault, &key, &work.webhook.sealed).await?),
            };
            let mut together = Vec::new();
            if work.webhook.kind.bot().is_some() {
                let room = usize::try_from(work.room(now)).unwrap_or_default();
                if room == 0 {
                    return Ok(End::GoOn(Duration::from_secs(60)));
                }
                if due.len() > room {
                    together = due.split_off(room - 1);
                }
            }
            for some in due.chunks(AT_ONCE) {
                if deadline.remaining(self.clock.now()) < MIN_TIME_LEFT {
                    return Ok(End::GoOn(Duration::ZERO));
                }
                let sent = join_all(some.iter().map(|delivery| self.send(views, work, credentials, delivery)));
                let sent = sent.await.into_iter().collect::<Result<Vec<_>>>()?;
                work.note(&sent, self.clock.now());
                if work.is_over() {
                    break;
                }
            }
            if let (Some(bot), false, false) = (work.webhook.kind.bot(), together.is_empty(), work.is_over()) {
                let sent = self.send_together(views, work, credentials, bot, together).await?;
                work.note(&[sent], self.clock.now());
            }
            if let Some(reason) = work.given_up.take() {
                self.give_up(work, reason).await?;
                self.fail_due(&key, &[], deadline).await?;
                return Ok(End::Done);
            }
            if let Some(pause) = work.pause(self.clock.now()) {
                return Ok(End::GoOn(pause));
            }
        }
    }

    /// The webhook's deliveries that are to be sent now, by the rows themselves: the index may be some moments behind.
    pub(super) async fn due(&self, webhook_id: &str, fresh: &[String], now: Timestamp) -> Result<Vec<Delivery>> {
        let found = self.stores.deliveries.due(webhook_id, now, READ_AT_ONCE).await?;
        let ids: BTreeSet<String> = fresh.iter().cloned().chain(found).collect();
        let read = ids.iter().map(|id| self.stores.deliveries.get(webhook_id, id));
        let read = join_all(read).await.into_iter().collect::<Result<Vec<_>>>()?;
        let is_due = |delivery: &Delivery| {
            delivery.status == DeliveryStatus::Pending && delivery.due_at.is_some_and(|due| due <= now)
        };
        Ok(read.into_iter().flatten().filter(is_due).collect())
    }

    /// Has the work go on when there will be more.
    async fn go_on(&self, key: &WebhookKey, end: End, next: Option<Timestamp>) {
        let delay = match (end, next) {
            (End::GoOn(delay), _) => delay,
            // What is due later than a message can be sent for is the sweeper's.
            (End::Done, Some(next)) => match between(self.clock.now(), next) {
                delay if delay <= MAX_DELAY => delay,
                _ => return,
            },
            (End::Done, None) => return,
        };
        self.queue.wake_after(&DeliveryMessage::of(key, Vec::new()), delay).await;
    }
}
