//! `GET /api/v1/lead/douyin/auth/callback`: the way back from Douyin. The state, not a token, says whose it is.

use std::process::ExitCode;

use functions::douyin::auth_callback::{App, handle};
use functions::http::serve_http;
use kernel::Context;

fn main() -> ExitCode {
    serve_http(async |env| App::new(&Context::load(env).await?).await, handle)
}
