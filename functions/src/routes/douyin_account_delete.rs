//! `DELETE /api/v1/lead/douyin/accounts/{douyinUserId}`: forget an account with its tokens. Its leads stay.

use kernel::Context;
use kernel::config::ConfigError;
use kernel::jwt::Authenticator;
use leads::ids::OpenId;
use leads::{Stores, accounts};
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
    douyin_user_id: OpenId,
}

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let caller = request.caller(&app.auth, catalog::DOUYIN_ACCOUNT_DELETE.permission).await?;
    let douyin_user_id: OpenId = request.path_id("douyinUserId", "douyin account")?;
    accounts::disconnect(&app.stores, &caller, &douyin_user_id).await?;
    ApiResponse::ok(Answer { douyin_user_id })
}
