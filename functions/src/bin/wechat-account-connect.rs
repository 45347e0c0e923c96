//! `POST /api/v1/workbench/wechat/accounts`: connect a company app with its members, or a device of the gateway.

use std::process::ExitCode;

use functions::http::serve_http;
use functions::moments::wechat_account_connect::{App, handle};
use kernel::Context;

fn main() -> ExitCode {
    serve_http(async |env| App::new(&Context::load(env).await?).await, handle)
}
