//! What is asked for when a task is made.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::ids::AccountId;
use crate::rules::{is_blank, trimmed, with_line_feeds};
use crate::store::task::{ContentId, Force};

/// A request for a task.
#[derive(Debug)]
pub struct NewTaskRequest {
    /// A draft of the content library.
    pub content_id: Option<ContentId>,
    pub text: Option<String>,
    pub media_urls: Option<Vec<String>>,
    pub account_ids: Vec<AccountId>,
    /// When; at once when absent.
    pub scheduled_time: Option<Timestamp>,
    /// In spite of what.
    pub force: Vec<Force>,
    /// The caller's key for this request.
    pub idempotency_key: Option<String>,
}

impl NewTaskRequest {
    /// The request as it is understood. A form sends the fields that nobody filled in, and what is copied brings blanks along:
    /// neither makes it another request.
    pub(super) fn normalised(&self) -> Self {
        let is_empty = |id: &ContentId| matches!(id, ContentId::Text(text) if text.is_empty());
        let media_urls = self.media_urls.as_ref().filter(|urls| !urls.is_empty());
        Self {
            content_id: self.content_id.clone().filter(|id| !is_empty(id)),
            text: self.text.as_deref().filter(|text| !is_blank(text)).map(with_line_feeds),
            media_urls: media_urls.map(|urls| urls.iter().map(|url| trimmed(url).to_owned()).collect()),
            account_ids: self.account_ids.clone(),
            scheduled_time: self.scheduled_time,
            force: self.force.iter().copied().collect::<BTreeSet<_>>().into_iter().collect(),
            idempotency_key: self.idempotency_key.clone(),
        }
    }

    /// What another normalised request has to equal to ask for the same thing.
    pub(super) fn identity(&self) -> serde_json::Value {
        let content_id = self.content_id.as_ref().map(ToString::to_string);
        serde_json::json!([
            content_id,
            self.text,
            self.media_urls,
            self.account_ids,
            self.scheduled_time.map(Timestamp::as_nanosecond).map(|time| time.to_string()),
            self.force,
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(content_id: Option<&str>, text: Option<&str>, media_urls: Option<&[&str]>) -> NewTaskRequest {
        NewTaskRequest {
            content_id: content_id.map(|id| ContentId::Text(id.to_owned())),
            text: text.map(str::to_owned),
            media_urls: media_urls.map(|urls| urls.iter().map(ToString::to_string).collect()),
            account_ids: vec![AccountId::from("wx1".to_owned())],
            scheduled_time: None,
            force: Vec::new(),
            idempotency_key: None,
        }
    }

    #[test]
    fn creation_request_with_empty_fields_equals_one_without_them() {
        let fingerprint = |request: NewTaskRequest| request.normalised().identity();
        let absent = fingerprint(request(None, None, None));
        assert_eq!(fingerprint(request(Some(""), Some(""), Some(&[]))), absent);
        assert_eq!(fingerprint(request(None, Some(" \u{fe0f}\n"), None)), absent);
        assert_ne!(fingerprint(request(Some("7"), None, None)), absent);

        let plain = fingerprint(request(None, Some("一\n二"), Some(&["https://a.cn/1.jpg"])));
        assert_eq!(fingerprint(request(None, Some("一\r\n二"), Some(&[" https://a.cn/1.jpg\n"]))), plain);
        assert_ne!(
            fingerprint(request(None, Some("一\n二 "), Some(&["https://a.cn/1.jpg"]))),
            plain,
            "texts stay as typed"
        );
    }
}
