//! `GET /api/v1/lead/douyin/fans/sync/{taskId}`: how a sync goes.

use std::process::ExitCode;

use functions::douyin::fans_sync_task::{App, handle};
use functions::http::serve_http;
use kernel::Context;

fn main() -> ExitCode {
    serve_http(async |env| App::new(&Context::load(env).await?).await, handle)
}
