//! `GET /api/v1/lead/douyin/leads/{leadId}`: one lead with its history.

use std::process::ExitCode;

use functions::base::Base;
use functions::douyin::lead::{App, handle};
use functions::http::serve_http;

fn main() -> ExitCode {
    serve_http(async |env| App::new(&Base::load(env).await?).await, handle)
}
