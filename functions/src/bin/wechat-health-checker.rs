//! The health checker: asks whether personal accounts are still online.

use std::process::ExitCode;

use functions::base::Base;
use functions::moments::health_checker::{App, handle};
use functions::worker::serve_scheduled;

fn main() -> ExitCode {
    serve_scheduled(async |env| App::new(&Base::load(env).await?).await, handle)
}
