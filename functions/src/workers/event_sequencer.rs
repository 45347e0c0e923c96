//! The event sequencer: gives the events of tenants their numbers, and hands them to those who are told without asking.

use kernel::Context;
use kernel::config::ConfigError;
use kernel::deadline::Deadline;
use kernel::events::{EventDispatch, EventMessage, Numbered, Sequencer};
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
    let tenant = message.user_id;
    let Numbered { events, are_awaited } = app.sequencer.run(tenant, deadline).await?;
    tracing::info!(user.id = tenant.get(), moved = events, "events of user {tenant} numbered");
    if !are_awaited {
        return Ok(());
    }
    let webhooks = app.webhooks.hand_over(tenant, deadline).await;
    app.dispatch.settle(tenant).await?;
    if !webhooks? {
        app.sequencer.go_on(tenant).await;
    }
    Ok(())
}
