//! More than 1,000 write units or 3,000 read units a second on one partition key value are refused, whatever the
//! table's mode.
//!
//! Source: DynamoDB Developer Guide, "Best practices for designing and using partition keys effectively": every
//! partition provides at most 3,000 read units and 1,000 write units a second; "Key range throughput exceeded (hot
//! partitions)": requests above that are refused with the reason TableWriteKeyRangeThroughputExceeded or
//! TableReadKeyRangeThroughputExceeded. The exception for a table on demand is ThrottlingException, in a transaction
//! the reason ThrottlingError (API reference of TransactWriteItems).
//!
//! A partition also holds keys of others, and on-demand tables need up to 30 minutes to follow a load that more than
//! doubles ("DynamoDB on-demand capacity mode", "Initial throughput and scaling properties"), so a request may be
//! refused although its own key is cold: one of [`COLD`] is.
//!
//! Units are counted by the length of the request or the answer, on the table only: a hot partition of an index is not
//! seen.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::refusal;
use super::request::{Kind, Request};
use crate::aws::dynamodb::Answer;

/// Write units a second on one partition key value.
const WRITES: f64 = 1_000.0;
/// Read units a second on one partition key value.
const READS: f64 = 3_000.0;

/// One of so many requests is refused although its key is cold.
pub(super) const COLD: u64 = 250;

/// More partitions than a test touches within a second; beyond that the full ones are forgotten.
const MOST: usize = 10_000;

const MESSAGE: &str = "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically \
                       scaling your table or index so please try again shortly.";

/// How far the simulated clock of whoever sends the requests has moved.
type Simulated = Box<dyn Fn() -> Duration + Send + Sync>;

/// What is left of every partition's second.
pub(super) struct Partitions {
    buckets: Mutex<HashMap<(String, bool), Bucket>>,
    start: Instant,
    simulated: OnceLock<Simulated>,
}

impl fmt::Debug for Partitions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Partitions").field("buckets", &self.buckets).finish_non_exhaustive()
    }
}

impl Default for Partitions {
    fn default() -> Self {
        Self { buckets: Mutex::default(), start: Instant::now(), simulated: OnceLock::new() }
    }
}

#[derive(Debug)]
struct Bucket {
    left: f64,
    at: Duration,
}

impl Bucket {
    fn refill(&mut self, limit: f64, now: Duration) {
        self.left = (self.left + limit * now.saturating_sub(self.at).as_secs_f64()).min(limit);
        self.at = now;
    }
}

impl Partitions {
    /// Also counts the time by which a simulated clock moves: code that was throttled pauses on that clock, so its pause
    /// takes no time of the machine's, and the partition would never recover.
    pub(super) fn follow(&self, simulated: impl Fn() -> Duration + Send + Sync + 'static) {
        // An account has one clock; the first stays.
        let _is_first = self.simulated.set(Box::new(simulated)).is_ok();
    }

    /// Time since the start, of the machine and of the simulated clock together.
    fn now(&self) -> Duration {
        self.start.elapsed() + self.simulated.get().map_or(Duration::ZERO, |simulated| simulated())
    }

    /// Charges what a request will use, or refuses it when a partition of it has nothing left: like DynamoDB's, a
    /// bucket may be overdrawn by the request that empties it.
    pub(super) fn charge(&self, request: &Request) -> Result<(), Answer> {
        let limit = if request.writes() { WRITES } else { READS };
        let factor = if matches!(request.kind, Kind::TransactGet | Kind::TransactWrite) { 2.0 } else { 1.0 };
        let now = self.now();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() > MOST {
            buckets.retain(|_, bucket| now.saturating_sub(bucket.at).as_secs() < 1);
        }
        let partition = |partition: &str| (partition.to_owned(), request.writes());
        for item in &request.items {
            let bucket = buckets.entry(partition(&item.partition)).or_insert_with(|| Bucket { left: limit, at: now });
            bucket.refill(limit, now);
            if bucket.left <= 0.0 {
                return Err(refuse(request, &item.partition));
            }
        }
        for item in &request.items {
            if let Some(bucket) = buckets.get_mut(&partition(&item.partition)) {
                bucket.left -= factor * if request.writes() { (item.bytes as f64 / 1_024.0).ceil() } else { 1.0 };
            }
        }
        Ok(())
    }
}

/// Refuses a request because of one of its partitions.
pub(super) fn refuse(request: &Request, partition: &str) -> Answer {
    match request.kind {
        Kind::TransactGet | Kind::TransactWrite => {
            let reasons: Vec<_> = request
                .items
                .iter()
                .map(|item| (item.partition == partition).then_some(("ThrottlingError", MESSAGE)))
                .collect();
            refusal::cancelled(&reasons)
        }
        _ => refusal::simple("ThrottlingException", MESSAGE),
    }
}
