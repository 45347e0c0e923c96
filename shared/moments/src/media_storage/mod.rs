//! Where the media of tasks are kept: in the bucket, from the making of a task until it has ended. What was judged when a
//! task was made is what is sent, whatever has become of its address.

mod sweep;

pub use sweep::MediaSweeper;

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use kernel::bucket::{Bucket, Content, SIGNATURE_LIFETIME};
use kernel::config::ConfigError;
use kernel::ids::{TaskId, UserId};
use kernel::{Clock, Context};
use url::Url;

use crate::config::media_bucket;
use crate::error::Result;
use crate::media::{Limits, MAX_MEDIUM_BYTES, MediaProblem, Medium};
use crate::store::Stores;
use crate::store::stored_media::{FileKey, StoredMediaStore};
use crate::store::task::{Task, TaskMedium};
use crate::time::{after, before};

/// When it is looked whether a task was made for which a file was kept. Much longer than making one takes, and than any
/// request of the function that makes it can be under way.
const LOOK_AFTER: Duration = Duration::from_secs(3_600);
/// How old a file may be that another task is to use. The bucket deletes what is older than 400 days, and a task may be
/// planned for a year ahead, sent some days late and tried again within a week; so an older file is written anew.
const REUSED_FOR: Duration = Duration::from_secs(10 * 86_400);
/// Files written at once: they share the function's connection to the network.
const PARALLEL: usize = 5;
/// The longest file: a JPEG that lacked its end marker is two bytes longer than it was.
const LONGEST_FILE: usize = MAX_MEDIUM_BYTES + 2;
/// How long somebody else may read a file by an address that they are given: a call to the gateway takes half a minute.
const ADDRESS_LIFETIME: Duration = Duration::from_secs(900);

/// The stored media. Clones share connections.
#[derive(Debug, Clone)]
pub struct MediaStorage {
    bucket: Bucket,
    files: StoredMediaStore,
    clock: Clock,
}

impl MediaStorage {
    /// From the environment. Opens nothing.
    ///
    /// # Errors
    /// Names the variable that is missing or wrong.
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        let files = Stores::new(cx)?.stored_media;
        Ok(Self { bucket: media_bucket(cx)?, files, clock: cx.clock.clone() })
    }

    /// Keeps the media of a task that is about to be made, each file once, and answers them as its row has them. The task is
    /// noted before a file is written or found: from then on nobody deletes it. A task that is not made after all is found an
    /// hour later.
    pub(crate) async fn keep_all(&self, user_id: UserId, task: TaskId, media: &[Medium]) -> Result<Vec<TaskMedium>> {
        let distinct: BTreeMap<&str, &Medium> = media.iter().map(|medium| (medium.sha256.as_str(), medium)).collect();
        // Boxed and made at once: a closure over borrowed media inside the stream is not general enough for the compiler, where
        // the whole handler has to be `Send`.
        let kept: Vec<_> = distinct.values().map(|medium| self.keep(user_id, task, medium).boxed()).collect();
        let names: Vec<String> = stream::iter(kept).buffered(PARALLEL).try_collect().await?;
        let files: BTreeMap<&str, String> = distinct.keys().copied().zip(names).collect();
        let as_kept = |medium: &Medium| {
            let file = files.get(medium.sha256.as_str()).cloned().unwrap_or_default();
            TaskMedium { kind: medium.kind.into(), sha256: medium.sha256.clone(), file }
        };
        Ok(media.iter().map(as_kept).collect())
    }

    async fn keep(&self, user_id: UserId, task: TaskId, medium: &Medium) -> Result<String> {
        let now = self.clock.now();
        let file = FileKey { user_id, name: medium.sha256.clone() };
        let (file, stored_at) = match self.hold(&file, task, now).await? {
            Some(stored_at) => (file, stored_at),
            // It is being deleted, and that may be carried out at any time from now on: this one gets a name of its own.
            None => {
                let ending = hex::encode(kernel::crypto::random::<8>());
                let file = FileKey { name: format!("{}-{ending}", file.name), ..file };
                let held = self.hold(&file, task, now).await?;
                (file, held.ok_or(kernel::Error::Contention("stored medium"))?)
            }
        };
        if stored_at.is_none_or(|stored_at| stored_at <= before(now, REUSED_FOR)) {
            let Medium { bytes, sha256, mime, .. } = medium.clone();
            self.bucket.put(&path(&file), &Content { bytes, sha256, mime }).await?;
            if !self.files.note_stored(&file, now).await? {
                return Err(kernel::Error::Contention("stored medium").into());
            }
        }
        Ok(file.name)
    }

    /// Has a task need the files too that were kept for another one which was not made.
    pub(crate) async fn keep_for(&self, user_id: UserId, task: TaskId, media: &[TaskMedium]) -> Result<()> {
        for medium in media {
            let file = FileKey { user_id, name: medium.file.clone() };
            let held = self.hold(&file, task, self.clock.now()).await?;
            held.flatten().ok_or(kernel::Error::Contention("stored medium"))?;
        }
        Ok(())
    }

    /// Notes that a task may need the file; answers when the bucket was last seen to hold it. `None`: it is being deleted.
    async fn hold(&self, file: &FileKey, task: TaskId, now: Timestamp) -> Result<Option<Option<Timestamp>>> {
        Ok(self.files.hold(file, task, after(now, LOOK_AFTER)).await?.map(|held| held.stored_at))
    }

    /// A medium of a task, as it was judged when the task was made.
    ///
    /// # Errors
    /// [`MediaProblem::NotStored`] when the bucket does not hold it, [`MediaProblem::StorageUnavailable`] when that cannot be
    /// told.
    pub(crate) async fn read(&self, task: &Task, medium: &TaskMedium, limits: Limits) -> Result<Medium, MediaProblem> {
        let path = path(&task.file(medium));
        let object = match self.bucket.get(&path, None, LONGEST_FILE).await {
            Ok(Some(object)) => object,
            Ok(None) => return Err(MediaProblem::StorageUnavailable),
            Err(error) => return Err(self.unreadable(task, &error)),
        };
        let read = Medium::judged(object.body, limits).await?;
        // S3 takes no other bytes under this digest, and whoever reads has read all of them.
        if read.sha256 == medium.sha256 { Ok(read) } else { Err(MediaProblem::StorageUnavailable) }
    }

    fn unreadable(&self, task: &Task, error: &kernel::Error) -> MediaProblem {
        tracing::error!(task.id = task.id.get(), "a stored medium of task {} cannot be read: {error}", task.id);
        match error {
            kernel::Error::Aws { code, .. } if code == "404" => MediaProblem::NotStored,
            _ => MediaProblem::StorageUnavailable,
        }
    }

    /// An address by which somebody else can read a medium of a task during the next quarter of an hour. It is made right
    /// before it is handed on, and kept nowhere.
    pub(crate) async fn address(&self, task: &Task, medium: &TaskMedium) -> Result<Url> {
        Ok(self.bucket.presigned(&path(&task.file(medium)), ADDRESS_LIFETIME).await?)
    }
}

/// Where a file is in the bucket.
fn path(file: &FileKey) -> String {
    format!("media/{}/{}", file.user_id, file.name)
}
