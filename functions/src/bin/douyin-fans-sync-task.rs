//! `GET /api/v1/lead/douyin/fans/sync/{taskId}`: how a sync goes.

use std::process::ExitCode;

use functions::base::Base;
use functions::douyin::fans_sync_task::{App, handle};
use functions::http::serve_http;

fn main() -> ExitCode {
    serve_http(async |env| App::new(&Base::load(env).await?).await, handle)
}
