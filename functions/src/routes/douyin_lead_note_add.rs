//! `POST /api/v1/lead/douyin/leads/{leadId}/notes`: a note more about a lead.

use kernel::Context;
use kernel::config::ConfigError;
use kernel::jwt::Authenticator;
use leads::lead_edit::NewNote;
use leads::{Stores, lead_edit};
use serde::Deserialize;

use super::douyin_lead::lead_id;
use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, MAX_BODY, Problem, idempotency_key};
use crate::views::lead_work::NoteView;

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
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = lead_edit::MAX_NOTES)))]
    text: String,
}

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let caller = request.caller(&app.auth, catalog::DOUYIN_LEAD_NOTE_ADD.permission).await?;
    let lead_id = lead_id(&request)?;
    let body: Body = request.json_body(MAX_BODY)?;
    let key = idempotency_key(&request)?;
    let note = NewNote { lead_id, text: &body.text, idempotency_key: key.as_deref() };
    ApiResponse::created(NoteView::from(lead_edit::add_note(&app.stores, &caller, note).await?))
}
