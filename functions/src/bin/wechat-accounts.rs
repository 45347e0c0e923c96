//! `GET /api/v1/workbench/wechat/moments/accounts`: the accounts one may publish with.

use std::process::ExitCode;

use functions::http::serve_http;
use functions::moments::wechat_accounts::{App, handle};
use kernel::Context;

fn main() -> ExitCode {
    serve_http(async |env| App::new(&Context::load(env).await?).await, handle)
}
