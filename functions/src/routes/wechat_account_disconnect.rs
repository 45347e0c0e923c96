//! `DELETE /api/v1/workbench/wechat/accounts/{accountId}`: forget an account with its secrets.

use kernel::config::ConfigError;
use kernel::jwt::Authenticator;
use moments::accounts::Disconnection;
use serde::Serialize;

use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, Problem};
use kernel::Context;

/// What the requests of this function share.
#[derive(Debug)]
pub struct App {
    auth: Authenticator,
    disconnection: Disconnection,
}

impl App {
    /// Built once at init.
    pub async fn new(cx: &Context) -> Result<Self, ConfigError> {
        let disconnection = Disconnection::new(cx)?;
        Ok(Self { auth: Authenticator::new(cx).await?, disconnection })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    account_id: String,
}

/// Answers one request.
pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let caller = request.caller(&app.auth, catalog::WECHAT_ACCOUNT_DISCONNECT.permission).await?;
    let account_id: String = request.path_id("accountId", "wechat account")?;
    app.disconnection.disconnect(caller.user_id, &account_id).await?;
    ApiResponse::ok(Answer { account_id })
}
