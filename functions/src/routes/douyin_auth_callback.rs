//! `GET /api/v1/lead/douyin/auth/callback`: the way back from Douyin. The state, not a token, says whose it
//! is, and the cookie whether this browser asked for it.

use std::time::Duration;

use kernel::Clock;
use kernel::Context;
use kernel::config::{ConfigError, function_timeout};
use kernel::platform_secret::Secrets;
use leads::authorize::{AuthorizationCallback, Authorized, CallbackOutcome, Return, redirect_error};
use leads::config::redirect_uri;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::{Url, form_urlencoded};

use crate::http::{ApiRequest, ApiResponse, BrowserCookie, Problem};
use crate::views::leads::authorized;

/// What the requests of this function share.
#[derive(Debug)]
pub struct App {
    callback: AuthorizationCallback,
    cookie: BrowserCookie,
    clock: Clock,
    timeout: Duration,
}

impl App {
    /// Built once at init.
    pub async fn new(cx: &Context) -> Result<Self, ConfigError> {
        let secrets = Secrets::load(cx).await?;
        let douyin = leads::config::douyin(cx, secrets)?;
        let callback = AuthorizationCallback::new(cx, douyin)?;
        Ok(Self {
            callback,
            cookie: BrowserCookie::new(&redirect_uri(cx)?),
            clock: cx.clock.clone(),
            timeout: function_timeout(&cx.env)?,
        })
    }
}

#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct Query {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
}

/// What we tell the user's own page in its query. A page that passes its whole address on as the next `redirectUrl` brings
/// them along from last time, and anybody can write them there: they are taken out before they are set.
const TOLD: [&str; 4] = ["status", "error", "douyinUserId", "missingScopes"];

fn without_told(mut page: Url) -> Url {
    // The other parameters stay to the letter: writing them anew could change how they are encoded.
    let is_told =
        |part: &&str| form_urlencoded::parse(part.as_bytes()).next().is_some_and(|(name, _)| TOLD.contains(&&*name));
    let kept = page.query().map(|query| query.split('&').filter(|part| !is_told(part)).collect::<Vec<_>>().join("&"));
    page.set_query(kept.as_deref().filter(|query| !query.is_empty()));
    page
}

/// The user's own page, told how it went.
fn back_to(page: Url, result: &leads::Result<Authorized>) -> Url {
    let mut page = without_told(page);
    let mut query = page.query_pairs_mut();
    match result {
        Ok(authorized) => {
            query.append_pair("status", "success").append_pair("douyinUserId", authorized.account_open_id.as_str());
            if !authorized.missing_scopes.is_empty() {
                query.append_pair("missingScopes", &authorized.missing_scopes.join(","));
            }
        }
        Err(error) => {
            query.append_pair("status", "error").append_pair("error", redirect_error(error));
        }
    }
    drop(query);
    page
}

/// The user's own page, told to have the ticket confirmed. It is in the fragment, which browsers send to no server.
fn to_confirm(page: Url, ticket: &SecretString) -> Url {
    let mut page = without_told(page);
    page.set_fragment(Some(&format!("status=confirm&ticket={}", ticket.expose_secret())));
    page
}

/// Whether nobody looks at the answer yet: a browser that prefetches a page, or whoever asks for its headers. Such a
/// request must not spend the state and the code. It is answered with an error, which browsers do not keep for later.
fn is_prefetch(request: &ApiRequest) -> bool {
    let has_purpose = |name: &str| {
        request.header(name).is_some_and(|purpose| purpose.split([',', ';']).any(|part| part.trim() == "prefetch"))
    };
    request.method() == "HEAD" || ["sec-purpose", "purpose", "x-purpose", "x-moz"].into_iter().any(has_purpose)
}

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    if is_prefetch(&request) {
        let problem = "预加载请求不会完成授权，请正常打开该页面";
        return Err(kernel::Error::invalid("Sec-Purpose", problem).into());
    }
    let query: Query = request.query()?;
    let code = query.code.map(SecretString::from);
    let back = Return { state: query.state.as_deref(), code, error: query.error.as_deref() };
    let browser = app.cookie.read(&request);
    let deadline = request.deadline(app.clock.now(), app.timeout);
    match app.callback.complete(back, browser.as_ref(), deadline).await {
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
