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
use kernel::metrics::{self, Metric};
use kernel::queue::MAX_DELAY;
use kernel::transaction::Transaction;
use kernel::vault::Vault;
use kernel::{Clock, Context, Result, audit as log};
use serde_json::{Value, json};
use tracing::{info, warn};

use super::attempt::{Verdict, after, judged};
use crate::body::{Outgoing, body, digest_body};
use crate::credentials::Credentials;
use crate::kind::Bot;
use crate::message::{DeliveryMessage, DeliveryQueue};
use crate::send::{Sender, Signed};
use crate::signature;
use crate::store::Stores;
use crate::store::delivery::{AttemptRecord, Delivery, DeliveryStatus};
use crate::store::webhook::{DisabledReason, Left, Taken, Webhook, WebhookKey, WebhookStatus};
use crate::{audit, config, events};

/// Deliveries of one webhook that are under way at once.
const AT_ONCE: usize = 4;
/// Deliveries that are read at once.
const READ_AT_ONCE: i32 = 40;
/// More is sent only if this is left: an attempt, and the calls before and after it.
const MIN_TIME_LEFT: Duration = Duration::from_secs(35);
/// How long a webhook is worked on at once. A worker that dies holds it up for so long.
const LONGEST_RUN: Duration = Duration::from_secs(60);
/// Messages that a group bot is sent in a minute, which is what WeCom and DingTalk take.
const BOT_MESSAGES: u32 = 20;
/// How long a receiver is left alone that took too long to answer.
const SLOW_PAUSE: Duration = Duration::from_secs(30);
/// When a webhook is given up to which nothing could be delivered.
pub const GIVEN_UP_AFTER: Duration = Duration::from_secs(5 * 86_400);

/// Shows events as everybody is told them.
pub trait EventViews {
    /// The event of this tenant as `GET events` answers it.
    fn view(&self, tenant: UserId, event: StoredEvent) -> impl Future<Output = Result<Value>>;
}

/// Sends deliveries.
#[derive(Debug)]
pub struct Deliverer {
    stores: Stores,
    vault: Vault,
    sender: Sender,
    feed: EventFeed,
    queue: DeliveryQueue,
    clock: Clock,
}

