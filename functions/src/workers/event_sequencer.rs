//! The event sequencer: gives the events of tenants their numbers, and hands them to those who are told without asking.

mod sink;

use kernel::Context;
use kernel::config::ConfigError;
use kernel::deadline::Deadline;
use kernel::events::{EventDispatch, EventMessage, Numbered, Sequencer};
use webhooks::WebhookDispatcher;

use sink::EventSink;

/// What the messages of this function share.
#[derive(Debug)]
pub struct App {
    sequencer: Sequencer,
    webhooks: WebhookDispatcher,
    sink: EventSink,
    dispatch: EventDispatch,
}

impl App {
    /// Built once at init.
    pub async fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self {
            sequencer: Sequencer::new(cx)?,
            webhooks: WebhookDispatcher::new(cx)?,
            sink: EventSink::new(cx)?,
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
    // Neither waits for the other, and the mark is seen to whatever became of them.
    let webhooks = Box::pin(app.webhooks.hand_over(tenant, deadline));
    let sink = Box::pin(app.sink.hand_over(tenant, deadline));
    let (webhooks_have_all, sink_is_done) = futures::join!(webhooks, sink);
    app.dispatch.settle(tenant).await?;
    if !(webhooks_have_all? && sink_is_done) {
        app.sequencer.go_on(tenant).await;
    }
    Ok(())
}
