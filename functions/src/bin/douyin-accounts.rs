//! `GET /api/v1/lead/douyin/accounts`: the caller's authorised accounts.

use std::process::ExitCode;

use functions::base::Base;
use functions::douyin::accounts::{App, handle};
use functions::http::serve_http;

fn main() -> ExitCode {
    serve_http(async |env| App::new(&Base::load(env).await?).await, handle)
}
