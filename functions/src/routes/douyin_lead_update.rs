//! `PATCH /api/v1/lead/douyin/leads/{leadId}`: work a lead.

use kernel::Context;
use kernel::config::ConfigError;
use kernel::jwt::Authenticator;
use leads::lead_edit::{LeadChange, OwnerChange};
use leads::store::lead::LeadStatus;
use leads::{Stores, lead_edit};
use serde::Deserialize;

use super::douyin_lead::lead_id;
use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, MAX_BODY, Problem, optional_enum_string};
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

#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Body {
    #[serde(default, deserialize_with = "optional_enum_string")]
    status: Option<LeadStatus>,
    #[cfg_attr(feature = "openapi", schemars(length(max = lead_edit::MAX_NOTES)))]
    notes: Option<String>,
    #[cfg_attr(feature = "openapi", schemars(length(max = leads::ids::LONGEST_OWNER_ID)))]
    owner_id: Option<String>,
    #[cfg_attr(feature = "openapi", schemars(range(max = kernel::ids::MAX_SAFE_INTEGER)))]
    version: Option<u64>,
    reopen: Option<bool>,
}

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let caller = request.caller(&app.auth, catalog::DOUYIN_LEAD_UPDATE.permission).await?;
    let lead_id = lead_id(&request)?;
    let body: Body = request.json_body(MAX_BODY)?;
    let change = LeadChange {
        status: body.status,
        notes: body.notes,
        owner: OwnerChange::of(body.owner_id.as_deref())?,
        version: body.version,
        reopen: body.reopen.unwrap_or_default(),
    };
    ApiResponse::ok(LeadDetail::new(lead_edit::change(&app.stores, &caller, lead_id, &change).await?, None))
}
