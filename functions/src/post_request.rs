//! The request for a post, which two functions read: the one that makes it, and the one that tries it out.

use kernel::rfc3339::Rfc3339;
use moments::ids::AccountId;
use moments::store::task::{ContentId, Force};
use moments::tasks::NewTaskRequest;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, de};

use crate::http::{ApiRequest, MAX_BODY};

#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "NewPost"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Body {
    #[serde(default, deserialize_with = "content_id")]
    content_id: Option<ContentId>,
    #[cfg_attr(feature = "openapi", schemars(length(max = moments::rules::MAX_TEXT_CHARACTERS)))]
    text: Option<String>,
    #[cfg_attr(feature = "openapi", schemars(length(max = moments::rules::MAX_IMAGES)))]
    media_urls: Option<Vec<String>>,
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = moments::rules::MAX_ACCOUNTS), extend("uniqueItems" = true)))]
    account_ids: Vec<AccountId>,
    #[serde(default, deserialize_with = "Rfc3339::or_absent")]
    scheduled_time: Option<Rfc3339>,
    force: Option<Vec<Force>>,
}

/// The id in either spelling. What fits neither is told in words: serde knows only that no spelling fits.
fn content_id<'de, D: Deserializer<'de>>(source: D) -> Result<Option<ContentId>, D::Error> {
    Option::deserialize(source).map_err(|_| de::Error::custom("须为非负整数或文本，请检查后重试"))
}

/// The post that the body asks for, without a key.
pub(crate) fn post_of(request: &ApiRequest) -> kernel::Result<NewTaskRequest> {
    let body: Body = request.json_body(MAX_BODY)?;
    Ok(NewTaskRequest {
        content_id: body.content_id,
        text: body.text,
        media_urls: body.media_urls,
        account_ids: body.account_ids,
        scheduled_time: body.scheduled_time.map(|time| time.0),
        force: body.force.unwrap_or_default(),
        idempotency_key: None,
    })
}

/// The caller's own token: the content library judges by it whose content it is.
pub(crate) fn bearer_of(request: &ApiRequest) -> SecretString {
    let header = request.header("authorization").and_then(|header| header.split_once(' '));
    SecretString::from(header.map_or("", |(_, token)| token.trim()))
}
