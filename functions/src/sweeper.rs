//! The sweeper: moves whatever should have moved and has not. It takes no input.

use kernel::config::ConfigError;
use kernel::deadline::Deadline;
use leads::fan_sync::Sweeper;

use crate::base::Base;

/// What the runs of this function share.
#[derive(Debug)]
pub struct App {
    fan_syncs: Sweeper,
}

impl App {
    /// Built once at init.
    pub async fn new(base: &Base) -> Result<Self, ConfigError> {
        Ok(Self { fan_syncs: Sweeper::new(&base.aws, &base.env, base.clock.clone())? })
    }
}

/// One sweep. It is short by construction, so the deadline does not matter.
pub async fn handle(app: &App, _deadline: Deadline) -> leads::Result<()> {
    app.fan_syncs.sweep().await.map(drop)
}
