//! `POST /api/v1/workbench/wechat/gateway/webhook/{secret}`: the gateway's notices. They are not signed: the path is the secret.

use ::moments::accounts::OfflineNotices;
use kernel::config::ConfigError;
use kernel::mac::constant_time_eq;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::base::Base;
use crate::http::{ApiRequest, ApiResponse, Problem};

/// What the requests of this function share.
#[derive(Debug)]
pub struct App {
    notices: OfflineNotices,
    secret: Option<SecretString>,
}

impl App {
    /// Built once at init.
    pub async fn new(base: &Base) -> Result<Self, ConfigError> {
        let notices = OfflineNotices::new(&base.aws, &base.env, base.clock.clone())?;
        Ok(Self { notices, secret: base.secret().await?.gateway_webhook_secret().cloned() })
    }
}

const WHAT: &str = "webhook";

#[derive(Deserialize)]
struct Notice {
    #[serde(rename = "TypeName")]
    type_name: String,
    #[serde(rename = "Appid")]
    appid: String,
}

/// Answers one request.
pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let presented: String = request.path_id("secret", WHAT)?;
    // Without a configured secret there is no such address.
    let secret = app.secret.as_ref().ok_or(kernel::Error::NotFound(WHAT))?;
    if !constant_time_eq(presented.as_bytes(), secret.expose_secret().as_bytes()) {
        return Err(kernel::Error::NotFound(WHAT).into());
    }
    // The gateway first probes the address with a body of its own; whatever is no notice needs no action.
    if let Ok(notice) = serde_json::from_slice::<Notice>(request.body())
        && notice.type_name == "Offline"
    {
        app.notices.offline(&notice.appid).await?;
    }
    ApiResponse::ok(())
}
