//! `GET /api/v1/workbench/wechat/moments/accounts`: the accounts one may publish with.

use kernel::Context;
use kernel::config::ConfigError;
use kernel::jwt::Authenticator;
use moments::{Stores, accounts};

use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, Problem};
use crate::views::moments::AccountView;

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
    let caller = request.caller(&app.auth, catalog::WECHAT_ACCOUNTS.permission).await?;
    let accounts = accounts::list(&app.stores, caller.user_id).await?;
    ApiResponse::ok(accounts.into_iter().map(AccountView::from).collect::<Vec<_>>())
}
