//! `POST /api/v1/lead/douyin/auth/confirm`: the signed-in user's word on a parked authorisation.

use std::process::ExitCode;

use functions::douyin::auth_confirm::{App, handle};
use functions::http::serve_http;
use kernel::Context;

fn main() -> ExitCode {
    serve_http(async |env| App::new(&Context::load(env).await?).await, handle)
}
