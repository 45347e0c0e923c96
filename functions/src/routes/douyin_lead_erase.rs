//! `DELETE /api/v1/lead/douyin/leads/{leadId}/personal-data`: erase a lead's person. Asked for again it answers the same.

use kernel::Context;
use kernel::config::ConfigError;
use kernel::jwt::Authenticator;
use leads::ids::LeadId;
use leads::lead_erase::Eraser;
use serde::Serialize;

use super::douyin_lead::lead_id;
use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, Problem};

/// What the requests of this function share.
#[derive(Debug)]
pub struct App {
    auth: Authenticator,
    eraser: Eraser,
}

impl App {
    /// Built once at init.
    pub async fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self { auth: Authenticator::new(cx).await?, eraser: Eraser::new(cx)? })
    }
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    lead_id: LeadId,
}

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let caller = request.caller(&app.auth, catalog::DOUYIN_LEAD_ERASE.permission).await?;
    let lead_id = lead_id(&request)?;
    app.eraser.erase(&caller, lead_id).await?;
    ApiResponse::ok(Answer { lead_id })
}
