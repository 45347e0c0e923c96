//! How deliveries are named, and what a new one is made of.

use std::fmt;

use jiff::Timestamp;
use kernel::ids::{TaskId, UserId};

use crate::ids::{AccountId, CorpKey};
use crate::provider::Provider;

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
}

/// An account of a delivery.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sender<'a> {
    pub account_id: &'a AccountId,
    /// Its member, if it is of a company.
    pub member_id: Option<&'a str>,
}
