//! Handing numbered events to those who are told without asking: the tenant's webhooks, and the sink.
//!
//! The head says for each of them up to which number it was handed the events, and since when one has waited. That is written in the
//! transaction that gives the numbers, so nothing is forgotten: whoever dies in between leaves the head marked, and the sweeper
//! finds it. Where there is nobody to be told nothing is written or read.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{TransactWriteItem, Update};

use super::outbox::tenant_of;
use super::store::{EventStore, Head, StoredEvent, key};
use crate::clock::Clock;
use crate::config::{ConfigError, EVENTS};
use crate::context::Context;
use crate::due::DueIndex;
use crate::dynamo::{condition_held, milliseconds, n, update};
use crate::error::{IsContention, Result};
use crate::ids::UserId;
use crate::instant::{before, between};
use crate::transaction::Transaction;

/// A head this old in the index was left by somebody who died, or has a message that was lost.
const OVERDUE_AFTER: Duration = Duration::from_secs(30);
/// Tenants of one shard of the index that a sweep looks at.
const LIMIT: usize = 1_000;

/// Who is told events without asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consumer {
    /// The tenant's webhooks, which each get the types that they want.
    Webhooks,
    /// The sink of the installation, which gets the events of all tenants.
    Sink,
}

impl Consumer {
    const ALL: [Self; 2] = [Self::Webhooks, Self::Sink];

    const fn cursor(self) -> &'static str {
        match self {
            Self::Webhooks => "webhook_sequence",
            Self::Sink => "sink_sequence",
        }
    }
}

/// The next events for one of them.
#[derive(Debug)]
pub struct Handover {
    tenant: UserId,
    consumer: Consumer,
    after: u64,
    to: u64,
    /// In the order of their numbers. Those that have expired are missing.
    pub events: Vec<StoredEvent>,
}

impl Handover {
    /// Ends with the first `number` of its events; the others come with the next one.
    #[must_use]
    pub fn first(mut self, number: usize) -> Self {
        if number < self.events.len() {
            self.events.truncate(number);
            self.to = self.events.last().map_or(self.after, |event| event.sequence);
        }
        self
    }
}

/// Reads what is to be handed over, and notes what was.
#[derive(Debug, Clone)]
pub struct EventDispatch {
    client: Client,
    clock: Clock,
    events: EventStore,
    has_sink: bool,
}

