//! The health checker: asks whether personal accounts are still online.

use kernel::Context;
use kernel::config::ConfigError;
use kernel::deadline::Deadline;
use kernel::round::RoundReport;
use moments::accounts::HealthChecks;

/// What the runs of this function share.
#[derive(Debug)]
pub struct App {
    checks: HealthChecks,
}

impl App {
    /// Built once at init.
    pub async fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self { checks: HealthChecks::new(cx)? })
    }
}

/// One round over the accounts that are due.
pub async fn handle(app: &App, deadline: Deadline) -> moments::Result<Vec<RoundReport>> {
    Ok(vec![app.checks.run(deadline).await?])
}
