//! `GET /api/v1/lead/douyin/auth/callback`: the way back from Douyin. The state, not a token, says whose it is.

use kernel::config::ConfigError;
use lambda_http::http::StatusCode;
use leads::authorize::{AuthorizationCallback, Authorized, redirect_error};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::base::Base;
use crate::http::{ApiRequest, ApiResponse, Problem};

/// What the requests of this function share.
#[derive(Debug)]
pub struct App {
    callback: AuthorizationCallback,
}

impl App {
    /// Built once at init.
    pub async fn new(base: &Base) -> Result<Self, ConfigError> {
        let secret = base.secret().await?;
        let douyin = base.douyin(&secret)?;
        Ok(Self { callback: AuthorizationCallback::new(&base.aws, &base.env, douyin, base.clock.clone())? })
    }
}

#[derive(Deserialize)]
struct Query {
    code: Option<String>,
    state: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    message: &'static str,
    user_id: u64,
    douyin_user_id: &'a str,
}

const AUTHORIZED: &str = "授权成功";

/// The user's own page, told how it went.
fn back_to(mut page: Url, result: &leads::Result<Authorized>) -> Url {
    let mut query = page.query_pairs_mut();
    match result {
        Ok(authorized) => {
            query.append_pair("status", "success").append_pair("douyinUserId", &authorized.douyin_user_id)
        }
        Err(error) => query.append_pair("status", "error").append_pair("error", redirect_error(error)),
    };
    drop(query);
    page
}

/// Answers one request.
pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let query: Query = request.query()?;
    let code = query.code.map(SecretString::from);
    let outcome = app.callback.complete(query.state.as_deref(), code).await;
    match (outcome.redirect_url, outcome.result) {
        (None, Ok(authorized)) => {
            let answer = Answer {
                message: AUTHORIZED,
                user_id: authorized.user_id.get(),
                douyin_user_id: &authorized.douyin_user_id,
            };
            ApiResponse::enveloped(StatusCode::OK, AUTHORIZED, answer)
        }
        (None, Err(error)) => Err(error.into()),
        (Some(page), result) => {
            if let Err(error) = &result {
                tracing::warn!("authorisation not completed: {error}");
            }
            ApiResponse::redirect(back_to(page, &result).as_str())
        }
    }
}
