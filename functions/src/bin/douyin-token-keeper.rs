//! The token keeper: refreshes and renews the tokens of accounts before they end, so that no user has to.

use std::process::ExitCode;

use functions::base::Base;
use functions::douyin::token_keeper::{App, handle};
use functions::worker::serve_scheduled;

fn main() -> ExitCode {
    serve_scheduled(async |env| App::new(&Base::load(env).await?).await, handle)
}
