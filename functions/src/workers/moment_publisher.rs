//! The publisher: dispatches tasks and moves their deliveries, message by message.

use kernel::Context;
use kernel::config::ConfigError;
use kernel::deadline::Deadline;
use moments::publish::{PublishMessage, Publisher};
use moments::store::delivery::DeliveryKey;

/// What the messages of this function share.
#[derive(Debug)]
pub struct App {
    publisher: Publisher,
}

impl App {
    /// Built once at init.
    pub async fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self { publisher: Publisher::new(cx)? })
    }
}

/// Handles one message. What becomes of it is in the rows; an error is one of our own stores and brings the message
/// back. Each message is one step: one that the function's timeout cuts short is taken up again after its lease, with
/// the media already uploaded still known, or read back if it was being sent. Nothing is sent that `deadline` would cut
/// short.
pub async fn handle(app: &App, message: PublishMessage, deadline: Deadline) -> moments::Result<()> {
    match &message.delivery {
        None => Box::pin(app.publisher.dispatch(message.task_id, deadline)).await,
        Some(delivery) => {
            let key = DeliveryKey { task_id: message.task_id, delivery };
            let moved = Box::pin(app.publisher.run(key, message.due_at, deadline)).await?;
            tracing::info!(
                task.id = message.task_id.get(),
                delivery,
                ?moved,
                "delivery of task {} handled",
                message.task_id
            );
            Ok(())
        }
    }
}
