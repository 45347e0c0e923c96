//! The publisher: dispatches tasks and moves their units, message by message.

use std::process::ExitCode;

use functions::moments::publisher::{App, handle};
use functions::worker::serve_sqs;
use kernel::Context;

fn main() -> ExitCode {
    serve_sqs(async |env| App::new(&Context::load(env).await?).await, handle)
}