impl EventDispatch {
    /// Built once at init.
    ///
    /// # Errors
    /// When the prefix of the tables is missing.
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        let client = cx.aws.dynamodb.clone();
        Ok(Self {
            clock: cx.clock.clone(),
            events: EventStore { client: client.clone(), table: cx.table("t_event")? },
            client,
            has_sink: EVENTS.of(&cx.env).optional("EVENT_SINK")?.is_some(),
        })
    }

    /// The tenant's next events for this consumer, at most `limit`; nothing when it has them all.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn next(&self, tenant: UserId, consumer: Consumer, limit: usize) -> Result<Option<Handover>> {
        let head = self.events.head(tenant).await?;
        let last = head.last_sequence;
        let Some(after) = self.cursor(&head, consumer).filter(|after| *after < last) else { return Ok(None) };
        let events = self.events.range(tenant, after + 1, last, limit).await?;
        let to = events.last().map_or(last, |event| event.sequence);
        Ok(Some(Handover { tenant, consumer, after, to, events }))
    }

    /// Notes that the events were handed over, as one action of a transaction; refused when another one has noted it.
    ///
    /// # Errors
    /// When the action cannot be made.
    pub fn done(&self, handover: &Handover) -> Result<TransactWriteItem> {
        let Handover { tenant, consumer, after, to, .. } = handover;
        update(
            Update::builder()
                .table_name(&self.events.table)
                .set_key(Some(key(*tenant, 0)))
                .update_expression("SET #cursor = :to")
                .condition_expression("#cursor = :after")
                .expression_attribute_names("#cursor", consumer.cursor())
                .expression_attribute_values(":to", n(to))
                .expression_attribute_values(":after", n(after)),
        )
    }

    /// Notes that the events were handed over; whether nobody else had noted it.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn note(&self, handover: &Handover) -> Result<bool> {
        let mut note = Transaction::new();
        note.add(self.done(handover)?);
        match note.commit(&self.client, &self.clock).await {
            Ok(outcome) => Ok(outcome.is_committed()),
            Err(error) if error.is_contention() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Takes the mark from the head when everybody has all events, and else sets it to the time of the first that somebody lacks.
    ///
    /// # Errors
    /// When the table cannot be read or written.
    pub async fn settle(&self, tenant: UserId) -> Result<()> {
        let head = self.events.head(tenant).await?;
        let Some(marked) = head.dispatch_since else { return Ok(()) };
        let behind = Consumer::ALL.into_iter().filter_map(|consumer| self.cursor(&head, consumer));
        let behind: BTreeSet<u64> = behind.filter(|after| *after < head.last_sequence).collect();
        let first = match behind.first() {
            Some(after) => self.events.range(tenant, after + 1, head.last_sequence, 1).await?.pop(),
            None => None,
        };
        let since = match (behind.is_empty(), first) {
            (true, _) => None,
            (false, first) => Some(first.map_or(marked, |event| event.time)),
        };
        if since == Some(marked) {
            return Ok(());
        }
        let request = self
            .client
            .update_item()
            .table_name(&self.events.table)
            .set_key(Some(key(tenant, 0)))
            .condition_expression("last_sequence = :last AND dispatch_since = :marked")
            .expression_attribute_values(":last", n(head.last_sequence))
            .expression_attribute_values(":marked", milliseconds(marked));
        let request = match since {
            Some(since) => request
                .update_expression("SET dispatch_since = :since")
                .expression_attribute_values(":since", milliseconds(since)),
            None => request.update_expression("REMOVE dispatch_shard, dispatch_since"),
        };
        // Whoever has given numbers meanwhile hands them over, and comes here afterwards.
        condition_held(request.send().await, "dynamodb:UpdateItem").map(|_| ())
    }

    /// The tenants of whom events should have been handed over and were not.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub(super) async fn overdue(&self) -> Result<BTreeSet<UserId>> {
        let now = self.clock.now();
        let found = self.index().unattended(&self.client, before(now, OVERDUE_AFTER), now, LIMIT).await?;
        Ok(found.iter().filter_map(tenant_of).collect())
    }

    /// For how long the oldest event has waited to be handed over.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub(super) async fn lateness(&self) -> Result<Duration> {
        let now = self.clock.now();
        let oldest = self.index().oldest(&self.client, now).await?;
        Ok(oldest.map_or(Duration::ZERO, |oldest| between(oldest, now)))
    }

    /// Notes that the tenant has one webhook more, as one action of the transaction that makes it, and answers after which number its
    /// events begin; nothing when there are `most` already. Refused when events were numbered or handed over, or webhooks made or
    /// deleted, meanwhile.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn webhook_added(&self, tenant: UserId, most: u64) -> Result<Option<(TransactWriteItem, u64)>> {
        let head = self.events.head(tenant).await?;
        if head.webhook_count >= most {
            return Ok(None);
        }
        let after = head.last_sequence;
        // Those who have webhooks already go on where they are.
        let cursor = match head.webhook_count {
            0 => after,
            _ => head.webhook_sequence.unwrap_or(after),
        };
        let action = self.counted(tenant, &head, head.webhook_count + 1, Some(cursor))?;
        Ok(Some((action, after)))
    }

    /// Notes that the tenant has one webhook less, as one action of the transaction that deletes it; refused when another one was made or
    /// deleted meanwhile.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn webhook_removed(&self, tenant: UserId) -> Result<TransactWriteItem> {
        let head = self.events.head(tenant).await?;
        self.counted(tenant, &head, head.webhook_count.saturating_sub(1), None)
    }

    fn counted(&self, tenant: UserId, read: &Head, webhooks: u64, cursor: Option<u64>) -> Result<TransactWriteItem> {
        let mut builder = Update::builder()
            .table_name(&self.events.table)
            .set_key(Some(key(tenant, 0)))
            .expression_attribute_values(":next", n(webhooks))
            .expression_attribute_values(":webhooks", n(read.webhook_count));
        let mut set = "SET webhook_count = :next".to_owned();
        let mut condition = read.webhooks_are_as_read().to_owned();
        if let Some(cursor) = cursor {
            set.push_str(", webhook_sequence = :cursor");
            builder = builder.expression_attribute_values(":cursor", n(cursor));
            // The cursor may be set only where it was read, and events begin where the last number is known.
            condition.push_str(if read.last_sequence == 0 {
                " AND attribute_not_exists(last_sequence)"
            } else {
                " AND last_sequence = :last"
            });
            if read.last_sequence > 0 {
                builder = builder.expression_attribute_values(":last", n(read.last_sequence));
            }
            if let (Some(at), 1..) = (read.webhook_sequence, read.webhook_count) {
                condition.push_str(" AND webhook_sequence = :at");
                builder = builder.expression_attribute_values(":at", n(at));
            }
        }
        update(builder.update_expression(set).condition_expression(condition))
    }

    /// After which number this consumer's next event comes; nothing when it is told none.
    fn cursor(&self, head: &Head, consumer: Consumer) -> Option<u64> {
        match consumer {
            Consumer::Webhooks => head.webhook_sequence.filter(|_| head.webhook_count > 0),
            Consumer::Sink => head.sink_sequence.filter(|_| self.has_sink),
        }
    }

    fn index(&self) -> DueIndex {
        DueIndex {
            table: self.events.table.clone(),
            index: "by_dispatch",
            shard_attribute: "dispatch_shard",
            time_attribute: "dispatch_since",
            time_value: milliseconds,
        }
    }
}
