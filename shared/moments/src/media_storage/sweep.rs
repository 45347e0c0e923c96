//! Deleting stored media: those of tasks that have ended, and those that were kept for a task which was never made. Only the
//! sweeper deletes. Every step of it may be repeated, so a sweeper that dies has left its work to the next one.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use kernel::Context;
use kernel::config::ConfigError;
use kernel::deadline::Deadline;
use kernel::ids::TaskId;
use kernel::round::RoundReport;
use tracing::{error, info};

use super::{MediaStorage, SIGNATURE_LIFETIME, path};
use crate::config::is_enabled;
use crate::error::Result;
use crate::store::Stores;
use crate::store::stored_media::{FileKey, StoredFile};
use crate::store::task::Task;
use crate::time::after;

/// When a deletion is begun again that was not answered. Until then the first one may be carried out, and S3 refuses it
/// afterwards; so at most one can be under way, and none once its file is forgotten and may be written again.
const DELETED_AGAIN_AFTER: Duration = Duration::from_secs(SIGNATURE_LIFETIME.as_secs() + 300);
/// Per index shard and sweep; the rest comes a minute later.
const LIMIT: i32 = 500;
/// How many are handled at once.
const PARALLEL: usize = 16;
/// One is begun only if this is left, which is what one call takes at the worst.
const MIN_TIME_LEFT: Duration = Duration::from_secs(15);

/// What the reports call the two kinds of rows.
const TASKS: &str = "media of ended tasks";
const FILES: &str = "stored media";

/// Deletes stored media that nobody needs. It takes no input and may run any number of times at once.
#[derive(Debug, Clone)]
pub struct MediaSweeper {
    stores: Stores,
    storage: MediaStorage,
    /// Whether anything is published. If not, nothing is deleted either: tables may be being restored, and a file's row be back
    /// before those of the tasks that need it.
    is_enabled: bool,
}

impl MediaSweeper {
    /// From the environment. Opens nothing.
    ///
    /// # Errors
    /// Names the variable that is missing or wrong.
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self { stores: Stores::new(cx)?, storage: MediaStorage::new(cx)?, is_enabled: is_enabled(&cx.env)? })
    }

    /// Has the tasks that need their media no more let go of them, and deletes what no other task needs.
    pub async fn release_media(&self, deadline: Deadline) -> Result<RoundReport> {
        if !self.is_enabled {
            return Ok(report(TASKS, Vec::new()));
        }
        let due = self.stores.tasks.with_media_due(self.stores.clock.now(), LIMIT).await?;
        let handled = stream::iter(due)
            .map(|task| async move { if self.has_time(deadline) { Some(self.release(task).await) } else { None } });
        Ok(report(TASKS, handled.buffer_unordered(PARALLEL).collect().await))
    }

    /// Looks at files that were kept an hour ago, whether the tasks were made, and at deletions that were not answered.
    pub async fn look_after_files(&self, deadline: Deadline) -> Result<RoundReport> {
        if !self.is_enabled {
            return Ok(report(FILES, Vec::new()));
        }
        let due = self.stores.stored_media.due(self.stores.clock.now(), LIMIT).await?;
        let handled = stream::iter(due)
            .map(|file| async move { if self.has_time(deadline) { Some(self.look_after(&file).await) } else { None } });
        Ok(report(FILES, handled.buffer_unordered(PARALLEL).collect().await))
    }

    fn has_time(&self, deadline: Deadline) -> bool {
        deadline.remaining(self.stores.clock.now()) >= MIN_TIME_LEFT
    }

    async fn release(&self, id: TaskId) -> Result<()> {
        // The index lags behind the table by milliseconds, so the row itself decides.
        let now = self.stores.clock.now();
        let task = self.stores.tasks.get(id).await?;
        let Some(task) = task.filter(|task| task.media_due.is_some_and(|due| due <= now)) else { return Ok(()) };
        // From here on it cannot be tried again. Whoever has just had it tried again was faster, and it needs them still.
        if !task.media_released && !self.stores.tasks.release_media(&task).await? {
            return Ok(());
        }
        for file in files(&task) {
            let row = self.stores.stored_media.release(&file, id).await?;
            if row.is_some_and(|row| row.tasks.is_empty()) {
                self.delete(&file).await?;
            }
        }
        Ok(self.stores.tasks.settle_media(id).await?)
    }

    async fn look_after(&self, file: &FileKey) -> Result<()> {
        let now = self.stores.clock.now();
        let row = self.stores.stored_media.get(file).await?;
        let Some(mut row) = row.filter(|row| row.next_action_at.is_some_and(|due| due <= now)) else { return Ok(()) };
        if row.deleting_since.is_some() {
            return self.delete(file).await;
        }
        let needing = self.stores.tasks.needing_file(file, &row.tasks).await?;
        for task in row.tasks.clone().difference(&needing) {
            let left = self.stores.stored_media.release(file, *task).await?;
            row.tasks = left.map_or_else(BTreeSet::new, |left| left.tasks);
        }
        if row.tasks.is_empty() {
            return self.delete(file).await;
        }
        self.settle(file, &row).await
    }

    async fn settle(&self, file: &FileKey, row: &StoredFile) -> Result<()> {
        // Another task was noted meanwhile: then it is looked at again an hour after that.
        let _settled = self.stores.stored_media.settle(file, row).await?;
        Ok(())
    }

    /// Deletes a file that no task needs, unless one was noted meanwhile or somebody else deletes it.
    async fn delete(&self, file: &FileKey) -> Result<()> {
        let (now, files) = (self.stores.clock.now(), &self.stores.stored_media);
        if !files.begin_deletion(file, now, after(now, DELETED_AGAIN_AFTER)).await? {
            return Ok(());
        }
        self.storage.bucket.delete(&path(file)).await?;
        files.forget(file, now).await?;
        info!(user.id = file.user_id.get(), "stored medium deleted");
        Ok(())
    }
}

/// The files of a task, each once.
fn files(task: &Task) -> Vec<FileKey> {
    let names: BTreeSet<&str> = task.media.iter().map(|medium| medium.file.as_str()).collect();
    names.into_iter().map(|name| FileKey { user_id: task.user_id, name: name.to_owned() }).collect()
}

/// Counts what was handled; `None` is what there was no time for.
fn report(what: &'static str, handled: Vec<Option<Result<()>>>) -> RoundReport {
    let mut report = RoundReport::of(what);
    for outcome in handled {
        match outcome {
            None => report.unreached += 1,
            Some(Ok(())) => report.count(true),
            Some(Err(problem)) => {
                error!("{what}: {problem}");
                report.count(false);
            }
        }
    }
    report
}
