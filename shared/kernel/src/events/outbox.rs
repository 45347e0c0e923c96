//! `t_outbox`: events that have no number yet. An item holds all events of one transaction, and is part of it.
//!
//! Beside the commit a message is sent for the sequencer, so that it costs no time. It comes a second later, when the commit is
//! over. One that is not sent, or comes too early, is made up for by the sweeper, which finds items by their age.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tracing::warn;

use super::{Event, Place};
use crate::clock::Clock;
use crate::config::{ConfigError, EVENTS};
use crate::context::Context;
use crate::due::{DueIndex, shard_of_text};
use crate::dynamo::{Item, decode, delete, milliseconds, n, put, s};
use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::instant::{before, between};
use crate::metrics::{self, Metric};
use crate::queue::Queue;
use crate::transaction::{MAX_ACTIONS, Outcome, Transaction};

const WHAT: &str = "outbox item";

/// Events of one transaction: the sequencer moves them together, each by one action, beside the head's and the item's.
const MOST_EVENTS: usize = MAX_ACTIONS - 2;
/// When a message for the sequencer comes: a commit takes some ten milliseconds.
const MESSAGE_DELAY: Duration = Duration::from_secs(1);
/// An item this old has lost its message.
const OVERDUE_AFTER: Duration = Duration::from_secs(30);
/// Items of one shard of the index that a sweep looks at.
const LIMIT: usize = 10_000;
/// How much the clocks of two writers may differ. AWS keeps those of its machines within milliseconds.
pub(super) const MAX_SKEW: Duration = Duration::from_secs(10);

/// A message: whose events are to be numbered, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EventMessage {
    /// The tenant.
    pub user_id: UserId,
}

/// An item as it was read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Waiting {
    pub entry: String,
    pub written_at: Timestamp,
    pub events: Vec<Event>,
}

impl Waiting {
    /// What its events change.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.events.iter().flat_map(|event| &event.places)
    }
}

/// The first items of a tenant.
#[derive(Debug, Default)]
pub(super) struct Window {
    pub items: Vec<Waiting>,
    /// Up to which time everything that was written is among them; without one there are no others.
    pub whole_until: Option<Timestamp>,
}

/// Access to the table and the sequencer's queue. A function that tells no events has no queue.
#[derive(Debug, Clone)]
pub struct Outbox {
    client: Client,
    clock: Clock,
    table: String,
    queue: Option<Queue>,
}

