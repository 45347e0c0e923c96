//! `PATCH /api/v1/lead/douyin/leads`: the same change to many leads.

use kernel::Context;
use kernel::config::ConfigError;
use kernel::jwt::Authenticator;
use leads::ids::LeadId;
use leads::lead_edit::{LeadChange, OwnerChange};
use leads::store::lead::LeadStatus;
use leads::{Stores, lead_edit};
use serde::Deserialize;

use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, MAX_BODY, Problem, optional_enum_string};
use crate::views::lead_work::BatchView;

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
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = lead_edit::MAX_BATCH)))]
    lead_ids: Vec<LeadId>,
    #[serde(default, deserialize_with = "optional_enum_string")]
    status: Option<LeadStatus>,
    #[cfg_attr(feature = "openapi", schemars(length(max = leads::ids::LONGEST_OWNER_ID)))]
    owner_id: Option<String>,
    reopen: Option<bool>,
}

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let caller = request.caller(&app.auth, catalog::DOUYIN_LEADS_UPDATE.permission).await?;
    let body: Body = request.json_body(MAX_BODY)?;
    let change = LeadChange {
        status: body.status,
        owner: OwnerChange::of(body.owner_id.as_deref())?,
        reopen: body.reopen.unwrap_or_default(),
        ..LeadChange::default()
    };
    let results = lead_edit::change_all(&app.stores, &caller, &body.lead_ids, &change).await?;
    ApiResponse::ok(BatchView::from(results))
}
