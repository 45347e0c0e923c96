//! `POST /api/v1/workbench/wechat/moments/sync`: publish content to accounts, now or at a time.

use std::process::ExitCode;

use functions::http::serve_http;
use functions::moments::moment_sync::{App, handle};
use kernel::Context;

fn main() -> ExitCode {
    serve_http(async |env| App::new(&Context::load(env).await?).await, handle)
}
