//! Finds the tenants whose events have no number yet, or were not handed over, for longer than messages take.

use std::time::Duration;

use futures::try_join;
use tracing::error;

use super::dispatch::EventDispatch;
use super::outbox::Outbox;
use crate::clock::Clock;
use crate::config::ConfigError;
use crate::context::Context;
use crate::deadline::Deadline;
use crate::error::Result;
use crate::round::RoundReport;

/// A message is sent only if this is left, which is what one call takes at the worst.
const MIN_TIME_LEFT: Duration = Duration::from_secs(10);

/// Looks after events that nobody moves.
#[derive(Debug)]
pub struct EventSweeper {
    outbox: Outbox,
    dispatch: EventDispatch,
    clock: Clock,
}

/// For how long the oldest event has waited; zero when none does.
#[derive(Debug, Clone, Copy)]
pub struct EventLateness {
    /// To be given its number.
    pub unsequenced: Duration,
    /// To be handed to the webhooks and the sink.
    pub undispatched: Duration,
}

impl EventSweeper {
    /// Built once at init.
    ///
    /// # Errors
    /// Names the setting that is missing.
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self { outbox: Outbox::new(cx)?, dispatch: EventDispatch::new(cx)?, clock: cx.clock.clone() })
    }

    /// Sends a message for each of these tenants.
    ///
    /// # Errors
    /// When an index cannot be read.
    pub async fn sweep(&self, deadline: Deadline) -> Result<RoundReport> {
        let mut report = RoundReport::of("tenants with events");
        let (mut tenants, undispatched) = try_join!(self.outbox.overdue(), self.dispatch.overdue())?;
        tenants.extend(undispatched);
        for tenant in tenants {
            if deadline.remaining(self.clock.now()) < MIN_TIME_LEFT {
                report.unreached += 1;
                continue;
            }
            let sent = self.outbox.send(tenant, Duration::ZERO).await;
            if let Err(problem) = &sent {
                error!(user.id = tenant.get(), "events of user {tenant} not swept: {problem}");
            }
            report.count(sent.is_ok());
        }
        Ok(report)
    }

    /// How late the oldest events are.
    ///
    /// # Errors
    /// When an index cannot be read.
    pub async fn lateness(&self) -> Result<EventLateness> {
        let (unsequenced, undispatched) = try_join!(self.outbox.lateness(), self.dispatch.lateness())?;
        Ok(EventLateness { unsequenced, undispatched })
    }
}
