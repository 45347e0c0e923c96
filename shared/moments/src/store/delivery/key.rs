//! How units are named, and what a new one is made of.

use std::fmt;

use jiff::Timestamp;
use kernel::ids::{TaskId, UserId};

use crate::ids::{AccountId, CorpKey};
use crate::provider::Provider;

/// A unit's key. As text it is `<task>/<unit>`: so a claim names the unit it belongs to, and an account the one that has
/// its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryKey<'a> {
    /// The task.
    pub task_id: TaskId,
    /// Its name within the task.
    pub unit: &'a str,
}

impl<'a> DeliveryKey<'a> {
    /// The key that a text names.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (task, unit) = text.split_once('/')?;
        Some(Self { task_id: task.parse().ok()?, unit })
    }
}

impl fmt::Display for DeliveryKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.task_id, self.unit)
    }
}

/// A unit about to be written.
#[derive(Debug)]
pub(crate) struct NewUnit<'a> {
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

/// An account of a unit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sender<'a> {
    pub account_id: &'a AccountId,
    /// Its member, if it is of a company.
    pub member_id: Option<&'a str>,
}
