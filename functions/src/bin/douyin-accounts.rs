//! `GET /api/v1/lead/douyin/accounts`: the caller's authorised accounts.

use std::process::ExitCode;

use functions::douyin::accounts::{App, handle};
use functions::http::serve_http;
use kernel::Context;

fn main() -> ExitCode {
    serve_http(async |env| App::new(&Context::load(env).await?).await, handle)
}
