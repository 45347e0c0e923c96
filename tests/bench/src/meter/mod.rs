//! A meter between functions and the emulated AWS: it sees every request on the wire, times it, and prices it by
//! DynamoDB's published rules.
//!
//! Writes are priced from the rows as they are before and after, which it reads from the emulator itself, beside the
//! traffic it measures. The emulator's own figure (it implements the same rules for writes) is asked for in the same
//! request and kept for comparison. Metered calls are slower, so no duration is measured through a meter.

mod reads;
mod relay;
mod request;
mod size;
mod writes;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use it::World;
use it::world::EndpointOverrides;
use local::aws::rules::Rule;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// One request of a function to AWS.
#[derive(Debug, Clone)]
pub struct Call {
    /// For example `DynamoDB Query`.
    pub operation: String,
    pub began: Instant,
    /// When its answer went back.
    pub ended: Instant,
    /// Read units.
    pub reads: f64,
    /// The rows it wrote.
    pub writes: Vec<Write>,
    /// Write units by the emulator's account.
    pub reported: f64,
    /// Whether it was refused, as by a condition. A refused write costs as much as the row it looked at.
    pub refused: bool,
}

/// One row of a request that writes.
#[derive(Debug, Clone)]
pub struct Write {
    /// The table, by the name of the specification.
    pub table: String,
    /// Units of the table.
    pub table_units: u64,
    /// Units of its indexes.
    pub index_units: u64,
}

pub struct Meter {
    url: String,
    relay: Arc<relay::Relay>,
    server: JoinHandle<std::io::Result<()>>,
}

impl Meter {
    /// A meter before the emulator of `world`.
    pub async fn before(world: &World) -> Result<Self> {
        Self::calm(world);
        Self::start(relay::Relay::new(world, true, Duration::ZERO)?).await
    }

    /// A meter that counts and times calls without pricing them: nothing is asked of the emulator besides, and calls
    /// pass side by side as they come.
    pub async fn counting(world: &World) -> Result<Self> {
        Self::calm(world);
        Self::start(relay::Relay::new(world, false, Duration::ZERO)?).await
    }

    /// A meter that counts and times calls, each of which takes so long, or longer if the emulator does.
    pub async fn slow(world: &World, takes: Duration) -> Result<Self> {
        Self::calm(world);
        Self::start(relay::Relay::new(world, false, takes)?).await
    }

    /// A budget is of what the code asks for, so nothing may be asked again by chance.
    fn calm(world: &World) {
        world.rules.switch_off(&Rule::OF_REPEATED_REQUESTS);
    }

    async fn start(relay: relay::Relay) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let relay = Arc::new(relay);
        let service = Router::new().fallback(relay::pass).layer(DefaultBodyLimit::disable()).with_state(relay.clone());
        Ok(Self { url, relay, server: tokio::spawn(axum::serve(listener, service).into_future()) })
    }

    /// Its host and port.
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// The way through it, for a function to take.
    pub fn endpoints(&self) -> EndpointOverrides {
        EndpointOverrides { aws_url: Some(self.url.clone()), ..EndpointOverrides::default() }
    }

    /// The calls since the last taking.
    ///
    /// # Errors
    /// When one of them could not be priced.
    pub fn take(&self) -> Result<Vec<Call>> {
        match self.relay.take() {
            (calls, None) => Ok(calls),
            (_, Some(problem)) => bail!("a request could not be metered: {problem}"),
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Read units of calls.
pub fn read_units(calls: &[Call]) -> f64 {
    calls.iter().map(|call| call.reads).sum()
}

/// Write units of calls.
pub fn write_units(calls: &[Call]) -> f64 {
    let writes = calls.iter().flat_map(|call| &call.writes);
    writes.map(|write| write.table_units + write.index_units).sum::<u64>() as f64
}

/// The same by the emulator's account.
pub fn reported_units(calls: &[Call]) -> f64 {
    calls.iter().map(|call| call.reported).sum()
}

/// Rows written and units per table.
pub fn by_table(calls: &[Call]) -> BTreeMap<&str, (usize, u64, u64)> {
    let mut tables = BTreeMap::new();
    for write in calls.iter().flat_map(|call| &call.writes) {
        let (rows, table, index): &mut (usize, u64, u64) = tables.entry(write.table.as_str()).or_default();
        *rows += 1;
        *table += write.table_units;
        *index += write.index_units;
    }
    tables
}

/// How many calls there were of each operation.
pub fn by_operation(calls: &[Call]) -> BTreeMap<&str, usize> {
    let mut operations = BTreeMap::new();
    for call in calls {
        *operations.entry(call.operation.as_str()).or_default() += 1;
    }
    operations
}

/// What the calls were, in their order, for a note.
pub fn names(calls: &[Call]) -> String {
    let names: Vec<&str> = calls.iter().map(|call| call.operation.as_str()).collect();
    format!("{}.", names.join(", "))
}

/// How many calls lie on the longest chain in which each begins after the one before has ended.
pub fn sequential(calls: &[Call]) -> usize {
    let mut by_end: Vec<&Call> = calls.iter().collect();
    by_end.sort_unstable_by_key(|call| call.ended);
    let (mut length, mut last_end) = (0, None);
    for call in by_end {
        if last_end.is_none_or(|end| call.began >= end) {
            length += 1;
            last_end = Some(call.ended);
        }
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meter_counts_concurrent_calls_as_one_step() {
        let start = Instant::now();
        let call = |began, ended| Call {
            operation: "DynamoDB Query".to_owned(),
            began: start + Duration::from_millis(began),
            ended: start + Duration::from_millis(ended),
            reads: 0.0,
            writes: Vec::new(),
            reported: 0.0,
            refused: false,
        };
        assert_eq!(sequential(&[]), 0);
        assert_eq!(sequential(&[call(0, 10), call(10, 20), call(25, 30)]), 3);
        assert_eq!(sequential(&[call(0, 10), call(1, 9), call(2, 12), call(12, 13)]), 2);
    }
}
