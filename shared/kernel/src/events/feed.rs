//! Reading a tenant's events in the order of their numbers.
//!
//! The head is read first, and then the events up to it. They were written in one transaction with it, so all of them are there:
//! what is missing has expired. The table's TTL deletes days late and in any order, so an event is served by its own time of
//! expiry alone, and that never decreases with the number: what is served has no gap.

use aws_sdk_dynamodb::Client;
use jiff::Timestamp;

use super::store::{EventStore, StoredEvent};
use crate::config::ConfigError;
use crate::context::Context;
use crate::dynamo::{n, seconds};
use crate::error::{Error, Result};
use crate::ids::UserId;

/// The most events of one answer.
pub const MAX_LIMIT: usize = 1_000;

/// Events as they are answered.
#[derive(Debug, Clone)]
pub struct FeedPage {
    /// In the order of their numbers, which have no gap.
    pub events: Vec<StoredEvent>,
    /// The number of the tenant's newest event; 0 without any.
    pub last_sequence: u64,
}

/// Reads events.
#[derive(Debug, Clone)]
pub struct EventFeed {
    client: Client,
    events: EventStore,
}

impl EventFeed {
    /// The feed of this installation.
    ///
    /// # Errors
    /// When the prefix of the tables is missing.
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        let client = cx.aws.dynamodb.clone();
        Ok(Self { events: EventStore { client: client.clone(), table: cx.table("t_event")? }, client })
    }

    /// The tenant's events after number `after`, at most `limit`.
    ///
    /// # Errors
    /// [`Error::EventsExpired`] when the first of them is not kept any more.
    pub async fn page(&self, tenant: UserId, after: u64, limit: usize, now: Timestamp) -> Result<FeedPage> {
        let last_sequence = self.events.head(tenant).await?.last_sequence;
        if after >= last_sequence {
            return Ok(FeedPage { events: Vec::new(), last_sequence });
        }
        let events = self.events.range(tenant, after + 1, last_sequence, limit).await?;
        match events.first() {
            Some(first) if first.sequence == after + 1 && first.expires_at > now => {
                Ok(FeedPage { events, last_sequence })
            }
            _ => Err(Error::EventsExpired { oldest: self.oldest(tenant, last_sequence, now).await? }),
        }
    }

    /// The tenant's event of this number, if it is kept.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn event(&self, tenant: UserId, sequence: u64) -> Result<Option<StoredEvent>> {
        Ok(self.events.range(tenant, sequence, sequence, 1).await?.pop())
    }

    /// The number of the first event that is kept; the next one if none is.
    async fn oldest(&self, tenant: UserId, last: u64, now: Timestamp) -> Result<u64> {
        let mut found = self
            .client
            .query()
            .table_name(&self.events.table)
            .consistent_read(true)
            .key_condition_expression("user_id = :tenant AND #sequence BETWEEN :first AND :last")
            .filter_expression("expires_at > :now")
            .projection_expression("#sequence")
            .expression_attribute_names("#sequence", "sequence")
            .expression_attribute_values(":tenant", n(tenant))
            .expression_attribute_values(":first", n(1))
            .expression_attribute_values(":last", n(last))
            .expression_attribute_values(":now", seconds(now))
            .into_paginator()
            .items()
            .send();
        let Some(first) = found.next().await else { return Ok(last + 1) };
        let first = first.map_err(Error::aws("dynamodb:Query"))?;
        let number = first.get("sequence").and_then(|value| value.as_n().ok()?.parse().ok());
        number.ok_or(Error::Corrupt("event"))
    }
}
