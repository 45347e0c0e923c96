//! Webhooks of tenants: what is sent to an address that a tenant has named.
//!
//! [`WebhookDispatcher`] makes a delivery for each webhook that wants an event, [`Deliverer`] sends it, again and again for a day
//! ([`retries`]), and [`DeliverySweeper`] sees to what nobody sends. [`Webhooks`] is what tenants ask for. How a delivery looks is in
//! [`body`], how it is signed in [`signature`].

#![warn(missing_docs)]

pub mod audit;
pub mod body;
pub mod config;
mod credentials;
mod deliver;
mod dispatch;
pub mod error;
pub mod events;
pub mod kind;
mod manage;
mod message;
pub mod retries;
pub mod secret;
mod send;
pub mod signature;
pub mod store;
mod sweep;
mod types;

pub use credentials::ROTATION;
pub use deliver::{Deliverer, EventViews};
pub use dispatch::WebhookDispatcher;
pub use error::{Error, Result};
pub use manage::{Change, DeliveryRequests, MAX_BOT_SECRET, MOST_WEBHOOKS, Made, NewWebhook, WebhookEdits, Webhooks};
pub use message::DeliveryMessage;
pub use sweep::DeliverySweeper;
pub use types::{EVENT_TYPES, TEST_TYPE, default_types};
