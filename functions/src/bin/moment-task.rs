//! `GET /api/v1/workbench/wechat/moments/tasks/{taskId}`: the truth about a task, account by account.

use std::process::ExitCode;

use functions::http::serve_http;
use functions::moments::moment_task::{App, handle};
use kernel::Context;

fn main() -> ExitCode {
    serve_http(async |env| App::new(&Context::load(env).await?).await, handle)
}
