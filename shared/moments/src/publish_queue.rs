//! The queue of publishing: its messages are built here and nowhere else.

use std::time::Duration;

use kernel::Context;
use kernel::config::ConfigError;
use kernel::error::{Error, Result};
use kernel::ids::{TaskId, UserId};
use kernel::queue::{MAX_DELAY, Queue};

use crate::config::publish_queue;
use crate::publish::PublishMessage;
use crate::store::delivery::DeliveryKey;

/// Sends messages about tasks and their deliveries.
#[derive(Debug, Clone)]
pub(crate) struct PublishQueue(Queue);

impl PublishQueue {
    /// The configured queue.
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self(publish_queue(cx)?))
    }

    /// Has the task dispatched after `delay`. `false`: that is longer than a message can wait, and nothing was sent.
    pub async fn dispatch(&self, task_id: TaskId, user_id: UserId, delay: Duration) -> Result<bool> {
        self.send(&PublishMessage { task_id, delivery: None }, user_id, delay).await
    }

    /// Has the delivery taken up after `delay`. `false`: that is longer than a message can wait, and nothing was sent.
    pub async fn wake(&self, delivery: DeliveryKey<'_>, user_id: UserId, delay: Duration) -> Result<bool> {
        let message = PublishMessage { task_id: delivery.task_id, delivery: Some(delivery.delivery.to_owned()) };
        self.send(&message, user_id, delay).await
    }

    /// The message that has the task dispatched, for whoever else puts it on this queue.
    pub fn dispatch_body(task_id: TaskId) -> Result<String> {
        serde_json::to_string(&PublishMessage { task_id, delivery: None }).map_err(|_| Error::Internal("message body"))
    }

    async fn send(&self, message: &PublishMessage, user_id: UserId, delay: Duration) -> Result<bool> {
        if delay > MAX_DELAY {
            return Ok(false);
        }
        self.0.send(message, delay, &user_id.to_string()).await?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publish_messages_are_read_back_as_they_were_written() {
        let task_id = TaskId::generate("2026-11-20T00:00:00Z".parse().unwrap());
        let body = PublishQueue::dispatch_body(task_id).unwrap();
        assert_eq!(body, format!(r#"{{"taskId":"{task_id}"}}"#));
        let message = PublishMessage { task_id, delivery: Some("wx1#0".to_owned()) };
        let text = serde_json::to_string(&message).unwrap();
        assert_eq!(text, format!(r#"{{"taskId":"{task_id}","delivery":"wx1#0"}}"#));
        assert_eq!(serde_json::from_str::<PublishMessage>(&text).unwrap(), message);
        assert!(serde_json::from_str::<PublishMessage>(r#"{"taskId":"7","more":1}"#).is_err());
    }
}
