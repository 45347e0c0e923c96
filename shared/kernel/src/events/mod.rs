//! Events: what has changed, told to whoever asks `GET /api/v1/events`, in one sequence for each tenant, without a gap and
//! nothing twice.
//!
//! Whoever changes something puts an item into `t_outbox` in the transaction of the change ([`Outbox`]): there is an event if
//! and only if there is the change, and the item has a key of its own, so nothing is in its way. The [`Sequencer`] moves events
//! from there to `t_event` and numbers them; [`EventFeed`] reads them, and [`EventDispatch`] is for those who are told without asking.
//!
//! An event holds ids, statuses and names of fields, and nothing of a person: what is told of a lead is read from the lead when
//! the event is. So erasing a person need not look here.

mod dispatch;
mod feed;
mod order;
mod outbox;
mod sequencer;
mod store;
mod sweeper;

pub use dispatch::{Consumer, EventDispatch, Handover};
pub use feed::{EventFeed, FeedPage, MAX_LIMIT};
pub use outbox::{EventMessage, Outbox};
pub use sequencer::{Numbered, Sequencer};
pub use store::StoredEvent;
pub use sweeper::{EventLateness, EventSweeper};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};

/// A change to be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What kind of change, in the words of the contract: `lead.created`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it changes, each at the version that the change makes: of two events of one thing the lower version comes first.
    pub places: Vec<Place>,
    /// What is stored of it.
    pub data: Value,
}

impl Event {
    /// The event that a domain's own type says, which is written as `{"type": …, "data": …}`.
    ///
    /// # Errors
    /// When it is not.
    pub fn told<T: Serialize>(event: &T, places: Vec<Place>) -> Result<Self> {
        const NOT_WRITTEN: Error = Error::Internal("event not serialised");
        let mut written = serde_json::to_value(event).map_err(|_| NOT_WRITTEN)?;
        let kind = written.get("type").and_then(Value::as_str).ok_or(NOT_WRITTEN)?.to_owned();
        let data = written.get_mut("data").map(Value::take).ok_or(NOT_WRITTEN)?;
        Ok(Self { kind, places, data })
    }
}

/// A version of something that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place(
    /// What changes: any text that nothing else of the tenant has.
    pub String,
    /// Its version. It grows with each change, not necessarily by one.
    pub u64,
);
