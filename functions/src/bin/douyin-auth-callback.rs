//! `GET /api/v1/lead/douyin/auth/callback`: the way back from Douyin. The state, not a token, says whose it is.

use std::process::ExitCode;

use functions::base::Base;
use functions::douyin::auth_callback::{App, handle};
use functions::http::serve_http;

fn main() -> ExitCode {
    serve_http(async |env| App::new(&Base::load(env).await?).await, handle)
}
