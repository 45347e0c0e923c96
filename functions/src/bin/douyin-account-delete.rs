//! `DELETE /api/v1/lead/douyin/accounts/{douyinUserId}`: forget an account with its tokens. Its leads stay.

use std::process::ExitCode;

use functions::douyin::account_delete::{App, handle};
use functions::http::serve_http;
use kernel::Context;

fn main() -> ExitCode {
    serve_http(async |env| App::new(&Context::load(env).await?).await, handle)
}
