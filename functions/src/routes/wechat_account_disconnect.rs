//! `DELETE /api/v1/workbench/wechat/accounts/{accountId}`: forget an account with its secrets.

use kernel::Context;
use kernel::config::ConfigError;
use kernel::jwt::Authenticator;
use moments::Stores;
use moments::accounts::disconnect;
use moments::ids::AccountId;
use serde::Serialize;

use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, Problem};

/// What the requests of this function share.
#[derive(Debug)]
pub struct App {
    auth: Authenticator,
    stores: Stores,
}

impl App {
    /// Built once at init.
    pub async fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self { auth: Authenticator::new(cx).await?, stores: Stores::new(cx)? })
    }
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    account_id: AccountId,
}

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let caller = request.caller(&app.auth, catalog::WECHAT_ACCOUNT_DISCONNECT.permission).await?;
    let account_id = AccountId::from(request.path_id::<String>("accountId", "wechat account")?);
    disconnect(&app.stores, &caller, &account_id).await?;
    ApiResponse::ok(Answer { account_id })
}
