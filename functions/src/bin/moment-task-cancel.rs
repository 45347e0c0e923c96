//! `POST /api/v1/workbench/wechat/moments/tasks/{taskId}/cancel`: call off what was not sent yet.

use std::process::ExitCode;

use functions::http::serve_http;
use functions::moments::moment_task_cancel::{App, handle};
use kernel::Context;

fn main() -> ExitCode {
    serve_http(async |env| App::new(&Context::load(env).await?).await, handle)
}
