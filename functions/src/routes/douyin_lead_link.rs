//! `PUT /api/v1/lead/douyin/leads/{leadId}/unified`: the unified lead module writes its own id back onto a lead.
//!
//! Its token is that of a service, which may do this and nothing else; the tenant is the token's as everywhere. So it is
//! answered no more than it has said.

use kernel::Context;
use kernel::config::ConfigError;
use kernel::ids::MAX_SAFE_INTEGER;
use kernel::jwt::Authenticator;
use leads::ids::{LeadId, UnifiedLeadId};
use leads::{Stores, lead_link};
use serde::{Deserialize, Serialize};

use super::douyin_lead::lead_id;
use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, MAX_BODY, Problem};

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

#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Body {
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = MAX_SAFE_INTEGER)))]
    unified_lead_id: u64,
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    lead_id: LeadId,
    unified_lead_id: UnifiedLeadId,
}

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let caller = request.caller(&app.auth, catalog::DOUYIN_LEAD_LINK.permission).await?;
    let lead_id = lead_id(&request)?;
    let body: Body = request.json_body(MAX_BODY)?;
    let unified_lead_id = UnifiedLeadId::new(body.unified_lead_id).ok_or_else(|| {
        let problem = format!("取值超出范围，应为 1 到 {MAX_SAFE_INTEGER} 的整数");
        kernel::Error::invalid("unifiedLeadId", problem)
    })?;
    lead_link::link(&app.stores, &caller, lead_id, unified_lead_id).await?;
    ApiResponse::ok(Answer { lead_id, unified_lead_id })
}
