//! The queue of fan syncs: its messages are built here and nowhere else.

use std::time::Duration;

use kernel::Context;
use kernel::config::ConfigError;
use kernel::error::Result;
use kernel::ids::{TaskId, UserId};
use kernel::metrics::{self, Metric};
use kernel::queue::{MAX_DELAY, Queue};
use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::config::sync_queue;

/// A message: which task to take up, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SyncMessage {
    /// The task, in digits.
    #[serde(with = "kernel::ids::task_id_text")]
    pub task_id: TaskId,
}

/// Sends messages about fan syncs.
#[derive(Debug, Clone)]
pub(crate) struct SyncQueue(Queue);

impl SyncQueue {
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self(sync_queue(cx)?))
    }

    /// Has the task taken up now.
    pub async fn dispatch(&self, task_id: TaskId, user_id: UserId) -> Result<()> {
        self.0.send(&SyncMessage { task_id }, Duration::ZERO, &user_id.to_string()).await
    }

    /// Has the task taken up after `delay`. One that a message cannot wait out is the sweeper's, and so is a message
    /// that cannot be sent: it fails nothing.
    pub async fn wake(&self, task_id: TaskId, user_id: UserId, delay: Duration) {
        if delay > MAX_DELAY {
            return;
        }
        if let Err(error) = self.0.send(&SyncMessage { task_id }, delay, &user_id.to_string()).await {
            metrics::put(Metric::WakeupsNotMade, 1);
            warn!(task.id = task_id.get(), "message of fan sync {task_id} not sent, left to the sweeper: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sync_message_is_read_back_as_it_was_written() {
        let task_id = TaskId::generate("2026-11-20T00:00:00Z".parse().unwrap());
        let text = serde_json::to_string(&SyncMessage { task_id }).unwrap();
        assert_eq!(text, format!(r#"{{"taskId":"{task_id}"}}"#));
        assert_eq!(serde_json::from_str::<SyncMessage>(&text).unwrap().task_id, task_id);
        assert!(serde_json::from_str::<SyncMessage>(r#"{"taskId":"7","more":1}"#).is_err());
    }
}
