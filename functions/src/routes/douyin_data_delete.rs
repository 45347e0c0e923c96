//! `DELETE /api/v1/lead/douyin/accounts/{douyinUserId}/data`: forget an account with its tokens and delete what it has brought.
//! Asked again it answers how far that is.

use jiff::Timestamp;
use kernel::Context;
use kernel::config::ConfigError;
use kernel::jwt::Authenticator;
use leads::ids::OpenId;
use leads::store::deletion::{Deletion, DeletionStatus};
use leads::{Stores, data_deletion};
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
    status: DeletionStatus,
    /// Leads that are gone.
    deleted: u64,
    /// Leads that stay, because another account brought them too.
    kept: u64,
    requested_at: Timestamp,
    finished_at: Option<Timestamp>,
}

impl From<Deletion> for Answer {
    fn from(deletion: Deletion) -> Self {
        Self {
            douyin_user_id: deletion.account_open_id,
            status: deletion.status,
            deleted: deletion.deleted,
            kept: deletion.kept,
            requested_at: deletion.create_time,
            finished_at: deletion.finished_at,
        }
    }
}

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let caller = request.caller(&app.auth, catalog::DOUYIN_DATA_DELETE.permission).await?;
    let account: OpenId = request.path_id("douyinUserId", "douyin account")?;
    let deletion = data_deletion::request(&app.stores, &caller, &account).await?;
    match deletion.status {
        DeletionStatus::Running => ApiResponse::accepted(Answer::from(deletion)),
        DeletionStatus::Completed => ApiResponse::ok(Answer::from(deletion)),
    }
}
