//! The fan-sync worker: takes sync tasks off the queue and walks their fan lists.

use std::process::ExitCode;

use functions::douyin::fan_sync_worker::{App, handle};
use functions::worker::serve_sqs;
use kernel::Context;

fn main() -> ExitCode {
    serve_sqs(async |env| App::new(&Context::load(env).await?).await, handle)
}
