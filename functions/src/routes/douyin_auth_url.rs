//! `GET /api/v1/lead/douyin/auth/url`: the link to Douyin's consent page, tied to the browser that asks for it.

use kernel::Context;
use kernel::config::ConfigError;
use kernel::jwt::Authenticator;
use kernel::platform_secret::Secrets;
use leads::authorize::AuthorizationLinks;
use leads::browser::BrowserKey;
use leads::config::redirect_uri;
use serde::{Deserialize, Serialize};

use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, BrowserCookie, Problem};

/// What the requests of this function share.
#[derive(Debug)]
pub struct App {
    auth: Authenticator,
    links: AuthorizationLinks,
    cookie: BrowserCookie,
}

impl App {
    /// Built once at init.
    pub async fn new(cx: &Context) -> Result<Self, ConfigError> {
        let secrets = Secrets::load(cx).await?;
        let links = AuthorizationLinks::new(cx, leads::config::douyin(cx, secrets.clone())?)?;
        Ok(Self {
            auth: Authenticator::with_secrets(cx, secrets).await?,
            links,
            cookie: BrowserCookie::new(&redirect_uri(cx)?),
        })
    }
}

#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct Query {
    redirect_url: Option<String>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    auth_url: String,
}

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let caller = request.caller(&app.auth, catalog::DOUYIN_AUTH_URL.permission).await?;
    let query: Query = request.query()?;
    // All tabs of a browser share its key; sent again, the cookie lives on from now.
    let browser = app.cookie.read(&request).unwrap_or_else(BrowserKey::generate);
    let auth_url = app.links.issue(&caller, query.redirect_url.as_deref(), &browser).await?;
    Ok(ApiResponse::ok(Answer { auth_url })?.with_cookie(app.cookie.set(&browser)?))
}