impl Outbox {
    /// The outbox of this installation.
    ///
    /// # Errors
    /// Names the setting that is missing.
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        let url = EVENTS.of(&cx.env).optional("EVENT_QUEUE_URL")?;
        Ok(Self {
            client: cx.aws.dynamodb.clone(),
            clock: cx.clock.clone(),
            table: cx.table("t_outbox")?,
            queue: url.map(|url| Queue::new(cx.aws.sqs.clone(), url)),
        })
    }

    /// Adds what the transaction changes to it, as one action; none when that is nothing.
    ///
    /// # Errors
    /// [`Error::Internal`] for more events than are moved at once.
    pub fn add(&self, transaction: &mut Transaction, tenant: UserId, events: &[Event]) -> Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        if events.len() > MOST_EVENTS {
            return Err(Error::Internal("transaction of too many events"));
        }
        let now = self.clock.now();
        let random = hex::encode(crate::crypto::random::<12>());
        let text = serde_json::to_string(events).map_err(|_| Error::Internal("event not serialised"))?;
        let item = Put::builder()
            .table_name(&self.table)
            .item("user_id", n(tenant))
            // In the order of time, as far as the writers' clocks agree.
            .item("entry", s(format!("{:015}#{random}", now.as_millisecond().max(0))))
            .item("outbox_shard", s(shard_of_text(&random)))
            .item("written_at", milliseconds(now))
            .item("events", s(text));
        transaction.add(put(item)?);
        transaction.has_events_of(tenant);
        Ok(())
    }

    /// Commits the transaction, and beside that has its events numbered, if it has any.
    ///
    /// # Errors
    /// As [`Transaction::commit`].
    pub async fn commit(&self, transaction: &Transaction) -> Result<Outcome> {
        let commit = transaction.commit(&self.client, &self.clock);
        match transaction.tenant_with_events() {
            None => commit.await,
            // Boxed: every caller's future would carry both otherwise.
            Some(tenant) => futures::join!(Box::pin(commit), Box::pin(self.wake(tenant))).0,
        }
    }

    /// Has a tenant's events numbered. A message that cannot be sent is the sweeper's: it fails nothing.
    pub(super) async fn wake(&self, tenant: UserId) {
        if let Err(error) = self.send(tenant, MESSAGE_DELAY).await {
            metrics::put(Metric::WakeupsNotMade, 1);
            warn!(user.id = tenant.get(), "message for events of user {tenant} not sent, left to the sweeper: {error}");
        }
    }

    pub(super) async fn send(&self, tenant: UserId, delay: Duration) -> Result<()> {
        let queue = self.queue.as_ref().ok_or(Error::Internal("no queue for events"))?;
        queue.send(&EventMessage { user_id: tenant }, delay, &tenant.to_string()).await
    }

    /// The tenants whose events have waited for longer than messages take.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub(super) async fn overdue(&self) -> Result<BTreeSet<UserId>> {
        let now = self.clock.now();
        let found = self.index().unattended(&self.client, before(now, OVERDUE_AFTER), now, LIMIT).await?;
        Ok(found.iter().filter_map(tenant_of).collect())
    }

    /// For how long the oldest event has been without a number.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub(super) async fn lateness(&self) -> Result<Duration> {
        let now = self.clock.now();
        let oldest = self.index().oldest(&self.client, now).await?;
        Ok(oldest.map_or(Duration::ZERO, |oldest| between(oldest, now)))
    }

    fn index(&self) -> DueIndex {
        DueIndex {
            table: self.table.clone(),
            index: "by_time",
            shard_attribute: "outbox_shard",
            time_attribute: "written_at",
            time_value: milliseconds,
        }
    }

    /// The first items of a tenant, read consistently: all of them, or those of some time.
    pub(super) async fn window(&self, tenant: UserId) -> Result<Window> {
        let (mut window, mut start) = (Window::default(), None);
        loop {
            let answer = self
                .client
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .key_condition_expression("user_id = :tenant")
                .expression_attribute_values(":tenant", n(tenant))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(Error::aws("dynamodb:Query"))?;
            for row in answer.items.unwrap_or_default() {
                window.items.push(read(row)?);
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(window);
            }
            let ends = window.items.first().zip(window.items.last());
            let span = ends.map_or(Duration::ZERO, |(first, last)| between(first.written_at, last.written_at));
            if span > MAX_SKEW * 2 {
                window.whole_until = window.items.last().map(|last| before(last.written_at, MAX_SKEW));
                return Ok(window);
            }
        }
    }

    /// Takes an item out, as one action of a transaction; refused when it is out already.
    pub(super) fn take(&self, tenant: UserId, entry: &str) -> Result<TransactWriteItem> {
        delete(
            Delete::builder()
                .table_name(&self.table)
                .key("user_id", n(tenant))
                .key("entry", s(entry))
                .condition_expression("attribute_exists(entry)"),
        )
    }
}

pub(super) fn tenant_of(key: &Item) -> Option<UserId> {
    UserId::new(key.get("user_id")?.as_n().ok()?.parse().ok()?)
}

fn read(row: Item) -> Result<Waiting> {
    #[derive(Deserialize)]
    struct Row {
        entry: String,
        #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
        written_at: Timestamp,
        events: String,
    }
    let Row { entry, written_at, events } = decode(WHAT, row)?;
    let events = serde_json::from_str(&events).map_err(|_| Error::Corrupt(WHAT))?;
    Ok(Waiting { entry, written_at, events })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_message_is_read_back_as_it_was_written() {
        let message = EventMessage { user_id: UserId::new(7).unwrap() };
        let text = serde_json::to_string(&message).unwrap();
        assert_eq!(text, r#"{"userId":7}"#);
        assert_eq!(serde_json::from_str::<EventMessage>(&text).unwrap(), message);
        assert!(serde_json::from_str::<EventMessage>(r#"{"userId":7,"more":1}"#).is_err());
    }
}
