//! The gateway's endpoints under the names by which journal entries and faults speak of them.

use serde::{Deserialize, Serialize};

/// An endpoint of the gateway: its path below `/gewe/v2/api`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum GeweEndpoint {
    /// Whether the device says it is on line.
    #[serde(rename = "login/checkOnline")]
    CheckOnline,
    /// Where messages of the gateway go.
    #[serde(rename = "login/setCallback")]
    SetCallback,
    /// Who is logged in on the device.
    #[serde(rename = "personal/getProfile")]
    GetProfile,
    #[serde(rename = "sns/sendTextSns")]
    SendText,
    /// Makes the gateway fetch pictures.
    #[serde(rename = "sns/uploadSnsImage")]
    UploadImage,
    #[serde(rename = "sns/sendImgSns")]
    SendImage,
    /// Makes the gateway fetch a video and its cover.
    #[serde(rename = "sns/uploadSnsVideo")]
    UploadVideo,
    /// Posts a fetched video.
    #[serde(rename = "sns/sendVideoSns")]
    SendVideo,
    #[serde(rename = "sns/sendUrlSns")]
    SendLink,
    /// What the device's account sees: its own posts and those of its friends, newest first. The vendor's title speaks
    /// of the account's own posts; recorded answers hold many people's.
    #[serde(rename = "sns/snsList")]
    List,
    /// The posts of one person the account sees, itself included, newest first.
    #[serde(rename = "sns/contactsSnsList")]
    ContactList,
    /// One post the account sees.
    #[serde(rename = "sns/snsDetails")]
    Details,
    #[serde(rename = "sns/delSns")]
    Delete,
}

/// The audience of a post; accepted everywhere, without effect here.
const AUDIENCE: [&str; 6] = ["allowWxIds", "disableWxIds", "atWxIds", "allowTagIds", "disableTagIds", "privacy"];

impl GeweEndpoint {
    pub(crate) const ALL: [Self; 13] = [
        Self::CheckOnline,
        Self::SetCallback,
        Self::GetProfile,
        Self::SendText,
        Self::UploadImage,
        Self::SendImage,
        Self::UploadVideo,
        Self::SendVideo,
        Self::SendLink,
        Self::List,
        Self::ContactList,
        Self::Details,
        Self::Delete,
    ];

    /// The path below `/gewe/v2/api/`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CheckOnline => "login/checkOnline",
            Self::SetCallback => "login/setCallback",
            Self::GetProfile => "personal/getProfile",
            Self::SendText => "sns/sendTextSns",
            Self::UploadImage => "sns/uploadSnsImage",
            Self::SendImage => "sns/sendImgSns",
            Self::UploadVideo => "sns/uploadSnsVideo",
            Self::SendVideo => "sns/sendVideoSns",
            Self::SendLink => "sns/sendUrlSns",
            Self::List => "sns/snsList",
            Self::ContactList => "sns/contactsSnsList",
            Self::Details => "sns/snsDetails",
            Self::Delete => "sns/delSns",
        }
    }

    /// The fields without which a call is refused before the device is looked at.
    pub(crate) const fn required(self) -> &'static [&'static str] {
        match self {
            Self::CheckOnline | Self::GetProfile | Self::List => &["appId"],
            Self::SetCallback => &["token", "callbackUrl"],
            Self::SendText => &["appId", "content"],
            Self::UploadImage => &["appId", "imgUrls"],
            Self::SendImage => &["appId", "imgInfos"],
            Self::UploadVideo => &["appId", "thumbUrl", "videoUrl"],
            Self::SendVideo => &["appId", "videoInfo"],
            Self::SendLink => &["appId", "title", "description", "linkUrl", "thumbUrl"],
            Self::ContactList => &["appId", "wxid"],
            Self::Delete | Self::Details => &["appId", "snsId"],
        }
    }

    /// Whether the documents know this field here.
    pub(crate) fn documents(self, field: &str) -> bool {
        let optional: &[&str] = match self {
            Self::SendImage | Self::SendVideo | Self::SendLink => &["content"],
            Self::List | Self::ContactList => &["maxId", "decrypt", "firstPageMd5"],
            _ => &[],
        };
        self.required().contains(&field) || optional.contains(&field) || (self.is_send() && AUDIENCE.contains(&field))
    }

    pub(crate) const fn is_send(self) -> bool {
        matches!(self, Self::SendText | Self::SendImage | Self::SendVideo | Self::SendLink)
    }

    /// Whether two at once on one device are against the vendor's rules.
    pub(crate) const fn is_exclusive(self) -> bool {
        self.is_send() || matches!(self, Self::UploadImage | Self::UploadVideo)
    }

    /// The text of a failure without a better one.
    pub(crate) const fn failure(self) -> &'static str {
        match self {
            Self::CheckOnline => "检查在线失败",
            Self::SetCallback => "设置回调地址失败",
            Self::GetProfile => "获取个人资料失败",
            Self::SendText => "发送文字朋友圈失败",
            Self::UploadImage => "上传朋友圈图片失败",
            Self::SendImage => "发送图片朋友圈失败",
            Self::UploadVideo => "上传朋友圈视频失败",
            Self::SendVideo => "发送视频朋友圈失败",
            Self::SendLink => "发送链接朋友圈失败",
            Self::List => "获取朋友圈列表失败",
            Self::ContactList => "获取联系人朋友圈列表失败",
            Self::Details => "朋友圈详情失败",
            Self::Delete => "删除朋友圈失败",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gewe_endpoint_wire_name_is_its_name() {
        for endpoint in GeweEndpoint::ALL {
            assert_eq!(serde_json::to_value(endpoint).unwrap(), endpoint.name());
        }
    }
}
