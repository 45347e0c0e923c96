//! `POST /api/v1/lead/douyin/fans/sync`: start a sync, or find the one that runs.

use std::process::ExitCode;

use functions::douyin::fans_sync::{App, handle};
use functions::http::serve_http;
use kernel::Context;

fn main() -> ExitCode {
    serve_http(async |env| App::new(&Context::load(env).await?).await, handle)
}
