//! The event sequencer: gives the events of tenants their numbers, and hands them to those who are told without asking.

mod sink;

use kernel::Context;
use kernel::config::ConfigError;
use kernel::deadline::Deadline;
use kernel::events::{EventDispatch, EventMessage, Numbered, Sequencer};
use webhooks::WebhookDispatcher;

use sink::{EventSink, Handed};

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
    let (tenant, mut sink_takes) = (message.user_id, true);
    loop {
        let Numbered { events, are_awaited, are_all } = app.sequencer.run(tenant, deadline).await?;
        tracing::info!(user.id = tenant.get(), moved = events, "events of user {tenant} numbered");
        if !are_awaited {
            return Ok(());
        }
        // Neither waits for the other, and the mark is seen to whatever became of them.
        let webhooks = Box::pin(app.webhooks.hand_over(tenant, deadline));
        // One that has failed may fail after ten seconds, and is left alone until the next message.
        let sink = async { if sink_takes { app.sink.hand_over(tenant, deadline).await } else { Handed::Failed } };
        let (webhooks_have_all, sink) = futures::join!(webhooks, Box::pin(sink));
        app.dispatch.settle(tenant).await?;
        sink_takes = sink != Handed::Failed;
        if !webhooks_have_all? || sink == Handed::InPart {
            app.sequencer.go_on(tenant).await;
            return Ok(());
        }
        if are_all {
            return Ok(());
        }
    }
}
