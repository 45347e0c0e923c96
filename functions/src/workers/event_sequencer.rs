//! The event sequencer: gives the events of tenants their numbers, and hands them to those who are told without asking.

use kernel::Context;
use kernel::config::ConfigError;
use kernel::deadline::Deadline;
use kernel::events::{EventDispatch, EventMessage, Sequencer};
use webhooks::WebhookDispatcher;

/// What the messages of this function share.
#[derive(Debug)]
pub struct App {
    sequencer: Sequencer,
    webhooks: WebhookDispatcher,
    dispatch: EventDispatch,
}

impl App {
    /// Built once at init.
    pub async fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self {
            sequencer: Sequencer::new(cx)?,
            webhooks: WebhookDispatcher::new(cx)?,
            dispatch: EventDispatch::new(cx)?,
        })
    }
}

/// Handles one message. An error is one of our own tables and brings the message back.
pub async fn handle(app: &App, message: EventMessage, deadline: Deadline) -> kernel::Result<()> {
    let moved = app.sequencer.run(message.user_id, deadline).await?;
    tracing::info!(user.id = message.user_id.get(), moved, "events of user {} numbered", message.user_id);
    let webhooks = app.webhooks.hand_over(message.user_id, deadline).await;
    app.dispatch.settle(message.user_id).await?;
    if !webhooks? {
        app.sequencer.go_on(message.user_id).await;
    }
    Ok(())
}
