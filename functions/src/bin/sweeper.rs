//! The sweeper: moves whatever should have moved and has not. It takes no input.

use std::process::ExitCode;

use functions::sweeper::{App, handle};
use functions::worker::serve_scheduled;
use kernel::Context;

fn main() -> ExitCode {
    serve_scheduled(async |env| App::new(&Context::load(env).await?).await, handle)
}
