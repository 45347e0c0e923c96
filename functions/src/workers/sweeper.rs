//! The sweeper: moves whatever should have moved and has not, starts the syncs whose time has come, and deletes the media of
//! ended posts. It takes no input.

use kernel::Context;
use kernel::config::ConfigError;
use kernel::deadline::Deadline;
use kernel::round::RoundReport;
use leads::fan_sync::{AutoSyncs, Sweeper};
use moments::media_storage::MediaSweeper;
use moments::sweep::MomentSweeper;

/// What went wrong with a sweep.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub enum Error {
    FanSyncs(#[from] leads::Error),
    Publications(#[from] moments::Error),
}

/// What the runs of this function share.
#[derive(Debug)]
pub struct App {
    fan_syncs: Sweeper,
    auto_syncs: AutoSyncs,
    publications: MomentSweeper,
    media: MediaSweeper,
}

impl App {
    /// Built once at init.
    pub async fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self {
            fan_syncs: Sweeper::new(cx)?,
            auto_syncs: AutoSyncs::new(cx)?,
            publications: MomentSweeper::new(cx)?,
            media: MediaSweeper::new(cx)?,
        })
    }
}

pub async fn handle(app: &App, deadline: Deadline) -> Result<Vec<RoundReport>, Error> {
    // None waits for another: a failure of one kind of work must not delay the others.
    // Boxed, because laid out inside `main`'s own they nest deeper than the compiler follows (128 levels).
    let fan_syncs = Box::pin(app.fan_syncs.sweep(deadline));
    let auto_syncs = Box::pin(app.auto_syncs.start_due(deadline));
    let tasks = Box::pin(app.publications.sweep_tasks(deadline));
    let deliveries = Box::pin(app.publications.sweep_deliveries(deadline));
    let released = Box::pin(app.media.release_media(deadline));
    let files = Box::pin(app.media.look_after_files(deadline));
    let (fan_syncs, auto_syncs, tasks, deliveries, released, files) =
        futures::join!(fan_syncs, auto_syncs, tasks, deliveries, released, files);
    Ok(vec![fan_syncs?, auto_syncs?, tasks?, deliveries?, released?, files?])
}
