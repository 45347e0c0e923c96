//! The breaker of expiry. That one account's authorisation has ended is that account's matter. When it is said of many
//! accounts at once, something is wrong at Douyin or with our app, so nobody is told to authorise anew: no account is
//! marked any more, its tokens are tried again and again, and an alarm rings.

use std::time::Duration;

use jiff::Timestamp;
use kernel::instant::after;
use tracing::error;

use super::expiry::ExpiryReason;
use crate::error::Result;
use crate::store::Stores;
use crate::store::account::Account;
use crate::store::platform_state::MOST_COUNTED;

/// Fewer accounts than this are never an incident: in a small installation a few users may well leave on one day.
const MIN_ACCOUNTS: usize = 20;
/// Nor are those that are not more than one in so many of all accounts (5 %).
const ONE_IN: u64 = 20;

/// So long after an incident was last seen nobody is marked. Those that were marked before it was noticed are not refused
/// again in every round, so the rest of them alone may be too few to be noticed.
const HOLD: Duration = Duration::from_secs(6 * 3_600);

/// Whether so many accounts of which `cause` was said within ten minutes are an incident, of `all` there are.
fn is_incident(counted: usize, all: u64) -> bool {
    let counted_of_all = u64::try_from(counted).unwrap_or(u64::MAX);
    counted >= MOST_COUNTED || (counted >= MIN_ACCOUNTS && counted_of_all.saturating_mul(ONE_IN) > all)
}

/// Counts the account, and answers whether it may be marked EXPIRED. It is counted before it is marked, so however many
/// work at the same time, no more are marked than the breaker lets pass. While nothing is wrong this is asked once per
/// account that ends, and costs a write and two reads.
pub(super) async fn admits(stores: &Stores, account: &Account, cause: ExpiryReason, now: Timestamp) -> Result<bool> {
    if cause == ExpiryReason::Superseded {
        // Each is proven by itself, by somebody's authorisation.
        return Ok(true);
    }
    let counted = stores.platform.count_verdict(cause.as_str(), &account.account_open_id, now).await?;
    // As long as nobody has counted them, the least number of an incident decides.
    let is_incident =
        counted >= MIN_ACCOUNTS && is_incident(counted, stores.platform.app().await?.accounts.unwrap_or_default());
    if is_incident {
        stores.platform.hold_verdicts(cause.as_str(), after(now, HOLD), now).await?;
    } else if stores.platform.verdicts_held_until(cause.as_str()).await?.is_none_or(|until| until <= now) {
        return Ok(true);
    }
    // The alarm ExpiryBreakerAlarm counts these lines by their `alarm`.
    error!(
        alarm = "expiry_breaker",
        account.id = account.id,
        cause = cause.as_str(),
        counted,
        "account {} is not marked EXPIRED, because too many accounts were refused at once",
        account.id
    );
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn incident_is_twenty_accounts_and_more_than_five_percent() {
        for (counted, all, expected) in [
            (19, 19, false),
            (20, 0, true),
            (20, 25, true),
            (20, 399, true),
            (20, 400, false),
            (21, 400, true),
            (1_999, 100_000, false),
            // A row that names them has an end, and this many in ten minutes are no chance.
            (MOST_COUNTED, 1_000_000, true),
        ] {
            assert_eq!(is_incident(counted, all), expected, "{counted} of {all}");
        }
    }
}
