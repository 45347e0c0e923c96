//! `PATCH /api/v1/webhooks/{webhookId}`: changes a webhook.

use kernel::Context;
use kernel::config::ConfigError;
use kernel::jwt::Authenticator;
use secrecy::SecretString;
use serde::Deserialize;
use webhooks::store::webhook::WebhookStatus;
use webhooks::{Change, WebhookEdits};

use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, MAX_BODY, Problem};
use crate::views::webhooks::WebhookWithSecret;

/// What the requests of this function share.
#[derive(Debug)]
pub struct App {
    auth: Authenticator,
    edits: WebhookEdits,
}

impl App {
    /// Built once at init.
    pub async fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self { auth: Authenticator::new(cx).await?, edits: WebhookEdits::new(cx)? })
    }
}

/// What a webhook can be set to.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(inline))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Wanted {
    Active,
    Paused,
}

#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Body {
    #[cfg_attr(feature = "openapi", schemars(with = "Option<String>", length(min = 1, max = kernel::public_http::MAX_URL_LENGTH)))]
    url: Option<SecretString>,
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Vec<crate::openapi::EventTypeName>>", length(min = 1, max = webhooks::EVENT_TYPES.len())))]
    types: Option<Vec<String>>,
    status: Option<Wanted>,
    rotate_secret: Option<bool>,
    #[cfg_attr(feature = "openapi", schemars(with = "Option<String>", length(min = 1, max = webhooks::MAX_BOT_SECRET), regex(pattern = "^[!-~]+$")))]
    bot_secret: Option<SecretString>,
}

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let caller = request.caller(&app.auth, catalog::WEBHOOK_UPDATE.permission).await?;
    let webhook_id: String = request.path_id("webhookId", "webhook")?;
    let Body { url, types, status, rotate_secret, bot_secret } = request.json_body(MAX_BODY)?;
    let status = status.map(|status| match status {
        Wanted::Active => WebhookStatus::Active,
        Wanted::Paused => WebhookStatus::Paused,
    });
    let wanted = Change { url, types, status, rotate_secret: rotate_secret.unwrap_or_default(), bot_secret };
    let made = Box::pin(app.edits.change(&caller, &webhook_id, &wanted)).await?;
    ApiResponse::ok(WebhookWithSecret::from(made))
}
