//! The fan-sync worker: takes sync tasks off the queue and walks their fan lists.

use kernel::Context;
use kernel::config::ConfigError;
use kernel::deadline::Deadline;
use kernel::platform_secret::Secrets;
use leads::fan_sync::{SyncMessage, SyncWorker};

/// What the messages of this function share.
#[derive(Debug)]
pub struct App {
    worker: SyncWorker,
}

impl App {
    /// Built once at init.
    pub async fn new(cx: &Context) -> Result<Self, ConfigError> {
        let secrets = Secrets::load(cx).await?;
        let douyin = leads::config::douyin(cx, secrets)?;
        Ok(Self { worker: SyncWorker::new(cx, douyin)? })
    }
}

/// Handles one message. What becomes of the task is in its row; an error is one of our own stores and brings the
/// message back.
pub async fn handle(app: &App, message: SyncMessage, deadline: Deadline) -> leads::Result<()> {
    let ran = app.worker.run(message.task_id, deadline).await?;
    tracing::info!(task.id = message.task_id.get(), ?ran, "message of fan sync {} handled", message.task_id);
    Ok(())
}
