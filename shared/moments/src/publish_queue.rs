//! The queue of publishing: its messages are built here and nowhere else.

use std::time::Duration;

use jiff::Timestamp;
use kernel::Context;
use kernel::config::ConfigError;
use kernel::error::{Error, Result};
use kernel::ids::{TaskId, UserId};
use kernel::queue::{MAX_DELAY, Queue};

use crate::config::publish_queue;
use crate::publish::PublishMessage;
use crate::store::delivery::DeliveryKey;
use crate::time::between;

/// Sends messages about tasks and their deliveries.
#[derive(Debug, Clone)]
pub(crate) struct PublishQueue(Queue);

impl PublishQueue {
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self(publish_queue(cx)?))
    }

    /// Has the task dispatched after `delay`. `false`: that is longer than a message can wait, and nothing was sent.
    pub async fn dispatch(&self, task_id: TaskId, user_id: UserId, delay: Duration) -> Result<bool> {
        if delay > MAX_DELAY {
            return Ok(false);
        }
        self.0.send(&PublishMessage { task_id, delivery: None, due_at: None }, delay, &user_id.to_string()).await?;
        Ok(true)
    }

    /// Has the delivery taken up at `due`, which is what its row says. A message waits for 15 minutes at the longest; whoever
    /// receives it before its time sends it once more.
    pub async fn wake_at(
        &self,
        delivery: DeliveryKey<'_>,
        user_id: UserId,
        now: Timestamp,
        due: Timestamp,
    ) -> Result<()> {
        let due_at = Some(due);
        let message =
            PublishMessage { task_id: delivery.task_id, delivery: Some(delivery.delivery.to_owned()), due_at };
        let delay = between(now, due).min(MAX_DELAY);
        self.0.send(&message, delay, &user_id.to_string()).await
    }

    /// Has the delivery taken up now, if its row says that its time has come.
    pub async fn wake(&self, delivery: DeliveryKey<'_>, user_id: UserId) -> Result<()> {
        let message =
            PublishMessage { task_id: delivery.task_id, delivery: Some(delivery.delivery.to_owned()), due_at: None };
        self.0.send(&message, Duration::ZERO, &user_id.to_string()).await
    }

    /// Has each of the deliveries of a tenant taken up now. Answers how many of them were not told.
    pub async fn wake_all(&self, deliveries: &[DeliveryKey<'_>], user_id: UserId) -> usize {
        let message = |key: &DeliveryKey<'_>| PublishMessage {
            task_id: key.task_id,
            delivery: Some(key.delivery.to_owned()),
            due_at: None,
        };
        let messages: Vec<PublishMessage> = deliveries.iter().map(message).collect();
        self.0.send_all(&messages, &user_id.to_string()).await
    }

    /// The message that has the task dispatched, for whoever else puts it on this queue.
    pub fn dispatch_body(task_id: TaskId) -> Result<String> {
        serde_json::to_string(&PublishMessage { task_id, delivery: None, due_at: None })
            .map_err(|_| Error::Internal("message body"))
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
        for (due_at, rest) in [(None, ""), (Timestamp::from_second(1_796_000_000).ok(), r#","dueAt":1796000000000"#)] {
            let message = PublishMessage { task_id, delivery: Some("wx1#0".to_owned()), due_at };
            let text = serde_json::to_string(&message).unwrap();
            assert_eq!(text, format!(r#"{{"taskId":"{task_id}","delivery":"wx1#0"{rest}}}"#));
            assert_eq!(serde_json::from_str::<PublishMessage>(&text).unwrap(), message);
        }
        assert!(serde_json::from_str::<PublishMessage>(r#"{"taskId":"7","more":1}"#).is_err());
    }
}
