//! `POST /api/v1/lead/douyin/auth/confirm`: the signed-in user's word on an authorisation that came back in a browser
//! which could not show that it had asked for the link.

use kernel::Context;
use kernel::config::ConfigError;
use kernel::jwt::Authenticator;
use kernel::platform_secret::Secrets;
use leads::confirm::AuthorizationConfirmation;
use serde::Deserialize;

use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, MAX_BODY, Problem};
use crate::views::leads::authorized;

/// What the requests of this function share.
#[derive(Debug)]
pub struct App {
    auth: Authenticator,
    confirmation: AuthorizationConfirmation,
}

impl App {
    /// Built once at init.
    pub async fn new(cx: &Context) -> Result<Self, ConfigError> {
        let secrets = Secrets::load(cx).await?;
        let confirmation = AuthorizationConfirmation::new(cx, leads::config::douyin(cx, secrets.clone())?)?;
        Ok(Self { auth: Authenticator::with_secrets(cx, secrets).await?, confirmation })
    }
}

#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    #[cfg_attr(feature = "openapi", schemars(length(min = 1)))]
    ticket: String,
}

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let caller = request.caller(&app.auth, catalog::DOUYIN_AUTH_CONFIRM.permission).await?;
    let body: Body = request.json_body(MAX_BODY)?;
    if body.ticket.trim().is_empty() {
        return Err(kernel::Error::invalid("ticket", "不能为空，请填写授权返回页面地址中的凭证").into());
    }
    authorized(&app.confirmation.confirm(&caller, &body.ticket).await?)
}
