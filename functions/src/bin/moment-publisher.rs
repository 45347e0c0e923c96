//! The publisher: dispatches tasks and moves their units, message by message.

use std::process::ExitCode;

use functions::base::Base;
use functions::moments::publisher::{App, handle};
use functions::worker::serve_sqs;

fn main() -> ExitCode {
    serve_sqs(async |env| App::new(&Base::load(env).await?).await, handle)
}
