//! `GET /api/v1/lead/douyin/leads/{leadId}`: one lead with its history.

use std::process::ExitCode;

use functions::douyin::lead::{App, handle};
use functions::http::serve_http;
use kernel::Context;

fn main() -> ExitCode {
    serve_http(async |env| App::new(&Context::load(env).await?).await, handle)
}
