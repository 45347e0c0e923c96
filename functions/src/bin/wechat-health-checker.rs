//! The health checker: asks whether personal accounts are still online.

use std::process::ExitCode;

use functions::moments::health_checker::{App, handle};
use functions::worker::serve_scheduled;
use kernel::Context;

fn main() -> ExitCode {
    serve_scheduled(async |env| App::new(&Context::load(env).await?).await, handle)
}
