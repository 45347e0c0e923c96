//! `GET /api/v1/workbench/wechat/moments/tasks`: the tasks, newest first.

use std::process::ExitCode;

use functions::http::serve_http;
use functions::moments::moment_tasks::{App, handle};
use kernel::Context;

fn main() -> ExitCode {
    serve_http(async |env| App::new(&Context::load(env).await?).await, handle)
}
