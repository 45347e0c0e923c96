//! `PATCH /api/v1/workbench/wechat/moments/tasks/{taskId}`: move a timed task to another time.

use std::process::ExitCode;

use functions::http::serve_http;
use functions::moments::moment_task_update::{App, handle};
use kernel::Context;

fn main() -> ExitCode {
    serve_http(async |env| App::new(&Context::load(env).await?).await, handle)
}
