//! The token keeper: refreshes and renews the tokens of accounts before they end, so that no user has to, and tries those
//! of expired ones.

use std::collections::HashSet;
use std::time::Duration;

use futures::{StreamExt, stream};
use kernel::Clock;
use kernel::Context;
use kernel::config::ConfigError;
use kernel::deadline::Deadline;
use kernel::metrics::Metric;
use kernel::platform_secret::Secrets;
use kernel::round::RoundReport;
use leads::douyin::FailureKind;
use leads::tokens::TokenKeeper;

use crate::worker::put_round;

/// Accounts cared for at once: bounded by what Douyin's token endpoints may be asked.
const PARALLEL: usize = 8;
/// Per index shard and batch.
const LIMIT: i32 = 250;
/// So many accounts that end in one round are not each a matter of its own user any more, if they are most of the round.
const MANY_ENDED: usize = 5;
/// An account is begun only if this is left: a renewal whose answer is lost costs its user a new authorisation.
const MIN_TIME_LEFT: Duration = Duration::from_secs(30);

/// What the runs of this function share.
#[derive(Debug)]
pub struct App {
    keeper: TokenKeeper,
    clock: Clock,
}

impl App {
    /// Built once at init.
    pub async fn new(cx: &Context) -> Result<Self, ConfigError> {
        let secrets = Secrets::load(cx).await?;
        let douyin = leads::config::douyin(cx, secrets)?;
        Ok(Self { keeper: TokenKeeper::new(cx, douyin)?, clock: cx.clock.clone() })
    }
}

/// One round over the accounts that are due, batch after batch until none is left or the time is over; then the next run,
/// which begins a minute later at the most, goes on. One account's failure does not stop the others.
pub async fn handle(app: &App, deadline: Deadline) -> leads::Result<Vec<RoundReport>> {
    let round = &app.keeper.begin().await?;
    let mut report = RoundReport::of("accounts' tokens");
    let mut ended = 0;
    // What stays due after it was looked at (somebody else has its lease, the index lags) is the next run's.
    let mut seen = HashSet::new();
    loop {
        let mut due = app.keeper.due(LIMIT).await?;
        due.retain(|account| seen.insert(account.clone()));
        if due.is_empty() {
            break;
        }
        let mut rounds = stream::iter(due)
            .map(|account| async move {
                if deadline.remaining(app.clock.now()) < MIN_TIME_LEFT {
                    return None;
                }
                Some(app.keeper.keep(&account, round, deadline).await)
            })
            .buffer_unordered(PARALLEL);
        while let Some(outcome) = rounds.next().await {
            match outcome {
                None => report.unreached += 1,
                Some(Ok(())) => report.count(true),
                Some(Err(error)) => {
                    tracing::warn!("an account's tokens were not kept: {error}");
                    if is_about_one_account(&error) { ended += 1 } else { report.count(false) }
                }
            }
        }
        if report.unreached > 0 {
            break;
        }
    }
    // A secret that was rotated or an incident at Douyin looks like many accounts that end at once.
    let rest = report.done + report.failed + report.unreached;
    if ended >= MANY_ENDED && ended > rest {
        report.failed += ended
    } else {
        report.done += ended
    }
    put_round([&report], Metric::TokensKept, Metric::TokensNotKept);
    Ok(vec![report])
}

/// Whether Douyin decided something about this account alone, which the account's status or its next sync tells its user.
/// There is nothing left to do, so it is no work that failed. Everything else can be the same for all accounts; a token
/// refused for the first time (`TokenInvalid`) is too, for it proves nothing yet and is tried again.
const fn is_about_one_account(error: &leads::Error) -> bool {
    match error {
        leads::Error::Authorization(_) => true,
        leads::Error::Platform(refusal) => matches!(
            refusal.kind,
            FailureKind::ReauthorizationNeeded | FailureKind::ScopeMissing | FailureKind::AccountUnavailable
        ),
        _ => false,
    }
}
