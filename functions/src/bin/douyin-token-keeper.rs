//! The token keeper: refreshes and renews the tokens of accounts before they end, so that no user has to.

use std::process::ExitCode;

use functions::douyin::token_keeper::{App, handle};
use functions::worker::serve_scheduled;
use kernel::Context;

fn main() -> ExitCode {
    serve_scheduled(async |env| App::new(&Context::load(env).await?).await, handle)
}
