//! `POST /api/v1/workbench/wechat/gateway/webhook/{secret}`: the gateway's notices. They are not signed: the path is the secret.

use std::process::ExitCode;

use functions::http::serve_http;
use functions::moments::gateway_webhook::{App, handle};
use kernel::Context;

fn main() -> ExitCode {
    serve_http(async |env| App::new(&Context::load(env).await?).await, handle)
}
