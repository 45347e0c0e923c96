//! `GET /api/v1/lead/douyin/leads/{leadId}`: one lead with its history.

use kernel::Context;
use kernel::config::ConfigError;
use kernel::jwt::Authenticator;
use leads::ids::LeadId;
use leads::{Stores, lead_edit};

use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, Problem};
use crate::views::leads::LeadDetail;

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

/// The lead named by the path.
pub(super) fn lead_id(request: &ApiRequest) -> kernel::Result<LeadId> {
    request.path_id("leadId", "lead")
}

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let caller = request.caller(&app.auth, catalog::DOUYIN_LEAD.permission).await?;
    let lead_id = lead_id(&request)?;
    let (lead, history) = lead_edit::read(&app.stores, caller.user_id, lead_id).await?;
    ApiResponse::ok(LeadDetail::new(lead, Some(history)).asked_for_as(lead_id))
}
