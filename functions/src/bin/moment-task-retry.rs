//! `POST /api/v1/workbench/wechat/moments/tasks/{taskId}/retry`: try the failed accounts again, and no others.

use std::process::ExitCode;

use functions::http::serve_http;
use functions::moments::moment_task_retry::{App, handle};
use kernel::Context;

fn main() -> ExitCode {
    serve_http(async |env| App::new(&Context::load(env).await?).await, handle)
}
