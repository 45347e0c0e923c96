//! `GET /api/v1/lead/douyin/accounts`: the caller's authorised accounts.

use kernel::Context;
use kernel::config::ConfigError;
use kernel::jwt::Authenticator;
use leads::config::{AutoSync, lists_fans};
use leads::{Stores, accounts};

use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, Problem};
use crate::views::leads::AccountView;

/// What the requests of this function share.
#[derive(Debug)]
pub struct App {
    auth: Authenticator,
    stores: Stores,
    auto: AutoSync,
    lists_fans: bool,
}

impl App {
    /// Built once at init.
    pub async fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self {
            auth: Authenticator::new(cx).await?,
            stores: Stores::new(cx)?,
            auto: AutoSync::new(&cx.env)?,
            lists_fans: lists_fans(&cx.env)?,
        })
    }
}

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let caller = request.caller(&app.auth, catalog::DOUYIN_ACCOUNTS.permission).await?;
    let (accounts, platform) = accounts::list(&app.stores, caller.user_id, app.lists_fans).await?;
    let view = |account| AccountView::new(account, platform, app.auto);
    ApiResponse::ok(accounts.into_iter().map(view).collect::<Vec<_>>())
}
