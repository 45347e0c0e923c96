//! The sweeper: moves whatever should have moved and has not. It takes no input.

use ::moments::sweep::MomentSweeper;
use kernel::config::ConfigError;
use kernel::deadline::Deadline;
use leads::fan_sync::Sweeper;

use crate::base::Base;

/// What went wrong with a sweep.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub enum Error {
    /// Of fan syncs.
    FanSyncs(#[from] leads::Error),
    /// Of publications.
    Publications(#[from] moments::Error),
}

/// What the runs of this function share.
#[derive(Debug)]
pub struct App {
    fan_syncs: Sweeper,
    publications: MomentSweeper,
}

impl App {
    /// Built once at init.
    pub async fn new(base: &Base) -> Result<Self, ConfigError> {
        Ok(Self {
            fan_syncs: Sweeper::new(&base.aws, &base.env, base.clock.clone())?,
            publications: MomentSweeper::new(&base.aws, &base.env, base.clock.clone())?,
        })
    }
}

/// One sweep. It is short by construction, so the deadline does not matter.
pub async fn handle(app: &App, _deadline: Deadline) -> Result<(), Error> {
    // Neither waits for the other: what is wrong with one must not keep the other's work lying.
    // Boxed, because laid out inside `main`'s own they nest deeper than the compiler follows (128 levels).
    let fan_syncs = Box::pin(app.fan_syncs.sweep());
    let publications = Box::pin(app.publications.sweep());
    let (fan_syncs, publications) = futures::join!(fan_syncs, publications);
    fan_syncs?;
    publications?;
    Ok(())
}
