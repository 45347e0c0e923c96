//! The health checker: asks whether personal accounts are still online.

use kernel::Context;
use kernel::config::ConfigError;
use kernel::deadline::Deadline;
use kernel::metrics::Metric;
use kernel::round::RoundReport;
use moments::accounts::HealthChecks;

use crate::worker::put_round;

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
    let report = app.checks.run(deadline).await?;
    put_round([&report], Metric::OnlineChecksDone, Metric::OnlineChecksNotDone);
    Ok(vec![report])
}
