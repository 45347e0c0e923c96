//! `POST /api/v1/workbench/wechat/moments/tasks/{taskId}/retry`: try the failed accounts again, and no others.

use std::process::ExitCode;

use functions::base::Base;
use functions::http::serve_http;
use functions::moments::moment_task_retry::{App, handle};

fn main() -> ExitCode {
    serve_http(async |env| App::new(&Base::load(env).await?).await, handle)
}
