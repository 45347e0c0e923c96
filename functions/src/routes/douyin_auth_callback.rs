//! `GET /api/v1/lead/douyin/auth/callback`: the way back from Douyin. The state, not a token, says whose it
//! is, and the cookie whether this browser asked for it.

use kernel::Context;
use kernel::config::ConfigError;
use kernel::platform_secret::Secrets;
use leads::authorize::{AuthorizationCallback, Authorized, CallbackOutcome, redirect_error};
use leads::config::redirect_uri;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use crate::http::{ApiRequest, ApiResponse, BrowserCookie, Problem};
use crate::views::leads::authorized;

/// What the requests of this function share.
#[derive(Debug)]
pub struct App {
    callback: AuthorizationCallback,
    cookie: BrowserCookie,
}

impl App {
    /// Built once at init.
    pub async fn new(cx: &Context) -> Result<Self, ConfigError> {
        let secrets = Secrets::load(cx).await?;
        let douyin = leads::config::douyin(cx, secrets)?;
        let callback = AuthorizationCallback::new(cx, douyin)?;
        Ok(Self { callback, cookie: BrowserCookie::new(&redirect_uri(cx)?) })
    }
}

#[derive(Deserialize)]
struct Query {
    code: Option<String>,
    state: Option<String>,
}

/// The user's own page, told how it went.
fn back_to(mut page: Url, result: &leads::Result<Authorized>) -> Url {
    let mut query = page.query_pairs_mut();
    match result {
        Ok(authorized) => {
            query.append_pair("status", "success").append_pair("douyinUserId", authorized.account_open_id.as_str())
        }
        Err(error) => query.append_pair("status", "error").append_pair("error", redirect_error(error)),
    };
    drop(query);
    page
}

/// The user's own page, told to have the ticket confirmed. It is in the fragment, which browsers send to no server.
fn to_confirm(mut page: Url, ticket: &SecretString) -> Url {
    page.set_fragment(Some(&format!("status=confirm&ticket={}", ticket.expose_secret())));
    page
}

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let query: Query = request.query()?;
    let code = query.code.map(SecretString::from);
    let browser = app.cookie.read(&request);
    match app.callback.complete(query.state.as_deref(), code, browser.as_ref()).await {
        CallbackOutcome::ToConfirm { page, ticket } => ApiResponse::redirect(to_confirm(page, &ticket).as_str()),
        CallbackOutcome::Ended { page: None, result } => authorized(&result?),
        CallbackOutcome::Ended { page: Some(page), result } => {
            if let Err(error) = &result {
                tracing::warn!("authorisation not completed: {error}");
            }
            ApiResponse::redirect(back_to(page, &result).as_str())
        }
    }
}
