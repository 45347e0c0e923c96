//! `GET /api/v1/workbench/wechat/corps`: the companies whose members are connected, and how it is with each.

use kernel::Context;
use kernel::config::ConfigError;
use kernel::jwt::Authenticator;
use moments::Stores;
use moments::accounts::list_companies;

use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, Problem};
use crate::views::corps::CorpView;

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

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let caller = request.caller(&app.auth, catalog::WECHAT_CORPS.permission).await?;
    let companies = list_companies(&app.stores, caller.user_id).await?;
    ApiResponse::ok(companies.into_iter().map(CorpView::from).collect::<Vec<_>>())
}
