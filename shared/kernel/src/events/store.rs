//! `t_event`: a tenant's events by their numbers, and beside them, at number 0, the head: which number was the last.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem, Update};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Event;
use crate::due::shard;
use crate::dynamo::{Item, decode, milliseconds, n, put, s, seconds, update};
use crate::error::{Error, Result};
use crate::ids::UserId;

const WHAT: &str = "event";

/// How far a tenant's events are numbered, and handed to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub(super) struct Head {
    /// The last number.
    pub last_sequence: u64,
    /// When that event expires. No later one does before it, so what has expired is always the beginning.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub last_expiry: Timestamp,
    /// How many webhooks the tenant has.
    pub webhook_count: u64,
    /// Up to which number events were handed to the webhooks. It is set when the first of them is made.
    pub webhook_sequence: Option<u64>,
    /// Up to which number events were handed to the sink; none while there is no sink.
    pub sink_sequence: Option<u64>,
    /// Since when an event has waited to be handed over; none when none does.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    pub dispatch_since: Option<Timestamp>,
}

impl Head {
    /// The condition that the tenant's webhooks are as many as when this was read: one that is made meanwhile wants events from
    /// there on.
    pub(super) fn webhooks_are_as_read(&self) -> &'static str {
        match self.webhook_count {
            0 => "(attribute_not_exists(webhook_count) OR webhook_count = :webhooks)",
            _ => "webhook_count = :webhooks",
        }
    }
}

/// How the numbering goes on from a head.
#[derive(Debug, Clone, Copy)]
pub(super) struct Advance {
    /// The new last number.
    pub last_sequence: u64,
    /// When its event expires.
    pub last_expiry: Timestamp,
    /// When this is done.
    pub now: Timestamp,
    /// Whether events are handed to a sink.
    pub has_sink: bool,
}

/// An event with its number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredEvent {
    /// Its number among those of its tenant, from 1.
    pub sequence: u64,
    /// What no other event has.
    #[serde(rename = "event_id")]
    pub id: String,
    /// What kind of change.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it was made.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub time: Timestamp,
    data: String,
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub(super) expires_at: Timestamp,
}

impl StoredEvent {
    /// Until when it is kept.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// What is stored of the change.
    ///
    /// # Errors
    /// When that is no JSON.
    pub fn data(&self) -> Result<Value> {
        serde_json::from_str(&self.data).map_err(|_| Error::Corrupt(WHAT))
    }

    /// The event as a domain's own type; nothing when it is of another domain.
    ///
    /// # Errors
    /// When what is stored is no JSON.
    pub fn read<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        let event = serde_json::json!({ "type": self.kind, "data": self.data()? });
        Ok(serde_json::from_value(event).ok())
    }

    /// An event at its number.
    pub(super) fn new(event: &Event, id: String, sequence: u64, time: Timestamp, expires_at: Timestamp) -> Self {
        Self { sequence, id, kind: event.kind.clone(), time, data: event.data.to_string(), expires_at }
    }
}

/// Access to the table.
#[derive(Debug, Clone)]
pub(super) struct EventStore {
    pub client: Client,
    pub table: String,
}

impl EventStore {
    /// The tenant's head, read consistently.
    pub async fn head(&self, tenant: UserId) -> Result<Head> {
        let request = self.client.get_item().table_name(&self.table).set_key(Some(key(tenant, 0)));
        let answer = request.consistent_read(true).send().await.map_err(Error::aws("dynamodb:GetItem"))?;
        answer.item.map_or_else(|| Ok(Head::default()), |row| decode("event head", row))
    }

    /// Moves the head, as one action of a transaction; refused when it was moved, or a webhook came or went, since it was read.
    /// Where somebody is to be handed the events it is marked, so that the sweeper finds what was not handed over.
    pub fn advance(&self, tenant: UserId, read: Head, next: Advance) -> Result<TransactWriteItem> {
        let last =
            if read.last_sequence == 0 { "attribute_not_exists(last_sequence)" } else { "last_sequence = :read" };
        let mut set = "SET last_sequence = :next, last_expiry = :expiry".to_owned();
        let mut builder = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key(tenant, 0)))
            .condition_expression(format!("{last} AND {}", read.webhooks_are_as_read()))
            .expression_attribute_values(":next", n(next.last_sequence))
            .expression_attribute_values(":expiry", seconds(next.last_expiry))
            .expression_attribute_values(":webhooks", n(read.webhook_count));
        if next.has_sink || read.webhook_count > 0 {
            set.push_str(", dispatch_shard = :shard, dispatch_since = if_not_exists(dispatch_since, :now)");
            builder = builder
                .expression_attribute_values(":shard", s(shard(tenant.get())))
                .expression_attribute_values(":now", milliseconds(next.now));
        }
        let is_first_for_sink = next.has_sink && read.sink_sequence.is_none();
        if is_first_for_sink {
            set.push_str(", sink_sequence = :read");
        }
        if !next.has_sink && read.sink_sequence.is_some() {
            set.push_str(" REMOVE sink_sequence");
        }
        if read.last_sequence > 0 || is_first_for_sink {
            builder = builder.expression_attribute_values(":read", n(read.last_sequence));
        }
        update(builder.update_expression(set))
    }

    /// Puts an event at its number, as one action of the transaction that moves the head.
    pub fn put(&self, tenant: UserId, event: &StoredEvent) -> Result<TransactWriteItem> {
        put(Put::builder()
            .table_name(&self.table)
            .set_item(Some(key(tenant, event.sequence)))
            .item("event_id", s(&event.id))
            .item("type", s(&event.kind))
            .item("time", milliseconds(event.time))
            .item("data", s(&event.data))
            .item("expires_at", seconds(event.expires_at)))
    }

    /// The events from one number to another, at most `limit`, read consistently.
    pub async fn range(&self, tenant: UserId, first: u64, last: u64, limit: usize) -> Result<Vec<StoredEvent>> {
        let (mut events, mut start) = (Vec::new(), None);
        loop {
            let left = i32::try_from(limit - events.len()).unwrap_or(i32::MAX);
            let answer = self
                .client
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .key_condition_expression("user_id = :tenant AND #sequence BETWEEN :first AND :last")
                .expression_attribute_names("#sequence", "sequence")
                .expression_attribute_values(":tenant", n(tenant))
                .expression_attribute_values(":first", n(first))
                .expression_attribute_values(":last", n(last))
                .limit(left)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(Error::aws("dynamodb:Query"))?;
            for row in answer.items.unwrap_or_default() {
                events.push(decode(WHAT, row)?);
            }
            start = answer.last_evaluated_key;
            if start.is_none() || events.len() >= limit {
                return Ok(events);
            }
        }
    }
}

pub(super) fn key(tenant: UserId, sequence: u64) -> Item {
    Item::from([("user_id".to_owned(), n(tenant)), ("sequence".to_owned(), n(sequence))])
}
