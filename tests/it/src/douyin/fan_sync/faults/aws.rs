//! AWS has no time or is broken: conflicts, throttles and failures, told as it tells them.

use anyhow::{Result, ensure};
use futures::{StreamExt, stream};
use serde_json::json;

use super::story::{Disturbance, Story};
use crate::proxy::{Fault, Step};

/// Cases at once. Most of one is the SDK's own pause in real time.
const PARALLEL: usize = 5;

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExpectedError {
    /// HTTP 500.
    Broken,
    /// Too many requests, in the words of DynamoDB.
    Throttled,
    /// A transaction met another one.
    Conflict,
    /// A transaction of too many requests.
    ThrottledTransaction,
    /// A transaction beyond what its table can take.
    Exceeded,
    /// A commit whose second action, the tenant's counter, has moved since it was read.
    CounterMoved,
}

impl ExpectedError {
    /// The answer that says so.
    pub(super) fn fault(self) -> Fault {
        let (status, kind, reason) = match self {
            Self::Broken => (500, "InternalServerError", None),
            Self::Throttled => (400, "ProvisionedThroughputExceededException", None),
            Self::Conflict => (400, "TransactionCanceledException", Some("TransactionConflict")),
            Self::ThrottledTransaction => (400, "TransactionCanceledException", Some("ThrottlingError")),
            Self::Exceeded => (400, "TransactionCanceledException", Some("ProvisionedThroughputExceeded")),
            Self::CounterMoved => (400, "TransactionCanceledException", Some("ConditionalCheckFailed")),
        };
        let mut body = json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{kind}"), "message": "try later"});
        if let Some(reason) = reason {
            let none = json!({"Code": "None"});
            body["CancellationReasons"] = json!([none, {"Code": reason, "Message": "try later"}, none]);
        }
        Fault::Answer(status, body.to_string())
    }
}

#[tokio::test]
async fn fan_sync_with_a_throttled_table_waits_and_completes() -> Result<()> {
    const COMMIT: &str = "TransactWriteItems t_douyin_sync_task";
    // What is refused how often in a row, and how often the sweeper is needed then: a transaction is tried nine times and
    // made anew twice when it met others, a page planned twenty times before its worker takes a break, everything else sent by the SDK three times.
    let cases = [
        (COMMIT, 1, ExpectedError::Conflict, 5, 0),
        (COMMIT, 2, ExpectedError::ThrottledTransaction, 5, 0),
        (COMMIT, 2, ExpectedError::Exceeded, 5, 0),
        (COMMIT, 4, ExpectedError::Conflict, 8, 0),
        (COMMIT, 2, ExpectedError::Conflict, 9, 0),
        (COMMIT, 2, ExpectedError::Conflict, 27, 0),
        (COMMIT, 2, ExpectedError::CounterMoved, 20, 0),
        (COMMIT, 2, ExpectedError::Throttled, 2, 0),
        (COMMIT, 2, ExpectedError::Throttled, 3, 1),
        ("BatchGetItem t_lead_identity", 2, ExpectedError::Throttled, 2, 0),
        // The counter and the accounts met are read side by side.
        ("GetItem t_douyin_lead_index", 1, ExpectedError::Throttled, 6, 1),
        ("UpdateItem t_douyin_sync_task", 1, ExpectedError::Throttled, 2, 0),
    ];
    let outcomes: Vec<_> = stream::iter(cases)
        .map(|(name, nth, refusal, times, sweeps)| async move {
            let step = Step { name: name.to_owned(), nth };
            let told = Story::Straight.disturbed(&step, Disturbance::Refused(refusal, times)).await;
            let told = Story::Straight.expect_undisturbed(told).await;
            let seen = told.and_then(|told| {
                ensure!(told.sweeps == sweeps, "{} sweeps, expected {sweeps}", told.sweeps);
                Ok(())
            });
            (format!("{step}, {times} × {refusal:?}"), seen)
        })
        .buffered(PARALLEL)
        .collect()
        .await;
    for (what, seen) in &outcomes {
        println!("  {what:<70}{seen:?}");
    }
    ensure!(outcomes.iter().all(|(_, seen)| seen.is_ok()), "see above");
    Ok(())
}
