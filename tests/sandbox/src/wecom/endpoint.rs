//! The endpoints of WeCom under the names by which journal entries and faults speak of them.

use axum::http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// An endpoint: its path below `/cgi-bin/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum WecomEndpoint {
    /// Corp id and secret → access token.
    #[serde(rename = "gettoken")]
    GetToken,
    #[serde(rename = "media/upload_attachment")]
    UploadAttachment,
    /// Media for messages; its ids are of no use in moments.
    #[serde(rename = "media/upload")]
    Upload,
    /// Creates a moment, as a job.
    #[serde(rename = "externalcontact/add_moment_task")]
    AddMomentTask,
    /// How such a job went.
    #[serde(rename = "externalcontact/get_moment_task_result")]
    GetMomentTaskResult,
    /// The moments of the corp and its members.
    #[serde(rename = "externalcontact/get_moment_list")]
    GetMomentList,
    /// Which members have published.
    #[serde(rename = "externalcontact/get_moment_task")]
    GetMomentTask,
    /// Stops those who have not.
    #[serde(rename = "externalcontact/cancel_moment_task")]
    CancelMomentTask,
    #[serde(rename = "user/get")]
    UserGet,
    /// The members with external contacts.
    #[serde(rename = "externalcontact/get_follow_user_list")]
    GetFollowUserList,
}

impl WecomEndpoint {
    pub(crate) const ALL: [Self; 10] = [
        Self::GetToken,
        Self::UploadAttachment,
        Self::Upload,
        Self::AddMomentTask,
        Self::GetMomentTaskResult,
        Self::GetMomentList,
        Self::GetMomentTask,
        Self::CancelMomentTask,
        Self::UserGet,
        Self::GetFollowUserList,
    ];

    /// The path below `/cgi-bin/`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::GetToken => "gettoken",
            Self::UploadAttachment => "media/upload_attachment",
            Self::Upload => "media/upload",
            Self::AddMomentTask => "externalcontact/add_moment_task",
            Self::GetMomentTaskResult => "externalcontact/get_moment_task_result",
            Self::GetMomentList => "externalcontact/get_moment_list",
            Self::GetMomentTask => "externalcontact/get_moment_task",
            Self::CancelMomentTask => "externalcontact/cancel_moment_task",
            Self::UserGet => "user/get",
            Self::GetFollowUserList => "externalcontact/get_follow_user_list",
        }
    }

    /// Whether it takes a JSON body.
    pub(crate) const fn takes_json(self) -> bool {
        matches!(self, Self::AddMomentTask | Self::GetMomentList | Self::GetMomentTask | Self::CancelMomentTask)
    }

    /// Whether it takes a file.
    pub(crate) const fn takes_file(self) -> bool {
        matches!(self, Self::UploadAttachment | Self::Upload)
    }

    pub(crate) const fn method(self) -> Method {
        if self.takes_json() || self.takes_file() { Method::POST } else { Method::GET }
    }

    /// Whether the app needs the permission for external contacts.
    pub(crate) fn needs_contacts(self) -> bool {
        self.name().starts_with("externalcontact/")
    }

    /// The query parameters the documents list; anything else is noted as a violation.
    pub(crate) const fn query(self) -> &'static [&'static str] {
        match self {
            Self::GetToken => &["corpid", "corpsecret"],
            Self::UploadAttachment => &["access_token", "media_type", "attachment_type"],
            Self::Upload => &["access_token", "type"],
            Self::GetMomentTaskResult => &["access_token", "jobid"],
            Self::UserGet => &["access_token", "userid"],
            _ => &["access_token"],
        }
    }

    /// The body fields the documents list.
    pub(crate) const fn body(self) -> &'static [&'static str] {
        match self {
            Self::AddMomentTask => &["text", "attachments", "visible_range"],
            Self::GetMomentList => &["start_time", "end_time", "creator", "filter_type", "cursor", "limit"],
            Self::GetMomentTask => &["moment_id", "cursor", "limit"],
            Self::CancelMomentTask => &["moment_id"],
            _ => &[],
        }
    }

    /// What an answer holds even when it is a failure: an empty list there proves nothing.
    pub(crate) fn empty_fields(self) -> Map<String, Value> {
        let fields = match self {
            Self::GetToken | Self::CancelMomentTask => json!({}),
            Self::UploadAttachment | Self::Upload => json!({"type": "", "media_id": "", "created_at": 0}),
            Self::AddMomentTask => json!({"jobid": ""}),
            Self::GetMomentTaskResult => json!({"status": 0, "type": "", "result": {"errcode": 0, "errmsg": "ok"}}),
            Self::GetMomentList => json!({"next_cursor": "", "moment_list": []}),
            Self::GetMomentTask => json!({"next_cursor": "", "task_list": []}),
            Self::UserGet => {
                json!({"userid": "", "name": "", "department": [], "order": [], "position": "", "status": 0})
            }
            Self::GetFollowUserList => json!({"follow_user": []}),
        };
        match fields {
            Value::Object(fields) => fields,
            _ => Map::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wecom_endpoint_wire_name_is_its_name() {
        for endpoint in WecomEndpoint::ALL {
            assert_eq!(serde_json::to_value(endpoint).unwrap(), endpoint.name());
        }
    }
}
