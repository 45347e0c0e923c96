//! `DELETE /api/v1/workbench/wechat/accounts/{accountId}`: forget an account with its secrets.

use std::process::ExitCode;

use functions::http::serve_http;
use functions::moments::wechat_account_disconnect::{App, handle};
use kernel::Context;

fn main() -> ExitCode {
    serve_http(async |env| App::new(&Context::load(env).await?).await, handle)
}
