//! `POST /api/v1/workbench/wechat/moments/sync`: publish content to accounts, now or at a time.

use kernel::config::ConfigError;
use kernel::jwt::Authenticator;
use moments::ids::AccountId;
use moments::store::task::ContentId;
use moments::tasks::{NewTaskRequest, TaskCreation};
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, MAX_BODY, Problem};
use kernel::Context;
use kernel::rfc3339::Rfc3339;

/// What the requests of this function share.
#[derive(Debug)]
pub struct App {
    auth: Authenticator,
    creation: TaskCreation,
}

impl App {
    /// Built once at init.
    pub async fn new(cx: &Context) -> Result<Self, ConfigError> {
        let creation = TaskCreation::new(cx)?;
        Ok(Self { auth: Authenticator::new(cx).await?, creation })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Body {
    #[serde(default, deserialize_with = "content_id")]
    content_id: Option<ContentId>,
    text: Option<String>,
    media_urls: Option<Vec<String>>,
    account_ids: Vec<AccountId>,
    #[serde(default, deserialize_with = "Rfc3339::or_absent")]
    scheduled_time: Option<Rfc3339>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    sync_task_id: u64,
    content_id: Option<ContentId>,
    status: &'static str,
    create_time: jiff::Timestamp,
}

/// The id in either spelling. What fits neither is told in words: serde knows only that no spelling fits.
fn content_id<'de, D: Deserializer<'de>>(source: D) -> Result<Option<ContentId>, D::Error> {
    Option::deserialize(source).map_err(|_| de::Error::custom("须为非负整数或文本，请检查后重试"))
}

/// The caller's key: up to 255 printable characters. One that is something else is refused, because a caller who is
/// not answered relies on it: overlooked, it would publish twice.
fn idempotency_key(request: &ApiRequest) -> kernel::Result<Option<String>> {
    let Some(key) = request.header_bytes("idempotency-key") else { return Ok(None) };
    let fine = (1..=255).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic);
    match String::from_utf8(key.to_vec()) {
        Ok(key) if fine => Ok(Some(key)),
        _ => Err(kernel::Error::invalid("Idempotency-Key", "须为 1 到 255 个可见的英文字符，请更换后重试")),
    }
}

/// Answers one request.
pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let caller = request.caller(&app.auth, catalog::MOMENT_SYNC.permission).await?;
    let body: Body = request.json_body(MAX_BODY)?;
    let idempotency_key = idempotency_key(&request)?;
    // The content library judges for itself whose content it is, by the caller's own token.
    let bearer =
        request.header("authorization").and_then(|header| header.split_once(' ')).map_or("", |(_, token)| token);
    let wanted = NewTaskRequest {
        content_id: body.content_id,
        text: body.text,
        media_urls: body.media_urls,
        account_ids: body.account_ids,
        scheduled_time: body.scheduled_time.map(|time| time.0),
        idempotency_key,
    };
    let created = app.creation.create(caller.user_id, &SecretString::from(bearer.trim()), &wanted).await?;
    ApiResponse::accepted(Answer {
        sync_task_id: created.id.get(),
        content_id: created.content_id,
        status: "PENDING",
        create_time: created.create_time,
    })
}
