//! `POST /api/v1/lead/douyin/webhook`: Douyin's events. Their signature, not a token, says who sends them.

use std::process::ExitCode;

use functions::douyin::webhook::{App, handle};
use functions::http::serve_http;
use kernel::Context;

fn main() -> ExitCode {
    serve_http(async |env| App::new(&Context::load(env).await?).await, handle)
}
