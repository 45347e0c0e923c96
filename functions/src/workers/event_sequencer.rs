//! The event sequencer: gives the events of tenants their numbers.

use kernel::Context;
use kernel::config::ConfigError;
use kernel::deadline::Deadline;
use kernel::events::{EventMessage, Sequencer};

/// What the messages of this function share.
#[derive(Debug)]
pub struct App {
    sequencer: Sequencer,
}

impl App {
    /// Built once at init.
    pub async fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self { sequencer: Sequencer::new(cx)? })
    }
}

/// Handles one message. An error is one of our own tables and brings the message back.
pub async fn handle(app: &App, message: EventMessage, deadline: Deadline) -> kernel::Result<()> {
    let moved = app.sequencer.run(message.user_id, deadline).await?;
    tracing::info!(user.id = message.user_id.get(), moved, "events of user {} numbered", message.user_id);
    Ok(())
}
