//! `GET /api/v1/lead/douyin/leads/{leadId}`: one lead with its history.

use kernel::config::ConfigError;
use kernel::jwt::Authenticator;
use leads::desk::LeadDesk;
use leads::ids::LeadId;

use crate::base::Base;
use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, Problem};
use crate::views::leads::LeadDetail;

/// What the requests of this function share.
#[derive(Debug)]
pub struct App {
    auth: Authenticator,
    desk: LeadDesk,
}

impl App {
    /// Built once at init.
    pub async fn new(base: &Base) -> Result<Self, ConfigError> {
        let desk = LeadDesk::new(&base.aws, &base.env, base.clock.clone())?;
        Ok(Self { auth: base.authenticator().await?, desk })
    }
}

/// The lead named by the path.
pub(super) fn lead_id(request: &ApiRequest) -> kernel::Result<LeadId> {
    request.path_id("leadId", "lead")
}

/// Answers one request.
pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let caller = request.caller(&app.auth, catalog::DOUYIN_LEAD.permission).await?;
    let lead_id = lead_id(&request)?;
    let (lead, history) = app.desk.read(caller.user_id, lead_id).await?;
    ApiResponse::ok(LeadDetail::new(lead, Some(history)))
}