/// What is known of a webhook while it is worked on.
struct Work {
    webhook: Webhook,
    left: Left,
    /// When the first delivery is due again that has failed now.
    next: Option<Timestamp>,
    /// That its receiver is not to be asked again, and why.
    given_up: Option<DisabledReason>,
    /// The deliveries that have shown it, which are written with it.
    unwritten: Vec<Delivery>,
    /// That its receiver takes too long.
    is_slow: bool,
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
        let mut fresh = message.deliveries.as_slice();
        loop {
            let end = self.work(views, &mut work, fresh, deadline).await?;
            if self.stores.webhooks.let_go(&key, &lease, work.webhook.wakes, &work.left).await? {
                self.go_on(&key, end, work.next).await;
                return Ok(());
            }
            // Somebody has asked for more meanwhile, or the answer to letting go was lost.
            match self.stores.webhooks.get(&key).await? {
                Some(webhook) if webhook.lease_owner.as_deref() == Some(lease.owner()) => work.webhook = webhook,
                _ => {
                    self.go_on(&key, end, work.next).await;
                    return Ok(());
                }
            }
            fresh = &[];
        }
    }

    /// Sends what is due, as long as there is time.
    async fn work<V: EventViews>(
        &self,
        views: &V,
        work: &mut Work,
        mut fresh: &[String],
        deadline: Deadline,
    ) -> Result<End> {
        let key = work.webhook.key();
        if work.webhook.status != WebhookStatus::Active {
            self.fail_due(&key, fresh, deadline).await?;
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
            if let Some(reason) = work.given_up {
                self.give_up(work, reason).await?;
                self.fail_due(&key, &[], deadline).await?;
                return Ok(End::Done);
            }
            if work.is_slow {
                return Ok(End::GoOn(SLOW_PAUSE));
            }
        }
    }

    /// The webhook's deliveries that are to be sent now, by the rows themselves: the index may be some moments behind.
    async fn due(&self, webhook_id: &str, fresh: &[String], now: Timestamp) -> Result<Vec<Delivery>> {
        let found = self.stores.deliveries.due(webhook_id, now, READ_AT_ONCE).await?;
        let ids: BTreeSet<String> = fresh.iter().cloned().chain(found).collect();
        let read = ids.iter().map(|id| self.stores.deliveries.get(webhook_id, id));
        let read = join_all(read).await.into_iter().collect::<Result<Vec<_>>>()?;
        let is_due = |delivery: &Delivery| {
            delivery.status == DeliveryStatus::Pending && delivery.due_at.is_some_and(|due| due <= now)
        };
        Ok(read.into_iter().flatten().filter(is_due).collect())
    }

    /// Makes one attempt, and notes it.
    async fn send<V: EventViews>(
        &self,
        views: &V,
        work: &Work,
        credentials: &Credentials,
        delivery: &Delivery,
    ) -> Result<Sent> {
        let Some(event) = self.event(views, delivery).await? else { return self.give_up_event(delivery).await };
        let (webhook, at) = (&work.webhook, self.clock.now());
        let outgoing = body(webhook.kind, &event, credentials.bot_secret.as_ref(), at);
        let signed = webhook.kind.bot().is_none().then(|| {
            let signature = signature::standard(credentials.valid_secrets(at), &delivery.event_id, at, &outgoing.body);
            Signed { id: delivery.event_id.clone(), at, signature }
        });
        self.attempt(webhook, credentials, outgoing, signed, vec![(delivery.clone(), event)]).await
    }

    /// Makes one attempt for all of these deliveries to a bot, which is shown their number.
    async fn send_together<V: EventViews>(
        &self,
        views: &V,
        work: &Work,
        credentials: &Credentials,
        bot: Bot,
        deliveries: Vec<Delivery>,
    ) -> Result<Sent> {
        let mut told = Vec::new();
        for delivery in deliveries {
            match self.event(views, &delivery).await? {
                Some(event) => told.push((delivery, event)),
                None => {
                    self.give_up_event(&delivery).await?;
                }
            }
        }
        let events: Vec<Value> = told.iter().map(|(_, event)| event.clone()).collect();
        let outgoing = digest_body(bot, &events, credentials.bot_secret.as_ref(), self.clock.now());
        self.attempt(&work.webhook, credentials, outgoing, None, told).await
    }

    async fn attempt(
        &self,
        webhook: &Webhook,
        credentials: &Credentials,
        outgoing: Outgoing,
        signed: Option<Signed>,
        told: Vec<(Delivery, Value)>,
    ) -> Result<Sent> {
        let at = self.clock.now();
        let answered = self.sender.post(webhook.kind, &credentials.url, outgoing, signed).await;
        let now = self.clock.now();
        let milliseconds = u64::try_from(between(at, now).as_millis()).unwrap_or(u64::MAX);
        let (deliveries, events): (Vec<_>, Vec<_>) = told.into_iter().unzip();
        let noted = judged(webhook.kind, answered, &events);
        let (mut next, mut unwritten) = (None, Vec::new());
        for delivery in deliveries {
            let delivery = after(delivery, &noted, at, milliseconds, now);
            if noted.verdict == Verdict::Gone {
                // It is written with the end of its webhook: who dies in between finds it due, and asks once more.
                unwritten.push(delivery.clone());
            } else {
                // Refused when it was asked to be resent meanwhile: that round goes on from here.
                self.stores.deliveries.write(&delivery).await?;
            }
            if delivery.status == DeliveryStatus::Failed {
                metrics::put(Metric::WebhookDeliveriesFailed, 1);
            }
            next = [next, delivery.due_at].into_iter().flatten().min();
            let Delivery { webhook_id, delivery_id, .. } = &delivery;
            let (status, error) = (noted.status, noted.error.as_deref());
            info!(
                user.id = delivery.user_id.get(),
                webhook.id = webhook_id,
                delivery.id = delivery_id,
                event.id = delivery.event_id,
                http.status = status,
                error,
                duration_ms = milliseconds,
                "delivery {delivery_id} to webhook {webhook_id}: {:?}",
                delivery.status
            );
        }
        Ok(Sent { verdict: noted.verdict, next, unwritten })
    }

    /// The event as it is told now; nothing when it cannot be told any more.
    async fn event<V: EventViews>(&self, views: &V, delivery: &Delivery) -> Result<Option<Value>> {
        let Some(sequence) = delivery.sequence else {
            let Delivery { event_id, kind, webhook_id, round_start, .. } = delivery;
            let data = json!({ "webhookId": webhook_id });
            return Ok(Some(json!({ "id": event_id, "type": kind, "time": round_start, "data": data })));
        };
        let Some(event) = self.feed.event(delivery.user_id, sequence).await? else { return Ok(None) };
        match views.view(delivery.user_id, event).await {
            Ok(event) => Ok(Some(event)),
            Err(kernel::Error::Corrupt(what)) => {
                tracing::error!(event.id = delivery.event_id, "event {} cannot be told: {what}", delivery.event_id);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Gives up a delivery whose event is not kept any more.
    async fn give_up_event(&self, delivery: &Delivery) -> Result<Sent> {
        self.fail(delivery.clone(), "EVENT_EXPIRED").await?;
        Ok(Sent { verdict: Verdict::NotSent, next: None, unwritten: Vec::new() })
    }

    /// Gives up what is due of a webhook that is paused, disabled or deleted.
    async fn fail_due(&self, key: &WebhookKey, fresh: &[String], deadline: Deadline) -> Result<()> {
        let mut fresh = fresh;
        loop {
            let now = self.clock.now();
            let due = self.due(&key.webhook_id, fresh, now).await?;
            fresh = &[];
            if due.is_empty() || deadline.remaining(now) < MIN_TIME_LEFT {
                return Ok(());
            }
            for delivery in due {
                self.fail(delivery, "WEBHOOK_NOT_ACTIVE").await?;
            }
        }
    }

    async fn fail(&self, mut delivery: Delivery, error: &str) -> Result<()> {
        let record = AttemptRecord {
            at: self.clock.now(),
            status: None,
            error: Some(error.to_owned()),
            milliseconds: 0,
            answer: None,
        };
        delivery.tried(record);
        delivery.status = DeliveryStatus::Failed;
        delivery.due_at = None;
        self.stores.deliveries.write(&delivery).await.map(|_| ())
    }

    /// Disables the webhook and tells that, unless its tenant has changed it meanwhile.
    async fn give_up(&self, work: &mut Work, reason: DisabledReason) -> Result<()> {
        let (webhook, unwritten) = (&work.webhook, std::mem::take(&mut work.unwritten));
        let (now, webhook_id) = (self.clock.now(), &webhook.webhook_id);
        let mut transaction = Transaction::new();
        transaction.add(self.stores.webhooks.disable(webhook, reason)?);
        let row = log::Row {
            tenant: webhook.user_id,
            actor: &log::system(),
            action: audit::WEBHOOK_CHANGED,
            object: audit::object(webhook_id),
            before: audit::state(webhook),
            after: json!({ "status": WebhookStatus::Disabled, "disabledReason": reason }),
        };
        transaction.add(self.stores.audit.row(&row, now)?);
        let event = events::disabled(webhook, reason)?;
        self.stores.outbox.add(&mut transaction, webhook.user_id, &[event])?;
        for delivery in &unwritten {
            transaction.add(self.stores.deliveries.change(delivery)?);
        }
        if self.stores.commit(&transaction).await?.is_committed() {
            metrics::put(Metric::WebhooksDisabled, 1);
            warn!(
                user.id = webhook.user_id.get(),
                webhook.id = webhook_id,
                "webhook {webhook_id} disabled: {}",
                reason.as_str()
            );
            return Ok(());
        }
        for delivery in &unwritten {
            self.stores.deliveries.write(delivery).await?;
        }
        Ok(())
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

/// What an attempt has come to.
struct Sent {
    verdict: Verdict,
    /// When the first of its deliveries is due again.
    next: Option<Timestamp>,
    /// Its deliveries, where they are not written yet.
    unwritten: Vec<Delivery>,
}

impl Work {
    fn of(webhook: Webhook) -> Self {
        let Webhook { failing_since, sent_minute, sent_in_minute, .. } = webhook;
        let left = Left { failing_since, sent_minute, sent_in_minute };
        Self { webhook, left, next: None, given_up: None, unwritten: Vec::new(), is_slow: false }
    }

    /// How many messages more a bot may be sent in this minute.
    fn room(&self, now: Timestamp) -> u32 {
        let sent = if self.left.sent_minute == minute(now) { self.left.sent_in_minute } else { 0 };
        BOT_MESSAGES.saturating_sub(sent)
    }

    /// Notes what attempts have come to.
    fn note(&mut self, sent: &[Sent], now: Timestamp) {
        let attempts = sent.iter().filter(|sent| sent.verdict != Verdict::NotSent).count();
        let attempts = u32::try_from(attempts).unwrap_or(u32::MAX);
        let before = BOT_MESSAGES - self.room(now);
        (self.left.sent_minute, self.left.sent_in_minute) = (minute(now), before.saturating_add(attempts));
        self.unwritten.extend(sent.iter().flat_map(|sent| sent.unwritten.iter().cloned()));
        self.next = self.next.into_iter().chain(sent.iter().filter_map(|sent| sent.next)).min();
        let any = |is: fn(Verdict) -> bool| sent.iter().any(|sent| is(sent.verdict));
        self.is_slow = any(|verdict| matches!(verdict, Verdict::NotTaken { is_slow: true, .. }));
        if any(|verdict| verdict == Verdict::Gone) {
            self.given_up = Some(DisabledReason::Gone);
        } else if any(|verdict| verdict == Verdict::Taken) {
            self.left.failing_since = None;
        } else if attempts > 0 {
            let since = *self.left.failing_since.get_or_insert(now);
            if between(since, now) >= GIVEN_UP_AFTER {
                self.given_up = Some(DisabledReason::Failing);
            }
        }
    }

    /// Whether its receiver is to be left alone.
    fn is_over(&self) -> bool {
        self.is_slow || self.given_up.is_some()
    }
}

fn minute(now: Timestamp) -> i64 {
    now.as_second().div_euclid(60)
}
