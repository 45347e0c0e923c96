//! `GET /api/v1/workbench/wechat/moments/accounts`: the accounts one may publish with.

use std::process::ExitCode;

use functions::base::Base;
use functions::http::serve_http;
use functions::moments::wechat_accounts::{App, handle};

fn main() -> ExitCode {
    serve_http(async |env| App::new(&Base::load(env).await?).await, handle)
}
