//! `POST /api/v1/webhooks`: makes a webhook.

use kernel::Context;
use kernel::config::ConfigError;
use kernel::jwt::Authenticator;
use secrecy::SecretString;
use serde::Deserialize;
use webhooks::kind::Kind;
use webhooks::{NewWebhook, WebhookEdits};

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

#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Body {
    #[cfg_attr(feature = "openapi", schemars(with = "String", length(min = 1, max = kernel::public_http::MAX_URL_LENGTH)))]
    url: SecretString,
    kind: Option<Kind>,
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Vec<crate::openapi::EventTypeName>>", length(min = 1, max = webhooks::EVENT_TYPES.len())))]
    types: Option<Vec<String>>,
    #[cfg_attr(feature = "openapi", schemars(with = "Option<String>", length(min = 1, max = webhooks::MAX_BOT_SECRET), regex(pattern = "^[!-~]+$")))]
    bot_secret: Option<SecretString>,
}

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let caller = request.caller(&app.auth, catalog::WEBHOOK_CREATE.permission).await?;
    let Body { url, kind, types, bot_secret } = request.json_body(MAX_BODY)?;
    let wanted = NewWebhook { url, kind: kind.unwrap_or(Kind::Generic), types, bot_secret };
    let made = Box::pin(app.edits.create(&caller, &wanted)).await?;
    ApiResponse::created(WebhookWithSecret::from(made))
}
