//! Functions that nobody waits for: behind a queue, or on a schedule.

mod scheduled;
mod sqs;

pub(crate) use scheduled::put_round;
pub use scheduled::{run_scheduled, serve_scheduled};
pub use sqs::{QueueMessage, run_batch, serve_sqs};

use std::time::Duration;

use kernel::Clock;
use kernel::deadline::Deadline;
use lambda_runtime::Context;

fn deadline(context: &Context, timeout: Duration) -> Deadline {
    Deadline::from_context(context.deadline, Clock::System.now(), timeout)
}
