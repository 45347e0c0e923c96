//! `POST /api/v1/workbench/wechat/gateway/webhook/{secret}`: the gateway's notices. They are not signed: the path is the secret.

use kernel::Context;
use kernel::config::ConfigError;
use kernel::crypto::constant_time_eq;
use kernel::platform_secret::{PlatformSecret, Secrets};
use moments::Stores;
use moments::accounts::{Notice, take_notice};
use secrecy::ExposeSecret;
use serde_json::{Map, Value};

use crate::http::{ApiRequest, ApiResponse, Problem};

/// What the requests of this function share.
#[derive(Debug)]
pub struct App {
    stores: Stores,
    secrets: Secrets,
}

impl App {
    /// Built once at init.
    pub async fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self { stores: Stores::new(cx)?, secrets: Secrets::load(cx).await? })
    }
}

const WHAT: &str = "webhook";

/// The fields that name the kind of a notice and its device, in any case: the gateway's older messages spell them
/// `TypeName` and `Appid`, its newer ones `msgType` and `appid`.
const KINDS: [&str; 2] = ["typename", "msgtype"];
const DEVICES: [&str; 1] = ["appid"];

/// A notice about a device's connection; `None` for every other message, of which there are many kinds.
fn notice(body: &[u8]) -> Option<(Notice, String)> {
    let body: Map<String, Value> = serde_json::from_slice(body).ok()?;
    let kind = Notice::of(&field(&body, &KINDS)?)?;
    Some((kind, field(&body, &DEVICES)?))
}

/// The text of a field of the message, or of its `data` when the message itself has no such field.
fn field(body: &Map<String, Value>, names: &[&str]) -> Option<String> {
    let is_one_of = |field: &str, names: &[&str]| names.iter().any(|name| field.eq_ignore_ascii_case(name));
    let text = |fields: &Map<String, Value>| {
        let found = fields.iter().find(|(field, _)| is_one_of(field, names));
        found.map(|(_, value)| value.as_str().map(str::to_owned))
    };
    text(body).or_else(|| {
        let data = body.iter().find(|(field, _)| is_one_of(field, &["data"]));
        data.and_then(|(_, value)| value.as_object()).and_then(text)
    })?
}

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let presented: String = request.path_id("secret", WHAT)?;
    // Without a configured secret there is no such address.
    let is_ours = |secret: &PlatformSecret| {
        let ours = secret.gateway_webhook_secret()?.expose_secret();
        constant_time_eq(presented.as_bytes(), ours.as_bytes()).then_some(())
    };
    app.secrets.find(is_ours).await.ok_or(kernel::Error::NotFound(WHAT))?;
    // The gateway first probes the address with a body of its own; whatever is no notice needs no action.
    if let Some((notice, device)) = notice(request.body()) {
        take_notice(&app.stores, notice, &device).await?;
    }
    ApiResponse::ok(())
}
