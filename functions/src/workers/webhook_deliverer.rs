//! The webhook deliverer: sends tenants' webhooks what they are to be told.

use kernel::Context;
use kernel::config::ConfigError;
use kernel::deadline::Deadline;
use webhooks::{Deliverer, DeliveryMessage};

use crate::views::event_reader::EventReader;

/// What the messages of this function share.
#[derive(Debug)]
pub struct App {
    deliverer: Deliverer,
    reader: EventReader,
}

impl App {
    /// Built once at init.
    pub async fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self { deliverer: Deliverer::new(cx)?, reader: EventReader::new(cx)? })
    }
}

/// Handles one message. An error is one of our own tables, or of the key, and brings the message back.
pub async fn handle(app: &App, message: DeliveryMessage, deadline: Deadline) -> kernel::Result<()> {
    Box::pin(app.deliverer.run(&app.reader, &message, deadline)).await
}
