//! `GET /api/v1/lead/douyin/auth/url`: the link to Douyin's consent page.

use std::process::ExitCode;

use functions::douyin::auth_url::{App, handle};
use functions::http::serve_http;
use kernel::Context;

fn main() -> ExitCode {
    serve_http(async |env| App::new(&Context::load(env).await?).await, handle)
}
