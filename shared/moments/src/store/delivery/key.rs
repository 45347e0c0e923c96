//! How deliveries are named, and what a new one is made of.

use std::fmt;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use kernel::dynamo::{Item, decode, n, s};
use kernel::error::Result;
use kernel::ids::{TaskId, UserId};
use kernel::lease::Lease;

use super::{Delivery, DeliveryStage, WHAT, shard};
use crate::ids::{AccountId, CorpKey};
use crate::provider::Provider;
use crate::store::{milliseconds, seconds};

/// A delivery's key. As text it is `<task>/<delivery>`: so a claim names the delivery it belongs to, and an account the one that has
/// its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryKey<'a> {
    pub task_id: TaskId,
    /// Its name within the task.
    pub delivery: &'a str,
}

impl<'a> DeliveryKey<'a> {
    /// The key that a text names.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (task, delivery) = text.split_once('/')?;
        Some(Self { task_id: task.parse().ok()?, delivery })
    }
}

impl fmt::Display for DeliveryKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.task_id, self.delivery)
    }
}

/// A delivery about to be written.
#[derive(Debug)]
pub(crate) struct NewDelivery<'a> {
    pub key: DeliveryKey<'a>,
    pub user_id: UserId,
    pub provider: Provider,
    /// The company; absent for a personal account.
    pub corp_key: Option<&'a CorpKey>,
    /// Since when it is wanted.
    pub wanted_at: Timestamp,
    /// The accounts it publishes for.
    pub senders: &'a [Sender<'a>],
    /// Who takes it up as it is made. Without one it waits for its message.
    pub lease: Option<&'a Lease>,
}

impl NewDelivery<'_> {
    /// Its row.
    pub fn row(&self, now: Timestamp) -> Item {
        let Self { key, user_id, provider, corp_key, wanted_at, senders, lease } = *self;
        let mut row = vec![
            ("task_id", n(key.task_id)),
            ("delivery", s(key.delivery)),
            ("user_id", n(user_id)),
            ("account_type", s(provider.account_type())),
            ("account_ids", AttributeValue::L(senders.iter().map(|sender| s(sender.account_id)).collect())),
            ("stage", s(DeliveryStage::Queued.as_str())),
            ("due_shard", s(shard(key))),
            ("next_action_at", milliseconds(lease.map_or(now, Lease::end))),
            ("wanted_at", milliseconds(wanted_at)),
            ("create_time", seconds(now)),
        ];
        if let Some(corp_key) = corp_key {
            let members = senders.iter().map(|sender| s(sender.member_id.unwrap_or_default())).collect();
            row.extend([("corp_key", s(corp_key)), ("member_ids", AttributeValue::L(members))]);
        }
        if let Some(lease) = lease {
            row.extend([("lease_owner", s(lease.owner())), ("attempts", n(1))]);
        }
        row.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The delivery as its row will be read.
    ///
    /// # Errors
    /// When the row does not fit.
    pub fn delivery(&self, now: Timestamp) -> Result<Delivery> {
        decode(WHAT, self.row(now))
    }
}

/// An account of a delivery.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sender<'a> {
    pub account_id: &'a AccountId,
    /// Its member, if it is of a company.
    pub member_id: Option<&'a str>,
}
